"""
The guard of one-time passwords at work (domain.contracts.Guard).

It judges from memory, in microseconds. What it counts is on disk with the code that it was counted for, so a restart
finds it all again, and other nodes read it within a second or two.
"""

import asyncio
import heapq
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.challenges import (
    Counted,
    Decision,
    Decisions,
    Leave,
    ListDecisions,
    ListPrefixes,
    OpenPrefix,
    Prefixes,
    PrefixView,
)
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.conversion import Judged
from smshub.domain.counting import DAY, HOUR
from smshub.domain.guard import GuardBook, GuardMode, GuardPolicy, GuardRequest, Objection
from smshub.domain.ids import first_id
from smshub.domain.prefixes import country_of, network_of, prefix_of
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.store import guard as store
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

TICK = 1.0
FORGET_EVERY = 60.0
KEEP_COUNTED = DAY + HOUR
KEEP_DECISIONS = 30 * DAY
READ_AT_ONCE = 10_000
# Most decisions that wait to be written; under a flood of more, how many there were is told instead.
MOST_WAITING = 20_000
MOST_SHOWN = 500

NO_LEAVE = Leave()


class Note(NamedTuple):
    """A prefix that was found to convert badly, until that is written and told."""

    judged: Judged
    request: GuardRequest
    enforced: bool
    why: str
    at: float
    until: float


class Guarding:
    """
    Lets codes be sent, or not, and remembers why.

    `shared`: other nodes count in the same database. `note` writes an entry of the audit log.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        *,
        node: str,
        shared: bool,
        note: Callable[..., Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._node = node
        self._shared = shared
        self._note = note
        self._clock = clock
        self._ids = Ids(clock)
        self.book = GuardBook()
        self._number = 0
        self._read: dict[str, int] = {}
        self._waiting: list[Decision] = []
        self._unkept = 0
        self._news: list[Note] = []
        self._writing = asyncio.Lock()
        self._forgot_at = clock()
        self._task: asyncio.Task[None] | None = None

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """What it carries out, for `Hub.serve`."""
        return {ListDecisions: self._list, ListPrefixes: self._prefixes, OpenPrefix: self._open}

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Remember what is on disk, then keep up with it. Raises `StoreUnavailable`."""
        await self.load()
        self._task = asyncio.create_task(self._run(), name="guard")

    async def stop(self) -> None:
        """Write down what is left to be written."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(StoreUnavailable):
            await self._write()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                await self.tick()
            except StoreUnavailable:
                continue  # what waits is kept
            except Exception:
                log.exception("guard.failed")

    async def load(self) -> None:
        """Remember the last day, of every node. Raises `StoreUnavailable`."""
        await asyncio.to_thread(self._load, self._clock())

    def _load(self, now: float) -> None:
        for kept in self._outbox.read(store.read_prefixes):
            self._take_over(kept, now)
        nodes = self._outbox.read(store.read_nodes)
        since = int((now - DAY) * 1e6)
        for counted in heapq.merge(*(self._after(node, since, now) for node in nodes), key=lambda one: one.at):
            self._apply(counted, now)
        last = self._outbox.read(partial(store.read_last, node=self._node))
        self._number = max(self._number, last)

    def _after(self, node: str, number: int, now: float) -> Iterator[Counted]:
        """Give what a node has counted after a number, and remember how far that was; what is old was only sent."""
        read = partial(store.read_counted, node=node, typed_after=now - HOUR, limit=READ_AT_ONCE)
        while True:
            found = self._outbox.read(partial(read, after=number))
            if found:
                number = self._read[node] = found[-1].number
                yield from found
            if len(found) < READ_AT_ONCE:
                return

    async def tick(self) -> None:
        """Write what waits, learn what other nodes have counted, forget what is old. Raises `StoreUnavailable`."""
        now = self._clock()
        await self._write()
        if self._shared:
            await self._catch_up(now)
        if now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            while await self._committer.call(partial(store.forget_counted, before=now - KEEP_COUNTED)):
                pass
            decided = first_id(now - KEEP_DECISIONS)
            while await self._committer.call(partial(store.forget_decisions, before=decided)):
                pass
            await self._committer.call(partial(store.forget_prefixes, before=now - DAY))

    # --- judging ----------------------------------------------------------------------------------------------------

    async def check(self, account: Account, to: str, source: str, now: float) -> Leave:
        """Let a code be sent. Raises `Refused`."""
        policy = account.otp.guard
        if policy.mode is GuardMode.OFF:
            return NO_LEAVE
        request = _request(account.name, to, source, account.country or "")
        enforced = policy.mode is GuardMode.ENFORCE
        if request.prefix:
            self._look(policy, request, now, enforced=enforced)
        for objection in self.book.objections(policy, request, now):
            self._decided(request, objection.rule, objection.why, now, allowed=False, enforced=enforced)
            if enforced:
                raise _refused(objection, request)
        before = self.book.count(request, now)
        return Leave(self._counted(request, now), before)

    def unsent(self, leave: Leave) -> None:
        """Forget what was let through and not sent after all."""
        counted = leave.counted
        if counted is not None:
            request = _request(counted.account, counted.recipient, counted.source)
            self.book.take_back(request, counted.at, leave.before)

    def typed(self, account: Account, to: str, now: float) -> Counted | None:
        """Tell what is to be written where a code is right."""
        if account.otp.guard.mode is GuardMode.OFF or "@" in to:
            return None
        return msgspec.structs.replace(self._counted(GuardRequest(account.name, to), now), typed=True)

    async def verified(self, account: Account, to: str, now: float) -> None:
        """Count that a code was right."""
        if account.otp.guard.mode is not GuardMode.OFF and "@" not in to:
            self.book.typed(prefix_of(to), to)

    def _counted(self, request: GuardRequest, now: float) -> Counted:
        self._number = max(self._number + 1, int(now * 1e6))
        return Counted(self._node, self._number, request.account, request.to, request.source, now)

    def _look(self, policy: GuardPolicy, request: GuardRequest, now: float, *, enforced: bool) -> None:
        judged = self.book.look(policy, request, now)
        if judged is Judged.FINE:
            return
        prefix = self.book.prefixes[request.prefix]
        requested, verified, _ = prefix.counts(policy.conversion, now)
        why = f"{verified} of the last {requested} receivers have typed their code"
        self._news.append(Note(judged, request, enforced, why, now, prefix.blocked_until))

    def _decided(
        self, request: GuardRequest, rule: str, why: str, now: float, *, allowed: bool, enforced: bool
    ) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._unkept += 1
            return
        self._waiting.append(
            Decision(
                id=self._ids(),
                at=now,
                account=request.account,
                to=request.to,
                allowed=allowed,
                enforced=enforced,
                rule=rule,
                why=why,
                country=request.country,
                prefix=request.prefix or request.domain,
                source=request.source,
            )
        )

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        async with self._writing:
            while self._news:
                await self._tell(self._news[0])
                del self._news[0]
            if self._waiting:
                await self._write_decisions()

    async def _write_decisions(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            await self._committer.call(partial(store.add_decisions, decisions=waiting))
        except StoreUnavailable:
            self._waiting[:0] = waiting
            raise
        if self._unkept:
            log.warning("guard.decisions_not_kept", count=self._unkept)
            self._unkept = 0

    async def _tell(self, note: Note) -> None:
        """Write, log and keep what was found of a prefix, unless another node has done so already."""
        request = msgspec.structs.replace(note.request, to="", source="")
        prefix, country = request.prefix, request.country
        blocked = note.judged is Judged.BLOCK
        if blocked:
            change = partial(store.note_block, prefix=prefix, country=country, until=note.until, now=note.at)
        else:
            change = partial(store.note_alarm, prefix=prefix, country=country, now=note.at)
        if not await self._committer.call(change):
            return
        self._decided(
            request,
            "block" if blocked else "alarm",
            note.why,
            note.at,
            allowed=not blocked,
            enforced=blocked and note.enforced,
        )
        event = "guard.prefix_blocked" if blocked else "guard.prefix_converts_badly"
        log.warning(event, prefix=prefix, country=country, why=note.why, enforced=note.enforced)
        if blocked:
            after = {"why": note.why, "until": note.until, "enforced": note.enforced}
            await self._note("guard", "BlockPrefix", prefix, None, after)

    # --- several nodes ----------------------------------------------------------------------------------------------

    async def _catch_up(self, now: float) -> None:
        for kept in await asyncio.to_thread(self._outbox.read, store.read_prefixes):
            self._take_over(kept, now)
        for node in await asyncio.to_thread(self._outbox.read, store.read_nodes):
            if node == self._node:
                continue
            after = self._read.get(node, int((now - DAY) * 1e6))
            for counted in await asyncio.to_thread(
                lambda node, after: list(self._after(node, after, now)), node, after
            ):
                self._apply(counted, now)

    def _take_over(self, kept: store.KeptPrefix, now: float) -> None:
        """Take over what was done about a prefix, here before the start, or by another node."""
        prefix = self.book.prefix(kept.prefix, kept.country)
        if kept.opened_at > prefix.since:
            prefix.begin_anew(kept.opened_at, trial=False)
        if kept.blocked_until > now:
            prefix.blocked_until = max(prefix.blocked_until, kept.blocked_until)
        elif kept.blocked_until > prefix.since:
            prefix.begin_anew(kept.blocked_until, trial=True)
        if kept.alarmed_at > prefix.since:
            prefix.alarmed_at = kept.alarmed_at

    def _apply(self, counted: Counted, now: float) -> None:
        """Count what was written, here before the start, or by another node."""
        to, at = counted.recipient, counted.at
        request = _request(counted.account, to, counted.source)
        if counted.typed:
            self.book.typed(request.prefix, to)
        else:
            self.book.count(request, at, lately=at > now - HOUR)

    # --- operators --------------------------------------------------------------------------------------------------

    async def _list(self, account: Account, command: ListDecisions) -> Decisions:
        _need(account.sees_all)
        await self._write()
        return await asyncio.to_thread(self._outbox.read, partial(store.read_decisions, asked=command))

    async def _prefixes(self, account: Account, _: ListPrefixes) -> Prefixes:
        _need(account.sees_all)
        now = self._clock()
        rules = account.otp.guard.conversion
        views = []
        for place, (name, prefix) in enumerate(list(self.book.prefixes.items())):
            if not place % 200:
                await asyncio.sleep(0)  # thousands of prefixes hold nobody up
            requested, verified, since = prefix.counts(rules, now)
            until = prefix.blocked_until if prefix.blocked_until > now else None
            if requested or until:
                views.append(PrefixView(name, prefix.country, requested, verified, since, until))
        views.sort(key=lambda one: (one.blocked_until is None, one.verified / max(1, one.requested), -one.requested))
        return Prefixes(tuple(views[:MOST_SHOWN]))

    async def _open(self, account: Account, command: OpenPrefix) -> Done:
        _need(account.operates)
        await self._write()
        now = self._clock()
        if not await self._committer.call(partial(store.open_prefix, prefix=command.prefix, now=now)):
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="blocked prefix")
        prefix = self.book.prefixes.get(command.prefix)
        if prefix is not None:
            prefix.begin_anew(now, trial=False)
        log.info("guard.prefix_opened", prefix=command.prefix, by=account.name)
        return Done(f"{command.prefix} is open")


def _request(account: str, to: str, source: str, home: str = "") -> GuardRequest:
    if "@" in to:
        return GuardRequest(account, to, domain=to[to.rindex("@") + 1 :])
    return GuardRequest(account, to, network_of(source) if source else "", country_of(to), prefix_of(to), "", home)


def _refused(objection: Objection, request: GuardRequest) -> Refused:
    if objection.rule == "countries":
        return Refused(Refusal.FORBIDDEN, "GuardCountry", member="to", country=request.country or "that place")
    if objection.rule == "blocked":
        return Refused(Refusal.FORBIDDEN, "GuardPrefix", member="to")
    wait = max(1.0, objection.retry_after or 0.0)
    name = "GuardRecipient" if objection.rule.startswith("recipient") else "GuardLimited"
    return Refused(Refusal.LIMITED, name, member="to", retry_after=wait, seconds=math.ceil(wait))


def _need(allowed: bool) -> None:
    if not allowed:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
