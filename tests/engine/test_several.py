"""Connectors named past the routes, and calls of which some receivers are refused."""

import msgspec
import pytest

from smshub.domain.commands import Block, Refusal, Refused, SendTexts, TestConnector, Unblock
from smshub.domain.delivery import Deferred, Reason
from smshub.domain.message import State

GOOD, ALSO_GOOD, BLOCKED = "+491701234567", "0170 7654321", "+491700000000"


async def test_a_message_that_names_its_connector_stays_with_it(rig_factory):
    """It is deferred to the same connector again, and moved to no other while that one is down."""
    rig = await rig_factory("a", "b")
    rig.account = msgspec.structs.replace(rig.account, may_override=frozenset({"Connector"}))
    rig.connectors["b"].answer = lambda _: Deferred(Reason.NO_CREDIT, "301")

    (message,) = await rig.send(connector="b")
    await rig.until(lambda: rig.outbox.message(message.id).outcome == "deferred")
    rig.connectors["b"].go(up=False)
    outlet = rig.dispatcher.outlets["b"]
    outlet.down_since = 0.0
    await rig.dispatcher.failover(1e9)
    await rig.turn()

    found = rig.outbox.message(message.id)
    assert (State.QUEUED, "b", True) == (found.state, found.connector, found.pinned)
    assert [] == rig.connectors["a"].sent


async def test_a_message_whose_connector_is_gone_has_no_route(rig_factory):
    """A test of a connector that is configured no more is refused, and goes out by no other."""
    rig = await rig_factory("a", "b")
    rig.connectors["b"].size = 0
    tested = await rig.hub.handle(rig.account, TestConnector("b", GOOD, "Hello"))
    (message,) = tested.messages
    await rig.dispatcher.outlets.pop("b").stop()

    await rig.dispatcher.adopt_orphans("b")

    found = rig.outbox.message(message.id)
    assert (State.REJECTED, "NO_ROUTE") == (found.state, found.reason)
    assert [] == rig.connectors["a"].sent


async def partial_rig(rig_factory):
    """Give a rig whose account wants its good numbers sent, with one number blocked."""
    rig = await rig_factory()
    rig.account = msgspec.structs.replace(rig.account, partial=True)
    await rig.hub.handle(rig.account, Block(BLOCKED))
    return rig


async def test_the_good_numbers_are_sent_and_the_bad_ones_told(rig_factory):
    """A number that is none and one that is blocked are refused by name; the two others leave."""
    rig = await partial_rig(rig_factory)

    reply = await rig.hub.handle(rig.account, SendTexts((GOOD, "12ab", BLOCKED, ALSO_GOOD), "Hello"))

    assert [GOOD, ALSO_GOOD] == [message.to_written for message in reply.messages]
    assert [("12ab", "BadNumber"), (BLOCKED, "Blocked")] == [(one.to, one.refused.error) for one in reply.refused]
    for message in reply.messages:
        assert State.SENT is await rig.ended(message.id)


async def test_where_all_numbers_are_bad_the_call_is_refused(rig_factory):
    """With nothing to take there is nothing to say yes to; and one number by itself is a call like any other."""
    rig = await partial_rig(rig_factory)

    for to in (("12ab", BLOCKED), ("12ab",)):
        with pytest.raises(Refused) as caught:
            await rig.hub.handle(rig.account, SendTexts(to, "Hello"))
        assert (Refusal.MALFORMED, "BadNumber") == (caught.value.refusal, caught.value.error)


async def test_without_the_wish_one_bad_number_refuses_the_call(rig_factory):
    """Nothing is sent to the good one."""
    rig = await rig_factory()
    with pytest.raises(Refused):
        await rig.hub.handle(rig.account, SendTexts((GOOD, "12ab"), "Hello"))

    assert [] == rig.connectors["a"].sent


async def test_a_repeat_tells_the_same_numbers_again(rig_factory):
    """The messages are those of the first call; what was refused is told, with its reason where it still is one."""
    rig = await partial_rig(rig_factory)
    command = SendTexts((GOOD, "12ab", BLOCKED), "Hello", reference="once")
    first = await rig.hub.handle(rig.account, command)
    await rig.hub.blocked.unblock(rig.account, Unblock(BLOCKED))

    again = await rig.hub.handle(rig.account, command)

    assert again.replayed
    assert [one.id for one in first.messages] == [one.id for one in again.messages]
    assert [("12ab", "BadNumber"), (BLOCKED, "NotTaken")] == [(one.to, one.refused.error) for one in again.refused]
