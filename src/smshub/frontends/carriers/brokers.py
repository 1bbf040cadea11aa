"""The doors on brokers, all together: begun, changed, watched and ended. Each library is loaded when it is used."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Frontends, FrontendView, ListFrontends, Refusal, Refused
from smshub.domain.contracts import Hub
from smshub.domain.following import Ended, Following, Turns
from smshub.frontends.carriers.consumer import Consumer, Parking
from smshub.frontends.carriers.frontend_settings import FrontendSettings
from smshub.frontends.dialects import otppi
from smshub.settings import MASK, SecretMissing, shown_url

log = structlog.get_logger(__name__)

# What these log of a lost connection, traceback and all, the door tells in a line of its own.
LIBRARIES = ("aio_pika", "aiormq", "websockets.client")

# A connection that held for so many seconds was a good one: the next try to connect comes soon.
STEADY = 10.0
# Seconds after which a door asks again whether it is this node's turn.
TURN = 3.0
# Seconds that the documents under way are given when a door ends; the carriers give them a little less.
PATIENCE = 10.0


class Carrier(Protocol):
    """How documents arrive: one broker, one topic."""

    async def session(self, consumer: Consumer, up: Callable[[], None]) -> None:
        """
        Connect, call `up`, and hand over documents until the connection is lost or `consumer.stopping` is set.

        Raises whatever ends the connection. When the door stops it drains the consumer, closes and returns.
        """


class AlwaysMine:
    """Of one node everything is its own turn (domain.following.Turns)."""

    async def mine(self, _: str) -> bool:
        """Say yes."""
        return True

    async def give_back(self, _: str) -> None:
        """Keep it."""


class Door:
    """
    One door: connects, and connects again, until it is stopped.

    Of several nodes with one database each has the door, but where a broker would deliver to all of them, or knows them
    by one name, only that node connects whose turn it is.
    """

    def __init__(self, settings: FrontendSettings, consumer: Consumer, turns: Turns) -> None:
        self.settings = settings
        self.consumer = consumer
        self.state = "connecting"
        self._turns = turns
        self._error: str | None = None
        for library in LIBRARIES:
            logging.getLogger(library).setLevel(logging.CRITICAL)
        module = import_module(f"smshub.frontends.carriers.{settings.carrier}")
        self._carrier: Carrier = module.Carrier(settings)
        self._task = asyncio.create_task(self._run(), name=f"frontend {settings.title}")

    async def stop(self) -> None:
        """Take no more, finish and acknowledge what is under way, close."""
        self.consumer.stopping.set()
        _, late = await asyncio.wait({self._task}, timeout=PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.wait({self._task})
        await self.consumer.drain(0.1)
        await self._turns.give_back(self.settings.title)
        log.info("frontend.stopped", frontend=self.settings.title)

    def view(self) -> FrontendView:
        """Show it as an operator sees it."""
        settings, consumer, figures = self.settings, self.consumer, self.consumer.figures
        return FrontendView(
            name=settings.title,
            carrier=settings.carrier,
            url=settings.place,
            topic=settings.topic,
            account=settings.account,
            state=self.state,
            in_flight=consumer.in_flight,
            taken=figures.taken,
            refused=figures.refused,
            parked=figures.parked,
            unanswered=figures.unanswered,
            last_error=self._error or consumer.trouble,
        )

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        stopping = self.consumer.stopping
        while not stopping.is_set():
            began = loop.time()
            try:
                if self.settings.alone and not await self._turns.mine(self.settings.title):
                    self.state, self._error = "elsewhere", None
                    await self._stopped_within(TURN)
                    continue
                await self._session()
            except Exception as error:  # noqa: BLE001 - each library has its own, and all mean: connect again
                self._down(error)
            finally:
                self.consumer.publisher = None
            if stopping.is_set():
                break
            failures = 1 if loop.time() - began > STEADY else failures + 1
            wait = pause(failures, self.settings.backoff_initial, self.settings.backoff_max, random.random())  # noqa: S311 - jitter
            if not await self._stopped_within(wait):
                self.state = "connecting" if self.state == "up" else self.state
        self.state = "down"

    async def _session(self) -> None:
        """Be connected, for as long as it is this node's turn. Raises what ends the connection."""
        session = asyncio.create_task(self._carrier.session(self.consumer, self._up))
        try:
            while not session.done():
                await asyncio.wait({session}, timeout=TURN)
                if self.settings.alone and not session.done() and not await self._turns.mine(self.settings.title):
                    raise ConnectionError("another node has taken this door over")
            await session
        finally:
            session.cancel()
            await asyncio.wait({session})

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.consumer.stopping.wait()
        except TimeoutError:
            return False
        return True

    def _up(self) -> None:
        self.state, self._error = "up", None
        log.info("frontend.up", frontend=self.settings.title, url=self.settings.place, topic=self.settings.topic)

    def _down(self, error: Exception) -> None:
        told = self._told(error)
        if self.state == "up" or told != self._error:  # each new trouble once, not each try
            log.warning("frontend.down", frontend=self.settings.title, url=self.settings.place, error=told)
        self.state, self._error = "down", told

    def _told(self, error: Exception) -> str:
        """Tell an error in a line without the credentials."""
        text = shown_url(f"{type(error).__name__}: {error}".split("\n", 1)[0][:300])
        try:
            _, password = self.settings.credentials()
        except SecretMissing:
            password = None
        return text.replace(password, MASK) if password else text


def pause(failures: int, initial: float, longest: float, draw: float) -> float:
    """
    Tell how many seconds to wait before connecting again after the n-th failure in a row.

    It doubles from `initial` to `longest`; `draw` in [0, 1) spreads it over the upper half of that.
    """
    return min(longest, initial * 2.0 ** min(failures - 1, 20)) * (0.5 + 0.5 * draw)


class Brokers:
    """Every door on a broker. `accounts` gives those that may call at the moment, by name."""

    def __init__(
        self,
        *,
        hub: Hub,
        parking: Parking,
        accounts: Callable[[], Mapping[str, Account]],
        catalogue: Callable[[], Mapping[str, str]],
        following: Following | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._hub = hub
        self._following = following
        self._turns = turns or AlwaysMine()
        self._parking = parking
        self._accounts = accounts
        self._catalogue = catalogue
        self._doors: dict[str, Door] = {}
        self._topics: set[str] = set()

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Any]]:
        """Give what carries out the command about them."""
        return {ListFrontends: self.list}

    async def apply(self, frontends: Sequence[FrontendSettings]) -> None:
        """Let these doors be open and no others; what did not change stays as it is."""
        wanted = {settings.title: settings for settings in frontends}
        gone = [name for name, door in self._doors.items() if wanted.get(name) != door.settings]
        await asyncio.gather(*(self._doors[name].stop() for name in gone))
        for name in gone:
            del self._doors[name]
        self._topics.clear()
        self._topics.update(settings.topic for settings in frontends)
        for name, settings in wanted.items():
            if name not in self._doors:
                self._doors[name] = Door(settings, self._consumer(settings), self._turns)

    async def stop(self) -> None:
        """End every door."""
        await self.apply(())

    async def list(self, account: Account, _: ListFrontends) -> Frontends:
        """List them. Raises `Refused`."""
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return Frontends(tuple(door.view() for door in self._doors.values()))

    def _consumer(self, settings: FrontendSettings) -> Consumer:
        return Consumer(
            settings,
            hub=self._hub,
            dialect=otppi,
            parking=self._parking,
            account=lambda: self._accounts().get(settings.account),
            catalogue=self._catalogue,
            topics=self._topics,
            following=self._following,
        )

    async def speaking(self) -> Sequence[str]:
        """Give the doors through which this node answers what became of a text: those that are up and its turn."""
        names = [name for name, door in self._doors.items() if door.state == "up"]
        return [name for name in names if await self._turns.mine(name)]

    async def tell(self, ended: Ended) -> bool:
        """Publish what became of a text; False where it has to be tried again."""
        door = self._doors.get(ended.followed.frontend)
        return door is not None and await door.consumer.tell(ended)
