"""Somebody writes to a number of the operator's: the text comes in over SMPP, whole, and is in the inbox."""

import subprocess

import pytest

from smshub.domain.text import measure
from smshub.simulators.faults import Script

LONG = "Grüße aus 京都 😀, and more than one segment holds. " * 4


@pytest.fixture(scope="module")
def house(make_shared_hub, make_shared_smsc, words):
    """Give a hub bound to a message centre whose handsets answer."""
    smsc = make_shared_smsc(reply="Yes please")
    hub = make_shared_hub(words.accounts + words.smpp("carrier", smsc.port) + words.route("carrier"))
    hub.bound("carrier")
    return hub, smsc


def inbox(hub, words):
    """Give what came in, newest first, as the operator reads it."""
    return hub.call("GET", "/v1/incoming", user=words.admin).json["texts"]


def write(smsc, *args, **options):
    """Have a handset write."""

    async def written():
        smsc.simulator.write(*args, **options)

    smsc.do(written())


def test_texts_in_every_alphabet_are_answered_when_they_are_kept(house, words):
    """GSM 03.38, Latin 1, UCS-2 and three segments: each as it was written, each deliver_sm answered with ESME_ROK."""
    hub, smsc = house
    sent = [("5 € {now}", None), ("café", 3), ("Привет", None), (LONG, None)]
    segments = 3 + measure(LONG).segments
    before = len(smsc.simulator.answered)
    for text, coding in sent:
        write(smsc, "491709876543", "4930123456", text, data_coding=coding)

    words.wait_for(lambda: len(smsc.simulator.answered) - before == segments)

    texts = [one["text"] for one in inbox(hub, words) if one["sender"] == "491709876543"]
    assert [text for text, _ in sent] == texts[::-1]
    assert {0} == {pdu.status for pdu in list(smsc.simulator.answered)[before:]}


def test_the_inbox_shows_it_to_an_operator(house, words):
    """`smshub inbox list`; not to a shop, and not in the log."""
    hub, smsc = house
    write(smsc, "491700000001", "4930123456", "A secret of mine")
    words.wait_for(lambda: any(one["text"] == "A secret of mine" for one in inbox(hub, words)))

    name, _, password = words.admin.partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    shown = subprocess.run(
        [*words.command, "inbox", "list"], env=env, capture_output=True, text=True, timeout=60, check=True
    ).stdout

    (line,) = [line for line in shown.splitlines() if "A secret of mine" in line]
    assert {"carrier", "4930123456", "491700000001"} <= set(line.split())
    assert "A secret of mine" not in hub.log
    assert "A secret of mine" not in hub.run("inbox", "list").stdout


def test_a_handset_answers_what_was_sent(house, words):
    """The text goes out, its answer comes in."""
    hub, smsc = house
    smsc.simulator.script = Script()
    hub.ends(hub.send("+491704445556", "Shall we meet?"))

    (answer,) = words.wait_for(lambda: [one for one in inbox(hub, words) if one["sender"] == "491704445556"])

    assert "Yes please" == answer["text"]


def test_a_text_that_comes_while_the_hub_is_away_comes_when_it_is_back(house, words):
    """The message centre keeps it until somebody is bound."""
    hub, smsc = house
    assert 0 == hub.stop()
    words.wait_for(lambda: not smsc.simulator.links)
    write(smsc, "491700000009", "4930123456", "While you were out. " * 12)
    hub.start()

    def came():
        return [one["text"] for one in inbox(hub, words) if one["sender"] == "491700000009"]

    words.wait_for(lambda: came() == ["While you were out. " * 12])
