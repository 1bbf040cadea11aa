"""What one node of several does at a time."""

from smshub.engine.turns import LEASE, RENEW_AFTER, Turns


async def pair(rig_factory):
    """Give two nodes over one database, and the clock that both see."""
    rig = await rig_factory()
    clock = [1_000.0]

    def node(name, *, shared=True):
        return Turns(rig.committer, name, shared=shared, now=lambda: clock[0], clock=lambda: clock[0])

    return node, clock


async def test_it_is_one_nodes_turn_until_it_gives_it_back(rig_factory):
    """The other waits, however often it asks, and has it at once when it is given back."""
    node, clock = await pair(rig_factory)
    one, two = node("one"), node("two")

    assert await one.mine("door")
    assert not await two.mine("door")
    for _ in range(10):  # renewed as it is asked for
        clock[0] += RENEW_AFTER
        assert await one.mine("door")
    assert not await two.mine("door")

    await one.give_back("door")
    assert await two.mine("door")
    assert not await one.mine("door")


async def test_a_node_that_does_not_ask_any_more_loses_its_turn(rig_factory):
    """When its lease has run out another takes over, and it is told so when it asks again."""
    node, clock = await pair(rig_factory)
    one, two = node("one"), node("two")
    assert await one.mine("door")

    clock[0] += LEASE + 1

    assert await two.mine("door")
    assert not await one.mine("door")
    assert await two.mine("door")


async def test_a_node_alone_asks_nobody(rig_factory):
    """Without other nodes everything is its turn, and nothing is written."""
    node, _ = await pair(rig_factory)

    assert await node("one", shared=False).mine("door")
    assert await node("two", shared=False).mine("door")
