"""What is left with the providers: who is asked when, and when an operator is warned."""

import asyncio
from types import SimpleNamespace

import pytest
import structlog

from smshub.domain.contracts import ConnectorState
from smshub.domain.delivery import Balance
from smshub.engine.balances import Balances


class Metered:
    """A connector that tells the balances it is given, one after the other; an exception is raised."""

    def __init__(self, *balances, low_credit=None, up=True):
        self.name = "a"
        self.low_credit = low_credit
        self.balance_every = 60.0
        self.up = up
        self.asked = 0
        self._balances = list(balances)

    def state(self):
        """Up, unless it is made otherwise."""
        return ConnectorState(up=self.up)

    async def fetch_balance(self):
        """Give the next."""
        self.asked += 1
        balance = self._balances.pop(0)
        if isinstance(balance, Exception):
            raise balance
        return balance


class Place:
    """What `Balances` looks at of an outlet."""

    def __init__(self, connector, fence=1):
        self.name = connector.name
        self.connector = connector
        self.fence = fence
        self.balance = None


async def ticked(balances, *times):
    """Let the time pass, and each question be answered."""
    for now in times:
        balances.tick(now)
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_provider_is_asked_by_its_interval_and_the_answer_is_kept():
    """At once, and again only when the seconds are over; no answer keeps the one of before."""
    place = Place(Metered(Balance(5.0, "EUR"), None, ValueError("x"), Balance(3.0, "EUR")))
    balances = Balances({"a": place})

    await ticked(balances, 100.0, 159.0)
    first = (place.connector.asked, place.balance)
    await ticked(balances, 160.0, 220.0)
    unanswered = (place.connector.asked, place.balance)
    await ticked(balances, 280.0)

    assert (1, Balance(5.0, "EUR")) == first
    assert (3, Balance(5.0, "EUR")) == unanswered
    assert (4, Balance(3.0, "EUR")) == (place.connector.asked, place.balance)


@pytest.mark.parametrize(
    "place",
    [
        Place(Metered(up=False)),
        Place(Metered(), fence=None),
        Place(SimpleNamespace(name="log", state=lambda: ConnectorState(up=True))),
    ],
    ids=["down", "another node's", "without a balance"],
)
async def test_nobody_else_is_asked(place):
    """A connector that is down or another node's is left alone, and so is one that knows no balance."""
    await ticked(Balances({"a": place}), 100.0)

    assert (0, None) == (getattr(place.connector, "asked", 0), place.balance)


async def test_a_low_balance_is_warned_about_once_until_it_has_risen():
    """Below `low_credit` a warning, none while it stays there, and one more when it falls again."""
    amounts = [10.0, 9.99, 5.0, 10.0, 1.0]
    place = Place(Metered(*map(Balance, amounts), low_credit=10.0))
    balances = Balances({"a": place})

    with structlog.testing.capture_logs() as logs:
        await ticked(balances, *range(0, 300, 60))

    assert [("balance.low", "warning", 9.99), ("balance.risen", "info", 10.0), ("balance.low", "warning", 1.0)] == [
        (one["event"], one["log_level"], one["balance"]) for one in logs
    ]
