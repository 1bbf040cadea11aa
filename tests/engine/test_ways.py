"""`explain` tells how each connector of a route fares: throttled, out of rest, low on credit, by which share."""

import time

import pytest

from smshub.domain.commands import Explain
from smshub.domain.delivery import Balance, Deferred, Reason
from smshub.domain.routing import Route, Target


@pytest.fixture
async def rig(rig_factory):
    """Give a hub whose route has two equals, and one behind them."""
    targets = (Target("a", 1, weight=3), Target("b", 1), Target("c", 2), Target("gone", 2))
    return await rig_factory("a", "b", "c", routes=[Route("all", ("49",), targets), Route("uk", ("44",), targets[:1])])


async def told(rig):
    """Explain a text to a German number; gives what is said of each connector of its route, and which is taken."""
    explained = await rig.hub.handle(rig.account, Explain("+491701234567", "Hello"))
    ways = [way for way in explained.ways if way.prefix == "49"]
    return {way.connector: way.why for way in ways}, [way.connector for way in ways if way.taken]


async def test_priorities_and_weights_are_told(rig):
    """One of the equals is taken by its weight, the others are next; a name that leads nowhere says so."""
    why, taken = await told(rig)

    assert 1 == len(taken)
    assert taken[0] in {"a", "b"}
    assert why["a"].endswith("; priority 1; weight 3 of 4, drawn for each text")
    assert why["b"].endswith("; priority 1; weight 1 of 4, drawn for each text")
    assert "next, should the ones before it defer; priority 2; weight 1 of 2, drawn for each text" == why["c"]
    assert "there is no connector of that name" == why["gone"]


async def test_a_long_pause_passes_a_connector_over(rig):
    """Told to come again in a minute, the connector waits, and its texts go elsewhere."""
    rig.dispatcher.outlets["a"].bucket.throttled(time.monotonic(), 60.0)

    why, taken = await told(rig)

    assert ["b"] == taken
    assert why["a"].startswith("paused for 60 s: the provider said that this was too fast; priority 1")


async def test_what_slows_a_connector_is_told(rig):
    """What it has learnt of its provider's limit."""
    bucket, now = rig.dispatcher.outlets["c"].bucket, time.monotonic()
    bucket.accepted(50, now)
    bucket.throttled(now)

    why, _ = await told(rig)

    assert "slowed to " in why["c"]
    assert why["c"].endswith("segments a second by its provider's answers")


async def test_an_open_breaker_tells_why_and_until_when(rig):
    """The provider's own words, and the seconds until it is tried again."""
    rig.connectors["a"].answer = rig.connectors["b"].answer = lambda _: Deferred(Reason.NO_CREDIT, "9", "no money")
    for _ in range(12):
        await rig.send()
    await rig.until(lambda: all(rig.dispatcher.outlets[name].condition(time.monotonic()) == "open" for name in "ab"))

    why, taken = await told(rig)

    assert ["c"] == taken
    assert why["a"].startswith(("open (tried again in 5 s): no money", "open (tried again in 4 s): no money"))


async def test_what_is_left_is_told(rig):
    """With the limit where it is below that."""
    rig.dispatcher.outlets["a"].balance = Balance(3.5, "EUR")
    rig.connectors["a"].low_credit = 5.0
    rig.dispatcher.outlets["b"].balance = Balance(100.0)

    why, _ = await told(rig)

    assert why["a"].endswith("; 3.5 EUR left, less than low_credit (5)")
    assert why["b"].endswith("; 100 credits left")
