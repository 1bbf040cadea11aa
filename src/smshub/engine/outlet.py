"""One connector's share of the engine: what waits for it, what is under way, how fast it may go and how it fares."""

import asyncio
import random
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import msgspec
import structlog

from smshub.domain.addresses import blocking_key
from smshub.domain.contracts import Connector
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Receipt, Rejected, Uncertain
from smshub.domain.incoming import Incoming
from smshub.domain.limits import Breaker, BreakerState, Bucket
from smshub.domain.message import Message, MessageClass, State
from smshub.domain.retry import PATIENCE, ClassPolicy, after
from smshub.engine.committer import Committer
from smshub.engine.exchanges import Notebook
from smshub.engine.incoming import keep
from smshub.engine.lanes import BOUND, Lanes
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox, ReceiptEffect, Settled, Start

log = structlog.get_logger(__name__)

# Deferred for one of these, the provider cannot take anything, whatever the message.
SEVERE = frozenset({Reason.NO_CREDIT, Reason.BAD_CREDENTIALS})
PROVIDERS_FAULT = frozenset({Reason.TEMPORARY, Reason.UNREACHABLE, Reason.MISCONFIGURED}) | SEVERE


_NAMES = {kind: kind.__name__.lower() for kind in (Accepted, Deferred, Rejected, Uncertain)}


class Plan(Protocol):
    """
    What the outlets ask of the whole: where else a message may go, and how its class is treated.

    `blocked` are the recipients that nobody may reach.
    """

    blocked: Container[str]

    def ways(self, message: Message) -> Sequence[str]:
        """Tell the connectors that a message's route names, in order."""

    def policy(self, message_class: MessageClass) -> ClassPolicy:
        """Tell how a class is treated."""

    def requeue(self, message: Message) -> None:
        """Give a message that is QUEUED on disk to the outlet it names."""

    async def opened(self, rows: Sequence[Message]) -> list[Message]:
        """Give messages of the database with the texts to send; reject those whose text cannot be read any more."""

    def bar(self, message: Message) -> None:
        """Reject a message that is QUEUED and whose recipient is blocked."""


class Outlet:
    """
    One connector, its lanes, its bucket, its breaker and what is in flight.

    `fence` is the token of the lease under which this node owns the connector; None while another node does.
    `lease_until` (monotonic seconds) is how long it surely does: past it another may have taken over, so nothing is
    begun until the lease has been renewed.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        kind: str,
        origin: str,
        throughput: float | None,
        throughput_originator: float | None,
        committer: Committer,
        outbox: Outbox,
        plan: Plan,
    ) -> None:
        self.connector = connector
        self.name = connector.name
        self.kind = kind
        self.origin = origin
        self.lanes = Lanes()
        self.breaker = Breaker()
        self.fence: int | None = None
        self.lease_until = 0.0
        self.in_flight: dict[str, Message] = {}
        self.sent = 0
        self.failed = 0
        self.throttled = 0
        self.last_error: str | None = None
        self.balance: Balance | None = None
        self.down_since: float | None = time.monotonic()
        self.throughput = throughput
        self._throughput_originator = throughput_originator
        self.bucket = Bucket(throughput, time.monotonic())
        self._originators: dict[str, Bucket] = {}
        self._reserved = 0
        self._starting: set[str] = set()
        self._committer = committer
        self._outbox = outbox
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._pumping = False
        self._pump_timer: asyncio.TimerHandle | None = None
        self._reading = False
        self._wake_at: float | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._notebook = Notebook(committer)
        self._keeping: set[asyncio.Task[None]] = set()

    # --- life ---------------------------------------------------------------------------------------------------

    def run(self, fence: int, lease_until: float) -> None:
        """Own the connector until a moment (monotonic seconds): let it live and send what waits for it."""
        self.fence = fence
        self.lease_until = lease_until
        self._stopping = False
        self.lanes.look()
        self._life = asyncio.create_task(self._live(), name=f"connector {self.name}")
        self.pump_soon()

    async def stop(self) -> None:
        """Begin no more, let the connector settle what is in flight, and end it."""
        self._stopping = True
        if self._pump_timer is not None:
            self._pump_timer.cancel()
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
            self._life = None
        self.fence = None
        self.lanes.clear()

    async def _live(self) -> None:
        rest = 1.0
        while not self._stopping:
            try:
                await self.connector.run(self)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.last_error = f"{type(error).__name__}: {error}"
                log.exception("connector.crashed", connector=self.name)
            await asyncio.sleep(rest)
            rest = min(rest * 2, 60.0)

    # --- what the connector tells (domain.contracts.Events) -------------------------------------------------------

    def changed(self) -> None:
        """There may be room again, or the state has changed."""
        state = self.connector.state()
        if state.error is not None:
            self.last_error = state.error
        self.pump_soon()

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """A delivery report came."""

        def done(_: ReceiptEffect) -> None:
            stored()

        self._committer.receipt(self.name, receipt, done)

    def exchanged(self, message: Message, request: str, answer: str) -> None:
        """So was said in a try."""
        self._notebook.note(message.id, message.attempt, request, answer)

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """A text came in; where it cannot be written down, `stored` is not called and the connector offers it again."""
        task = asyncio.create_task(keep(self._committer, text, self.name, stored), name=f"{self.name} incoming")
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    # --- taking messages ------------------------------------------------------------------------------------------

    def available(self, now: float) -> bool:
        """Whether a message given to it now has a chance to leave soon; a connector of another node is trusted."""
        if self.fence is None:
            return not self._stopping
        return self.connector.state().up and self.breaker.allows(now) and self.bucket.paused(now) < PATIENCE

    def try_take(self, segments: int, originator: str, now: float) -> bool:
        """Reserve room for a message that is about to be written, if nothing waits before it and it may leave now."""
        if self.fence is None or self._stopping or now >= self.lease_until or not self.lanes.idle:
            return False
        if self.connector.room() <= self._reserved or not self.breaker.allows(now):
            return False
        if not self._take(segments, originator, now):
            return False
        self._reserved += segments
        if not self.breaker.closed:
            self.breaker.began()
        return True

    def give_up(self, segments: int) -> None:
        """Give the room back that `try_take` reserved."""
        self._reserved -= segments
        self.bucket.give_back(segments)
        self.breaker.gave_up()
        self.pump_soon()

    def launch(self, message: Message) -> None:
        """Send a message whose attempt is on disk and whose room is reserved."""
        if blocking_key(message.to) in self._plan.blocked:  # since it was accepted
            self._settle_barred(message)
            return
        self._reserved -= message.segments
        self.in_flight[message.id] = message
        self.connector.submit(message, partial(self._settle, message))

    def enqueue(self, message: Message) -> None:
        """Queue a message that is on disk as QUEUED for this connector."""
        if self.fence is None:
            return  # the owner finds it in the database
        if message.due_at > time.time():
            self.wake_at(message.due_at)
        else:
            self.lanes.add(message)
            self.pump_soon()

    def look(self) -> None:
        """Look into the database: it may hold something that memory does not."""
        self.lanes.look()
        self.pump_soon()

    def wake_at(self, due_at: float) -> None:
        """Look into the database at this time (seconds since 1970)."""
        if self._wake_at is None or due_at < self._wake_at:
            self._wake_at = due_at

    def tick(self, now: float, wall: float) -> None:
        """Do what time asks for: wake for what is due, note how long the connector has been down."""
        if self.available(now):
            self.down_since = None
        elif self.down_since is None:
            self.down_since = now
        if self._wake_at is not None and self._wake_at <= wall:
            self._wake_at = None
            self.lanes.look()
        self.pump_soon()

    # --- sending --------------------------------------------------------------------------------------------------

    def pump_soon(self) -> None:
        """Send what may leave, one turn of the loop later, however often it is asked for."""
        if not self._pumping and not self._stopping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self.fence is None or self._stopping:
            return
        now = time.monotonic()
        if now >= self.lease_until:
            return
        wall = time.time()
        ready = self._ready(now) if self._throughput_originator else None
        while self.lanes and self.connector.room() > self._reserved and self.breaker.allows(now):
            if (delay := self.bucket.delay(now)) > 0.0:
                self._pump_in(delay)
                break
            message = self.lanes.pick(ready)
            if message is None:
                self._pump_in(0.05)
                break
            if message.id in self._starting or message.id in self.in_flight:
                continue  # an older picture of what is on its way: begun again, it would be sent twice
            if blocking_key(message.to) in self._plan.blocked:
                self._plan.bar(message)
            elif message.expires_at > wall:  # else housekeeping expires it
                self._begin(message, now, wall)
        if not self._reading and self.lanes.wanting():
            self._reading = True
            asyncio.create_task(self._read(), name=f"refill {self.name}").add_done_callback(self._read_done)

    def _begin(self, message: Message, now: float, wall: float) -> None:
        fence = self.fence or 0
        self._starting.add(message.id)
        self._take(message.segments, message.originator, now)
        self._reserved += message.segments
        if not self.breaker.closed:
            self.breaker.began()
        started = msgspec.structs.replace(
            message, state=State.SENDING, attempt=message.attempt + 1, connector=self.name, fence=fence, started_at=wall
        )
        self._committer.start(
            Start(id=started.id, attempt=started.attempt, connector=self.name, fence=fence, at=wall),
            partial(self._started, started),
        )

    def _started(self, message: Message, there: bool | None) -> None:
        self._starting.discard(message.id)
        if there:
            self.launch(message)
            return
        # Cancelled, expired or moved meanwhile, or the database was not there: the database knows.
        self.give_up(message.segments)
        if there is None:
            self.never_left(message)
        self.lanes.look(message.message_class)

    def never_left(self, message: Message) -> None:
        """
        Take back an attempt that may have been written although the database failed.

        Its bytes have not left, so it waits again; where it was not written after all, this changes nothing.
        """
        outcome = Deferred(Reason.TEMPORARY, detail="the database failed before it could be sent")
        settled = settled_of(message, outcome, time.time(), State.QUEUED, message.due_at, self.name, message.resends)
        self._committer.settle(settled, self.look)

    def _settle_barred(self, message: Message) -> None:
        self.give_up(message.segments)
        outcome = Rejected(Reason.BARRED, detail="the recipient was blocked before it was sent")
        now = time.time()
        self._committer.settle(settled_of(message, outcome, now, State.REJECTED, now, self.name, message.resends))

    def _settle(self, message: Message, outcome: Outcome) -> None:
        self.in_flight.pop(message.id, None)
        now = time.monotonic()
        wall = time.time()
        self._learn(message, outcome, now)
        log.debug("attempt.settled", message=message.id, connector=self.name, state=outcome.__class__.__name__)
        self._committer.figures.outcomes[self.name, message.message_class._value_, _NAMES[type(outcome)]] += 1
        decision = after(
            message,
            outcome,
            now=wall,
            draw=random.random(),  # noqa: S311 - jitter, not a secret
            ways=() if isinstance(outcome, Accepted) else self._plan.ways(message),
            policy=self._plan.policy(message.message_class),
            idempotent=self.connector.capabilities.idempotent,
        )
        settled = settled_of(
            message, outcome, wall, decision.state, decision.due_at, decision.connector, decision.resends
        )
        if decision.state is State.QUEUED:
            again = msgspec.structs.replace(
                message,
                state=State.QUEUED,
                connector=decision.connector,
                due_at=decision.due_at,
                resends=decision.resends,
            )
            self._committer.settle(settled, partial(self._plan.requeue, again))
        else:
            self._committer.settle(settled)
        if self.lanes:
            self.pump_soon()

    def _learn(self, message: Message, outcome: Outcome, now: float) -> None:
        match outcome:
            case Accepted():
                self.sent += 1
                self.bucket.accepted(message.segments, now)
                self.breaker.succeeded()
            case Rejected():
                self.failed += 1
                self.breaker.succeeded()
            case Deferred(reason=Reason.THROTTLED, retry_after=retry_after):
                self.throttled += 1
                self.bucket.throttled(now, retry_after)
                self.breaker.gave_up()
            case Deferred(reason=reason, detail=detail):
                self.failed += 1
                self.last_error = detail or reason
                if reason in PROVIDERS_FAULT:
                    self.breaker.failed(now, severe=reason in SEVERE)
                else:
                    self.breaker.gave_up()
            case Uncertain(detail=detail):
                self.failed += 1
                self.last_error = detail or "no answer"
                self.breaker.failed(now)

    def _take(self, segments: int, originator: str, now: float) -> bool:
        if self._throughput_originator and originator:
            own = self._originators.get(originator)
            if own is None:
                own = self._originators[originator] = Bucket(self._throughput_originator, now)
            if not own.take(segments, now):
                return False
        return self.bucket.take(segments, now)

    def _ready(self, now: float) -> Callable[[Message], bool]:
        buckets = self._originators
        return lambda message: message.originator not in buckets or buckets[message.originator].delay(now) <= 0.0

    def _pump_in(self, delay: float) -> None:
        if self._pump_timer is not None:
            self._pump_timer.cancel()
        self._pump_timer = self._loop.call_later(delay, self.pump_soon)

    # --- reading what waits in the database -------------------------------------------------------------------------

    async def _read(self) -> None:
        for message_class in self.lanes.wanting():
            self.lanes.begin_reading(message_class)
            wall = time.time()
            rows = await asyncio.to_thread(self._outbox.due, self.name, message_class, wall, BOUND)
            self.lanes.read(message_class, await self._plan.opened(rows), complete=len(rows) < BOUND)
        due_at = await asyncio.to_thread(self._outbox.next_due, self.name, time.time())
        if due_at is not None:
            self.wake_at(due_at)

    def _read_done(self, task: asyncio.Task[None]) -> None:
        self._reading = False
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.pump_soon()
        elif not isinstance(error, StoreUnavailable):
            log.error("outlet.read_failed", connector=self.name, error=repr(error))

    # --- telling ----------------------------------------------------------------------------------------------------

    def condition(self, now: float) -> str:
        """Tell its state in a word: up, down, open, elsewhere."""
        if self.fence is None:
            return "elsewhere"
        if self.breaker.state(now) is BreakerState.OPEN:
            return "open"
        return "up" if self.connector.state().up else "down"


def settled_of(
    message: Message, outcome: Outcome, at: float, state: State, due_at: float, connector: str, resends: int
) -> Settled:
    """Make the row of what a try came to."""
    reason = None if isinstance(outcome, Accepted) else outcome.reason
    return Settled(
        id=message.id,
        attempt=message.attempt,
        fence=message.fence,
        state=state.value,
        outcome=_NAMES[type(outcome)],
        reason=None if reason is None else reason.value,
        code=outcome.code if isinstance(outcome, Deferred | Rejected) else None,
        detail=outcome.detail,
        refs=outcome.refs if isinstance(outcome, Accepted) else (),
        at=at,
        due_at=due_at,
        connector=connector,
        resends=resends,
    )
