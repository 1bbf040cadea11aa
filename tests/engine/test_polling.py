"""Providers that do not call are asked: when it is time, once an age, and only for what has no final report."""

import time

import pytest

from smshub.domain.delivery import Accepted, Receipt, ReceiptState
from smshub.domain.message import State
from smshub.engine.polling import AGES, MOST, Polling


@pytest.fixture
async def rig(rig_factory):
    """Give a hub whose connector is asked for reports; it notes what it was asked."""
    rig = await rig_factory("a", room=1_000)
    connector = rig.connectors["a"]
    connector.asked = []
    connector.reports = {}
    connector.polls = True
    connector.answer = lambda message: Accepted((f"ref-{message.text}",))

    async def fetch_receipt(ref):
        connector.asked.append(ref)
        return connector.reports.get(ref)

    connector.fetch_receipt = fetch_receipt
    return rig


async def test_a_report_is_asked_for_at_each_age_until_it_is_final(rig):
    """Nothing in the first minute; then once an age; after DELIVERED no more."""
    (message,) = await rig.send(text="1")
    await rig.ended(message.id)
    polling = Polling(rig.dispatcher.outlets, rig.outbox, rig.committer)
    outlet, sent, asked = rig.dispatcher.outlets["a"], time.time(), rig.connectors["a"].asked
    counts = []
    for at in (0, AGES[0] - 1, AGES[0] + 1, AGES[0] + 30, AGES[1] + 1):
        await polling.ask(outlet, sent + at)
        counts.append(len(asked))
    rig.connectors["a"].reports["ref-1"] = Receipt("ref-1", ReceiptState.DELIVERED, sent)
    for at in (AGES[2] + 1, AGES[3] + 1):
        await polling.ask(outlet, sent + at)
        await rig.turn()

    assert ([0, 0, 1, 1, 2], 3) == (counts, len(asked))
    assert State.DELIVERED is rig.outbox.message(message.id).state


async def test_one_round_asks_so_much_and_the_next_one_goes_on(rig):
    """No provider is flooded, and nobody is forgotten or asked twice."""
    for number in range(MOST + 20):
        await rig.send(text=str(number))
    await rig.until(lambda: len(rig.connectors["a"].sent) == MOST + 20)
    await rig.turn()
    polling = Polling(rig.dispatcher.outlets, rig.outbox, rig.committer)
    counts = []
    for _ in range(3):
        await polling.ask(rig.dispatcher.outlets["a"], time.time() + AGES[0] + 1)
        counts.append(len(rig.connectors["a"].asked))

    assert [MOST, MOST + 20, MOST + 20] == counts
    assert MOST + 20 == len(set(rig.connectors["a"].asked))


async def test_after_a_start_what_was_sent_before_is_asked_once(rig):
    """However many ages it has passed meanwhile."""
    (message,) = await rig.send(text="1")
    await rig.ended(message.id)
    polling = Polling(rig.dispatcher.outlets, rig.outbox, rig.committer)
    await polling.ask(rig.dispatcher.outlets["a"], time.time() + AGES[2] + 5)

    assert ["ref-1"] == rig.connectors["a"].asked
