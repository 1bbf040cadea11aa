"""Removes what is older than the operator wants to keep it: a little at a time, so that nobody is held up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog

from smshub.domain.ids import first_id
from smshub.domain.message import MessageClass
from smshub.domain.upkeep import Periods
from smshub.engine.committer import Committer
from smshub.store import retention as store
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

FIRST_AFTER = 60.0
EVERY = 3_600.0
# So many rows in one transaction; it takes a few milliseconds, and this part of the time at most.
BATCH = 200
SHARE = 0.1
# So many rows looked at by one reader at once.
LOOK = 2_000
# Texts are looked for where they were looked for before only so often: what was on its way then may be over since.
AGAIN_EVERY = 86_400.0


class Retention:
    """
    Looks once an hour for what is too old. `periods` are those of the configuration of the moment.

    Of several nodes each looks; what one has removed the others do not find. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        *,
        clock: Callable[[], float] = time.time,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.periods = Periods()
        self._outbox = outbox
        self._committer = committer
        self._clock = clock
        self._rest = rest
        self._looked: dict[MessageClass, str] = {}
        self._again_at = 0.0

    async def run(self) -> None:
        """Remove until cancelled; a database that is away is waited for."""
        await asyncio.sleep(FIRST_AFTER)
        while True:
            try:
                with suppress(StoreUnavailable):
                    await self.round()
            except Exception:
                log.exception("retention.failed")
            await asyncio.sleep(EVERY)

    async def round(self) -> dict[str, int]:
        """Remove all that is too old now; gives how many of what. Raises `StoreUnavailable`."""
        now, periods = self._clock(), self.periods
        if now >= self._again_at:
            self._looked.clear()
            self._again_at = now + AGAIN_EVERY
        removed = {
            "references": await self._references(now - periods.references),
            "messages": await self._messages(now, first_id(now - periods.messages)),
            "texts": await self._texts(MessageClass.TRANSACTIONAL, first_id(now - periods.transactional))
            + await self._texts(MessageClass.BULK, first_id(now - periods.bulk)),
            "incoming": await self._batches(partial(store.remove_incoming, before=now - periods.incoming, limit=BATCH)),
            "parked": await self._batches(partial(store.remove_parked, before=now - periods.parked, limit=BATCH)),
            "audit": await self._batches(partial(store.remove_audit, before=now - periods.audit, limit=BATCH)),
        }
        found = {name: count for name, count in removed.items() if count}
        if found:
            await self._committer.tidy()
            log.info("retention.removed", **found)
        return found

    async def _references(self, before: float) -> int:
        count, after = 0, ("", "")
        while True:
            read = partial(store.read_old_references, after=after, before=before, limit=BATCH)
            keys = await asyncio.to_thread(self._outbox.read, read)
            if keys:
                after = keys[-1]
                count += await self._write(partial(store.remove_references, keys=keys, before=before))
            if len(keys) < BATCH:
                return count

    async def _messages(self, now: float, before: str) -> int:
        count, after = 0, ""
        while True:
            read = partial(store.read_old_messages, after=after, before=before, now=now, limit=BATCH)
            ids = await asyncio.to_thread(self._outbox.read, read)
            if ids:
                after = ids[-1]
                count += await self._write(partial(store.remove_messages, ids=ids, now=now))
            if len(ids) < BATCH:
                return count

    async def _texts(self, message_class: MessageClass, before: str) -> int:
        count, after = 0, self._looked.get(message_class, "")
        while True:
            read = partial(store.read_old_texts, message_class=message_class, after=after, before=before, limit=LOOK)
            page = await asyncio.to_thread(self._outbox.read, read)
            for start in range(0, len(page.ids), BATCH):
                count += await self._write(partial(store.erase_old_texts, ids=page.ids[start : start + BATCH]))
            if page.last is None:
                self._looked[message_class] = max(after, before)
                return count
            after = page.last

    async def _batches(self, remove: Callable[[object], int]) -> int:
        count = 0
        while True:
            removed = await self._write(remove)
            count += removed
            if removed < BATCH:
                return count

    async def _write(self, change: Callable[[object], int]) -> int:
        began = time.monotonic()
        count = await self._committer.call(change)
        await self._rest((time.monotonic() - began) * (1 / SHARE - 1))
        return count
