"""
Tells callers on brokers what became of their texts, where their account asks for it.

Who wants to know stands in the database beside the messages, so a restart forgets nobody. The end of a message is read
from there too: what sends texts knows nothing of this, and costs no more for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial

import structlog

from smshub.domain.following import Ended, Followed
from smshub.engine.committer import Committer
from smshub.engine.outlet import Outlet
from smshub.store.errors import StoreUnavailable
from smshub.store.followed import count_followed, follow, forget_followed, forget_old, read_ended
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

TICK = 0.5
# Where other nodes write to the database too, it is looked at so often, in seconds.
POLL = 2.0
# Looking takes this part of the time at most.
SHARE = 0.05
BATCH = 200
FORGET_EVERY = 3_600.0
KEEP = 14 * 86_400.0  # longer than any text is valid


class Follower:
    """
    Remembers (domain.following.Following), looks, and tells.

    `doors` gives the doors that are this node's to speak through just now; `tell` publishes one end, and gives False
    where it has to be tried again. `shared`: other nodes remember some too.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        outlets: Mapping[str, Outlet],
        *,
        shared: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._outlets = outlets
        self._clock = clock
        self._poll = POLL if shared else None
        self._any = asyncio.Event()
        self._any.set()  # there may be some from before the start
        self._forgot_at = 0.0

    async def follow(self, followed: Followed) -> None:
        """Remember one, on disk when this returns. Raises `StoreUnavailable`."""
        await self._committer.call(partial(follow, one=followed, now=self._clock()))
        self._any.set()

    async def run(
        self, doors: Callable[[], Awaitable[Collection[str]]], tell: Callable[[Ended], Awaitable[bool]]
    ) -> None:
        """Look and tell until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._any.wait()
            began = time.monotonic()
            try:
                with suppress(StoreUnavailable):
                    await self.look(await doors(), tell)
            except Exception:
                log.exception("following.failed")
            await asyncio.sleep(max(TICK, (time.monotonic() - began) / SHARE))

    async def look(self, doors: Collection[str], tell: Callable[[Ended], Awaitable[bool]]) -> None:
        """Tell the ends of all that have come to theirs. Raises `StoreUnavailable`."""
        now = self._clock()
        self._any.clear()
        if await asyncio.to_thread(self._outbox.read, count_followed):
            self._any.set()
        if now - self._forgot_at > FORGET_EVERY:
            self._forgot_at = now
            await self._committer.call(partial(forget_old, before=now - KEEP))
        reporting = [name for name, outlet in self._outlets.items() if outlet.connector.capabilities.receipts]
        read = partial(read_ended, frontends=doors, reporting=reporting, now=now, limit=BATCH)
        while doors and (ended := await asyncio.to_thread(self._outbox.read, read)):
            told = await asyncio.gather(*(tell(one) for one in ended))
            over = [one.followed for one, done in zip(ended, told, strict=True) if done]
            if over:
                await self._committer.call(partial(forget_followed, told=over))
            if len(over) < BATCH:
                return
