"""An operator changes what the hub says: over /v1 and the command line, at once and at every door."""

import json

import pytest

ADMIN = "admin:admin-password"
FILE = """
[errors]
EmptyText = "Leer."
"""


@pytest.fixture(scope="module")
def hub(make_shared_hub, words):
    """Give a hub whose file has one text of its own, and an operator without administration."""
    operator = '[accounts.op]\npassword = "op-password-123"\nrole = "operator"\n'
    auditor = '[accounts.eye]\npassword = "eye-password-123"\nrole = "auditor"\n'
    return make_shared_hub(words.accounts + operator + auditor + FILE)


def said(hub):
    """Tell what the hub says to a text that no route leads anywhere, at /v1 and at the SMSHub door."""
    answer = hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "Hi"})
    assert "NoRoute" == answer.json["error"]
    params = ["shop", "shop-password", "+491701234567", "Hi"]
    call = {"jsonrpc": "2.0", "id": 1, "method": "smshubSend", "params": params}
    return answer.json["detail"], hub.call("POST", "/smshub/", call, user=None).json


def test_words_are_changed_and_reset(hub):
    """What is put is said at once, by every door; what is reset is the default again; all of it is in the audit log."""
    put = hub.call("PUT", "/v1/errors/NoRoute", {"text": "Kein Weg zu {value}, {value}!"}, user="op:op-password-123")
    assert (200, "errors.NoRoute is made") == (put.status, put.json["detail"])
    detail, rpc = said(hub)
    assert "Kein Weg zu +491701234567, +491701234567!" == detail
    assert detail in json.dumps(rpc, ensure_ascii=False)

    shown = hub.call("GET", "/v1/errors/NoRoute", user="eye:eye-password-123").json
    default = "No route leads to '{value}'."
    assert ("database", {"text": "Kein Weg zu {value}, {value}!", "default": default}) == (
        shown["origin"],
        shown["settings"],
    )
    assert 200 == hub.call("DELETE", "/v1/errors/NoRoute", user="op:op-password-123").status
    assert "No route leads to '+491701234567'." == said(hub)[0]
    assert 404 == hub.call("DELETE", "/v1/errors/NoRoute", user="op:op-password-123").status
    entry = hub.call("GET", "/v1/audit?limit=2", user=ADMIN).json["entries"][-1]
    assert ("op", "PutObject", "errors.NoRoute") == (entry["actor"], entry["action"], entry["object"])
    assert (default, "Kein Weg zu {value}, {value}!") == (entry["before"]["text"], entry["after"]["text"])


def test_words_outlast_a_restart(hub):
    """They are in the database."""
    assert 200 == hub.call("PUT", "/v1/errors/Forbidden", {"text": "Nein."}, user=ADMIN).status
    assert 0 == hub.stop()
    hub.start()

    assert "Nein." == hub.call("GET", "/v1/errors", user="shop:shop-password").json["detail"]


@pytest.mark.parametrize(
    ("name", "text", "status", "error"),
    [
        ("NoRoute", "{other}", 400, "BadObject"),
        ("NoRoute", "{value.__class__.__mro__}", 400, "BadObject"),
        ("NoRoute", "{value!r:>9999}", 400, "BadObject"),
        ("NoRoute", "{", 400, "BadObject"),
        ("NoRoute", "", 400, "BadObject"),
        ("Nobody", "No", 400, "BadObject"),
        ("EmptyText", "Mine", 409, "Declared"),
    ],
)
def test_words_that_cannot_be_said_are_refused(hub, name, text, status, error):
    """Placeholders that the default does not have, names that are none, and what the file says."""
    answer = hub.call("PUT", f"/v1/errors/{name}", {"text": text}, user=ADMIN)

    assert (status, error) == (answer.status, answer.json["error"])


def test_whoever_may_not_change_words_does_not(hub):
    """An account and an auditor."""
    for user in ("shop:shop-password", "eye:eye-password-123"):
        assert 403 == hub.call("PUT", "/v1/errors/NoRoute", {"text": "x"}, user=user).status
        assert 403 == hub.call("DELETE", "/v1/errors/NoRoute", user=user).status


def test_the_command_line_changes_words(hub):
    """`smshub errors list`, `set` and `reset`."""
    hub.env |= {"SMSHUB_URL": hub.url}

    def run(*words):
        return hub.run(*words, "--username", "op", "--password-file", str(secret))

    secret = hub.folder / "op.secret"
    secret.touch(mode=0o600)
    secret.write_text("op-password-123\n")
    assert (0, "errors.QueueFull is made\n") == _ended(run("errors", "set", "QueueFull", "Voll."))
    listed = run("errors", "list", "--own", "--json")
    assert {"EmptyText": "file", "QueueFull": "database"}.items() <= {
        one["name"]: one["origin"] for one in json.loads(listed.stdout)["objects"]
    }.items()
    assert "NoRoute" in run("errors", "list").stdout
    assert (0, "errors.QueueFull is removed\n") == _ended(run("errors", "reset", "QueueFull"))
    assert 1 == run("errors", "set", "EmptyText", "x").returncode


def _ended(ran):
    return ran.returncode, ran.stdout
