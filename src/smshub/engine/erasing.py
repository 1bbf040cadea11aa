"""Erases the texts of codes within a minute of their end, and leaves nothing of them in the files."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from smshub.engine.committer import Committer
from smshub.store.erasing import erase_texts, read_over
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

EVERY = 5.0
# Looking takes this part of the time at most, but it is done so often all the same.
SHARE = 0.05
AT_LEAST_EVERY = 30.0
BATCH = 200


class Erasing:
    """
    Looks for codes that are over, a few times a minute; of several nodes each does, and what one erased is erased.

    `clock` gives seconds since 1970.
    """

    def __init__(self, outbox: Outbox, committer: Committer, clock: Callable[[], float] = time.time) -> None:
        self._outbox = outbox
        self._committer = committer
        self._clock = clock
        self._untidy = True  # who ran before may have been cut off

    async def run(self) -> None:
        """Erase until cancelled; a database that is away is waited for."""
        while True:
            began = time.monotonic()
            try:
                with suppress(StoreUnavailable):
                    await self.round()
            except Exception:
                log.exception("erasing.failed")
            took = time.monotonic() - began
            await asyncio.sleep(min(max(EVERY, took / SHARE), AT_LEAST_EVERY))

    async def round(self) -> int:
        """Erase what there is to be erased now; gives how many texts. Raises `StoreUnavailable`."""
        now = self._clock()
        count, after = 0, ""
        while True:
            read = partial(read_over, now=now, after=after, limit=BATCH)
            ids = await asyncio.to_thread(self._outbox.read, read)
            if ids:
                after = ids[-1]
                self._untidy = True
                count += await self._committer.call(partial(erase_texts, ids=ids, now=now))
            if len(ids) < BATCH:
                break
        if self._untidy:
            self._untidy = not await self._committer.tidy()
        return count
