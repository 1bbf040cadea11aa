"""What is left on the operator's accounts with the providers: asked for from time to time, and told when it is low."""

import asyncio
from collections.abc import Mapping
from typing import cast
from weakref import WeakKeyDictionary

import structlog

from smshub.domain.contracts import Metered
from smshub.domain.delivery import Balance
from smshub.engine.outlet import Outlet

log = structlog.get_logger(__name__)


class Balances:
    """
    Asks the providers of this node's connectors, each by its own interval, and keeps the answer at the outlet.

    A balance below the connector's `low_credit` is warned about once, until it has risen again.
    """

    def __init__(self, outlets: Mapping[str, Outlet]) -> None:
        self._outlets = outlets
        self._due: WeakKeyDictionary[Outlet, float] = WeakKeyDictionary()
        self._low: WeakKeyDictionary[Outlet, bool] = WeakKeyDictionary()
        self._asking: set[asyncio.Task[None]] = set()

    def tick(self, now: float) -> None:
        """Ask those whose time has come (`now` in monotonic seconds). Returns at once."""
        for outlet in self._outlets.values():
            if not hasattr(outlet.connector, "fetch_balance") or outlet.fence is None:
                continue
            if now < self._due.get(outlet, 0.0) or not outlet.connector.state().up:
                continue
            metered = cast("Metered", outlet.connector)
            self._due[outlet] = now + metered.balance_every
            task = asyncio.create_task(self._ask(outlet, metered), name=f"balance of {outlet.name}")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def stop(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    async def _ask(self, outlet: Outlet, metered: Metered) -> None:
        try:
            balance = await metered.fetch_balance()
        except Exception as error:  # noqa: BLE001 - a connector of anybody's; the next question may be answered
            log.warning("balance.failed", connector=outlet.name, error=type(error).__name__)
            return
        if balance is not None:
            self.note(outlet, balance, metered.low_credit)

    def note(self, outlet: Outlet, balance: Balance, low_credit: float | None) -> None:
        """Keep what a provider told, and warn where that has become too little."""
        outlet.balance = balance
        low = low_credit is not None and balance.amount < low_credit
        told = {"connector": outlet.name, "balance": balance.amount, "unit": balance.unit, "low_credit": low_credit}
        if low and not self._low.get(outlet, False):
            log.warning("balance.low", **told)
        elif not low and self._low.get(outlet, False):
            log.info("balance.risen", **told)
        self._low[outlet] = low
