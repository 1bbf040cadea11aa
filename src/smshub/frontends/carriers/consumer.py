"""
What all doors on brokers share: a document comes, is carried out, answered where its caller asks, and acknowledged.

It is acknowledged only when what it asked for is on disk. A refusal is an answer like any other. While the hub can take
nothing the document is kept back and tried again; one that cannot be handled at all is parked after a few tries.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.challenges import OtpRequested, RequestOtp, VerifyOtp
from smshub.domain.commands import Done, Refusal, Refused, Reply, SendTexts, Submitted
from smshub.domain.contracts import Hub
from smshub.domain.following import Ended, Followed, Following
from smshub.domain.references import DIGESTED
from smshub.domain.retry import backoff
from smshub.frontends.carriers.frontend_settings import FrontendSettings
from smshub.frontends.carriers.http import check_door

log = structlog.get_logger(__name__)

TRIES = 5
LONGEST_PAUSE = 10.0
# Seconds that a broker is given to take an answer.
ANSWER_TIMEOUT = 10.0


@dataclass(slots=True)
class Received:
    """
    A document from a broker.

    `key` is what the broker itself knows it by, the same at every delivery; None where it has no such thing.
    `acknowledge` tells the broker that it is done with; it may raise where the connection is gone, and the broker
    delivers it again.
    """

    body: bytes
    acknowledge: Callable[[], Awaitable[None]]
    key: str | None = None


class Parking(Protocol):
    """Where documents go that cannot be handled."""

    async def park(self, frontend: str, document: bytes, tries: int, error: str) -> None:
        """Keep one, on disk when this returns. Raises whatever stands in the way."""


class NobodyFollows:
    """Remembers nobody (domain.following.Following)."""

    async def follow(self, _: Followed) -> None:
        """Remember nothing."""


class Publisher(Protocol):
    """An open connection to a broker, for answers."""

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish an answer. Raises whatever stands in the way."""


@dataclass(slots=True)
class Figures:
    """What a door counts."""

    taken: int = 0
    refused: int = 0
    parked: int = 0
    unanswered: int = 0


class _NotNow(Exception):
    """The hub cannot take it just now; `wait` in seconds."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.wait = refused.retry_after or 0.0


class Consumer:
    """
    Carries out the documents of one door.

    `account` gives the account of the moment, None where it may not call just now. `topics` are those of all doors,
    where no answer may go. `dialect` has `decode` and `encode`.
    """

    def __init__(
        self,
        settings: FrontendSettings,
        *,
        hub: Hub,
        dialect: ModuleType,
        parking: Parking,
        account: Callable[[], Account | None],
        catalogue: Callable[[], Mapping[str, str]],
        topics: Collection[str],
        following: Following | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.name = settings.title
        self.figures = Figures()
        self.trouble: str | None = None
        self.publisher: Publisher | None = None
        self.stopping = asyncio.Event()
        self._hub = hub
        self._dialect = dialect
        self._parking = parking
        self._account = account
        self._catalogue = catalogue
        self._topics = topics
        self._following = following or NobodyFollows()
        self._draw = draw
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def in_flight(self) -> int:
        """How many documents are under way."""
        return len(self._tasks)

    @property
    def room(self) -> int:
        """How many more may be taken now."""
        return 0 if self.stopping.is_set() else max(0, self.settings.prefetch - len(self._tasks))

    async def wait_for_room(self) -> int:
        """Wait until one more may be taken; gives how many."""
        await self._room.wait()
        return self.room

    def take(self, received: Received) -> None:
        """Carry out a document; returns at once. One that comes while the door stops is left to the broker."""
        if self.stopping.is_set():
            return
        task = asyncio.create_task(self._handle(received))
        self._tasks.add(task)
        if len(self._tasks) >= self.settings.prefetch:
            self._room.clear()
        task.add_done_callback(self._done)

    async def until_stopping(self, lost: asyncio.Future[None]) -> None:
        """Wait until the door stops or its connection is lost."""
        stopping: asyncio.Future[Any] = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({stopping, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def drain(self, patience: float) -> None:
        """Stop taking, and wait until what is under way is done with or `patience` seconds are over."""
        self.stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Not for each single one that ends: what is fetched in batches shares an exchange with the broker.
        if len(self._tasks) <= self.settings.prefetch * 3 // 4:
            self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("broker.failed", frontend=self.name, error=type(error).__name__)

    # --- one document -----------------------------------------------------------------------------------------------

    async def _handle(self, received: Received) -> None:
        if not await self._carried_out(received):
            return  # never acknowledged: the broker has it still
        self.figures.taken += 1
        try:
            await received.acknowledge()
        except Exception as error:  # noqa: BLE001 - each library has its own, and all mean that it comes again
            log.debug("broker.not_acknowledged", frontend=self.name, error=type(error).__name__)

    async def _carried_out(self, received: Received) -> bool:
        """Carry a document out, however often it takes; False where the door stops before."""
        waits = tries = 0
        while True:
            try:
                await self._once(received)
            except _NotNow as told:
                waits += 1
                self.trouble = str(told)
                pause = max(told.wait, backoff(waits, LONGEST_PAUSE, self._draw()))
            except Unreadable as error:
                # It will never be any better, so the tries follow each other at once.
                tries, pause, why = tries + 1, 0.0, str(error)
                if tries >= TRIES and await self._parked(received, tries, why):
                    return True
            except Exception as error:
                tries += 1
                pause, why = backoff(tries, LONGEST_PAUSE, self._draw()) / 10, f"{type(error).__name__}: {error}"[:200]
                log.exception("broker.document_failed", frontend=self.name, tries=tries)
                if tries >= TRIES and await self._parked(received, tries, why):
                    return True
            else:
                return True
            if tries > TRIES:
                pause = backoff(tries - TRIES, LONGEST_PAUSE, self._draw())
            if await self._stopped_within(pause):
                return False

    async def _once(self, received: Received) -> None:
        call = self._dialect.decode(received.body)
        command = call.command
        if isinstance(command, Refused) and not call.name and call.callback_topic is None:
            raise Unreadable(str(command))
        outcome: Reply | Refused = command
        if not isinstance(command, Refused | Done):
            outcome = await self._ask(command, received.key)
        if isinstance(outcome, Refused):
            self.figures.refused += 1
            log.info("broker.refused", frontend=self.name, error=outcome.error, refusal=outcome.refusal.value)
        if call.callback_topic is not None:
            await self._answer(call, outcome)
            if isinstance(outcome, Submitted | OtpRequested):
                await self._follow(call, outcome)

    async def _ask(self, command: Any, key: str | None) -> Reply | Refused:
        account = self._account()
        if account is None:
            raise _NotNow(Refused(Refusal.FORBIDDEN, "Forbidden"))
        command = _known_by(command, key)
        try:
            check_door(account, self.settings.dialect)
            return await self._hub.handle(account, command)
        except Refused as refused:
            if _passes(refused, command):
                raise _NotNow(refused) from None
            return refused

    # --- the answer -------------------------------------------------------------------------------------------------

    async def _answer(self, call: Any, outcome: Reply | Refused) -> None:
        topic: str = call.callback_topic
        why = why_not_there(topic, self.settings.callback_topics, self._topics)
        if why is not None:
            self._unanswered(topic, why)
            return
        try:
            account = self._account()
            success = account.success_code if account is not None else self._dialect.SUCCESS
            document = self._dialect.encode(call, outcome, self._catalogue(), success=success)
            await asyncio.sleep(call.callback_delay)
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._publish(topic, document)
        except Exception as error:  # noqa: BLE001 - what was asked is done, and an answer that fails cannot undo it
            self._unanswered(topic, type(error).__name__)

    async def _follow(self, call: Any, outcome: Submitted | OtpRequested) -> None:
        """Have the message's end told too, after the first answer and before the document is acknowledged."""
        account = self._account()
        if account is None or not account.callback_final:
            return
        message = outcome.messages[0] if isinstance(outcome, Submitted) else outcome.message
        if why_not_there(call.callback_topic, self.settings.callback_topics, self._topics) is not None:
            return
        try:
            await self._following.follow(Followed(message.id, self.name, call.callback_topic, call.name))
        except Exception as error:  # noqa: BLE001 - the text is on disk, and tried again it might be another
            self._unanswered(call.callback_topic, type(error).__name__)

    async def tell(self, ended: Ended) -> bool:
        """Publish what became of a message; False where it has to be tried again."""
        topic = ended.followed.topic
        why = why_not_there(topic, self.settings.callback_topics, self._topics)
        account = self._account()
        if why is not None or account is None:
            self._unanswered(topic, why or "its account may not call")
            return True
        document = self._dialect.encode_ended(ended, self._catalogue(), success=account.success_code)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._publish(topic, document)
        except Exception as error:  # noqa: BLE001 - each library has its own
            self._unanswered(topic, type(error).__name__)
            return False
        return True

    async def _publish(self, topic: str, document: bytes) -> None:
        if self.publisher is None:
            raise ConnectionError("not connected")
        await self.publisher.publish(topic, document)

    def _unanswered(self, topic: str, why: str) -> None:
        self.figures.unanswered += 1
        self.trouble = f"no answer to {topic[:80]!r}: {why}"
        log.warning("broker.unanswered", frontend=self.name, callback_topic=topic[:80], why=why)

    # --- what cannot be handled -------------------------------------------------------------------------------------

    async def _parked(self, received: Received, tries: int, why: str) -> bool:
        try:
            await self._parking.park(self.name, received.body, tries, why)
        except Exception as error:  # noqa: BLE001 - it stays with the broker, and is tried again
            log.warning("broker.not_parked", frontend=self.name, error=type(error).__name__)
            return False
        self.figures.parked += 1
        self.trouble = f"a document was parked: {why}"
        log.warning("broker.parked", frontend=self.name, tries=tries, why=why)
        return True

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return False
        return True


class Unreadable(Exception):
    """The dialect can make nothing of a document, and nobody waits for its answer."""


def _known_by(command: Any, key: str | None) -> Any:
    """Let a command be recognised when its document is delivered again, where nothing in it says so already."""
    match command:
        case SendTexts(reference=None) if key is not None:
            return msgspec.structs.replace(command, reference=key)
        case RequestOtp(key=None) | VerifyOtp(key=None) if key is not None:
            return msgspec.structs.replace(command, key=key)
        case _:
            return command


def _passes(refused: Refused, command: Any) -> bool:
    """Whether a refusal will pass, so that the document had better wait than be lost to its caller."""
    match refused.refusal:
        case Refusal.UNAVAILABLE:
            return refused.retry_after is not None
        case Refusal.LIMITED:
            return isinstance(command, SendTexts)
        case _:
            return False


def why_not_there(topic: str, allowed: Collection[str], taken: Collection[str]) -> str | None:
    """Tell why no answer may go to a topic that a caller names; None where it may."""
    if len(topic) > 200 or not topic.isprintable() or set("#+* ") & set(topic) or topic.startswith(("$", "amq.")):
        return "it cannot be the name of a topic"
    if any(topic == one or topic.startswith(f"{one}:") for one in taken):
        return "documents are taken from it"
    if not any(topic.startswith(one[:-1]) if one.endswith("*") else topic == one for one in allowed):
        return "it is not among callback_topics"
    return None


def reference_of(*known_by: str) -> str:
    """Make the reference of a document from what its broker knows it by."""
    return DIGESTED + hashlib.sha256(msgspec.json.encode(known_by)).hexdigest()
