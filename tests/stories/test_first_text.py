"""The first text: from the command line, from curl, and back as delivered."""

import json
import subprocess

import pytest


def test_a_text_from_the_command_line_arrives_and_is_followed_to_its_end(shared):
    """`send --wait` ends with DELIVERED and status 0, and the handset shows the text."""
    done = shared.hub.run("send", "--wait", "--to", "+49 170 1234567", "--text", "Grüße from the command line")

    assert (0, "") == (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    message_id = lines[0].split()[0]
    assert [f"{message_id} +49 170 1234567 DELIVERED via smsc"] == lines[-1:]
    shared.smsc.arrives("ACME -> 491701234567: Grüße from the command line")


def test_message_show_tells_the_attempts(shared):
    """The timeline has the acceptance, the attempt with the provider's id, and the receipt."""
    message_id = shared.hub.send("+491701234567", "Hello")
    shared.hub.ends(message_id)

    shown = shared.hub.run("message", "show", message_id).stdout
    document = json.loads(shared.hub.run("message", "show", message_id, "--json").stdout)

    [attempt] = document["attempts"]
    assert ("DELIVERED", 1, "smsc", "accepted") == (
        document["state"],
        attempt["number"],
        attempt["connector"],
        attempt["outcome"],
    )
    assert attempt["provider_ref"] == shared.smsc.received[-1].message_id
    for said in ("accepted", "attempt 1 on smsc: begun", "attempt 1 on smsc: accepted", "receipt: DELIVERED"):
        assert said in shown


@pytest.mark.needs("curl")
def test_curl_hands_in_a_text(shared):
    """The documented request with curl is answered 202 with the message's members, and the text arrives."""
    done = subprocess.run(
        [
            *("curl", "-sS", "-u", "shop:shop-password", f"{shared.hub.url}/v1/messages", "-w", "%{http_code}"),
            *("-H", "Content-Type: application/json", "-d", '{"to": "+491701234567", "text": "Hello from curl €"}'),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    body, status = done.stdout[:-3], done.stdout[-3:]
    [message] = json.loads(body)["messages"]
    assert ("202", "+491701234567", 1, "GSM7") == (status, message["to"], message["segments"], message["encoding"])
    shared.smsc.arrives("ACME -> 491701234567: Hello from curl €")
    shared.hub.ends(message["id"])


def test_a_hub_that_is_not_there_is_told_in_a_line(make_hub):
    """The command line says that nobody answers, and ends with status 1."""
    hub = make_hub(start=False)

    done = hub.run("message", "list")

    assert (1, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert hub.url in done.stderr
