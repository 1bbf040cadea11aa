"""
The committer: whatever has gathered is written in one transaction, and then everybody who waited is answered.

It has no timer: it commits as soon as the commit before is done, so one message alone waits for nobody and a thousand
share one fsync.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog

from smshub.domain.delivery import Receipt
from smshub.engine.figures import Figures
from smshub.store.batch import Check, Checked, Taken
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Accept, Batch, Outbox, ReceiptEffect, Replay, Settled, Start, Written

log = structlog.get_logger(__name__)
T = TypeVar("T")

AcceptDone = Callable[[Replay | Taken | StoreUnavailable | None], None]
StartDone = Callable[[bool | None], None]
ReceiptDone = Callable[[ReceiptEffect], None]

# How long to wait before the next try when the database would not take a batch.
RETRY_DELAY = 0.5


class _Gathered:
    """What waits for the next transaction, and whom to tell."""

    __slots__ = (
        "accept_done",
        "after",
        "afterwards",
        "batch",
        "call_done",
        "check_done",
        "receipt_done",
        "since",
        "start_done",
    )

    def __init__(self) -> None:
        self.batch = Batch()
        self.accept_done: list[AcceptDone] = []
        self.start_done: list[StartDone] = []
        self.receipt_done: list[ReceiptDone] = []
        self.call_done: list[asyncio.Future[Any]] = []
        self.check_done: list[asyncio.Future[Checked]] = []
        self.after: list[Callable[[], None]] = []
        self.afterwards: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self.since = 0.0

    def __bool__(self) -> bool:
        batch = self.batch
        rows = batch.accepts or batch.settled or batch.receipts or batch.calls or batch.starts or batch.checks
        return bool(rows or self.afterwards)


class Committer:
    """
    Gathers writes on the event loop and hands them to one writer thread, a transaction at a time.

    All methods are called on the loop. When the database refuses a batch, accepts, starts and calls are told so;
    outcomes and receipts are kept and tried again, for they are already true outside.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self._gathered = _Gathered()
        self._busy = False
        self._waiting_to_retry = False
        self._drained: list[asyncio.Future[None]] = []
        self._work: queue.SimpleQueue[_Gathered | None] = queue.SimpleQueue()
        self.healthy = True
        self.figures = Figures()
        self._thread = threading.Thread(target=self._write_forever, name="smshub-writer", daemon=True)
        self._thread.start()

    def accept(self, accept: Accept, done: AcceptDone) -> None:
        """
        Write a submission; `done` gets None, the Replay of an earlier one with its reference, or the failure.

        Where it has a challenge that could not be opened, `done` gets why.
        """
        gathered = self._gathered
        gathered.batch.accepts.append(accept)
        gathered.accept_done.append(done)
        self._kick()

    def start(self, start: Start, done: StartDone) -> None:
        """
        Write the beginning of an attempt; `done` tells whether the message was still there to be sent.

        None: the database failed, and nobody can know whether the beginning is on disk.
        """
        gathered = self._gathered
        gathered.batch.starts.append(start)
        gathered.start_done.append(done)
        self._kick()

    def settle(self, settled: Settled, then: Callable[[], None] | None = None) -> None:
        """Write what an attempt came to; `then` is called when it is on disk."""
        gathered = self._gathered
        gathered.batch.settled.append(settled)
        if then is not None:
            gathered.after.append(then)
        self._kick()

    def receipt(self, connector: str, receipt: Receipt, done: ReceiptDone) -> None:
        """Write a delivery report; `done` is called when it is on disk."""
        self._gathered.batch.receipts.append((connector, receipt))
        self._gathered.receipt_done.append(done)
        self._kick()

    async def call(self, function: Callable[[Any], T]) -> T:
        """
        Run a cold write with the transaction's connection and give its result when it is on disk.

        Raises what the function raised, or `StoreUnavailable`.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._gathered.batch.calls.append(function)
        self._gathered.call_done.append(future)
        self._kick()
        return await future

    async def check(self, check: Check) -> Checked:
        """Check a code; gives what it came to when that is on disk. Raises `StoreUnavailable`."""
        future: asyncio.Future[Checked] = self._loop.create_future()
        self._gathered.batch.checks.append(check)
        self._gathered.check_done.append(future)
        self._kick()
        return await future

    async def tidy(self) -> bool:
        """
        Leave nothing of what was erased beside the database, after all that was gathered before is written.

        False where that could not be done now.
        """
        return await self._afterwards(self._outbox.tidy)

    async def rewrite(self) -> bool:
        """
        Leave nothing of what was erased in unused parts of the database, while everybody waits.

        False where it is too large for that.
        """
        return await self._afterwards(self._outbox.rewrite)

    async def _afterwards(self, work: Callable[[], bool]) -> bool:
        future: asyncio.Future[bool] = self._loop.create_future()
        self._gathered.afterwards.append((work, future))
        self._kick()
        return await future

    async def drain(self) -> None:
        """Wait until everything gathered so far is written."""
        if self._busy or self._gathered:
            future = self._loop.create_future()
            self._drained.append(future)
            await future

    def close(self) -> None:
        """End the writer thread; call `drain` before."""
        self._work.put(None)
        self._thread.join()

    def _kick(self) -> None:
        if not self._gathered.since:
            self._gathered.since = self._loop.time()
        if not self._busy and not self._waiting_to_retry:
            # One turn of the loop later, so that what arrives in the same turn shares the transaction.
            self._busy = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, _Gathered()
        self._work.put(gathered)

    def _write_forever(self) -> None:
        while (gathered := self._work.get()) is not None:
            try:
                written: Written | Exception = self._outbox.write(gathered.batch)
            except Exception as error:  # noqa: BLE001 - the loop must hear of every failure, or callers wait forever
                written = error
            try:
                self._loop.call_soon_threadsafe(self._written, gathered, written)
                # After the answers, so that nobody else waits for it.
                for work, future in gathered.afterwards:
                    self._loop.call_soon_threadsafe(_answer_one, future, _done(work))
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    def _written(self, gathered: _Gathered, written: Written | Exception) -> None:
        self._busy = False
        if isinstance(written, Exception):
            self._failed(gathered, written)
        else:
            self.healthy = True
            self._tell(gathered, written)
        if self._gathered and not self._waiting_to_retry:
            self._busy = True
            self._hand_over()
        elif not self._gathered and self._drained:
            drained, self._drained = self._drained, []
            for future in drained:
                future.set_result(None)

    def _tell(self, gathered: _Gathered, written: Written) -> None:
        batch = gathered.batch
        self.figures.wrote(batch, written, self._loop.time() - gathered.since)
        replays = written.replays
        for index, accept_done in enumerate(gathered.accept_done):
            if index in written.unstorable:
                accept_done(StoreUnavailable("the database cannot keep such a text"))
            else:
                accept_done(replays.get(index) or written.taken.get(index))
        missing = written.not_started
        for start, start_done in zip(batch.starts, gathered.start_done, strict=True):
            start_done(start.id not in missing)
        for effect, receipt_done in zip(written.receipts, gathered.receipt_done, strict=True):
            receipt_done(effect)
        _answer(written.calls, gathered.call_done)
        _answer(written.checks, gathered.check_done)
        for then in gathered.after:
            then()
        if written.stale:
            log.warning("outcomes.stale", messages=sorted(written.stale))

    def _failed(self, gathered: _Gathered, error: Exception) -> None:
        unavailable = error if isinstance(error, StoreUnavailable) else StoreUnavailable(str(error))
        if self.healthy:
            log.error("store.unavailable", error=str(unavailable), kind=type(error).__name__)
        self.healthy = False
        waiting = self._gathered
        waiting.batch.settled[:0] = gathered.batch.settled
        waiting.batch.receipts[:0] = gathered.batch.receipts
        waiting.receipt_done[:0] = gathered.receipt_done
        waiting.after[:0] = gathered.after
        for accept_done in gathered.accept_done:
            accept_done(unavailable)
        for start_done in gathered.start_done:
            start_done(None)
        for future in (*gathered.call_done, *gathered.check_done):
            if not future.done():
                future.set_exception(unavailable)
        self._waiting_to_retry = True
        self._loop.call_later(RETRY_DELAY, self._retry)

    def _retry(self) -> None:
        self._waiting_to_retry = False
        if self._gathered:
            self._kick()


def _done(work: Callable[[], bool]) -> bool:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is tried again, and what is written is written
        log.warning("store.not_tidied", kind=type(error).__name__)
        return False


def _answer_one(future: asyncio.Future[bool], done: bool) -> None:
    if not future.done():
        future.set_result(done)


def _answer(results: Sequence[Any], futures: Sequence[asyncio.Future[Any]]) -> None:
    for result, future in zip(results, futures, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
