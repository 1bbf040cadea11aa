"""What providers call with: on disk before it is answered, refused where it proves nothing."""

import pytest

from smshub.domain.callbacks import Callback, Called, Forged
from smshub.domain.commands import Refusal, Refused
from smshub.domain.delivery import Accepted, Receipt, ReceiptState
from smshub.domain.incoming import Incoming, ListIncoming
from smshub.domain.message import State
from smshub.engine.callbacks import MOST, Callbacks
from smshub.engine.incoming import Inbox

NOW = 1_795_290_496.0


def reader(connector, says):
    """Let a connector be called back: `says` gives what a call says, or raises."""
    connector.called = says


@pytest.fixture
async def rig(rig_factory):
    """Give a hub with one connector."""
    return await rig_factory("a")


def taking(rig):
    """Give what takes calls."""
    return Callbacks(rig.dispatcher.outlets, rig.committer).called


async def test_a_receipt_is_on_disk_when_the_call_is_answered(rig):
    """The message is DELIVERED in the database at the moment the answer is given."""
    rig.connectors["a"].answer = lambda _: Accepted(("ref-1",))
    (message,) = await rig.send()
    await rig.ended(message.id)
    reader(rig.connectors["a"], lambda _: Called((Receipt("ref-1", ReceiptState.DELIVERED, NOW),), status=200))

    answered = await taking(rig)("a", Callback("POST", "https://hub.example/receipts/a"))

    assert (200, State.DELIVERED) == (answered.status, rig.outbox.message(message.id).state)


async def test_a_report_that_comes_before_the_answer_and_twice_and_late_counts_once(rig):
    """Early, repeated and out of order: the message is DELIVERED, and stays so."""
    waiting = rig.connectors["a"]
    waiting.answer = None
    (message,) = await rig.send()
    await rig.until(lambda: waiting.sent)
    take = taking(rig)
    reports = [(ReceiptState.DELIVERED, NOW + 5), (ReceiptState.ENROUTE, NOW + 1), (ReceiptState.DELIVERED, NOW + 5)]
    reader(waiting, lambda _: Called((Receipt("ref-1", *reports[0]),)))
    await take("a", Callback("GET", ""))
    waiting.reply(message.id, Accepted(("ref-1",)))
    await rig.until(lambda: rig.outbox.message(message.id).state is State.DELIVERED)
    for report in reports[1:]:
        reader(waiting, lambda _, report=report: Called((Receipt("ref-1", *report),)))
        await take("a", Callback("GET", ""))

    assert State.DELIVERED is rig.outbox.message(message.id).state


async def test_a_long_text_is_delivered_when_all_its_parts_are(rig):
    """One report for each of two segments; after the first the message is still SENT."""
    rig.connectors["a"].answer = lambda _: Accepted(("one", "two"))
    (message,) = await rig.send(text="x" * 200)
    await rig.ended(message.id)
    states = []
    for ref in ("two", "one"):
        reader(rig.connectors["a"], lambda _, ref=ref: Called((Receipt(ref, ReceiptState.DELIVERED, NOW),)))
        await taking(rig)("a", Callback("GET", ""))
        states.append(rig.outbox.message(message.id).state)

    assert [State.SENT, State.DELIVERED] == states


async def test_a_text_that_a_provider_repeats_is_kept_once(rig):
    """By its id at the provider; a text without one is always new."""
    inbox = Inbox(rig.outbox, rig.committer)
    texts = (Incoming("", "", "491701234567", "4930123", "Hello", NOW, "mo-1"),)
    reader(rig.connectors["a"], lambda _: Called(texts=texts))
    for _ in range(2):
        await taking(rig)("a", Callback("POST", ""))

    page = await inbox.handlers[ListIncoming](rig.account, ListIncoming())
    assert [("a", "491701234567", "Hello")] == [(one.connector, one.sender, one.text) for one in page.texts]


async def test_a_text_of_which_more_comes_takes_its_own_place(rig):
    """By its reference: there is one text, with the id of the first part and all that has come, and one of another."""
    inbox = Inbox(rig.outbox, rig.committer)
    events = rig.dispatcher.outlets["a"]
    kept = []
    for ref, text in (("r1", "one […]"), ("r2", "other"), ("r1", "one two"), ("r1", "one two")):
        events.incoming(Incoming("", "", "491701234567", "4930123", text, NOW, ref), lambda: kept.append(1))
    await rig.until(lambda: len(kept) == 4)

    page = await inbox.handlers[ListIncoming](rig.account, ListIncoming())
    assert ["other", "one two"] == [one.text for one in page.texts]


def forged(_):
    """Say that the call is not the provider's."""
    raise Forged


def unreadable(_):
    """Say that the call cannot be read."""
    raise ValueError("secret words of the provider")


REFUSED = [
    ("b", None, Refusal.NOT_FOUND),
    ("a", None, Refusal.NOT_FOUND),
    ("a", forged, Refusal.FORBIDDEN),
    ("a", unreadable, Refusal.MALFORMED),
    ("a", lambda _: Called((Receipt("r", ReceiptState.DELIVERED, NOW),) * (MOST + 1)), Refusal.MALFORMED),
]


@pytest.mark.parametrize(("name", "says", "refusal"), REFUSED)
async def test_what_cannot_be_taken_is_refused(rig, name, says, refusal):
    """An unknown connector, one that is not called back, a forged call, an unreadable one, one that says too much."""
    if says is not None:
        reader(rig.connectors["a"], says)

    with pytest.raises(Refused) as refused:
        await taking(rig)(name, Callback("GET", ""))

    assert refusal is refused.value.refusal
    assert "secret" not in str(refused.value)
