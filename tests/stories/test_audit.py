"""Who changed what is written down, by whichever way it was changed, and tampering is noticed."""

import sqlite3
import subprocess

import pytest


def run(hub, words, *command):
    """Run the command line as the administrator."""
    name, _, password = words.admin.partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    return subprocess.run(
        [*words.command, *command], cwd=hub.folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def changed(pair, words):
    """Give a hub in which an administrator has changed this and that."""
    hub = pair.hub
    body = {"type": "log", "throughput": 5}
    assert 200 == hub.call("PUT", "/v1/connectors/notes", body, user=words.admin).status
    hub.call("PUT", "/v1/connectors/notes", {**body, "throughput": 7}, user=words.admin)
    run(hub, words, "block", "+491709999999")
    hub.call("DELETE", "/v1/connectors/notes", user=words.admin)
    assert 403 == hub.call("DELETE", "/v1/connectors/smsc").status
    return hub


def entries(hub, words, query=""):
    """Give the log, oldest first."""
    return list(reversed(hub.call("GET", f"/v1/audit{query}", user=words.admin).json["entries"]))


def test_each_change_is_an_entry_with_before_and_after(changed, words):
    """Made, changed, blocked, removed; what was refused changed nothing."""
    found = entries(changed, words)

    assert [
        (1, "admin", "PutObject", "connectors.notes"),
        (2, "admin", "PutObject", "connectors.notes"),
        (3, "admin", "Block", "49********99"),
        (4, "admin", "DeleteObject", "connectors.notes"),
    ] == [tuple(one[name] for name in ("number", "actor", "action", "object")) for one in found]
    throughputs = [tuple((one[name] or {}).get("throughput") for name in ("before", "after")) for one in found]
    assert [(None, 5.0), (5.0, 7.0), (None, None), (7.0, None)] == throughputs
    listed = run(changed, words, "audit", "list")
    assert "throughput: 5.0 > 7.0" in listed.stdout, listed.stderr


def test_a_changed_file_is_an_entry_when_it_is_read_again(changed, words):
    """By `file`, with the keys that changed; secrets are not shown."""
    text = changed.config.read_text()
    changed.config.write_text(
        text.replace('originator = "ACME"', 'originator = "Bank"').replace("shop-pass", "new-pass")
    )
    changed.reload()
    last = words.wait_for(lambda: entries(changed, words, "?actor=file"))[-1]

    assert ("file", "Reload: change", "accounts.shop") == tuple(last[name] for name in ("actor", "action", "object"))
    assert {"originator": '"ACME" -> "Bank"', "password": "changed"} == last["after"]


TAMPERINGS = {
    "changed": "UPDATE audit SET actor = 'nobody' WHERE number = 2",
    "left out": "DELETE FROM audit WHERE number = 2",
    "put in": "INSERT INTO audit SELECT 5, at, actor, action, object, before, after, digest FROM audit WHERE number=4",
    "swapped": "UPDATE audit SET number = 20 - number WHERE number IN (2, 3)",
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_noticed(changed, words, how):
    """An entry that was changed, left out, put in, or moved, by somebody with the database but not the key."""
    whole = run(changed, words, "audit", "verify")
    changed.stop()
    connection = sqlite3.connect(changed.folder / "hub.db")
    connection.execute(TAMPERINGS[how])
    connection.commit()
    connection.close()
    changed.start()
    broken = run(changed, words, "audit", "verify")

    assert (0, "All 4 entries are as they were written.") == (whole.returncode, whole.stdout.strip())
    assert (1, True) == (broken.returncode, "is not as it was written" in broken.stderr)


def test_only_those_who_read_everything_read_it(changed):
    """An account of an application is refused."""
    statuses = [changed.call("GET", path).status for path in ("/v1/audit", "/v1/audit/verify")]

    assert [403, 403] == statuses
