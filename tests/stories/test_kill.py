"""Accepted means on disk: the hub is killed in the middle of its work, again and again, and nothing is missing."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {
    "transactional": [f"+4917012345{place:02d}" for place in range(20)],
    "bulk": [f"+4366012345{place:02d}" for place in range(20)],
}


def outcomes(message):
    """Tell what each attempt came to."""
    return [attempt["outcome"] for attempt in message["attempts"]]


@pytest.fixture
def killed(make_hub, make_smsc, words):
    """
    Kill a hub in the middle of two queues, and start it again.

    Texts of the default class and of a campaign wait for a centre each, which takes five at a time. Gives the hub, what
    the centres took, and the ids by class.
    """
    smscs = {name: make_smsc("delay 150ms") for name in NUMBERS}
    tables = words.accounts + words.route("transactional")
    tables += '[[routes]]\nprefixes = ["43"]\nconnectors = ["bulk"]\n'
    hub = make_hub(tables + "".join(words.smpp(name, smsc.port, window=5) for name, smsc in smscs.items()))
    hub.bound(*smscs)
    ids = {}
    for name, numbers in NUMBERS.items():
        answer = hub.call("POST", "/v1/messages", {"to": numbers, "text": "counted", "class": name})
        assert 202 == answer.status
        ids[name] = [message["id"] for message in answer.json["messages"]]
    smscs["bulk"].arrived(7)
    hub.kill()
    for smsc in smscs.values():
        smsc.play("accept")
    hub.start()
    return hub, lambda: Counter(received.to for smsc in smscs.values() for received in smsc.received), ids


def test_a_kill_in_the_middle_of_a_queue_loses_nothing(killed, words):
    """
    Every accepted text is sent in the end; one that came twice has an uncertain attempt that says why.

    Texts of a campaign are not even then sent twice: those that the kill cut off are held for the operator.
    """
    hub, taken, ids = killed

    # SENT too: the message centre forgot the receipts of the link that the kill cut.
    sent = [hub.ends(message_id, "DELIVERED", "SENT") for message_id in ids["transactional"]]
    bulk = [hub.ends(message_id, "DELIVERED", "SENT", "UNCERTAIN") for message_id in ids["bulk"]]

    arrived = taken()
    assert set() == {message["recipient"] for message in sent} - arrived.keys()
    assert {"accepted"} == {outcomes(message)[-1] for message in sent}
    twice = [message for message in sent if arrived[message["recipient"]] > 1]
    assert ["uncertain"] * len(twice) == [outcomes(message)[0] for message in twice]
    held = [message for message in bulk if message["state"] == "UNCERTAIN"]
    assert 1 <= len(held) <= 5
    assert {"CRASHED"} == {message["attempts"][-1]["reason"] for message in held}
    assert {1} == {arrived[message["recipient"]] for message in bulk if message not in held}
    assert {0, 1} >= {arrived[message["recipient"]] for message in held}
    assert 1 <= sum("uncertain" in outcomes(message) for message in sent) <= 5

    assert 200 == hub.call("POST", f"/v1/messages/{held[0]['id']}/release", {}, user=words.admin).status
    released = hub.ends(held[0]["id"])
    assert ["uncertain", "accepted"] == outcomes(released)
    assert arrived[released["recipient"]] + 1 == taken()[released["recipient"]]


def test_one_key_is_one_message_whatever_happens(pair):
    """64 calls at once with one Idempotency-Key are one message, and after a kill the key still gives its answer."""
    body = {"to": "+491701234567", "text": "only once"}
    key = {"Idempotency-Key": "order 4711"}
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(pair.hub.call("POST", "/v1/messages", body, headers=key)))
        for _ in range(64)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [202] * 64 == [answer.status for answer in answers]
    [message_id] = {answer.json["messages"][0]["id"] for answer in answers}
    assert 63 == sum("idempotent-replay" in answer.headers for answer in answers)
    pair.hub.ends(message_id)

    pair.hub.kill()
    pair.hub.start()

    again = pair.hub.call("POST", "/v1/messages", body, headers=key)
    assert (202, message_id, "true") == (
        again.status,
        again.json["messages"][0]["id"],
        again.headers.get("idempotent-replay"),
    )
    other = pair.hub.call("POST", "/v1/messages", {**body, "text": "another"}, headers=key)
    assert (409, "ReferenceConflict") == (other.status, other.json["error"])
    by_member = pair.hub.call("POST", "/v1/messages", json.dumps({**body, "reference": "order 4711"}).encode())
    assert message_id == by_member.json["messages"][0]["id"]
    assert [message_id] == [message["id"] for message in pair.hub.messages()]
    assert ["ACME -> 491701234567: only once"] == pair.smsc.texts


LEDGERS = [
    pytest.param(["--kills", "3"], id="kills on SQLite"),
    pytest.param(
        ["--kills", "2", "--store", "postgresql"], id="kills, PostgreSQL", marks=pytest.mark.needs("postgresql")
    ),
    pytest.param(["--kills", "1", "--stop"], id="a stop"),
]


@pytest.mark.parametrize("options", LEDGERS)
def test_the_ledgers_agree(options):
    """
    What the client heard, what the message centre got and what the database holds agree after every fault.

    Nothing acknowledged is lost and no second copy is unexplained; SIGTERM ends within 15 s with status 0, and then
    nothing is sent twice either.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.ledger", "--seed", "7", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    figures = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:1].islower() and " " in line)
    assert "kept" == figures["verdict"], done.stdout
