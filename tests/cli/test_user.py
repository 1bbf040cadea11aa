"""`smshub user`: each verb is its request of /v1, and a password is never an argument."""

import io
import json
import os
import re
import subprocess
import sys
import threading

import pytest

from smshub.domain.accounts import Role

SMSHUB = (sys.executable, "-m", "smshub")
PASSWORD = "correct horse battery"
NEO = {
    "name": "neo",
    "role": "account",
    "account": "shop",
    "totp": True,
    "disabled": False,
    "created_at": "2030-03-17T17:46:40.000Z",
}
ADA = {**NEO, "name": "ada", "role": "administrator", "account": None, "totp": False}
MADE = {"detail": "user neo is made"}


@pytest.fixture
def types(monkeypatch):
    """Give what puts lines on a standard input that is no terminal."""

    def typed(text):
        raw = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))

    typed("")
    return typed


@pytest.fixture
def at_a_terminal(hub, folder):
    """Give what runs a command whose standard input is a terminal: it types a line after each prompt."""

    def ran(*words, lines):
        ours, theirs = os.openpty()
        env = {**os.environ, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": "shop", "SMSHUB_PASSWORD": "hunter2"}
        # A session of its own has no other terminal, so that nobody's real one is asked.
        with subprocess.Popen(
            [*SMSHUB, *words],
            env=env,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            too_long = threading.Timer(30.0, process.kill)
            too_long.start()
            os.close(theirs)
            asked = b""
            for line in lines:
                while not asked.endswith(b": ") and (letter := process.stderr.read(1)):
                    asked += letter
                asked += b"|"
                os.write(ours, line.encode() + b"\n")
            out, err = process.communicate()
            too_long.cancel()
            os.set_blocking(ours, False)
            try:
                shown = os.read(ours, 4_096).decode()
            except OSError:  # nothing, and the other end is closed
                shown = ""
            os.close(ours)
        return process.returncode, out.decode(), (asked + err).decode(), shown

    return ran


def test_users_are_listed(hub, ask):
    """A row each, with what it takes to know who may sign in."""
    hub.answer(200, {"users": [ADA, NEO]})

    ran = ask("user", "list")

    assert ("GET", "/v1/users") == (hub.asked[0].method, hub.asked[0].path)
    assert [
        ["name", "role", "account", "authenticator", "disabled", "created", "at"],
        ["ada", "administrator", "-", "no", "no", "2030-03-17T17:46:40.000Z"],
        ["neo", "account", "shop", "yes", "no", "2030-03-17T17:46:40.000Z"],
    ] == [line.split() for line in ran.out.splitlines()]


def test_one_is_shown(hub, ask):
    """By a name that is one part of the path, whatever is in it."""
    hub.answer(200, NEO)

    ran = ask("user", "show", "neo@example.org")

    assert "/v1/users/neo%40example.org" == hub.asked[0].path
    assert [
        "name           neo",
        "role           account",
        "account        shop",
        "authenticator  yes",
        "disabled       no",
        "created at     2030-03-17T17:46:40.000Z",
    ] == ran.out.splitlines()


@pytest.mark.parametrize("words", [("list",), ("show", "neo")], ids=" ".join)
def test_what_is_read_is_printed_as_json(hub, ask, words):
    """The hub's answer as it came."""
    hub.answer(200, {"users": [NEO]})

    assert {"users": [NEO]} == json.loads(ask("user", *words, "--json").out)


def test_one_is_made_with_a_password_from_the_standard_input(hub, ask, types):
    """One line of it, blanks and all; what the hub says is printed, the password is not."""
    types(f" {PASSWORD} \r\nmore\n")
    hub.answer(200, {"users": [ADA]})
    hub.answer(200, MADE)

    ran = ask("user", "add", "neo", "--role", "account", "--account", "shop")

    assert (0, "user neo is made\n", "") == (ran.status, ran.out, ran.err)
    assert [
        ("GET", "/v1/users", None),
        ("PUT", "/v1/users/neo", {"password": f" {PASSWORD} ", "role": "account", "account": "shop"}),
    ] == [(one.method, one.path, one.body) for one in hub.asked]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_can_be_given(hub, ask, types, role):
    """Those that the hub knows."""
    types(PASSWORD)
    hub.answer(200, {"users": [], **MADE})

    ask("user", "add", "neo", "--role", role.value)

    assert {"password": PASSWORD, "role": role.value} == hub.asked[1].body


def test_a_password_is_made_and_printed_once(hub, ask):
    """Alone on the standard output, so that it can go to a file; it is long, and another each time."""
    hub.answer(200, {"users": [], **MADE})

    first = ask("user", "add", "neo", "--role", "auditor", "--generate")
    second = ask("user", "reset", "neo", "--generate")

    sent = [one.body["password"] for one in hub.asked if one.method == "PUT"]
    assert [f"{sent[0]}\n", f"{sent[1]}\n"] == [first.out, second.out]
    assert sent[0] != sent[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", one) for one in sent)
    assert "this is the password of neo; it is not shown again" in first.err
    assert sent[0] not in first.err


def test_who_is_there_already_is_not_made_again(hub, ask, types):
    """Nothing is changed about them, and no password is asked for."""
    hub.answer(200, {"users": [NEO]})

    ran = ask("user", "add", "neo", "--role", "operator")

    assert (1, "", "smshub: there is somebody of the name neo already\n") == (ran.status, ran.out, ran.err)
    assert ["GET"] == [one.method for one in hub.asked]


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--role", "auditor"), {"role": "auditor"}),
        (("--role", "account", "--account", "shop"), {"role": "account", "account": "shop"}),
        (("--account", ""), {"account": ""}),
        (("--disable",), {"disabled": True}),
        (("--enable", "--role", "operator"), {"disabled": False, "role": "operator"}),
    ],
    ids=str,
)
def test_one_is_changed_by_what_is_named_alone(hub, ask, words, body):
    """Whoever is to change is looked for first, since the request would make somebody who is not there."""
    hub.answer(200, NEO)
    hub.answer(200, {"detail": "user neo is changed"})

    ran = ask("user", "change", "neo", *words)

    assert (0, "user neo is changed\n", "") == (ran.status, ran.out, ran.err)
    assert [("GET", "/v1/users/neo", None), ("PUT", "/v1/users/neo", body)] == [
        (one.method, one.path, one.body) for one in hub.asked
    ]


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--password",), {"password": PASSWORD}),
        (("--forget-authenticator",), {"reset_totp": True}),
        (("--password", "--forget-authenticator"), {"password": PASSWORD, "reset_totp": True}),
    ],
    ids=str,
)
def test_the_way_in_is_made_anew(hub, ask, types, words, body):
    """A new password, no authenticator, or both."""
    types(f"{PASSWORD}\n")
    hub.answer(200, NEO)
    hub.answer(200, {"detail": "user neo is changed"})

    ran = ask("user", "reset", "neo", *words)

    assert (0, "user neo is changed\n", "") == (ran.status, ran.out, ran.err)
    assert ("PUT", "/v1/users/neo", body) == (hub.asked[1].method, hub.asked[1].path, hub.asked[1].body)


@pytest.mark.parametrize("words", [("change", "neo", "--disable"), ("reset", "neo", "--password")], ids=" ".join)
def test_who_is_not_there_is_not_made_by_a_change(hub, ask, types, words):
    """The refusal is the hub's, and no password was asked for."""
    types(f"{PASSWORD}\n")
    hub.answer(404, {"detail": "There is no user with that id."})

    ran = ask("user", *words)

    assert (1, "", "smshub: There is no user with that id.\n") == (ran.status, ran.out, ran.err)
    assert ["GET"] == [one.method for one in hub.asked]
    assert f"{PASSWORD}\n" == sys.stdin.read()


def test_one_is_removed(hub, ask):
    """The hub's words are printed."""
    hub.answer(200, {"detail": "user neo is removed"})

    ran = ask("user", "remove", "neo")

    assert (0, "user neo is removed\n") == (ran.status, ran.out)
    assert ("DELETE", "/v1/users/neo") == (hub.asked[0].method, hub.asked[0].path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "neo"), "--role"),
        (("add", "neo", "--role", "chief"), "'chief' is not one of"),
        (("add", "neo", "--role", "auditor", "--password", "x"), "--password"),
        (("change", "neo"), "say what is to change: --role, --account, --disable or --enable"),
        (("change", "neo", "--disable", "--enable"), "--disable and --enable cannot both be"),
        (("reset", "neo"), "say what is to be new: --password, --generate or --forget-authenticator"),
        (("reset", "neo", "--password", "--generate"), "give only one of them"),
        (("reset", "neo", "--password", PASSWORD), "unexpected extra argument"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_status_two(hub, ask, words, said):
    """The hub is asked nothing, and there is no option that takes a password."""
    ran = ask("user", *words)

    assert (2, "") == (ran.status, ran.out)
    assert said in ran.err
    assert [] == hub.asked


@pytest.mark.parametrize(
    ("line", "said"),
    [("", "there is no password"), ("\n", "there is no password"), (b"\xff\xfe\n", "no text in UTF-8")],
)
def test_a_line_that_is_no_password_is_told(hub, ask, types, line, said):
    """Nobody is made."""
    types(line)
    hub.answer(200, {"users": []})

    ran = ask("user", "add", "neo", "--role", "auditor")

    assert (2, "") == (ran.status, ran.out)
    assert said in ran.err
    assert ["GET"] == [one.method for one in hub.asked]


def test_a_refusal_repeats_no_password(hub, ask, types):
    """One line with the member at fault, and status one."""
    types(PASSWORD)
    hub.answer(200, {"users": []})
    hub.answer(400, {"detail": "A password has 12 to 256 characters.", "member": "password"})

    ran = ask("user", "add", "neo", "--role", "auditor")

    assert (1, "", "smshub: password: A password has 12 to 256 characters.\n") == (ran.status, ran.out, ran.err)


def test_a_terminal_is_asked_twice_without_an_echo(hub, at_a_terminal):
    """What is typed is not shown, and goes to the hub."""
    hub.answer(200, {"users": [], **MADE})

    status, out, err, shown = at_a_terminal("user", "add", "neo", "--role", "auditor", lines=[PASSWORD, PASSWORD])

    assert PASSWORD not in shown
    assert (0, "user neo is made\n") == (status, out)
    assert ["Password: |", "Once more: |"] == [line for line in err.splitlines() if line]
    assert {"password": PASSWORD, "role": "auditor"} == hub.asked[1].body


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([PASSWORD, f"{PASSWORD}!"], "smshub: the two passwords are not the same"),
        ([""], "smshub: there is no password"),
    ],
)
def test_a_slip_at_the_terminal_changes_nothing(hub, at_a_terminal, lines, said):
    """It is told with status two, and repeats nothing."""
    hub.answer(200, {**NEO, **MADE})

    status, out, err, shown = at_a_terminal("user", "reset", "neo", "--password", lines=lines)

    assert "horse" not in err + shown
    assert (2, "", said) == (status, out, err.splitlines()[-1])
    assert ["GET"] == [one.method for one in hub.asked]
