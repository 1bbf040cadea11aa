"""Two nodes over one PostgreSQL: what one counts, blocks and opens the other knows with its next look."""

import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.challenges import Counted, ListDecisions, ListPrefixes, OpenPrefix
from smshub.domain.commands import Refused
from smshub.domain.guard import GuardMode, GuardPolicy
from smshub.domain.message import Message
from smshub.domain.otp import OtpPolicy
from smshub.engine.committer import Committer
from smshub.engine.guard import TICK, Guarding
from smshub.store.batch import Accept, Batch, Opening
from smshub.store.outbox import Outbox

pytestmark = pytest.mark.needs("postgresql")

SHOP = Account("shop", country="DE", otp=OtpPolicy(guard=GuardPolicy(mode=GuardMode.ENFORCE)))
OPERATOR = Account("op", role=Role.OPERATOR)


class Node:
    """A node with its guard: what it lets through is written as the hub writes it."""

    def __init__(self, url, name, clock):
        self.outbox = Outbox.open(url, node=name)
        self.committer = Committer(self.outbox)
        self.audited = []
        self.now = clock

        async def note(*entry):
            self.audited.append(entry[:3])

        self.guard = Guarding(self.outbox, self.committer, node=name, shared=True, note=note, clock=lambda: self.now[0])
        self.ask = self.guard.handlers

    async def send(self, to):
        """Have a code sent, or refused."""
        leave = await self.guard.check(SHOP, to, "192.0.2.1", self.now[0])
        id_ = f"{leave.counted.number:032x}"
        opening = Opening(
            id_, "shop", id_, to, b"", "", 5, self.now[0], self.now[0] + 300, 15, 50, counted=leave.counted
        )
        message = Message(id_, id_, "shop", to, to, "Code", self.now[0], self.now[0], self.now[0] + 300, connector="a")
        self.outbox.write(Batch(accepts=[Accept((message,), "shop", challenge=opening)]))

    async def refused(self, to):
        """Give the name of the error with which a code is refused, None where it is sent."""
        try:
            await self.send(to)
        except Refused as refused:
            return refused.error
        return None

    def close(self):
        """End it."""
        self.committer.close()
        self.outbox.close()


@pytest.fixture
async def nodes(postgres_url):
    """Give two nodes and the clock that both see."""
    clock = [1_900_000_000.0]
    made = [Node(postgres_url, name, clock) for name in ("one", "two")]
    for node in made:
        await node.guard.load()
    yield *made, clock
    for node in made:
        node.close()


async def test_limits_are_shared_within_a_look(nodes):
    """Three codes by one node and two by the other are five; a look is every second."""
    one, two, clock = nodes
    assert TICK <= 1.0
    for node in (one, two, one, two, one):
        await node.send("491701234567")
        clock[0] += 1.0

    await one.guard.tick()
    await two.guard.tick()

    assert ["GuardRecipient"] * 2 == [await node.refused("491701234567") for node in (one, two)]


async def test_a_code_is_typed_at_one_node_and_known_at_the_other(nodes):
    """So that no prefix is blocked for codes that were checked elsewhere."""
    one, two, clock = nodes
    await one.send("491701234567")
    await two.guard.tick()
    clock[0] += 1.0
    counted = two.guard.typed(SHOP, "491701234567", clock[0])
    assert Counted("two", counted.number, "shop", "491701234567", "", clock[0], typed=True) == counted
    await two.guard.verified(SHOP, "491701234567", clock[0])
    statement = "INSERT INTO guard_counted VALUES ('two', %s, 'shop', '491701234567', '', %s, true)"
    await two.committer.call(lambda c: c.exec_driver_sql(statement, (counted.number, clock[0])))

    await one.guard.tick()

    for node in (one, two):
        (view,) = (await node.ask[ListPrefixes](OPERATOR, ListPrefixes())).prefixes
        assert (1, 1) == (view.requested, view.verified)


async def test_a_block_is_shared_told_once_and_opened_for_both(nodes):
    """Whichever node notices it first writes it down; whichever an operator asks opens it."""
    one, two, clock = nodes
    for number in range(20):
        await (one, two)[number % 2].send(f"49155512{number * 3:04d}")
        clock[0] += 1.0
    clock[0] += 200.0
    await one.guard.tick()
    await two.guard.tick()

    assert ["GuardPrefix"] * 2 == [await node.refused("491555129999") for node in (one, two)]
    await one.guard.tick()
    await two.guard.tick()

    assert [("guard", "BlockPrefix", "49155512")] == [*one.audited, *two.audited]
    decisions = (await two.ask[ListDecisions](OPERATOR, ListDecisions())).decisions
    assert ["block", "blocked", "blocked"] == sorted(decision.rule for decision in decisions)
    await two.ask[OpenPrefix](OPERATOR, OpenPrefix("49155512"))
    await one.guard.tick()
    assert [None, None] == [await one.refused("491555129990"), await two.refused("491555129995")]


async def test_a_new_node_knows_the_day(nodes, postgres_url):
    """What both have counted, in the order of time."""
    one, two, clock = nodes
    for node in (one, two, one, two, one):
        await node.send("491701234567")
        clock[0] += 1.0
    three = Node(postgres_url, "three", clock)
    try:
        await three.guard.load()
        assert "GuardRecipient" == await three.refused("491701234567")
    finally:
        three.close()
