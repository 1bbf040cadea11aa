"""What becomes of the texts that a simulated provider took: told by calls of its own, and when it is asked."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from smshub.simulators.faults import Report, Script
from smshub.simulators.providers.values import Answer, Call, Desk, Fate, Seen

MAX_FATES = 10_000
MAX_CALLS = 100
TRIES = 4
REST = 0.2
TIMEOUT = 10.0

Reporter = Callable[[Seen, Desk, Fate], Call | None]

_log = logging.getLogger(__name__)


class Reports:
    """
    Decides by the `receipt` steps of a script what becomes of each text, and makes the calls that tell it.

    A call that is not taken with 2xx is made again, `TRIES` times in all.
    """

    def __init__(self, script: Callable[[], Script], clock: Callable[[], float]) -> None:
        self._script = script
        self._clock = clock
        self._fates: OrderedDict[str, tuple[Fate, Report, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MAX_CALLS)
        self._session: aiohttp.ClientSession | None = None

    async def stop(self) -> None:
        """Call no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def asked(self, ref: str) -> Fate | None:
        """Tell what became of a text; `good` is None while that is open. None for an id that nobody gave."""
        if ref not in self._fates:
            return None
        fate, report, at = self._fates[ref]
        return fate if report is not Report.NONE and self._clock() >= at else fate.still_open()

    async def taken(self, seen: Seen, desk: Desk, answer: Answer, reporter: Reporter | None) -> None:
        """Give each text of an answer its fate. When it returns early reports are made, all others are to come."""
        for text in answer.taken:
            for ref in (text.ref, *text.more):
                step = self._script().next_receipt()
                report = Report(step.argument or Report.GOOD)
                fate = Fate(ref, text.to, text.sender, report is not Report.BAD)
                self._keep(fate, report, self._clock() + step.seconds)
                call = reporter(seen, desk, fate) if reporter and report is not Report.NONE else None
                if call is None:
                    continue
                if report is Report.EARLY:
                    await self._make(call)
                    continue
                task = asyncio.create_task(self._later(call, step.seconds, 2 if report is Report.TWICE else 1))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _keep(self, fate: Fate, report: Report, at: float) -> None:
        self._fates[fate.ref] = (fate, report, at)
        while len(self._fates) > MAX_FATES:
            self._fates.popitem(last=False)

    async def _later(self, call: Call, seconds: float, times: int) -> None:
        # Past the answer, which is on its way: a report that overtakes it is what `early` is for.
        await asyncio.sleep(max(seconds, 0.05))
        for _ in range(times):
            await self._make(call)

    async def _make(self, call: Call) -> None:
        """Call until it is taken, or often enough."""
        for tried in range(TRIES):
            async with self._room:
                if await self._once(call):
                    return
            await asyncio.sleep(REST * 2**tried)

    async def _once(self, call: Call) -> bool:
        if urlsplit(call.url).scheme not in {"http", "https"}:
            return True
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        ask = partial(self._session.request, call.method, call.url, data=call.body or None, headers=call.headers)
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with ask(allow_redirects=False) as response:
                if response.status >= 300:
                    _log.info("a report was answered with %d", response.status)
                return response.status < 300
        return False
