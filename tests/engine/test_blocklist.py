"""A blocked recipient is reached by nobody: at acceptance, in the queue, and at the last moment."""

import asyncio
import time
from functools import partial

import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import (
    Block,
    BlockedRecipient,
    Blocklist,
    Explain,
    ListBlocked,
    ListMessages,
    Refusal,
    Refused,
    SendTexts,
    TestConnector,
    Unblock,
)
from smshub.domain.delivery import Reason, Uncertain
from smshub.domain.message import State
from smshub.domain.references import DIGESTED
from smshub.domain.retry import LONGEST_VALIDITY
from smshub.store import blocklist as store
from smshub.store.changes import requeue

NUMBER = "491701234567"
SHOP = Account("program", country="DE")
OTHER = Account("other")
OPERATOR = Account("operator", role=Role.OPERATOR)


async def block(rig, account=OPERATOR, to=f"+{NUMBER}", **fields):
    """Block a number."""
    return await rig.hub.handle(account, Block(to, **fields))


async def refused(rig, account, command):
    """Give the refusal that a command must come to."""
    with pytest.raises(Refused) as caught:
        await rig.hub.handle(account, command)
    return caught.value


async def test_a_submission_to_a_blocked_number_is_refused_whole(rig_factory):
    """However the number is written; nothing of it is on disk, and the others go out alone."""
    rig = await rig_factory()
    await block(rig)

    no = await refused(rig, rig.account, SendTexts(("+491700000001", "0170 1234567"), "Hello"))

    assert (Refusal.BLOCKED, "to", "'0170 1234567' is on the blocklist.") == (no.refusal, no.member, str(no))
    assert () == (await rig.hub.handle(rig.account, ListMessages())).messages
    (message,) = await rig.send(to="+491700000001")
    assert State.SENT is await rig.ended(message.id)


@pytest.mark.parametrize("fields", [{}, {"send_at": time.time() + 3_600}])
async def test_what_waits_is_rejected_by_a_block(rig_factory, fields):
    """Queued behind a connector that is down, or scheduled: final, with its reason and without an attempt."""
    rig = await rig_factory()
    rig.connectors["a"].go(up=False)
    (waiting,) = await rig.send(**fields)
    (other,) = await rig.send(to="+491700000001", **fields)

    await block(rig)

    shown = await rig.show(waiting.id)
    assert (State.REJECTED, Reason.BARRED, ()) == (shown.message.state, shown.message.reason, shown.attempts)
    assert State.QUEUED is await rig.state(other.id)
    rig.connectors["a"].go(up=True)
    await rig.turn()
    assert NUMBER not in [message.to for message in rig.connectors["a"].sent]


async def test_a_block_of_another_node_is_heeded_when_the_turn_comes(rig_factory):
    """The list is read again, and a message that was queued meanwhile is rejected instead of begun."""
    rig = await rig_factory()
    rig.connectors["a"].go(up=False)
    (waiting,) = await rig.send()
    elsewhere = BlockedRecipient(NUMBER, time.time(), "other node")
    await rig.committer.call(partial(store.block, blocked=elsewhere, replace=True))

    await rig.hub.blocked.refresh()
    rig.connectors["a"].go(up=True)

    await rig.until(lambda: rig.outbox.message(waiting.id).state is State.REJECTED)
    shown = await rig.show(waiting.id)
    assert (Reason.BARRED, (), []) == (shown.message.reason, shown.attempts, rig.connectors["a"].sent)
    await rig.committer.call(partial(store.unblock, recipient=NUMBER))
    await rig.hub.blocked.refresh()
    (again,) = await rig.send()
    assert State.SENT is await rig.ended(again.id)


async def test_a_block_between_acceptance_and_first_byte_is_heeded(rig_factory):
    """The attempt is on disk already, and ends without a byte; its room in the window is free again."""
    rig = await rig_factory(room=1)
    sending = asyncio.create_task(rig.send())
    await asyncio.sleep(0)
    rig.hub.blocked.recipients.add(NUMBER)

    (message,) = await sending
    await rig.committer.drain()

    shown = await rig.show(message.id)
    assert (State.REJECTED, Reason.BARRED, []) == (
        shown.message.state,
        shown.message.reason,
        rig.connectors["a"].sent,
    )
    (other,) = await rig.send(to="+491700000001")
    assert State.SENT is await rig.ended(other.id)


async def test_an_uncertain_try_is_not_repeated_to_a_blocked_number(rig_factory):
    """What was under way while the number was blocked may have arrived; the hub adds nothing to it."""
    rig = await rig_factory()
    rig.connectors["a"].answer = None
    (message,) = await rig.send()
    await rig.until(lambda: rig.connectors["a"].sent)
    await block(rig)
    assert State.SENDING is await rig.state(message.id)

    rig.connectors["a"].reply(message.id, Uncertain(Reason.NO_ANSWER))
    await rig.turn()
    await rig.committer.call(partial(requeue, ids=[message.id], connector="a", due_at=time.time()))
    rig.dispatcher.outlets["a"].look()

    await rig.until(lambda: rig.outbox.message(message.id).state is State.REJECTED)
    assert 1 == len(rig.connectors["a"].sent)


async def test_the_list_outlives_the_hub(rig_factory):
    """A hub that starts again refuses what the one before did."""
    rig = await rig_factory()
    await block(rig)
    await rig_factory.crash(rig)

    rig = await rig_factory()
    await rig.hub.blocked.refresh()

    assert Refusal.BLOCKED is (await refused(rig, rig.account, SendTexts((f"+{NUMBER}",), "x"))).refusal


async def test_a_test_of_a_connector_is_refused_and_an_explanation_says_why(rig_factory):
    """The operator's own tools reach a blocked number no more than an account does."""
    rig = await rig_factory()
    await block(rig)

    no = await refused(rig, rig.account, TestConnector("a", f"+{NUMBER}", "x"))
    explained = await rig.hub.handle(rig.account, Explain(f"+{NUMBER}", "x"))

    assert Refusal.BLOCKED is no.refusal
    assert ("the recipient is on the blocklist: it would be refused",) == explained.notes


async def test_an_application_lifts_only_its_own_block(rig_factory):
    """It may block, and what it blocked holds for all; another application cannot undo it, an operator can."""
    rig = await rig_factory()
    await block(rig, SHOP, to="01701234567", own=True)

    no = await refused(rig, OTHER, Unblock(f"+{NUMBER}", own=True))
    assert (Refusal.FORBIDDEN, "NotYourBlock") == (no.refusal, no.error)
    assert NUMBER in rig.hub.blocked.recipients

    await rig.hub.handle(SHOP, Unblock("0170 1234567", own=True))
    assert Blocklist(()) == await rig.hub.handle(OPERATOR, ListBlocked())
    assert set() == rig.hub.blocked.recipients


async def test_an_operators_block_stands_over_an_applications(rig_factory):
    """An application can neither lift it nor take it over; asked for by the operator it replaces the application's."""
    rig = await rig_factory()
    await block(rig, SHOP, own=True)
    await block(rig, OPERATOR, reason="asked us to stop")
    kept = await block(rig, SHOP, own=True)

    assert ("operator", "asked us to stop") == (kept.blocked_by, kept.reason)
    assert Refusal.FORBIDDEN is (await refused(rig, SHOP, Unblock(f"+{NUMBER}", own=True))).refusal
    await rig.hub.handle(OPERATOR, Unblock(f"+{NUMBER}"))
    assert set() == rig.hub.blocked.recipients


@pytest.mark.parametrize(
    ("account", "command", "refusal"),
    [
        (SHOP, Block(f"+{NUMBER}"), Refusal.FORBIDDEN),
        (SHOP, Unblock(f"+{NUMBER}"), Refusal.FORBIDDEN),
        (SHOP, ListBlocked(), Refusal.FORBIDDEN),
        (Account("auditor", role=Role.AUDITOR), Block(f"+{NUMBER}"), Refusal.FORBIDDEN),
        (OPERATOR, Block("not a number"), Refusal.MALFORMED),
        (OPERATOR, Block("nobody@example.org, me@example.org"), Refusal.MALFORMED),
        (OPERATOR, Block(f"+{NUMBER}", "two\nlines"), Refusal.MALFORMED),
        (OPERATOR, Block(f"+{NUMBER}", "x" * 256), Refusal.MALFORMED),
        (OPERATOR, Unblock(f"+{NUMBER}"), Refusal.NOT_FOUND),
    ],
)
async def test_who_may_not_and_what_is_no_number(rig_factory, account, command, refusal):
    """Nothing changes."""
    rig = await rig_factory()

    assert refusal is (await refused(rig, account, command)).refusal
    assert (set(), Blocklist(())) == (rig.hub.blocked.recipients, await rig.hub.handle(OPERATOR, ListBlocked()))


async def test_the_list_is_told_in_pages(rig_factory):
    """By number; one alone can be asked for."""
    rig = await rig_factory()
    for last in (3, 1, 2):
        await block(rig, to=f"+49170123456{last}")

    first = await rig.hub.handle(OPERATOR, ListBlocked(limit=2))
    rest = await rig.hub.handle(OPERATOR, ListBlocked(limit=2, cursor=first.cursor))
    one = await rig.hub.handle(OPERATOR, ListBlocked(to="+491701234562"))

    assert ["491701234561", "491701234562"] == [found.to for found in first.recipients]
    assert (["491701234563"], None) == ([found.to for found in rest.recipients], rest.cursor)
    assert ["491701234562"] == [found.to for found in one.recipients]


@pytest.mark.parametrize("reference", ["order-1", DIGESTED + "0" * 64])
async def test_a_repeat_gets_the_first_answer_though_it_would_be_refused_now(rig_factory, reference):
    """Blocked since, as for a redelivery; what was never accepted is refused."""
    rig = await rig_factory()
    (first,) = await rig.send(reference=reference)
    await block(rig)

    (again,) = await rig.send(reference=reference)

    assert first.id == again.id
    other = SendTexts((f"+{NUMBER}",), "Hello", reference=reference + "x")
    assert Refusal.BLOCKED is (await refused(rig, rig.account, other)).refusal


async def test_a_redelivery_after_its_end_gets_the_first_answer(rig_factory):
    """The end is a moment of the request's own, so the same bytes come again when it has passed."""
    rig = await rig_factory()
    (first,) = await rig.send(reference=DIGESTED + "1", expires_at=time.time() + 60)

    (again,) = await rig.send(reference=DIGESTED + "1", expires_at=time.time() - 60)

    assert first.id == again.id
    late = SendTexts((f"+{NUMBER}",), "Hello", reference=DIGESTED + "2", expires_at=time.time() - 60)
    assert Refusal.EXPIRED is (await refused(rig, rig.account, late)).refusal


async def test_an_end_too_far_away_is_the_farthest(rig_factory):
    """A caller that names a moment in another century is not refused for it."""
    rig = await rig_factory()

    (message,) = await rig.send(expires_at=4_102_444_800.0)

    assert LONGEST_VALIDITY == message.expires_at - message.due_at
