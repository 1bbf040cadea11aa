"""What the engine is to a connector, for the length of one trial."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from smshub.conformance.cases import NotConforming
from smshub.domain.contracts import Connector, ConnectorState
from smshub.domain.delivery import Outcome, Receipt
from smshub.domain.incoming import Incoming
from smshub.domain.message import Message

# Seconds after which something that should have happened has not.
PATIENCE = 20.0


class Bench:
    """
    Lives a connector's life: runs it within the block, submits messages, takes receipts.

    It holds the connector to its contract: `submit` raises nothing, each message is settled once, and all are settled
    when the life has ended.
    """

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self.texts: asyncio.Queue[Incoming] = asyncio.Queue()
        self.settled = 0
        self._open = 0
        self._twice: list[str] = []
        self._changed = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Wake whoever waits for room."""
        self._changed.set()

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """Keep a receipt; it is on disk at once."""
        self.receipts.put_nowait(receipt)
        stored()

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """Keep a text that came in; it is on disk at once."""
        self.texts.put_nowait(text)
        stored()

    def submit(self, message: Message) -> "asyncio.Future[Outcome]":
        """Hand a message over and give what it will come to. Raises `NotConforming` where it is not taken."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if future.done():
                self._twice.append(message.id)
                return
            self._open -= 1
            self.settled += 1
            future.set_result(outcome)

        self._open += 1
        try:
            self.connector.submit(message, settle)
        except Exception as error:
            raise NotConforming(f"submit raised {type(error).__name__}, and must not") from error
        return future

    async def send(self, message: Message) -> Outcome:
        """Send one message, when there is room for it, and give what it came to. Raises `NotConforming`."""
        await self.ready()
        try:
            return await asyncio.wait_for(self.submit(message), PATIENCE)
        except TimeoutError:
            raise NotConforming(f"a message was not settled within {PATIENCE:g} s") from None

    async def ready(self) -> None:
        """Wait until there is room. Raises `NotConforming` where there will be none."""
        try:
            async with asyncio.timeout(PATIENCE):
                while self.connector.room() < 1:
                    self._changed.clear()
                    if self._life is not None and self._life.done():
                        break
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.5)
        except TimeoutError:
            raise NotConforming(f"there was no room within {PATIENCE:g} s: {self.connector.state()}") from None
        if self._life is not None and self._life.done() and not self._life.cancelled():
            raise NotConforming(f"its life ended: {self._life.exception()!r}")

    async def until(self, condition: Callable[[ConnectorState], bool]) -> ConnectorState:
        """Wait until the connector's state is as it should be. Raises `NotConforming` where it never is."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(self.connector.state()):
                    self._changed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.5)
        except TimeoutError:
            raise NotConforming(f"after {PATIENCE:g} s it was still {self.connector.state()}") from None
        return self.connector.state()

    def exchanged(self, message: Message, request: str, answer: str) -> None:
        """Hear what was said; nobody reads it here."""

    async def stop(self) -> None:
        """End the life as the engine does. Raises `NotConforming` where messages are left open or came twice."""
        if self._life is None:
            return
        self._life.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(self._life), PATIENCE)
        self._life = None
        await asyncio.sleep(0)
        if self._open:
            raise NotConforming(f"{self._open} messages were not settled when it had ended")
        if self._twice:
            raise NotConforming(f"{self._twice[0]} was settled twice")

    async def __aenter__(self) -> Self:
        self._life = asyncio.create_task(self.connector.run(self), name=f"life of {self.connector.name}")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            await self.stop()
        except NotConforming:
            # What went wrong within the block is what is told.
            if kind is None:
                raise
