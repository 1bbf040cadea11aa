"""What time asks for: leases renewed, messages expired, the due awakened, the waiting moved, old keys forgotten."""

import asyncio
import time
from contextlib import suppress

import structlog

from smshub.engine.committer import Committer
from smshub.engine.dispatcher import Dispatcher
from smshub.engine.outlet import Outlet
from smshub.store import leases, outbox as rows
from smshub.store.outbox import Outbox, StoreUnavailable

log = structlog.get_logger(__name__)

TICK = 0.5
LEASE = 15.0
RENEW_EVERY = LEASE / 3
FORGET_EVERY = 3_600.0
KEEP_REFERENCES = 48 * 3_600.0
KEEP_EARLY_RECEIPTS = 24 * 3_600.0
EXPIRE_BATCH = 1_000


class Housekeeping:
    """The hub's clockwork. `shared`: other nodes may write to the same database, so it is looked at each tick."""

    def __init__(
        self, *, outbox: Outbox, committer: Committer, dispatcher: Dispatcher, owner: str, shared: bool
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._dispatcher = dispatcher
        self._owner = owner
        self._shared = shared
        self._renewed_at = 0.0
        self._forgot_at = time.monotonic()
        self._stopping: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Tick until cancelled; a database that is away is waited for."""
        while True:
            with suppress(StoreUnavailable):
                await self.tick()
            await asyncio.sleep(TICK)

    async def tick(self) -> None:
        """Do everything that is due once."""
        now, wall = time.monotonic(), time.time()
        if now - self._renewed_at >= RENEW_EVERY:
            await self.own(wall)
            self._renewed_at = now
        for outlet in self._dispatcher.outlets.values():
            if self._shared and outlet.fence is not None:
                outlet.lanes.mark_stale()
            outlet.tick(now, wall)
        await self._expire(wall)
        await self._dispatcher.failover(now)
        if now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            await self._committer.call(lambda connection: rows.forget_references(connection, wall - KEEP_REFERENCES))
            await self._committer.call(
                lambda connection: rows.forget_early_receipts(connection, wall - KEEP_EARLY_RECEIPTS)
            )

    async def own(self, wall: float) -> None:
        """Renew the leases of this node's connectors and take those that are free; begin or stop accordingly."""
        for outlet in list(self._dispatcher.outlets.values()):
            name = outlet.name
            if outlet.fence is None:
                fence = await self._committer.call(
                    lambda connection, name=name: leases.acquire(connection, name, self._owner, wall, LEASE)
                )
                if fence is not None:
                    await self._begin(outlet, fence)
            elif not await self._committer.call(
                lambda connection, name=name, fence=outlet.fence: leases.renew(
                    connection, name, self._owner, fence, wall, LEASE
                )
            ):
                log.error("lease.lost", connector=name)
                stopping = asyncio.create_task(outlet.stop())
                self._stopping.add(stopping)
                stopping.add_done_callback(self._stopping.discard)

    async def _begin(self, outlet: Outlet, fence: int) -> None:
        interrupted = await asyncio.to_thread(self._outbox.interrupted, outlet.name, fence)
        outlet.run(fence)
        self._dispatcher.adopt_interrupted(outlet, interrupted)

    async def release(self) -> None:
        """Give every lease of this node back, so that another may begin at once."""
        with suppress(StoreUnavailable):
            await self._committer.call(lambda connection: leases.release(connection, self._owner))

    async def _expire(self, wall: float) -> None:
        while ids := await asyncio.to_thread(self._outbox.expired, wall, EXPIRE_BATCH):
            await self._committer.call(lambda connection, ids=ids: rows.expire(connection, ids, wall))
            if len(ids) < EXPIRE_BATCH:
                return
