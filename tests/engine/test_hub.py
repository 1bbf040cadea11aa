"""The engine from accept to outcome, over a real database, with connectors that the test plays."""

import asyncio
import time

import msgspec
import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import (
    CancelMessage,
    Explain,
    ListMessages,
    Refusal,
    Refused,
    ReleaseMessage,
    SendTexts,
    ShowMessage,
)
from smshub.domain.delivery import Accepted, Deferred, Reason, Receipt, ReceiptState, Rejected, Uncertain
from smshub.domain.message import MessageClass, State
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox


async def test_a_text_is_on_disk_before_it_is_answered_and_is_sent(rig_factory):
    """The good path: accepted with its first attempt in one row, sent, settled with the provider's id."""
    rig = await rig_factory()

    (message,) = await rig.send()
    assert rig.outbox.message(message.id) is not None
    assert State.SENDING is message.state

    assert State.SENT is await rig.ended(message.id)
    shown = await rig.show(message.id)
    assert [("a", 1, "accepted")] == [(one.connector, one.number, one.outcome) for one in shown.attempts]
    assert shown.message.provider_ref.startswith("a-")


async def test_nothing_is_submitted_before_its_attempt_is_on_disk(rig_factory):
    """When the connector sees a message, the database already says SENDING."""
    rig = await rig_factory()
    seen = []
    answer = rig.connectors["a"].answer
    rig.connectors["a"].answer = lambda message: seen.append(rig.outbox.message(message.id).state) or answer(message)

    (message,) = await rig.send()
    await rig.ended(message.id)

    assert [State.SENDING] == seen


async def test_a_full_window_queues_and_drains_in_order(rig_factory):
    """Beyond the connector's room messages wait, and follow in the order in which they came."""
    rig = await rig_factory(room=2)
    rig.connectors["a"].answer = None

    messages = await rig.send(to=[f"+4917012345{n:02}" for n in range(10)])
    await rig.until(lambda: len(rig.connectors["a"].sent) == 2)
    assert [State.SENDING] * 2 + [State.QUEUED] * 8 == [message.state for message in messages]

    for number in range(10):
        await rig.until(lambda number=number: len(rig.connectors["a"].sent) > number)
        rig.connectors["a"].reply(rig.connectors["a"].sent[number].id, Accepted())
    await rig.until(lambda: all(rig.outbox.message(message.id).state is State.SENT for message in messages))

    assert [message.id for message in messages] == [message.id for message in rig.connectors["a"].sent]


async def test_deferred_leaves_by_the_next_connector_at_once(rig_factory):
    """A provider that is out of credit is passed over, and the timeline tells both tries."""
    rig = await rig_factory("a", "b")
    rig.connectors["a"].answer = lambda _: Deferred(Reason.NO_CREDIT, "301", "no credit")

    (message,) = await rig.send()

    assert State.SENT is await rig.ended(message.id)
    attempts = (await rig.show(message.id)).attempts
    assert [("a", "deferred", "NO_CREDIT", "301"), ("b", "accepted", None, None)] == [
        (one.connector, one.outcome, one.reason, one.code) for one in attempts
    ]


async def test_rejected_is_final(rig_factory):
    """A refused number is not tried elsewhere."""
    rig = await rig_factory("a", "b")
    rig.connectors["a"].answer = lambda _: Rejected(Reason.INVALID_RECIPIENT, "11")

    (message,) = await rig.send()

    assert State.REJECTED is await rig.ended(message.id)
    assert [] == rig.connectors["b"].sent


async def test_uncertain_is_sent_once_more_by_the_same_connector_and_then_held(rig_factory):
    """The default class repeats once, the same text on the same way; a second doubt is held."""
    rig = await rig_factory("a", "b")
    rig.connectors["a"].answer = lambda _: Uncertain()

    (message,) = await rig.send()
    await rig.until(lambda: rig.outbox.message(message.id).state is State.UNCERTAIN)

    assert 2 == len(rig.connectors["a"].sent)
    assert [] == rig.connectors["b"].sent
    assert ["uncertain", "uncertain"] == [one.outcome for one in (await rig.show(message.id)).attempts]


async def test_uncertain_bulk_is_held_until_the_operator_releases_it(rig_factory):
    """Bulk is never repeated by itself."""
    rig = await rig_factory()
    answer = rig.connectors["a"].answer
    rig.connectors["a"].answer = lambda _: Uncertain()
    (message,) = await rig.send(message_class=MessageClass.BULK)
    await rig.until(lambda: rig.outbox.message(message.id).state is State.UNCERTAIN)
    assert 1 == len(rig.connectors["a"].sent)

    rig.connectors["a"].answer = answer
    await rig.hub.handle(rig.account, ReleaseMessage(message.id))

    assert State.SENT is await rig.ended(message.id)
    assert 2 == len(rig.connectors["a"].sent)


@pytest.mark.parametrize(
    ("message_class", "expected"),
    [(MessageClass.TRANSACTIONAL, State.SENT), (MessageClass.OTP, State.SENT), (MessageClass.BULK, State.UNCERTAIN)],
)
async def test_after_a_crash_what_was_sending_is_uncertain(rig_factory, message_class, expected):
    """A try that was cut off is a doubt: its class says whether it is repeated or held."""
    before = await rig_factory()
    before.connectors["a"].answer = None
    (message,) = await before.send(message_class=message_class)
    await before.until(lambda: before.connectors["a"].sent)
    await rig_factory.crash(before)

    after = await rig_factory()
    await after.until(lambda: after.outbox.message(message.id).state is expected)

    assert "uncertain" == (await after.show(message.id)).attempts[0].outcome


async def test_after_a_crash_what_was_queued_is_sent(rig_factory):
    """What waited in memory waits in the database."""
    before = await rig_factory()
    before.connectors["a"].go(up=False)
    messages = await before.send(to=[f"+4917012345{n:02}" for n in range(50)])
    await rig_factory.crash(before)

    after = await rig_factory()
    await after.until(lambda: all(after.outbox.message(message.id).state is State.SENT for message in messages))

    assert 50 == len({message.id for message in after.connectors["a"].sent})
    assert 50 == len(after.connectors["a"].sent)


async def test_the_same_reference_gives_the_first_answer(rig_factory):
    """One key, one content: one message, however often and however at once it is asked."""
    rig = await rig_factory()

    answers = await asyncio.gather(*(rig.send(reference="order-7") for _ in range(20)))

    assert 1 == len({message.id for messages in answers for message in messages})
    await rig.ended(answers[0][0].id)
    assert 1 == len(rig.connectors["a"].sent)


async def test_the_same_reference_with_another_content_is_a_conflict(rig_factory):
    """One key, two contents: the second is refused."""
    rig = await rig_factory()
    await rig.send(reference="order-7")

    with pytest.raises(Refused) as refused:
        await rig.send(reference="order-7", text="Something else")

    assert Refusal.CONFLICT is refused.value.refusal


async def test_an_expired_message_is_never_sent(rig_factory):
    """What could not leave in its time ends EXPIRED."""
    rig = await rig_factory()
    rig.connectors["a"].go(up=False)
    (message,) = await rig.send(valid_for=1.0)

    await rig.until(lambda: time.time() > message.expires_at)
    rig.connectors["a"].go(up=True)
    await rig.housekeeping.tick()

    assert State.EXPIRED is await rig.ended(message.id)
    assert [] == rig.connectors["a"].sent


async def test_a_scheduled_message_waits_for_its_time(rig_factory):
    """send_at is honoured, and then it leaves."""
    rig = await rig_factory()
    (message,) = await rig.send(send_at=time.time() + 0.3)
    await rig.turn()
    assert [] == rig.connectors["a"].sent

    await rig.until(lambda: time.time() > message.due_at)
    await rig.housekeeping.tick()

    assert State.SENT is await rig.ended(message.id)


async def test_a_queued_message_can_be_cancelled_and_a_sent_one_not(rig_factory):
    """Cancel takes back what has not left."""
    rig = await rig_factory()
    rig.connectors["a"].go(up=False)
    (message,) = await rig.send()

    cancelled = await rig.hub.handle(rig.account, CancelMessage(message.id))
    assert State.CANCELLED is cancelled.message.state
    rig.connectors["a"].go(up=True)
    (other,) = await rig.send()
    await rig.ended(other.id)
    assert [other.id] == [message.id for message in rig.connectors["a"].sent]

    with pytest.raises(Refused) as refused:
        await rig.hub.handle(rig.account, CancelMessage(other.id))
    assert "WrongState" == refused.value.error


async def test_what_waits_for_a_dead_connector_moves_to_a_live_one(rig_factory):
    """After three seconds down, the queue looks for another way."""
    rig = await rig_factory("a", "b")
    rig.connectors["b"].go(up=False)
    rig.connectors["a"].go(up=False)
    (message,) = await rig.send()
    assert "a" == message.connector

    rig.connectors["b"].go(up=True)
    await rig.dispatcher.failover(time.monotonic() + 10)

    assert State.SENT is await rig.ended(message.id)
    assert [message.id] == [sent.id for sent in rig.connectors["b"].sent]


async def test_an_otp_passes_waiting_bulk(rig_factory):
    """Lanes: a code is not stuck behind a campaign."""
    rig = await rig_factory(room=1)
    rig.connectors["a"].answer = None
    bulk = await rig.send(to=[f"+4917012345{n:02}" for n in range(40)], message_class=MessageClass.BULK)
    await rig.until(lambda: rig.connectors["a"].sent)
    (code,) = await rig.send(message_class=MessageClass.OTP)

    rig.connectors["a"].reply(bulk[0].id, Accepted())
    await rig.until(lambda: len(rig.connectors["a"].sent) == 2)

    assert code.id == rig.connectors["a"].sent[1].id


async def test_a_receipt_makes_it_delivered_and_is_acknowledged_after_it_is_on_disk(rig_factory):
    """DELIVERED is written before the provider is told that the report arrived."""
    rig = await rig_factory()
    (message,) = await rig.send()
    await rig.ended(message.id)
    ref = rig.outbox.message(message.id).provider_ref
    seen = []

    rig.connectors["a"].events.receipt(
        Receipt(ref, ReceiptState.DELIVERED, time.time()), lambda: seen.append(rig.outbox.message(message.id).state)
    )
    await rig.until(lambda: seen)

    assert [State.DELIVERED] == seen


async def test_a_receipt_that_comes_before_the_answer_is_not_lost(rig_factory):
    """Some SMSCs report before they answer."""
    rig = await rig_factory()
    rig.connectors["a"].answer = None
    (message,) = await rig.send()
    await rig.until(lambda: rig.connectors["a"].sent)

    rig.connectors["a"].events.receipt(Receipt("early-1", ReceiptState.DELIVERED, time.time()), lambda: None)
    await rig.turn()
    rig.connectors["a"].reply(message.id, Accepted(("early-1",)))

    await rig.until(lambda: rig.outbox.message(message.id).state is State.DELIVERED)


async def test_a_backlog_beyond_memory_is_sent_whole_and_once(rig_factory):
    """Lanes hold a thousand; five thousand wait on disk and all leave exactly once."""
    rig = await rig_factory(room=100)
    rig.connectors["a"].go(up=False)
    ids = set()
    for block in range(5):
        messages = await rig.send(to=[f"+49170{block}{n:06}" for n in range(1000)])
        ids |= {message.id for message in messages}
    assert 1000 >= len(rig.dispatcher.outlets["a"].lanes)

    rig.connectors["a"].go(up=True)
    await rig.until(lambda: len(rig.connectors["a"].sent) >= 5000, seconds=20)
    await rig.turn()

    assert ids == {message.id for message in rig.connectors["a"].sent}
    assert 5000 == len(rig.connectors["a"].sent)


REFUSALS = [
    ({"text": ""}, "EmptyText", "text"),
    ({"text": "a\x00b"}, "BadText", "text"),
    ({"text": "x" * 2000}, "TextTooLong", "text"),
    ({"to": []}, "NoRecipient", "to"),
    ({"to": "+49170abc"}, "BadNumber", "to"),
    ({"to": ["+491701234567"] * 10_001}, "TooManyRecipients", "to"),
    ({"originator": "much too long a sender"}, "BadOriginator", "from"),
    ({"valid_for": 0.0}, "BadValidity", "valid_for"),
    ({"valid_for": float("nan")}, "BadValidity", "valid_for"),
    ({"send_at": 1.0}, "ExpiredOnArrival", "send_at"),
    ({"send_at": 9e12}, "BadSchedule", "send_at"),
    ({"reference": ""}, "BadReference", "reference"),
    ({"reference": "x" * 256}, "BadReference", "reference"),
]


@pytest.mark.parametrize(("fields", "error", "member"), REFUSALS, ids=lambda value: str(value)[:40])
async def test_bad_input_is_refused_precisely_and_leaves_no_row(rig_factory, fields, error, member):
    """Each refusal names its member, and nothing is written."""
    rig = await rig_factory()

    with pytest.raises(Refused) as refused:
        await rig.send(**fields)

    assert (error, member) == (refused.value.error, refused.value.member)
    listed = await rig.hub.handle(rig.account, ListMessages())
    assert () == listed.messages


async def test_one_bad_recipient_refuses_the_whole_submission(rig_factory):
    """A submission is taken whole or not at all, and no room stays reserved."""
    rig = await rig_factory(room=1)

    with pytest.raises(Refused):
        await rig.send(to=["+491701234567", "nonsense"])

    (message,) = await rig.send()
    assert State.SENT is await rig.ended(message.id)
    assert 1 == len(rig.connectors["a"].sent)


async def test_another_accounts_message_is_not_found(rig_factory):
    """An id tells nothing to a stranger."""
    rig = await rig_factory()
    (message,) = await rig.send()
    stranger = Account("stranger")

    for command in (ShowMessage(message.id), CancelMessage(message.id)):
        with pytest.raises(Refused) as refused:
            await rig.hub.handle(stranger, command)
        assert Refusal.NOT_FOUND is refused.value.refusal
    assert () == (await rig.hub.handle(stranger, ListMessages())).messages


async def test_a_stopping_hub_takes_no_more(rig_factory):
    """The refusal says that it will be back."""
    rig = await rig_factory()
    rig.hub.stopping = True

    with pytest.raises(Refused) as refused:
        await rig.send()

    assert Refusal.UNAVAILABLE is refused.value.refusal
    assert refused.value.retry_after


async def test_an_accounts_rate_is_kept(rig_factory):
    """Ten a second: the eleventh in one instant is told when to come again."""
    rig = await rig_factory(room=1000)
    slow = Account("slow", rate=10.0)

    async def fifty():
        for _ in range(50):
            await rig.hub.handle(slow, SendTexts(("+491701234567",), "Hello"))

    with pytest.raises(Refused) as refused:
        await fifty()

    assert Refusal.LIMITED is refused.value.refusal
    assert 0 < refused.value.retry_after <= 1


async def test_explain_tells_encoding_segments_and_every_way(rig_factory):
    """A dry run writes nothing and says why each way is taken or passed over."""
    rig = await rig_factory("a", "b")
    rig.connectors["a"].go(up=False)

    explained = await rig.hub.handle(rig.account, Explain("01701234567", "Grüße 👋"))

    assert ("491701234567", "UCS2", 1, 8) == (explained.to, explained.encoding, explained.segments, explained.units)
    assert [("a", False), ("b", True)] == [(way.connector, way.taken) for way in explained.ways]
    assert () == (await rig.hub.handle(rig.account, ListMessages())).messages


async def test_an_account_may_have_its_texts_transliterated(rig_factory):
    """Typographic quotes would double the price; as an account wishes, they are written plainly."""
    rig = await rig_factory()
    plain = Account("plain", transliterate=True)

    reply = await rig.hub.handle(plain, SendTexts(("+491701234567",), "“Hello”, she said"))

    assert ("GSM7", '"Hello", she said') == (reply.messages[0].encoding, reply.messages[0].text)


async def test_a_failed_database_refuses_and_loses_nothing(rig_factory, monkeypatch):
    """
    While the database fails, a text is refused; what was sent meanwhile is settled when it is back.

    An attempt that may have been written in the failing transaction waits again: its bytes never left.
    """
    rig = await rig_factory()
    rig.connectors["a"].answer = None
    (message,) = await rig.send()
    await rig.until(lambda: rig.connectors["a"].sent)
    write = rig.outbox.write

    def written_and_then_failed(batch):
        write(batch)  # the worst case: it is on disk, and nobody is told
        raise StoreUnavailable("gone")

    monkeypatch.setattr(Outbox, "write", lambda _, batch: written_and_then_failed(batch))
    with pytest.raises(Refused) as refused:
        await rig.send(text="In the failing transaction")
    rig.connectors["a"].reply(message.id, Accepted(("ref",)))
    monkeypatch.undo()

    rig.connectors["a"].answer = lambda _: Accepted()
    assert Refusal.UNAVAILABLE is refused.value.refusal
    assert State.SENT is await rig.ended(message.id)
    listed = (await rig.hub.handle(rig.account, ListMessages())).messages
    await rig.until(lambda: all(rig.outbox.message(one.id).state is State.SENT for one in listed))
    assert {1: 2} == {1: len({one.id for one in rig.connectors["a"].sent})}


async def test_nothing_is_begun_under_a_lease_that_has_run_out(rig_factory):
    """A node that was asleep may have been replaced: it begins nothing until its lease is renewed."""
    rig = await rig_factory()
    rig.dispatcher.outlets["a"].lease_until = time.monotonic() - 1

    (message,) = await rig.send()
    await rig.turn()
    assert [] == rig.connectors["a"].sent
    assert State.QUEUED is rig.outbox.message(message.id).state

    await rig.housekeeping.own(time.time())
    assert State.SENT is await rig.ended(message.id)


async def test_an_older_picture_of_a_message_under_way_is_not_sent_again(rig_factory):
    """What was read as QUEUED a moment ago may be on its way by now; beginning it again would send it twice."""
    rig = await rig_factory()
    rig.connectors["a"].answer = None
    (message,) = await rig.send()
    await rig.until(lambda: rig.connectors["a"].sent)

    older = msgspec.structs.replace(message, state=State.QUEUED, attempt=0, fence=0, started_at=None)
    rig.dispatcher.requeue(older)
    await rig.turn()
    rig.connectors["a"].reply(message.id, Accepted(("ref",)))
    rig.dispatcher.requeue(older)

    assert State.SENT is await rig.ended(message.id)
    await rig.turn()
    assert 1 == len(rig.connectors["a"].sent)
