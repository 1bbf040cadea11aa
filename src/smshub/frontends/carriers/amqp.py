"""
AMQP 0-9-1 (RabbitMQ): a queue, acknowledged by hand; answers go to queues, confirmed by the broker.

https://www.rabbitmq.com/docs/confirms
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import AMQPError, ChannelPreconditionFailed

from smshub.domain.references import DIGESTED
from smshub.frontends.carriers.consumer import Consumer, Received, reference_of
from smshub.frontends.carriers.frontend_settings import AmqpSettings

CONNECT_TIMEOUT = 10.0
HEARTBEAT = 30
DRAIN = 8.0
LONGEST_KEY = 255
# Queues for answers that are remembered as declared.
MOST_DECLARED = 10_000


class Carrier:
    """One queue."""

    def __init__(self, settings: AmqpSettings) -> None:
        self._settings = settings

    async def session(self, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take documents until the connection is lost, which raises, or the door stops."""
        username, password = self._settings.credentials()
        connection = await aio_pika.connect(
            host=self._settings.host,
            port=self._settings.port,
            login=username if username is not None else "guest",
            password=password if password is not None else "guest",
            virtualhost=self._settings.vhost,
            ssl=self._settings.secure,
            ssl_context=self._settings.context(),
            timeout=CONNECT_TIMEOUT,
            heartbeat=HEARTBEAT,
            client_properties={"connection_name": f"smshub {consumer.name}"},
        )
        try:
            await self._consume(connection, consumer, up)
        finally:
            consumer.publisher = None
            await connection.close()

    async def _consume(self, connection: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def lose(*_: Any) -> None:
            if not lost.done():
                lost.set_result(None)

        connection.close_callbacks.add(lose)
        await self._declare(connection)
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lose)
        await channel.set_qos(prefetch_count=self._settings.prefetch)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lose)  # the queue was deleted
        consumer.publisher = Answers(connection)

        async def take(delivered: Any) -> None:
            tag = delivered.delivery.delivery_tag
            key = _key(delivered.header.properties.message_id)
            consumer.take(Received(bytes(delivered.body), partial(underlay.basic_ack, tag, wait=False), key))

        consuming = await underlay.basic_consume(self._settings.topic, take)
        up()
        await consumer.until_stopping(lost)
        if lost.done():
            raise ConnectionError("the connection was closed, or the queue deleted")
        await underlay.basic_cancel(consuming.consumer_tag)
        await consumer.drain(DRAIN)

    async def _declare(self, connection: Any) -> None:
        """Declare the queue; where one of that name has other arguments, it is taken as it is."""
        async with connection.channel() as channel:
            try:
                await channel.declare_queue(self._settings.topic, durable=self._settings.durable, auto_delete=False)
            except ChannelPreconditionFailed:
                return


def _key(message_id: str | None) -> str | None:
    """Take the caller's message-id for its idempotency key."""
    if not message_id:
        return None
    if len(message_id) <= LONGEST_KEY and message_id.isprintable() and not message_id.startswith(DIGESTED):
        return message_id
    return reference_of("amqp", message_id)


class Answers:
    """Publishes answers over a channel of its own, so that a refused one does not end the taking."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._channel: Any = None
        self._declared: set[str] = set()
        self._opening = asyncio.Lock()

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish to a queue, which is declared as OTP-Publisher declares it, and wait for the broker's word."""
        channel = await self._open(topic)
        message = Message(document, delivery_mode=DeliveryMode.PERSISTENT, content_type="application/json")
        await channel.default_exchange.publish(message, routing_key=topic)

    async def _open(self, topic: str) -> Any:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._connection.channel(publisher_confirms=True)
            if topic not in self._declared:
                try:
                    await self._channel.declare_queue(topic, durable=True, auto_delete=False)
                except AMQPError as error:
                    if not isinstance(error, ChannelPreconditionFailed):
                        raise
                    # It is there with other arguments.
                    self._channel = await self._connection.channel(publisher_confirms=True)
                if len(self._declared) >= MOST_DECLARED:
                    self._declared.clear()
                self._declared.add(topic)
            return self._channel
