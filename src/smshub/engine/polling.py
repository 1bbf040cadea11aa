"""Delivery reports of providers that do not call: asked for, at growing ages of a message, until one is final."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast
from weakref import WeakKeyDictionary

import structlog

from smshub.domain.contracts import Polled
from smshub.engine.committer import Committer
from smshub.engine.outlet import Outlet
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox
from smshub.store.reads import read_unreported

log = structlog.get_logger(__name__)

# Ages of a message, in seconds, at which its provider is asked; after the last one it is not asked again.
AGES = (60.0, 600.0, 3_600.0, 6 * 3_600.0, 24 * 3_600.0)
# Questions to one provider in one round, and seconds between two rounds.
MOST = 100
EVERY = 10.0


class Polling:
    """
    Asks for the reports of messages that are SENT, for the connectors of this node that can be asked.

    Each age has a place in the order of ids, which is that of time; what lies between it and the place of the round
    before is asked now. After a start it begins one day back at most, so that what was sent before is asked once more.
    """

    def __init__(self, outlets: Mapping[str, Outlet], outbox: Outbox, committer: Committer) -> None:
        self._outlets = outlets
        self._outbox = outbox
        self._committer = committer
        self._places: WeakKeyDictionary[Outlet, list[str]] = WeakKeyDictionary()
        self._due: WeakKeyDictionary[Outlet, float] = WeakKeyDictionary()
        self._asking: dict[Outlet, asyncio.Task[None]] = {}

    def tick(self, now: float, wall: float) -> None:
        """Begin the rounds whose time has come; `now` is monotonic, `wall` in seconds since 1970. Returns at once."""
        for outlet in self._outlets.values():
            if not getattr(outlet.connector, "polls", False) or outlet.fence is None or outlet in self._asking:
                continue
            if now < self._due.get(outlet, 0.0) or not outlet.connector.state().up:
                continue
            self._due[outlet] = now + EVERY
            task = asyncio.create_task(self.ask(outlet, wall), name=f"reports of {outlet.name}")
            self._asking[outlet] = task
            task.add_done_callback(partial(self._asked, outlet))

    def _asked(self, outlet: Outlet, _: "asyncio.Task[None]") -> None:
        self._asking.pop(outlet, None)

    def stop(self) -> None:
        """Ask no more."""
        for task in list(self._asking.values()):
            task.cancel()

    async def ask(self, outlet: Outlet, wall: float) -> None:
        """Ask for all whose age it is, `MOST` at the most; the rest is asked in the next round."""
        # At first each age begins where the next one ends, so that what was sent before is asked once.
        places = self._places.setdefault(outlet, [_place(wall - age) for age in (*AGES[1:], AGES[-1])])
        left = MOST
        for number, age in enumerate(AGES):
            until = _place(wall - age)
            if left <= 0 or until <= places[number]:
                continue
            read = partial(read_unreported, connector=outlet.name, since=places[number], until=until, limit=left)
            try:
                found = await asyncio.to_thread(self._outbox.read, read)
            except StoreUnavailable:
                return
            await self._ask(outlet, [ref for _, ref in found])
            places[number] = found[-1][0] if len(found) >= left else until
            left -= len(found)

    async def _ask(self, outlet: Outlet, refs: Sequence[str]) -> None:
        polled = cast("Polled", outlet.connector)
        for ref in refs:
            try:
                receipt = await polled.fetch_receipt(ref)
            except Exception as error:  # noqa: BLE001 - a connector of anybody's; the next age asks again
                log.warning("report.failed", connector=outlet.name, error=type(error).__name__)
                return
            if receipt is not None:
                outlet.receipt(receipt, _nothing)


def _nothing() -> None:
    """Nobody waits for it."""


def _place(at: float) -> str:
    """Give the smallest id of a moment (engine.ids)."""
    return f"{max(0, int(at * 1000)):012x}{'0' * 20}"
