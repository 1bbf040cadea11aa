"""The commands that talk to a running hub."""

import json

import pytest

from smshub.cli.failure import Failed
from smshub.cli.objects import settings_from
from smshub.cli.show import clean

ONE = {"id": "m1", "to": "+491701234567", "state": "QUEUED", "segments": 1, "encoding": "GSM7"}
SHOWN = {
    "id": "m1",
    "to": "+491701234567",
    "from": "ACME",
    "text": "Hello\nyou \x1b[31m",
    "class": "otp",
    "type": "normal",
    "state": "DELIVERED",
    "encoding": "GSM7",
    "segments": 1,
    "account": "shop",
    "created_at": "2024-05-01T12:00:00Z",
    "due_at": "2024-05-01T12:00:00Z",
    "expires_at": "2024-05-01T12:05:00Z",
    "connector": "b",
    "receipt": {"state": "DELIVERED", "code": "000", "at": "2024-05-01T12:00:09Z"},
    "attempts": [
        {
            "number": 1,
            "connector": "a",
            "started_at": "2024-05-01T12:00:01Z",
            "settled_at": "2024-05-01T12:00:02Z",
            "outcome": "deferred",
            "reason": "THROTTLED",
            "code": "88",
            "detail": "too fast",
            "provider_ref": None,
        },
        {
            "number": 2,
            "connector": "b",
            "started_at": "2024-05-01T12:00:03Z",
            "settled_at": "2024-05-01T12:00:04Z",
            "outcome": "accepted",
            "reason": None,
            "code": None,
            "detail": None,
            "provider_ref": "7f",
        },
    ],
}


def test_send_prints_an_id_for_each_recipient(hub, ask):
    """Several recipients are one submission."""
    hub.answer(202, {"messages": [ONE, {**ONE, "id": "m2", "to": "+43"}]})

    ran = ask("send", "--to", "+491701234567", "--to", "+43", "--text", "Hello")

    assert (0, "m1 +491701234567 QUEUED\nm2 +43 QUEUED\n", "") == (ran.status, ran.out, ran.err)
    assert {"to": ["+491701234567", "+43"], "text": "Hello"} == hub.asked[0].body


def test_send_hands_on_every_option(hub, ask):
    """Each option is its member of /v1."""
    hub.answer(202, {"messages": [ONE]})

    ask(
        *("send", "--to", "1", "--text", "x", "--from", "ACME", "--class", "otp", "--flash", "--reference", "r"),
        *("--valid-for", "60", "--send-at", "2030-01-01T00:00:00Z"),
    )

    assert {
        "to": "1",
        "text": "x",
        "from": "ACME",
        "class": "otp",
        "type": "flash",
        "reference": "r",
        "valid_for": 60.0,
        "send_at": "2030-01-01T00:00:00Z",
    } == hub.asked[0].body


def test_send_wait_follows_a_message_to_its_end(hub, ask):
    """Every change of state is a line, and delivered is success."""
    hub.answer(202, {"messages": [ONE]})
    hub.answer(200, {**ONE, "state": "QUEUED"})
    hub.answer(200, {**ONE, "state": "SENT", "connector": "b"})
    hub.answer(200, {**ONE, "state": "DELIVERED", "connector": "b"})

    ran = ask("send", "--to", "1", "--text", "x", "--wait")

    assert 0 == ran.status
    assert [
        "m1 +491701234567 QUEUED",
        "m1 +491701234567 SENT via b",
        "m1 +491701234567 DELIVERED via b",
    ] == ran.out.splitlines()


def test_send_wait_fails_where_the_message_does_not_arrive(hub, ask):
    """The reason of the last try is told."""
    hub.answer(202, {"messages": [ONE]})
    hub.answer(200, {**ONE, "state": "REJECTED", "connector": "b", "attempts": [{"reason": "BARRED"}]})

    ran = ask("send", "--to", "1", "--text", "x", "--wait")

    assert (1, "m1 +491701234567 REJECTED via b (BARRED)") == (ran.status, ran.out.splitlines()[-1])


def test_send_wait_ends_with_its_time(hub, ask):
    """What it was by then is told, and how to ask again."""
    hub.answer(202, {"messages": [ONE]})

    ran = ask("send", "--to", "1", "--text", "x", "--wait", "--timeout", "0")

    assert 1 == ran.status
    assert "smshub: not ended after 0 s: m1 is QUEUED; ask again with: smshub message show ID\n" == ran.err


def test_message_show_tells_the_timeline(hub, ask):
    """What happened in order, and no character of the text can move the cursor."""
    hub.answer(200, SHOWN)

    ran = ask("message", "show", "m/1")

    assert "/v1/messages/m%2F1" == hub.asked[0].path
    assert "text     Hello you \\u001b[31m" in ran.out.splitlines()
    assert [
        "2024-05-01T12:00:00Z  accepted",
        "2024-05-01T12:00:01Z  attempt 1 on a: begun",
        "2024-05-01T12:00:02Z  attempt 1 on a: deferred THROTTLED (code 88): too fast",
        "2024-05-01T12:00:03Z  attempt 2 on b: begun",
        "2024-05-01T12:00:04Z  attempt 2 on b: accepted (ref 7f)",
        "2024-05-01T12:00:09Z  receipt: DELIVERED (000)",
    ] == ran.out.splitlines()[-6:]


def test_message_list_filters_and_prints_a_table(hub, ask):
    """A long row is not cut where another program reads it."""
    hub.answer(200, {"messages": [{**SHOWN, "to": "9" * 200}], "next": None})

    ran = ask("message", "list", "--state", "delivered", "--class", "otp", "--limit", "5")

    assert "/v1/messages?limit=5&state=DELIVERED&class=otp" == hub.asked[0].path
    header, row = ran.out.splitlines()
    assert ["id", "accepted", "to", "state", "class", "connector"] == header.split()
    assert ["m1", "2024-05-01T12:00:00Z", "9" * 200, "DELIVERED", "otp", "b"] == row.split()


@pytest.mark.parametrize("verb", ["cancel", "release"])
def test_a_message_is_cancelled_and_released(hub, ask, verb):
    """The answer is the message as it is then."""
    hub.answer(200, {**SHOWN, "state": "CANCELLED"})

    ran = ask("message", verb, "m1")

    assert ("POST", f"/v1/messages/m1/{verb}") == (hub.asked[0].method, hub.asked[0].path)
    assert "m1  CANCELLED\n" == ran.out


def test_explain_prints_encoding_segments_and_routes(hub, ask):
    """Each route stands with its reason."""
    hub.answer(
        200,
        {
            "to": "491701234567",
            "from": {"value": "ACME", "ton": 5, "npi": 0},
            "encoding": "UCS-2",
            "characters": 71,
            "units": 71,
            "segments": 2,
            "class": "otp",
            "valid_for": 300,
            "routes": [
                {"connector": "a", "prefix": "49", "taken": True, "why": "longest prefix"},
                {"connector": "b", "prefix": "", "taken": False, "why": "next, [bold]if[/] a fails"},
            ],
            "notes": ["'…' makes it UCS-2"],
        },
    )

    ran = ask("explain", "--to", "0170", "--text", "…")

    assert [
        "to         491701234567",
        "from       ACME (TON 5, NPI 0)",
        "encoding   UCS-2",
        "size       71 characters, 71 units, 2 segment(s)",
        "class      otp",
        "valid for  300 s",
        "",
        "connector  prefix  taken  why",
        "a          49      yes    longest prefix",
        'b          ""      no     next, [bold]if[/] a fails',
        "",
        "note: '…' makes it UCS-2",
    ] == [line.rstrip() for line in ran.out.splitlines()]


def test_connectors_are_listed_tested_added_and_removed(hub, ask):
    """Each verb is its request of /v1."""
    hub.answer(200, {"connectors": [{"name": "a", "type": "log", "state": "up", "queued": 0, "last_error": None}]})
    listed = ask("connector", "list")
    hub.answers[:] = [(202, {"messages": [ONE]})]
    tested = ask("connector", "test", "a", "--to", "1", "--text", "x")
    ask("connector", "add", "b", "type=smpp", "port=2775", "host=smsc.example", "password=env:P")
    ask("connector", "remove", "b")

    assert ["a", "log", "up", "0"] == listed.out.splitlines()[1].split()[:4]
    assert "m1 +491701234567 QUEUED\n" == tested.out
    assert [
        ("GET", "/v1/connectors", None),
        ("POST", "/v1/connectors/a/test", {"to": "1", "text": "x"}),
        (
            "PUT",
            "/v1/connectors/b",
            {"type": "smpp", "port": 2775, "host": "smsc.example", "password": "env:P"},
        ),
        ("DELETE", "/v1/connectors/b", None),
    ] == [(one.method, one.path, one.body) for one in hub.asked]


@pytest.mark.parametrize("noun", ["route", "account"])
def test_routes_and_accounts_are_listed_added_and_removed(hub, ask, noun):
    """The settings come as the hub shows them, masked."""
    hub.answer(200, {"objects": [{"name": "x", "origin": "file", "settings": {"a": 1, "password": "********"}}]})

    ran = ask(noun, "list")
    ask(noun, "add", "y", "password=x")
    ask(noun, "remove", "y")

    assert ["x", "file", "a=1,", "password=********"] == ran.out.splitlines()[1].split()
    assert [
        ("GET", f"/v1/{noun}s", None),
        ("PUT", f"/v1/{noun}s/y", {"password": "x"}),
        ("DELETE", f"/v1/{noun}s/y", None),
    ] == [(one.method, one.path, one.body) for one in hub.asked]


@pytest.mark.parametrize(
    "words",
    [
        ("message", "show", "m1"),
        ("message", "list"),
        ("explain", "--to", "1", "--text", "x"),
        ("connector", "list"),
        ("route", "list"),
        ("account", "list"),
        ("send", "--to", "1", "--text", "x"),
    ],
    ids=" ".join,
)
def test_every_reading_command_prints_json(hub, ask, words):
    """The hub's answer, with what could move a cursor escaped."""
    hub.answer(200, {"messages": [SHOWN], "objects": [], "connectors": [], "routes": [], "next": None})

    ran = ask(*words, "--json")

    assert isinstance(json.loads(ran.out), dict)
    assert "\x1b" not in ran.out


def test_a_refusal_is_one_line_and_status_one(hub, ask):
    """The password is nowhere in it."""
    hub.answer(401, {"detail": "Invalid username or password"})

    ran = ask("send", "--to", "1", "--text", "x")

    assert (1, "", "smshub: Invalid username or password (from the environment)\n") == (ran.status, ran.out, ran.err)
    assert "hunter2" not in ran.out + ran.err


def test_without_credentials_the_refusal_says_how_to_give_them(hub, run):
    """The names of the variables are told."""
    hub.answer(401, {"detail": "Who?"})

    ran = run("message", "list", "--url", hub.url)

    assert "smshub: Who? (none were given: set SMSHUB_USERNAME and SMSHUB_PASSWORD)\n" == ran.err


def test_settings_are_read_as_toml_or_as_text():
    """Numbers, lists and truth are TOML; what is not is text, and a time stays as it was written."""
    written = ["a=1", "b=[1, 2]", "c=true", "d=env:X", 'e="1"', "f=1979-05-27", "g=x\ny=1", "h=", "i=a=b"]

    assert {
        "a": 1,
        "b": [1, 2],
        "c": True,
        "d": "env:X",
        "e": "1",
        "f": "1979-05-27",
        "g": "x\ny=1",
        "h": "",
        "i": "a=b",
    } == settings_from(written)
    with pytest.raises(Failed, match="a setting is written key=value"):
        settings_from(["secret"])


def test_what_is_printed_cannot_move_the_cursor():
    """Control characters and those that turn a line around are escaped."""
    assert "a\\u001b[2J\\u202eb \\u009b c" == clean("a\x1b[2J\u202eb\n\x9b\u2028c")
    assert ["-", "yes", "no", "0"] == [clean(value) for value in (None, True, False, 0)]
