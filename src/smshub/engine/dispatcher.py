"""The dispatcher: every outlet, the routes between them, and the policies of the classes."""

import asyncio
import random
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import structlog

from smshub.domain.commands import ConnectorView, Way
from smshub.domain.delivery import Reason, Uncertain
from smshub.domain.message import Message, MessageClass
from smshub.domain.retry import ClassPolicy, after
from smshub.domain.routing import Routes, draws_of
from smshub.engine.committer import Committer
from smshub.engine.outlet import Outlet, settled_of
from smshub.engine.privacy import Privacy
from smshub.engine.ways import ways_of
from smshub.store.changes import reject, requeue
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

# How long a connector may be down before what waits for it looks for another way, in seconds.
FAILOVER_AFTER = 3.0
FAILOVER_BATCH = 500


class Traffic(msgspec.Struct, frozen=True):
    """What the configuration says of traffic: routes and the policies of the classes."""

    routes: Routes
    policies: Mapping[MessageClass, ClassPolicy]


class Dispatcher:
    """Knows all outlets and says which one a message takes."""

    def __init__(self, committer: Committer, outbox: Outbox, traffic: Traffic, privacy: Privacy) -> None:
        self._committer = committer
        self._privacy = privacy
        self._outbox = outbox
        self.outlets: dict[str, Outlet] = {}
        self.traffic = traffic
        self.blocked: Container[str] = frozenset()
        self._barring: set[asyncio.Task[None]] = set()

    # --- where to -------------------------------------------------------------------------------------------------

    def find(self, to: str, account: str, message_class: MessageClass, message_id: str) -> tuple[str, ...]:
        """Tell the connectors for a message, in order; empty where no route leads to one that exists."""
        found = self.traffic.routes.find(to, account, message_class)
        if found is None:
            return ()
        order = found[0].order(draws_of(message_id))
        if len(order) == 1:
            return order if order[0] in self.outlets else ()
        return tuple(name for name in order if name in self.outlets)

    def ways(self, message: Message) -> Sequence[str]:
        """Tell the connectors that a message's route names now, in order; a pinned one's own is its only one."""
        if message.pinned:
            return (message.connector,) if message.connector in self.outlets else ()
        return self.find(message.to, message.account, message.message_class, message.id)

    def policy(self, message_class: MessageClass) -> ClassPolicy:
        """Tell how a class is treated."""
        return self.traffic.policies[message_class]

    def choose(self, ways: Sequence[str], now: float) -> Outlet:
        """Choose the first way that can send now; where none can, the first."""
        outlets = self.outlets
        if len(ways) > 1:
            for name in ways:
                if outlets[name].available(now):
                    return outlets[name]
        return outlets[ways[0]]

    def requeue(self, message: Message) -> None:
        """Give a message that is QUEUED on disk to the outlet it names."""
        outlet = self.outlets.get(message.connector)
        if outlet is not None:
            outlet.enqueue(message)

    def bar_from(self, blocked: Container[str]) -> None:
        """Take over who may not be reached."""
        self.blocked = blocked

    def look(self, connector: str) -> None:
        """Let an outlet look into the database: it may hold something that memory does not."""
        outlet = self.outlets.get(connector)
        if outlet is not None:
            outlet.look()

    async def opened(self, rows: Sequence[Message]) -> list[Message]:
        """
        Give messages of the database with the texts to send; reject those whose text cannot be read any more.

        The one place where what was sealed is opened to be sent. Raises `StoreUnavailable`.
        """
        readable = [message for row in rows if (message := self._privacy.opened(row)) is not None]
        if len(readable) < len(rows):
            lost = list({row.id for row in rows} - {message.id for message in readable})
            await self._committer.call(partial(reject, ids=lost, reason=Reason.UNREADABLE, now=time.time()))
            log.error("messages.unreadable", count=len(lost), why="erased, or sealed under another server.secret")
        return readable

    def explain(self, to: str, account: str, message_class: MessageClass) -> tuple[Way, ...]:
        """Tell every route that might have been meant for a number, and why it is taken or passed over."""
        return ways_of(self.traffic.routes, self.outlets, to, account, message_class, time.monotonic())

    def bar(self, message: Message) -> None:
        """Reject a message that waited while its recipient was blocked; no attempt is begun."""
        barring = asyncio.create_task(self._bar(message), name=f"bar {message.id}")
        self._barring.add(barring)
        barring.add_done_callback(self._barring.discard)

    async def _bar(self, message: Message) -> None:
        with suppress(StoreUnavailable):  # it is still QUEUED, and comes again when its lane is next read
            await self._committer.call(partial(reject, ids=[message.id], reason=Reason.BARRED, now=time.time()))

    # --- life -----------------------------------------------------------------------------------------------------

    def adopt_interrupted(self, outlet: Outlet, messages: Sequence[Message]) -> None:
        """
        Decide on messages whose try was cut off by a crash, or by another node's lease running out.

        Their bytes may have left, so each is UNCERTAIN and its class says what follows.
        """
        now = time.time()
        outcome = Uncertain(Reason.CRASHED, "the hub stopped between sending and the provider's answer")
        for message in messages:
            decision = after(
                message,
                outcome,
                now=now,
                draw=random.random(),  # noqa: S311 - jitter, not a secret
                ways=self.ways(message),
                policy=self.policy(message.message_class),
                idempotent=outlet.connector.capabilities.idempotent,
            )
            settled = settled_of(
                message, outcome, now, decision.state, decision.due_at, decision.connector, decision.resends
            )
            self._committer.settle(settled, outlet.look)
        if messages:
            log.warning("messages.interrupted", connector=outlet.name, count=len(messages))

    async def failover(self, now: float) -> None:
        """Move what waits for a connector that has been down for a while to another of its ways that is up."""
        for outlet in list(self.outlets.values()):
            if outlet.fence is None or outlet.down_since is None or now - outlet.down_since < FAILOVER_AFTER:
                continue
            if not any(other.available(now) for other in self.outlets.values() if other is not outlet):
                continue
            for message_class in MessageClass:
                waiting = await asyncio.to_thread(
                    self._outbox.due, outlet.name, message_class, time.time(), FAILOVER_BATCH
                )
                await self._move(outlet, waiting, now)

    async def adopt_orphans(self, connector: str) -> None:
        """Find a way for what waits for a connector that is no longer configured; refuse what has none."""
        now = time.monotonic()
        for message_class in MessageClass:
            waiting = await asyncio.to_thread(self._outbox.due, connector, message_class, time.time(), FAILOVER_BATCH)
            moves: dict[str, list[str]] = {}
            lost: list[str] = []
            for message in waiting:
                ways = self.ways(message)
                (moves.setdefault(self.choose(ways, now).name, []) if ways else lost).append(message.id)
            await self._requeue(connector, moves)
            if lost:
                await self._committer.call(partial(reject, ids=lost, reason=Reason.NO_ROUTE, now=time.time()))
                log.warning("messages.no_route", count=len(lost), before=connector)

    async def _move(self, outlet: Outlet, waiting: Sequence[Message], now: float) -> None:
        moves: dict[str, list[str]] = {}
        for message in waiting:
            if message.resends:
                continue  # an uncertain one never fails over
            other = next(
                (name for name in self.ways(message) if name != outlet.name and self.outlets[name].available(now)), None
            )
            if other is not None:
                moves.setdefault(other, []).append(message.id)
        await self._requeue(outlet.name, moves)

    async def _requeue(self, before: str, moves: Mapping[str, Sequence[str]]) -> None:
        due_at = time.time()
        for name, ids in moves.items():
            await self._committer.call(partial(requeue, ids=ids, connector=name, due_at=due_at))
            self.outlets[name].look()
            log.info("messages.failed_over", count=len(ids), before=before, after=name)

    def views(self, queued: Mapping[str, int], now: float) -> tuple[ConnectorView, ...]:
        """Tell every connector with its figures; `queued` counts what waits for each in the database."""
        return tuple(
            ConnectorView(
                name=outlet.name,
                type=outlet.kind,
                state=outlet.condition(now),
                queued=queued.get(outlet.name, 0),
                in_flight=len(outlet.in_flight),
                throughput=outlet.throughput,
                sent=outlet.sent,
                failed=outlet.failed,
                last_error=outlet.last_error,
                origin=outlet.origin,
                balance=None if outlet.balance is None else outlet.balance.amount,
                balance_unit=None if outlet.balance is None else outlet.balance.unit,
            )
            for outlet in self.outlets.values()
        )
