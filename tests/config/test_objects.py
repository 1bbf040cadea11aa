"""The objects of a configuration by kind: what is shown of each, and where it is from."""

import pytest

from smshub.config import ConfigErrors, merge, read, read_object
from smshub.config.objects import listed, objects_of
from smshub.domain.commands import CATALOGUE, Refused

SECRET = "hunter2-never-shown"
FILE = {
    "server": {"database": f"postgresql://me:{SECRET}@h/n", "log_level": "info"},
    "otp": {"length": 8, "keys": [SECRET * 4]},
    "groups": {"ward": {"otp": {"life": 60}}},
    "accounts": {"shop": {"password": SECRET, "group": "ward", "otp": {"tries": 3}}, "plain": {"password": SECRET}},
    "smtp": {"mail": {"host": "mail.example", "username": "u", "password": SECRET, "sender": "a@b.example"}},
    "errors": {"NoRoute": "No way to '{value}'."},
}


def error(merged, name):
    """Find an error text."""
    (found,) = [one for one in listed(merged, "errors") if one["name"] == name]
    return found


def test_every_error_is_told_with_its_text_and_where_it_is_from():
    """The file's words, those of the database, and the default of all others."""
    merged = merge(read(FILE), [("errors", "Blocked", {"text": "Not {value}!"})])

    assert len(CATALOGUE) == len(listed(merged, "errors"))
    assert "file" == error(merged, "NoRoute")["origin"]
    assert {
        "name": "Blocked",
        "origin": "database",
        "settings": {"text": "Not {value}!", "default": CATALOGUE["Blocked"]},
    } == error(merged, "Blocked")
    assert {
        "name": "Forbidden",
        "origin": "default",
        "settings": {"text": CATALOGUE["Forbidden"], "default": CATALOGUE["Forbidden"]},
    } == error(merged, "Forbidden")
    assert {"NoRoute": "No way to '{value}'.", "Blocked": "Not {value}!"} == merged.config.errors


def test_the_files_words_win():
    """One of the database with the same name is told as a problem and left out."""
    merged = merge(read(FILE), [("errors", "NoRoute", {"text": "mine"})])

    assert ["is in the database and in the file"] == [problem.what for problem in merged.problems]
    assert "No way to '{value}'." == merged.config.errors["NoRoute"]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("Blocked", "Not {other}", "there is no placeholder {other} here"),
        ("Blocked", "Not {value.__class__}", "there is no placeholder {value.__class__} here"),
        ("Blocked", "Not {value!r}", "there is no placeholder {value!r} here"),
        ("Blocked", "Not {value:>999999999}", "there is no placeholder {value:>999999999} here"),
        ("Blocked", "Not {0}", "there is no placeholder {0} here"),
        ("Blocked", "Not {", "has a brace without its other half"),
        ("Blocked", "Not {}", "there is no placeholder {} here"),
        ("Blokced", "No", "there is no error of that name"),
    ],
)
def test_words_of_the_database_have_only_the_placeholders_of_the_default(name, text, what):
    """Others are told, and what is wrong never becomes a text that the hub says."""
    merged = merge(read({}), [("errors", name, {"text": text})])

    assert [what] == [problem.what for problem in merged.problems]
    assert {} == merged.config.errors
    assert ("errors", name) not in merged.origins


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 1_001}, {"text": 7}, {"text": "a", "more": 1}])
def test_an_error_text_is_one_text(body):
    """Nothing else is in its settings."""
    with pytest.raises(ConfigErrors):
        read_object("errors", "Blocked", body)


@pytest.mark.parametrize(
    "kind",
    ["server", "defaults", "otp", "ldap", "broker", "groups", "smtp", "classes", "frontends", "policies", "accounts"],
)
def test_no_secret_is_shown_of_any_kind(kind):
    """Neither a password, nor a key, nor what is in a URL."""
    assert SECRET not in repr(listed(merge(read(FILE), []), kind))


def test_the_policies_of_codes_are_told_by_place():
    """The whole one of all; of a group and an account what they have of their own."""
    found = {one["name"]: one["settings"] for one in listed(merge(read(FILE), []), "policies")}

    assert ["otp", "groups.ward", "accounts.shop"] == list(found)
    assert (8, 300.0, 5) == tuple(found["otp"][key] for key in ("length", "life", "tries"))
    assert ("record", 5) == tuple(found["otp"]["guard"][key] for key in ("mode", "recipient_10_minutes"))
    assert ({"life": 60.0}, {"tries": 3}) == (found["groups.ward"], found["accounts.shop"])


def test_a_kind_that_is_none_is_refused():
    """And not taken for another one."""
    with pytest.raises(Refused) as found:
        objects_of(read({}), "__class__")

    assert "NotFound" == found.value.error
