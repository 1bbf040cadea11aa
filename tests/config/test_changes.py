"""What the file declares and what is made through /v1 live side by side; an edit is told before it is applied."""

import pytest

from smshub.config import (
    ConfigErrors,
    Declared,
    body_of,
    declared,
    keep_secrets,
    merge,
    plan,
    read,
    read_object,
    routes_of,
    shown,
)

KEY = b"k" * 32
SECRET = "hunter2-never-shown"
FILE = {
    "server": {"database": f"postgresql://me:{SECRET}@h/n"},
    "accounts": {"shop": {"password": SECRET, "api_keys": [SECRET + "-key", "env:HOME"], "class": "otp"}},
    "connectors": {"log": {"type": "log"}},
    "routes": [{"prefixes": [""], "connectors": ["log"]}],
}


def test_a_body_makes_the_same_settings_again():
    """What is stored has the secrets, the names of the file, and nothing that was left to its default."""
    settings = read(FILE).accounts["shop"]

    body = body_of(settings)

    assert {"password": SECRET, "api_keys": [SECRET + "-key", "env:HOME"], "class": "otp"} == body
    assert settings == read_object("accounts", "shop", body)


def test_a_route_is_stored_and_read_again():
    """Tables within tables keep what was written."""
    body = {"prefixes": ["49"], "connectors": [{"name": "log", "weight": 3}], "classes": ["otp"]}

    route = read_object("routes", "de", body)

    assert route == read_object("routes", "de", body_of(route))
    assert "de" == route.name


def test_what_is_shown_is_masked():
    """A literal is a mask, a reference its place."""
    assert {"password": "********", "api_keys": ["********", "env:HOME"], "class": "otp"} == shown(
        read(FILE).accounts["shop"]
    )
    assert {"database": "postgresql://me:********@h/n"} == shown(read(FILE).server)


def test_secrets_of_an_http_connector_are_masked():
    """A password in a proxy, a token in a header and a key among the fields are secrets."""
    body = {
        "type": "http",
        "url": f"https://me:{SECRET}@gateway.example/send",
        "proxy": f"http://me:{SECRET}@proxy:3128",
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "options": {"api_key": SECRET, "to": "{phone}", "text": "{otp}"},
    }

    found = shown(read_object("connectors", "gateway", body))

    assert SECRET not in str(found)
    assert "{phone}" == found["options"]["to"]
    assert body == keep_secrets(found, body)


def test_a_masked_body_that_comes_back_keeps_its_secrets():
    """Who reads settings, changes one key and sends all back loses no secret; a new one is taken."""
    stored = {"password": SECRET, "api_keys": [SECRET, "env:A"], "proxy": f"http://me:{SECRET}@p:1", "rate": 1}
    sent = {"password": "********", "api_keys": ["********", "env:B"], "proxy": "http://me:********@p:1", "rate": 2}

    assert {**stored, "api_keys": [SECRET, "env:B"], "rate": 2} == keep_secrets(sent, stored)
    assert {"password": "new"} == keep_secrets({"password": "new"}, stored)
    assert {"proxy": "http://you:********@p:1"} == keep_secrets({"proxy": "http://you:********@p:1"}, stored)


def test_a_wrong_object_is_told_by_its_place():
    """The lines are those of a file."""
    with pytest.raises(ConfigErrors) as caught:
        read_object("connectors", "a", {"type": "log", "throuput": 1, "throughput_originator": 0})

    assert [
        (
            "connectors.a.throughput_originator: must be greater than 0."
            " Segments a second that the provider allows for one originator."
        ),
        "connectors.a.throuput: unknown key. Did you mean 'throughput'?",
    ] == str(caught.value).splitlines()


def test_stored_objects_join_those_of_the_file():
    """Each tells where it is from; a stored route may lead to a declared connector."""
    merged = merge(
        read(FILE),
        [
            ("connectors", "second", {"type": "log"}),
            ("routes", "de", {"prefixes": ["49"], "connectors": ["second", "log"]}),
            ("accounts", "lab", {"password": "x"}),
        ],
    )

    assert () == merged.problems
    assert {
        ("connectors", "log"): "file",
        ("accounts", "shop"): "file",
        ("routes", "default"): "file",
        ("connectors", "second"): "database",
        ("routes", "de"): "database",
        ("accounts", "lab"): "database",
    } == merged.origins
    assert ["default", "de"] == [route.name for route in routes_of(merged.config)]


def test_a_stored_object_that_cannot_work_is_left_out_and_told():
    """The file wins, and nothing stored can keep a hub from starting."""
    merged = merge(
        read(FILE),
        [
            ("connectors", "log", {"type": "log", "throughput": 1}),
            ("connectors", "old", {"type": "gone"}),
            ("routes", "de", {"prefixes": ["49"], "connectors": ["old"]}),
            ("accounts", "other", {"username": "shop"}),
            ("accounts", "lost", {"password": "env:NOT_SET_HERE"}),
            ("routes", "fr", {"prefixes": ["33"], "connectors": ["log"]}),
        ],
    )

    assert ["default", "fr"] == list(merged.config.named_routes)
    assert {"log"} == set(merged.config.connectors)
    assert {"shop"} == set(merged.config.accounts)
    assert {
        "connectors.log": "is in the database and in the file",
        "connectors.old.type": "there is no connector type 'gone'",
        "accounts.lost.password": "the environment variable NOT_SET_HERE is not set",
        "accounts.other.username": "accounts.shop has the same username",
        "routes.de.connectors[0]": "there is no connector 'old'",
    } == {problem.place: problem.what for problem in merged.problems}


def edited(**tables) -> list[str]:
    """Tell what a file with other tables would change."""
    return [str(change) for change in plan(declared(read(FILE), KEY), declared(read({**FILE, **tables}), KEY))]


def test_the_same_file_changes_nothing():
    """Neither does a default that is written down."""
    assert [] == edited()
    assert [] == edited(connectors={"log": {"type": "log", "file": "-"}})


def test_a_plan_names_what_comes_goes_and_changes():
    """Keys are told with their old and new values."""
    assert [
        "- routes.default",
        '~ accounts.shop: class: "otp" -> "bulk", rate: none -> 5.0',
        "+ connectors.two",
        "+ routes.49",
    ] == edited(
        accounts={"shop": {**FILE["accounts"]["shop"], "class": "bulk", "rate": 5}},
        connectors={"log": {"type": "log"}, "two": {"type": "log"}},
        routes=[{"prefixes": ["49"], "connectors": ["log"]}],
    )


def test_a_changed_secret_is_told_as_changed_and_nothing_more():
    """Neither the old nor the new one is in the plan, nor in what the hub remembers."""
    other = {**FILE["accounts"]["shop"], "password": "another-hunter"}

    assert ["~ accounts.shop: password: changed"] == edited(accounts={"shop": other})
    remembered = str(declared(read(FILE), KEY))
    assert SECRET not in remembered
    assert SECRET not in repr(read(FILE))


def test_a_digest_says_nothing_without_the_key():
    """Whoever reads the database cannot try passwords against it."""
    one, other = (dict(_digests(declared(read(FILE), key))) for key in (KEY, b"o" * 32))

    assert {"accounts.shop", "server."} == set(one)
    assert all(one[name] != other[name] for name in one)


def _digests(found: list[Declared]):
    return ((f"{one.kind}.{one.name}", one.digests) for one in found if one.digests)
