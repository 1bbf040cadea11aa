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
    """What was written of all, of a group and of an account; neither defaults nor the keys of codes."""
    found = {one["name"]: (one["origin"], one["settings"]) for one in listed(merge(read(FILE), []), "policies")}

    assert {
        "otp": ("file", {"length": 8}),
        "groups.ward": ("file", {"life": 60.0}),
        "accounts.shop": ("file", {"tries": 3}),
    } == found


def test_a_kind_that_is_none_is_refused():
    """And not taken for another one."""
    with pytest.raises(Refused) as found:
        objects_of(read({}), "__class__")

    assert "NotFound" == found.value.error


KEYS_ONLY = {"otp": {"keys": [SECRET * 4]}, "accounts": {"shop": {"password": SECRET}}}


def test_a_policy_is_made_where_the_file_has_none():
    """It counts for all, the keys of the file stay, and it is the database's; without one it is the default."""
    bare, made = (merge(read(KEYS_ONLY), rows) for rows in ([], [("policies", "otp", {"length": 9})]))

    assert [("otp", "default", {})] == [tuple(one.values()) for one in listed(bare, "policies")]
    assert [("otp", "database", {"length": 9})] == [tuple(one.values()) for one in listed(made, "policies")]
    assert (9, [SECRET * 4]) == (made.config.otp.length, [key.reveal() for key in made.config.otp.keys])


def test_a_policy_of_the_file_stays_the_files():
    """One in the database is left out, and told."""
    merged = merge(read(FILE), [("policies", "otp", {"length": 9})])

    assert (8, ["policies.otp"]) == (merged.config.otp.length, [problem.place for problem in merged.problems])


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [
        ("shop", {}, "policies.shop"),
        ("otp", {"keys": [SECRET * 4]}, "policies.otp.keys"),
        ("otp", {"length": 3}, "policies.otp.length"),
        ("otp", {"guard": {"mode": "on"}}, "policies.otp.guard.mode"),
    ],
)
def test_what_is_no_policy_is_refused_at_its_place(name, body, place):
    """Another name, the keys, a value out of bounds."""
    with pytest.raises(ConfigErrors) as found:
        read_object("policies", name, body)

    assert [place] == [problem.place for problem in found.value.problems]


@pytest.mark.parametrize(
    ("tables", "body", "place"),
    [
        ({}, {"length": 5}, "policies.otp.length"),
        ({}, {"life": 500, "longest_life": 400}, "policies.otp.life"),
        ({"otp": {"life": 400}}, {"longest_life": 200, "life": 200}, "accounts.shop.otp.life"),
    ],
    ids=["too short", "in itself", "with an account of the file"],
)
def test_a_policy_that_cannot_work_is_left_out(tables, body, place):
    """Whether it does not go with itself, or an account of the file does not go with it."""
    account = {"shop": {"password": SECRET, **tables}}
    merged = merge(read({"accounts": account}), [("policies", "otp", body)])

    assert [place] == [problem.place for problem in merged.problems]
    assert (6, ("policies", "otp") in merged.origins) == (merged.config.otp.length, False)
