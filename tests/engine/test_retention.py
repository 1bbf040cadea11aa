"""What is kept for how long, over a real database and with the test's clock."""

import msgspec
import pytest

from smshub.domain.commands import ListMessages
from smshub.domain.delivery import Accepted
from smshub.domain.message import MessageClass, State
from smshub.domain.upkeep import DAY, Periods
from smshub.engine.privacy import ERASED
from smshub.engine.retention import Retention


@pytest.fixture
async def kept(rig_factory):
    """Give a rig and its retention, whose clock the test turns; `rested` are the seconds between its transactions."""
    rig = await rig_factory()
    start = rig.hub._clock()
    rested = []

    async def rest(seconds):
        rested.append(seconds)

    retention = Retention(rig.outbox, rig.committer, clock=lambda: retention.now, rest=rest)
    retention.now, retention.start, retention.rested = start, start, rested
    return rig, retention


async def texts(rig):
    """Give the text of every message, by its class."""
    listed = (await rig.hub.handle(rig.account, ListMessages())).messages
    return {message.message_class: message.text for message in listed}


async def sent(rig, **members):
    """Send a text and wait for its end."""
    (message,) = await rig.send(**members)
    await rig.ended(message.id)
    return message.id


async def test_texts_go_first_and_messages_after_them(kept):
    """After 30 days the text, after 90 the row; what is not over stays."""
    rig, retention = kept
    await sent(rig, text="Hello")
    await sent(rig, text="Offer", message_class=MessageClass.BULK)
    retention.periods = Periods(bulk=10 * DAY)
    assert {} == await retention.round()

    retention.now = retention.start + 11 * DAY
    assert {"texts": 1} == await retention.round()
    assert {MessageClass.TRANSACTIONAL: "Hello", MessageClass.BULK: ERASED} == await texts(rig)
    retention.now = retention.start + 31 * DAY
    assert {"texts": 1} == await retention.round()
    assert {} == await retention.round()
    retention.now = retention.start + 91 * DAY
    assert {"messages": 2} == await retention.round()
    assert {} == await texts(rig)


async def test_what_is_not_over_is_not_removed(kept):
    """A message that is held or waits, however old, and a key within its hours."""
    rig, retention = kept
    rig.connectors["a"].go(up=False)
    (waits,) = await rig.send(text="Later", reference="r")
    retention.now = retention.start + 1 * DAY
    assert {} == await retention.round()

    retention.now = retention.start + 400 * DAY
    assert {"references": 1} == await retention.round()
    assert (State.QUEUED, "Later") == (await rig.state(waits.id), (await rig.show(waits.id)).message.text)


async def test_what_was_on_its_way_is_looked_at_again_the_next_day(kept):
    """Each round looks only at what has become old since, but once a day at everything."""
    rig, retention = kept
    rig.connectors["a"].answer = None
    (late,) = await rig.send(text="Slow")
    await rig.until(lambda: rig.connectors["a"].sent)
    retention.periods = msgspec.structs.replace(retention.periods, transactional=0.0)
    retention.now += 10
    assert {} == await retention.round()
    rig.connectors["a"].reply(late.id, Accepted(("r",)))
    await rig.ended(late.id)

    retention.now += 3_600
    assert {} == await retention.round()
    retention.now += DAY
    assert {"texts": 1} == await retention.round()


async def test_it_rests_nine_tenths_of_the_time(kept):
    """After each small transaction, so that others come first."""
    rig, retention = kept
    for number in range(5):
        await sent(rig, text=f"Text {number}", reference=f"r{number}")
    retention.now += 100 * DAY

    assert {"references": 5, "messages": 5} == await retention.round()
    assert len(retention.rested) >= 2
    assert all(seconds > 0 for seconds in retention.rested)
