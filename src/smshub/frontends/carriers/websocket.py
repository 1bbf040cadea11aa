"""
A WebSocket message broker (RFC 6455): the hub is its client, the topic is in the query of the address.

Such a broker keeps nothing and confirms nothing: what is published while the hub is away, or not yet on disk when it is
killed, is lost. Callers that must know ask for an answer on a callback topic.
"""

import asyncio
import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect

from smshub.frontends.carriers.consumer import Consumer, Received
from smshub.frontends.carriers.frontend_settings import WebsocketSettings

OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
PING = 20.0
LARGEST = 256 * 1024
DRAIN = 8.0


class Carrier:
    """One topic."""

    def __init__(self, settings: WebsocketSettings) -> None:
        self._settings = settings

    async def session(self, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take documents until the connection is lost, which raises, or the door stops."""
        async with self._connect(self._settings.topic) as connection:
            consumer.publisher = self
            up()
            taking = asyncio.create_task(_take(connection, consumer))
            try:
                await consumer.until_stopping(taking)
                if not consumer.stopping.is_set():
                    await taking
                    raise ConnectionError("the broker closed the connection")
                await consumer.drain(DRAIN)
            finally:
                taking.cancel()
                await asyncio.wait({taking})

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish over a connection of its own: the topic of a connection cannot be changed."""
        async with self._connect(topic) as connection:
            await connection.send(document.decode())

    def _connect(self, topic: str) -> connect:
        settings = self._settings
        username, password = settings.credentials()
        headers = {}
        if username is not None or password is not None:
            pair = f"{username or ''}:{password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        more: dict[str, Any] = {"ssl": settings.context()} if settings.secure else {}
        return connect(
            address(settings, topic),
            additional_headers=headers,
            user_agent_header="smshub",
            compression=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            ping_interval=PING,
            ping_timeout=PING,
            max_size=LARGEST,
            **more,
        )


def address(settings: WebsocketSettings, topic: str) -> str:
    """Write the address of a topic: that of the broker, with the topic in its query."""
    query = [(name, value) for name, value in parse_qsl(urlsplit(settings.url).query) if name != "topic"]
    path = "" if urlsplit(settings.url).path else "/"
    return f"{settings.place}{path}?{urlencode([*query, ('topic', topic)])}"


async def _take(connection: ClientConnection, consumer: Consumer) -> None:
    async for document in connection:
        await consumer.wait_for_room()
        consumer.take(Received(document.encode() if isinstance(document, str) else document, _nothing))


async def _nothing() -> None:
    """Acknowledge where there is nobody to be told."""
