"""The hub: carries out every command, whichever door it came through."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import structlog

from smshub import __version__
from smshub.domain.accounts import Account
from smshub.domain.commands import (
    Block,
    CancelMessage,
    Command,
    Connectors,
    Explain,
    HubStatus,
    ListBlocked,
    ListConnectors,
    Listed,
    ListMessages,
    Refusal,
    Refused,
    ReleaseMessage,
    Reply,
    SendTexts,
    ShowMessage,
    Shown,
    Status,
    Submitted,
    TestConnector,
    Unblock,
)
from smshub.domain.ids import SLACK, first_id
from smshub.domain.limits import Bucket
from smshub.domain.message import Message, MessageClass, State
from smshub.engine.accepting import Bound, Draft, Unbound, as_mail, draft, recipient_of
from smshub.engine.blocklist import Blocked
from smshub.engine.committer import Committer
from smshub.engine.dispatcher import Dispatcher
from smshub.engine.explaining import explain
from smshub.engine.ids import Ids
from smshub.engine.outlet import Outlet
from smshub.engine.privacy import Privacy, all_shown, shown
from smshub.engine.several import completed, sort_out
from smshub.engine.watching import memory
from smshub.store.batch import Taken
from smshub.store.changes import cancel, release
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Accept, Outbox, Replay

log = structlog.get_logger(__name__)

# What may have become true of a request since it was first accepted: a repeat still gets the first answer.
_OVERTAKEN = frozenset({Refusal.EXPIRED, Refusal.BLOCKED, Refusal.NO_ROUTE})

# What keeps the hub from taking texts, the worst first.
TROUBLES = {
    "stopping": "stopping",
    "database": "the database cannot be written",
    "disk": "the disk is nearly full",
    "queue": "the queue is full",
}

_ID = re.compile("[0-9a-f]{32}")


class Hub:
    """Takes commands (domain.contracts.Hub); a text is answered only when it is on disk."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        committer: Committer,
        dispatcher: Dispatcher,
        node: str,
        queue_limit: int,
        privacy: Privacy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._dispatcher = dispatcher
        self._node = node
        self._queue_limit = queue_limit
        self._queued: dict[str, int] = {}
        self._backlog = 0
        self._privacy = privacy
        self._clock = clock
        self._ids = Ids(clock)
        self.blocked = Blocked(outbox, committer, privacy, clock, dispatcher.bar_from)
        self._loop = asyncio.get_running_loop()
        self._buckets: dict[str, Bucket] = {}
        self._started_at = clock()
        self.listeners: tuple[str, ...] = ()
        self.stopping = False
        self.disk_full = False
        self._handlers: dict[type, Callable[[Account, Any], Awaitable[Reply]]] = {
            ShowMessage: self._show,
            ListMessages: self._list,
            CancelMessage: self._cancel,
            ReleaseMessage: self._release,
            Explain: partial(explain, dispatcher=dispatcher, blocked=self.blocked, clock=clock),
            HubStatus: self.status,
            ListConnectors: self._list_connectors,
            TestConnector: self._test,
            Block: self.blocked.block,
            Unblock: self.blocked.unblock,
            ListBlocked: self.blocked.list,
        }

    async def handle(self, account: Account, command: Command) -> Reply:
        """Carry out a command for an account. Raises `Refused`."""
        try:
            if type(command) is SendTexts:  # the hot one
                return await self.send(account, command)
            handler = self._handlers.get(type(command))
            if handler is None:
                raise Refused(Refusal.NOT_FOUND, "NotOffered", what=type(command).__name__)  # noqa: TRY301 - counted too
            return await handler(account, command)
        except StoreUnavailable:
            raise Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=1.0) from None
        except Refused as refused:
            self._committer.figures.refused[refused.error] += 1
            raise

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give who carries out which command."""
        return self._handlers

    def serve(self, handlers: Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]) -> None:
        """Let commands be carried out elsewhere, each kind by its own function."""
        self._handlers.update(handlers)

    # --- accepting ------------------------------------------------------------------------------------------------

    async def send(self, account: Account, command: SendTexts, bound: Bound | None = None) -> Submitted:
        """
        Put a text on disk for every recipient and set it on its way. Raises `Refused`.

        A text `bound` to a challenge is written together with it, or, where that cannot be, `Unbound` is raised.
        """
        if self.stopping:
            raise Refused(Refusal.UNAVAILABLE, "Stopping", retry_after=2.0)
        if self._backlog >= self._queue_limit:
            raise Refused(Refusal.UNAVAILABLE, "QueueFull", retry_after=30.0)
        if self.disk_full:
            raise Refused(Refusal.UNAVAILABLE, "DiskFull", retry_after=30.0)
        left_out: dict[str, Refused] = {}
        try:
            taken = self._take(account, command, left_out)
        except Refused as refused:
            if command.reference is None or refused.refusal not in _OVERTAKEN:
                raise
            reference = self._privacy.reference(command.reference)
            found = await asyncio.to_thread(self._outbox.find_reference, account.name, reference)
            if found is None:
                raise
            submitted = await self._replay(found, command.reference, self._print(command, bound) or "")
        else:
            submitted = await self._commit(account, command, taken, bound)
        return completed(submitted, command.to, left_out) if account.partial and len(command.to) > 1 else submitted

    def _take(self, account: Account, command: SendTexts, left_out: dict[str, Refused]) -> list[tuple[Outlet, Message]]:
        """
        Make the messages of a submission, each with its outlet. Raises `Refused`.

        Receivers that are refused while others are taken, for an account that wants it so, go into `left_out`.
        """
        now = self._clock()
        drafted = draft(account, command, now, self._dispatcher.policy)
        if account.rate is not None:
            self._limit(account, len(command.to))
        asked = self._asked_for(account, command)

        def way_of(written: str) -> tuple[tuple[str, str], str, tuple[str, ...]]:
            to = recipient_of(account, written)
            self.blocked.check(to, written)
            message_id = self._ids()
            if asked:
                self._check_channel(asked[0], to, written)
                return (written, to), message_id, asked
            return (written, to), message_id, self._ways(account, drafted, written, to, message_id)

        some = account.partial and len(command.to) > 1
        found = sort_out(command.to, way_of, left_out) if some else [way_of(written) for written in command.to]
        # From here on nothing is refused, so that the room reserved is either used or given back at the commit.
        submission = found[0][1]
        return [
            self._assign(drafted, account, command, recipient, way, submission, message_id, now)
            for recipient, message_id, way in found
        ]

    def _asked_for(self, account: Account, command: SendTexts) -> tuple[str, ...]:
        """Give the connector that a request names past the routes, none where it names none. Raises `Refused`."""
        name = command.connector
        if name is None:
            return ()
        if "Connector" not in account.may_override:
            raise Refused(Refusal.FORBIDDEN, "SettingNotAllowed", member="settings", name="Connector")
        if name not in self._dispatcher.outlets:
            raise Refused(Refusal.NO_ROUTE, "UnknownConnector", member="settings", value=name[:64])
        return (name,)

    def _ways(self, account: Account, drafted: Draft, written: str, to: str, message_id: str) -> tuple[str, ...]:
        ways = self._dispatcher.find(to, account.name, drafted.message_class, message_id)
        if not ways:
            raise Refused(Refusal.NO_ROUTE, "NoMailRoute" if "@" in to else "NoRoute", member="to", value=written[:64])
        return ways

    def _check_channel(self, name: str, to: str, written: str) -> None:
        """Refuse a connector, named past the routes, that does not reach such a recipient. Raises `Refused`."""
        can = self._dispatcher.outlets[name].connector.capabilities
        if not (can.mail if "@" in to else can.texts):
            raise Refused(Refusal.NO_ROUTE, "WrongChannel", member="to", name=name, value=written[:64])

    def _assign(
        self,
        drafted: Draft,
        account: Account,
        command: SendTexts,
        recipient: tuple[str, str],
        ways: tuple[str, ...],
        submission: str,
        message_id: str,
        now: float,
    ) -> tuple[Outlet, Message]:
        """Make a message; where its outlet can take it at once, its first attempt is part of the same commit."""
        if "@" in recipient[1]:
            drafted = as_mail(drafted, account, command)
        outlet = self._dispatcher.choose(ways, self._loop.time())
        begun = drafted.due_at <= now and outlet.try_take(drafted.segments, drafted.originator, self._loop.time())
        return outlet, Message(
            id=message_id,
            submission=submission,
            account=account.name,
            to=recipient[1],
            to_written=recipient[0],
            text=drafted.text,
            created_at=now,
            due_at=drafted.due_at,
            expires_at=drafted.expires_at,
            originator=drafted.originator,
            message_class=drafted.message_class,
            flash=drafted.flash,
            encoding=drafted.encoding,
            segments=drafted.segments,
            client=command.client,
            source=command.source,
            state=State.SENDING if begun else State.QUEUED,
            connector=outlet.name,
            attempt=1 if begun else 0,
            fence=(outlet.fence or 0) if begun else 0,
            started_at=now if begun else None,
            subject=drafted.subject,
            pinned=command.connector is not None,
        )

    async def _commit(
        self,
        account: Account,
        command: SendTexts,
        taken: list[tuple[Outlet, Message]],
        bound: Bound | None = None,
    ) -> Submitted:
        challenge = None
        if bound is not None:
            outlet, message = taken[0]
            message, challenge = bound.bind(message)
            taken = [(outlet, message)]
        written = self._privacy.sealed(tuple(message for _, message in taken))
        future: asyncio.Future[Replay | Taken | StoreUnavailable | None] = self._loop.create_future()

        def done(result: Replay | Taken | StoreUnavailable | None) -> None:
            _hand_over(taken, result)
            if not future.done():  # the caller may have gone; the messages stay
                future.set_result(result)

        reference = command.reference
        print_ = self._print(command, bound)
        kept_as = None if reference is None else self._privacy.reference(reference)
        accept = Accept(written, account.name, kept_as, print_, challenge)
        self._committer.accept(accept, done)
        result = await future
        if result is None:
            log.debug("text.accepted", account=account.name, message=written[0].id, count=len(written))
            return Submitted(all_shown(written) if written[0].message_class is MessageClass.OTP else written)
        if isinstance(result, Replay):
            return await self._replay(result, reference or "", print_ or "")
        if isinstance(result, Taken):
            raise Unbound(result)
        raise Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=1.0)

    async def _replay(self, replay: Replay, reference: str, print_: str) -> Submitted:
        if replay.fingerprint != print_:
            raise Refused(Refusal.CONFLICT, "ReferenceConflict", member="reference", value=reference)
        try:
            messages = await asyncio.to_thread(self._outbox.submission, replay.submission)
        except StoreUnavailable:
            raise Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=1.0) from None
        return Submitted(all_shown(messages), replayed=True)

    def _print(self, command: SendTexts, bound: Bound | None) -> str | None:
        """Tell two requests with one reference apart."""
        if command.reference is None:
            return None
        return self._privacy.fingerprint(command) if bound is None else bound.fingerprint

    def _limit(self, account: Account, count: int) -> None:
        now = self._loop.time()
        bucket = self._buckets.get(account.name)
        if bucket is None or bucket.rate != account.rate:
            bucket = self._buckets[account.name] = Bucket(account.rate, now)
        if not bucket.take(count, now):
            wait = bucket.delay(now)
            raise Refused(Refusal.LIMITED, "Limited", retry_after=wait, seconds=max(1, round(wait)))

    # --- the rest -------------------------------------------------------------------------------------------------

    async def _list_connectors(self, account: Account, _: ListConnectors) -> Connectors:
        _need(account.sees_all)
        return Connectors(self._dispatcher.views(self._queued, self._loop.time()))

    async def _find(self, account: Account, message_id: str) -> Message:
        message = await asyncio.to_thread(self._outbox.message, message_id)
        # Another account's message is answered as if it were not there, so that ids tell nothing.
        if message is None or not (account.sees_all or message.account == account.name):
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="message")
        return message

    async def _show(self, account: Account, command: ShowMessage | CancelMessage | ReleaseMessage) -> Shown:
        message = await self._find(account, command.id)
        return Shown(shown(message), await asyncio.to_thread(self._outbox.attempts, message.id))

    async def _list(self, account: Account, command: ListMessages) -> Listed:
        own = None if account.sees_all else account.name
        if command.cursor is not None and not _ID.fullmatch(command.cursor):
            raise Refused(
                Refusal.MALFORMED,
                "BadFilter",
                member="cursor",
                name="cursor",
                value=command.cursor[:40],
                why="not one of ours",
            )
        if command.until is not None and command.cursor is None:
            # Begin there, rather than with the newest.
            command = msgspec.structs.replace(command, cursor=first_id(command.until + SLACK))
        if command.reference is not None:
            command = msgspec.structs.replace(command, reference=self._privacy.reference(command.reference))
        page = await asyncio.to_thread(self._outbox.page, command, own)
        return Listed(all_shown(page.messages), page.cursor)

    async def _cancel(self, account: Account, command: CancelMessage) -> Shown:
        message = await self._find(account, command.id)
        if message.account != account.name and not account.operates:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        state = await self._committer.call(partial(cancel, id=message.id, account=None, now=self._clock()))
        if state is not State.CANCELLED:
            raise Refused(
                Refusal.CONFLICT,
                "WrongState",
                state=state,
                why="only a message that is QUEUED, or UNCERTAIN and held, can be cancelled",
            )
        return await self._show(account, command)

    async def _release(self, account: Account, command: ReleaseMessage) -> Shown:
        _need(account.operates)
        message = await self._find(account, command.id)
        if message.state is State.UNCERTAIN and not message.text:
            raise Refused(Refusal.CONFLICT, "WrongState", state=message.state, why="its text was erased")
        state = await self._committer.call(partial(release, id=message.id, now=self._clock()))
        if state is not State.QUEUED or message.state is not State.UNCERTAIN:
            raise Refused(Refusal.CONFLICT, "WrongState", state=state, why="only a held UNCERTAIN message is released")
        self._dispatcher.look(message.connector)
        return await self._show(account, command)

    async def _test(self, account: Account, command: TestConnector) -> Submitted:
        _need(account.operates)
        if command.name not in self._dispatcher.outlets:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="connector")
        asked = SendTexts(to=(command.to,), text=command.text, valid_for=60.0, connector=command.name)
        now = self._clock()
        message_id = self._ids()
        drafted = draft(account, asked, now, self._dispatcher.policy)
        recipient = (command.to, recipient_of(account, command.to))
        self.blocked.check(recipient[1], command.to)
        self._check_channel(command.name, recipient[1], command.to)
        taken = self._assign(drafted, account, asked, recipient, (command.name,), message_id, message_id, now)
        return await self._commit(account, asked, [taken])

    def note_queue(self, counts: Mapping[tuple[str, MessageClass], int]) -> None:
        """Take notice of how many messages wait, by connector and class; it is counted every few seconds."""
        self._queued = {}
        for (connector, _), count in counts.items():
            self._queued[connector] = self._queued.get(connector, 0) + count
        self._backlog = sum(self._queued.values())

    async def status(self, _: Account, __: HubStatus) -> Status:
        """Tell whether the hub takes messages, and its figures."""
        now = self._loop.time()
        outlets = self._dispatcher.outlets.values()
        found = {
            "stopping": self.stopping,
            "database": not self._committer.healthy,
            "disk": self.disk_full,
            "queue": self._backlog >= self._queue_limit,
        }
        troubles = tuple(name for name, so in found.items() if so)
        return Status(
            taking=not troubles,
            why=TROUBLES[troubles[0]] if troubles else "",
            version=__version__,
            node=self._node,
            uptime=self._clock() - self._started_at,
            queued=self._backlog,
            connectors_up=sum(outlet.available(now) for outlet in outlets),
            connectors=len(outlets),
            listeners=self.listeners,
            memory=memory(),
            troubles=troubles,
        )


def _hand_over(taken: list[tuple[Outlet, Message]], result: Replay | Taken | StoreUnavailable | None) -> None:
    """Give messages that are on disk (None) to their outlets; give the room back that was reserved for others."""
    for outlet, message in taken:
        if message.state is State.QUEUED:
            if result is None:
                outlet.enqueue(message)
        elif result is None:
            outlet.launch(message)
        else:
            outlet.give_up(message.segments)
            if isinstance(result, StoreUnavailable):
                outlet.never_left(message)


def _need(allowed: bool) -> None:
    if not allowed:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
