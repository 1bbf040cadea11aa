"""Mail of the hub's own on its way: on disk before it is spoken of, tried a few times, never waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import structlog

from smshub.domain.delivery import Accepted, Outcome, Rejected
from smshub.domain.letters import Letter, Reader, begun, is_last
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.store import letters as store
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

# How many are handed to mail servers at once, and after how many seconds those of other nodes are looked for.
AT_ONCE = 8
LOOK_EVERY = 60.0


class Letters:
    """
    Keeps letters until `send` has handed them over, across restarts too. `clock` gives seconds since 1970.

    What the last try could not hand over is dropped, with an error in the log. A crash in the middle of a try repeats
    it: the mail has the same Message-ID then, so that a mail server may see that it has it already.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        send: Callable[[Letter], Awaitable[Outcome]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._send = send
        self._clock = clock
        self._ids = Ids(clock)
        self._kicked = asyncio.Event()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running: asyncio.Task[None] | None = None

    def write(self, reader: Reader, subject: str, text: str) -> Letter:
        """Write a letter; it is not on disk yet."""
        now = self._clock()
        return Letter(self._ids(), reader.server, reader.to, subject, text, created_at=now, due_at=now)

    def put(self, connection: Any, letters: Sequence[Letter]) -> None:
        """Put letters on disk in a transaction of the committer's; call `kick` when it is done."""
        if left_out := store.put_letters(connection, letters):
            log.error("mail.dropped", count=left_out, why=f"{store.MOST} others wait")

    def kick(self) -> None:
        """Look for new letters now."""
        self._kicked.set()

    def start(self) -> None:
        """Begin to send what waits, all of it at once: what stood in its way may be gone since."""
        self._running = asyncio.create_task(self._run(), name="letters")

    async def stop(self) -> None:
        """Send no more; what has not left stays on disk."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    async def _run(self) -> None:
        # What waits at the start is tried at once, and where it was not due that try is one more.
        begin = begun_early
        while True:
            self._kicked.clear()
            wait = LOOK_EVERY
            with suppress(StoreUnavailable):
                wait = await self._round(begin)
                begin = begun_when_due
            with suppress(TimeoutError):
                await asyncio.wait_for(self._kicked.wait(), wait)

    async def _round(self, begin: Callable[[Letter, float], Letter | None]) -> float:
        """Try what is due; give the seconds until there is more to do. Raises `StoreUnavailable`."""
        now = self._clock()
        waiting = await asyncio.to_thread(self._outbox.read, store.read_letters)
        tries = [(letter, after) for letter in waiting if (after := begin(letter, now)) is not None]
        await asyncio.gather(*(self._try(letter, after) for letter, after in tries))
        left = [*(letter.due_at for letter in waiting), *(after.due_at for _, after in tries)]
        soonest = min((due for due in left if due > now), default=float("inf"))
        return max(0.0, min(LOOK_EVERY, soonest - self._clock()))

    async def _try(self, before: Letter, letter: Letter) -> None:
        async with self._at_once:
            with suppress(StoreUnavailable):  # it is still there, and tried again
                await self._try_now(before, letter)

    async def _try_now(self, before: Letter, letter: Letter) -> None:
        if not await self._committer.call(partial(store.begin_try, before=before, after=letter)):
            return  # another node has it
        outcome = await self._send(letter)
        if isinstance(outcome, Accepted):
            log.info("mail.sent", subject=letter.subject, server=letter.server)
        else:
            log.warning("mail.failed", subject=letter.subject, server=letter.server, why=outcome.detail)
            if not (isinstance(outcome, Rejected) or is_last(letter)):
                return
            log.error("mail.dropped", subject=letter.subject, why=outcome.detail)
        await self._committer.call(partial(store.drop_letter, letter_id=letter.id))


def begun_when_due(letter: Letter, now: float) -> Letter | None:
    """Give a letter as the try that is due leaves it, None where none is due."""
    return begun(letter, now) if letter.due_at <= now else None


def begun_early(letter: Letter, now: float) -> Letter | None:
    """Give a letter as a try at the start of the hub leaves it: one that was not due is not counted."""
    after = begun(letter, now)
    return after if letter.due_at <= now else msgspec.structs.replace(after, tries=max(letter.tries, 1))
