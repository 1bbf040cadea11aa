"""RabbitMQ (AMQP 0-9-1): a persistent message to the queue, returned where there is none, confirmed by the broker."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import aio_pika
from aio_pika.exceptions import DeliveryError
from aiormq.exceptions import AuthenticationError, ProbableAuthenticationError, PublishError

from smshub.publisher.errors import NoAnswer
from smshub.publisher.exchange import Next, Publish, Refused
from smshub.publisher.settings import Settings

HEARTBEAT: Final = 30

# What these log of a lost connection, traceback and all, the publisher tells in its exceptions.
for _library in ("aio_pika", "aiormq"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False


class Transport:
    """One connection to a RabbitMQ. A queue for answers is declared as OTP-Publisher's is, and deleted after it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = settings.context()
        self._connecting = asyncio.Lock()
        self._connection: Any = None
        self._channel: Any = None
        self._lost = False
        # Queues whose answers did not come in time: those are still taken, since the hub would declare a queue anew.
        self._late: dict[str, Any] = {}

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[Publish]:
        """See that there is a connection."""
        await self._connect()
        yield self._publish

    async def _connect(self) -> None:
        """Connect, or open a channel, where there is none."""
        async with self._connecting:
            if self._connection is None or self._lost:
                await self._drop()
                self._connection = await self._connected()
                self._lost = False
                self._connection.close_callbacks.add(self._lose)
            if self._channel is None or self._channel.is_closed:
                try:
                    self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                except BaseException:
                    self._lost = True
                    raise

    async def _connected(self) -> Any:
        settings = self._settings
        try:
            return await aio_pika.connect(
                host=settings.host,
                port=settings.port,
                login=settings.username or "guest",
                password=settings.password or "guest",
                virtualhost=settings.vhost,
                ssl=settings.tls,
                ssl_context=self._context,
                timeout=settings.timeout,
                heartbeat=HEARTBEAT,
                client_properties={"connection_name": "smshub publisher"},
            )
        except (AuthenticationError, ProbableAuthenticationError):
            raise Refused("the credentials") from None

    def _lose(self, connection: Any, *_: Any) -> None:
        if connection is self._connection:
            self._lost = True  # aio_pika itself tells only of what was closed in order

    async def _publish(self, document: bytes) -> None:
        """Publish, and wait for the broker's word."""
        message = aio_pika.Message(
            document, delivery_mode=2, content_type="application/json", message_id=uuid4().hex, type="otppi"
        )
        try:
            await self._channel.default_exchange.publish(message, self._settings.topic, mandatory=True)
        except PublishError:
            raise Refused(f"there is no queue {self._settings.topic!r}") from None
        except DeliveryError:
            raise Refused("the broker says no") from None

    @asynccontextmanager
    async def listening(self, topic: str) -> AsyncIterator[Next]:
        """Have a queue for one answer."""
        answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        channel = await self._connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: answers.put_nowait(None))

        async def take(message: Any) -> None:
            answers.put_nowait(message.body)
            if topic in self._late:
                await self._tidy(topic, self._late.pop(topic))

        async def following() -> bytes:
            body = await answers.get()
            if body is None:
                raise ConnectionError("the channel was closed")
            return body

        queue = await channel.declare_queue(topic, durable=True, auto_delete=False)
        await queue.consume(take, no_ack=True)
        answered = False
        try:
            yield following
            answered = True
        except (NoAnswer, asyncio.CancelledError):
            self._late[topic] = channel
            raise
        finally:
            if topic not in self._late or answered:
                await self._tidy(topic, channel)

    async def close(self) -> None:
        """Delete what queues are left, and disconnect."""
        if self._connection is not None and not self._lost:
            late, self._late = self._late, {}
            for topic, channel in late.items():
                await self._tidy(topic, channel)
        await self._drop()

    async def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        self._late.clear()
        if connection is not None:
            with suppress(Exception):
                await connection.close()

    async def _tidy(self, topic: str, channel: Any) -> None:
        with suppress(Exception):
            async with asyncio.timeout(self._settings.timeout):
                await channel.queue_delete(topic)
                await channel.close()
