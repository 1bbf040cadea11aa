"""Watches the node: samples its figures, measures how late the event loop is, and tells what an operator asks."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from smshub.domain.accounts import Account
from smshub.domain.commands import HubStatus, Refusal, Refused, Reply, Status
from smshub.domain.figures import MOST_LAG, SAMPLE_EVERY, FiguresShown, ShowFigures
from smshub.engine.committer import Committer
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox
from smshub.store.reads import read_counts, read_oldest

# Every so many samples the database is asked what waits.
COUNT_EVERY = 2
# A loop that is later than this cannot keep any promise about time, in seconds.


class Watch:
    """Samples the figures of a node (`run`) and shows them."""

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        status: Callable[[Account, HubStatus], Awaitable[Status]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._status = status
        self._clock = clock
        self._rounds = 0

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ShowFigures: self.show}

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(SAMPLE_EVERY)
            self._committer.figures.lag = max(0.0, loop.time() - before - SAMPLE_EVERY)
            await self.tick()

    async def tick(self) -> None:
        """Take one sample."""
        figures = self._committer.figures
        if self._rounds % COUNT_EVERY == 0:
            with suppress(StoreUnavailable):
                figures.queued = await asyncio.to_thread(self._outbox.read, read_counts)
                due = await asyncio.to_thread(self._outbox.read, partial(read_oldest, keys=tuple(figures.queued)))
                figures.oldest = 0.0 if due is None else max(0.0, self._clock() - due)
        self._rounds += 1
        figures.sample(self._clock())

    async def show(self, account: Account, command: ShowFigures) -> FiguresShown:
        """Tell the figures. Raises `Refused`."""
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        status = await self._status(account, HubStatus())
        figures, now = self._committer.figures, self._clock()
        late = figures.lag > MOST_LAG
        return FiguresShown(
            at=now,
            started_at=figures.started_at,
            accepted=dict(figures.accepted),
            outcomes=dict(figures.outcomes),
            reports=dict(figures.reports),
            refused=dict(figures.refused),
            waits=tuple(figures.waits),
            wait=figures.wait,
            commits=figures.commits,
            rows=figures.rows,
            queued={(connector, name.value): count for (connector, name), count in figures.queued.items()},
            oldest=figures.oldest,
            lag=figures.lag,
            memory=memory(),
            free=self._outbox.database.free(),
            ready=status.taking and not late,
            why=status.why or ("the event loop is late" if late else ""),
            warnings=self._outbox.warnings(),
            database=self._outbox.database.version(),
            samples=tuple(one for one in figures.samples if one.at > now - command.seconds),
        )


def memory() -> int:
    """Tell the resident memory in bytes (Linux), 0 where it cannot be known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a pseudo-file, read in one gulp
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
