"""A number told and erased by the command line, with a real hub; and what is too old, by its configuration."""

import json
import subprocess

import pytest

NUMBER = "491701234567"


def run(hub, words, *command, user=None):
    """Run the command line, as the administrator."""
    name, _, password = (user or words.admin).partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    return subprocess.run(
        [*words.command, *command], cwd=hub.folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def files(hub):
    """Give what lies in the database's files and the log."""
    return b"\n".join(file.read_bytes() for file in sorted(hub.folder.glob("hub.*")))


def test_a_number_is_told_and_then_gone(make_smsc, make_hub, words):
    """From every file and from the log at its loudest; its block still holds, and the audit log says who did it."""
    smsc = make_smsc()
    tables = words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_hub(tables, server='log_level = "debug"')
    hub.bound("smsc")
    sent = hub.send(f"+{NUMBER}", "Dear Anna Example")
    code = hub.call("POST", "/v1/otp", {"to": f"+{NUMBER}", "reference": "login"}).json["id"]
    later = hub.send(f"+{NUMBER}", "Later, Anna Example", send_at="2027-01-01T00:00:00Z")
    hub.ends(sent)
    hub.ends(code)
    run(hub, words, "block", f"+{NUMBER}", "--reason", "asked by Anna Example")
    assert NUMBER.encode() in files(hub)

    told = json.loads(run(hub, words, "export", f"+{NUMBER}").stdout)
    hesitant = run(hub, words, "erase", f"+{NUMBER}")
    erased = run(hub, words, "erase", f"+{NUMBER}", "--yes")

    assert {sent, code, later} == {one["id"] for one in told["messages"]}
    assert ("asked by Anna Example", ["login"]) == (
        told["blocked"]["reason"],
        [one["reference"] for one in told["codes"]],
    )
    assert (2, True) == (hesitant.returncode, "--yes" in hesitant.stderr)
    assert (0, "") == (erased.returncode, erased.stderr)
    assert "3 messages" in erased.stdout
    assert "it stays blocked" in erased.stdout
    assert [False, False] == [one in files(hub) for one in (NUMBER.encode(), b"Anna Example")]
    assert 403 == hub.call("POST", "/v1/messages", {"to": f"+{NUMBER}", "text": "x"}).status
    assert "CANCELLED" == hub.message(later)["state"] or "REJECTED" == hub.message(later)["state"]
    audit = hub.call("GET", "/v1/audit", user=words.admin).json["entries"]
    assert [("EraseRecipient", "49********67"), ("ExportRecipient", "49********67"), ("Block", "49********67")] == [
        (one["action"], one["object"]) for one in audit
    ]
    assert [] == json.loads(run(hub, words, "export", f"+{NUMBER}").stdout)["messages"]


@pytest.mark.parametrize("command", [("export", f"+{NUMBER}"), ("erase", f"+{NUMBER}", "--yes")])
def test_only_an_administrator_may(pair, words, command):
    """An application may neither ask nor erase, and a receiver that is none is told."""
    refused = run(pair.hub, words, *command, user="shop:shop-password")
    wrong = run(pair.hub, words, *(word.replace(NUMBER, "12") for word in command))

    assert (1, "This account may not do that." in refused.stderr) == (refused.returncode, True)
    assert (1, "is not a number" in wrong.stderr) == (wrong.returncode, True)


def test_a_period_that_cannot_be_is_refused(make_hub, words):
    """Keys that are too short-lived to be of use, and messages that would go before they are over."""
    hub = make_hub(words.accounts + "[retention]\nreferences = 1\nmessages = 1\n", start=False)
    checked = run(hub, words, "config", "check", "--config", str(hub.config))

    assert 0 != checked.returncode
    assert ("references" in checked.stderr + checked.stdout, "messages" in checked.stderr + checked.stdout) == (
        True,
        True,
    )
