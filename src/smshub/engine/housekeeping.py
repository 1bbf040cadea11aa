"""What time asks for: leases renewed, messages expired, the due awakened, the waiting moved, old keys forgotten."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import structlog

from smshub.engine.balances import Balances
from smshub.engine.committer import Committer
from smshub.engine.dispatcher import Dispatcher
from smshub.engine.hub import Hub
from smshub.engine.outlet import Outlet
from smshub.engine.polling import Polling
from smshub.store.challenges import FORGET_BATCH, forget_challenges, forget_failures
from smshub.store.changes import expire, forget_early_receipts
from smshub.store.errors import StoreUnavailable
from smshub.store.exchanges import forget_exchanges
from smshub.store.leases import acquire_lease, release_lease, renew_lease
from smshub.store.outbox import Outbox
from smshub.store.signatures import forget_signatures

log = structlog.get_logger(__name__)

TICK = 0.5
LEASE = 15.0
RENEW_EVERY = LEASE / 3
FORGET_EVERY = 3_600.0
ERASE_EVERY = 60.0
KEEP_SIGNATURES = 24 * 3_600.0
COUNT_EVERY = 5.0
KEEP_CHALLENGES = 3_600.0
KEEP_FAILURES = 90 * 86_400.0
KEEP_EARLY_RECEIPTS = 24 * 3_600.0
KEEP_EXCHANGES = 7 * 24 * 3_600.0
EXPIRE_BATCH = 1_000
MOST_INTERRUPTED = 100_000  # far more than all windows together


class Housekeeping:
    """The hub's clockwork. `shared`: other nodes may write to the same database, so it is looked at each tick."""

    def __init__(
        self, *, outbox: Outbox, committer: Committer, dispatcher: Dispatcher, hub: Hub, owner: str, shared: bool
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._dispatcher = dispatcher
        self._hub = hub
        self._owner = owner
        self._shared = shared
        self.disk_reserve = 0
        self._balances = Balances(dispatcher.outlets)
        self._polling = Polling(dispatcher.outlets, outbox, committer)
        self._renewed_at = self._counted_at = 0.0
        self._forgot_at = self._erased_at = time.monotonic()
        self._stopping: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Tick until cancelled; a database that is away is waited for."""
        try:
            while True:
                with suppress(StoreUnavailable):
                    await self.tick()
                self._balances.tick(time.monotonic())
                self._polling.tick(time.monotonic(), time.time())
                await asyncio.sleep(TICK)
        finally:
            self._balances.stop()
            self._polling.stop()

    async def tick(self) -> None:
        """Do everything that is due once."""
        now, wall = time.monotonic(), time.time()
        if now - self._renewed_at >= RENEW_EVERY:
            await self.own(wall)
            self._renewed_at = now
        for outlet in self._dispatcher.outlets.values():
            if self._shared and outlet.fence is not None:
                outlet.lanes.look()
            outlet.tick(now, wall)
        if now - self._counted_at >= COUNT_EVERY:
            self._counted_at = now
            counts = await asyncio.to_thread(self._outbox.counts)
            self._hub.note_queue(counts)
            if self._shared:
                await self._hub.blocked.refresh()
            for connector in {connector for connector, _ in counts} - set(self._dispatcher.outlets):
                await self._dispatcher.adopt_orphans(connector)
        self.look_at_disk()
        await self._expire(wall)
        await self._dispatcher.failover(now)
        if now - self._erased_at >= ERASE_EVERY:
            self._erased_at = now
            await self._committer.call(partial(forget_signatures, now=wall, keep=KEEP_SIGNATURES))
            while await self._committer.call(partial(forget_challenges, before=wall - KEEP_CHALLENGES)) == FORGET_BATCH:
                pass
        if now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            await self._committer.call(partial(forget_early_receipts, before=wall - KEEP_EARLY_RECEIPTS))
            await self._committer.call(partial(forget_exchanges, before=wall - KEEP_EXCHANGES))
            await self._committer.call(partial(forget_failures, before=wall - KEEP_FAILURES))

    def look_at_disk(self) -> None:
        """Let the hub take no more texts while there is less room than is kept in reserve."""
        free = self._outbox.database.free()
        full = free is not None and free < self.disk_reserve
        if full != self._hub.disk_full:
            log.warning("disk.nearly_full" if full else "disk.has_room", free=free, reserve=self.disk_reserve)
        self._hub.disk_full = full

    async def own(self, wall: float) -> None:
        """Renew the leases of this node's connectors and take those that are free; begin or stop accordingly."""
        for outlet in list(self._dispatcher.outlets.values()):
            name, owner = outlet.name, self._owner
            lease_until = time.monotonic() + LEASE
            if outlet.fence is None:
                acquire = partial(acquire_lease, name=name, owner=owner, now=wall, ttl=LEASE)
                fence = await self._committer.call(acquire)
                if fence is not None:
                    await self._begin(outlet, fence, lease_until)
                continue
            renew = partial(renew_lease, name=name, owner=owner, fence=outlet.fence, now=wall, ttl=LEASE)
            if await self._committer.call(renew):
                outlet.lease_until = lease_until
                outlet.pump_soon()
            else:
                log.error("lease.lost", connector=outlet.name)
                stopping = asyncio.create_task(outlet.stop())
                self._stopping.add(stopping)
                stopping.add_done_callback(self._stopping.discard)

    async def _begin(self, outlet: Outlet, fence: int, lease_until: float) -> None:
        interrupted = await asyncio.to_thread(self._outbox.interrupted, {outlet.name: fence}, limit=MOST_INTERRUPTED)
        outlet.run(fence, lease_until)
        self._dispatcher.adopt_interrupted(outlet, interrupted)

    async def release(self, fences: Mapping[str, int]) -> None:
        """Give leases back, so that another node may begin at once; `fences` are their tokens by name."""
        with suppress(StoreUnavailable):
            for name, fence in fences.items():
                await self._committer.call(partial(release_lease, name=name, owner=self._owner, fence=fence))

    async def _expire(self, wall: float) -> None:
        while messages := await asyncio.to_thread(self._outbox.expired, wall, EXPIRE_BATCH):
            await self._committer.call(partial(expire, ids=[message.id for message in messages], now=wall))
            if len(messages) < EXPIRE_BATCH:
                return
