"""
A WebSocket message broker (RFC 6455): a connection for each request, its topic in the query of the address.

Such a broker keeps nothing and confirms nothing. That it closes the connection in order shows that it has read the
request, not that anybody has got it: at most once.
"""

import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from smshub.publisher.answers import LARGEST
from smshub.publisher.exchange import Next, Publish, Refused
from smshub.publisher.settings import Settings

NORMAL: Final = frozenset({1000, 1001, 1005})

# A library of ours is not to write about its connections into an application's log.
logging.getLogger("websockets.client").addHandler(logging.NullHandler())


class Transport:
    """The way to one broker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = settings.context()

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[Publish]:
        """Join the topic of the requests: that of a connection cannot be changed, so each request has its own."""
        async with await self._open(self._settings.topic) as connection:

            async def publish(document: bytes) -> None:
                """Send a text frame, and wait until the broker has closed the connection in order."""
                await connection.send(document.decode())
                await connection.close()
                if connection.close_code not in NORMAL:
                    raise ConnectionError("the broker did not take its leave")

            yield publish

    @asynccontextmanager
    async def listening(self, topic: str) -> AsyncIterator[Next]:
        """Join a topic."""
        async with await self._open(topic) as connection:

            async def following() -> bytes:
                frame = await connection.recv()
                return frame.encode() if isinstance(frame, str) else frame

            yield following

    async def _open(self, topic: str) -> ClientConnection:
        settings = self._settings
        headers = {}
        if settings.username or settings.password:
            pair = b64encode(f"{settings.username}:{settings.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        more: dict[str, Any] = {"ssl": self._context} if self._context else {}
        scheme = "wss" if settings.tls else "ws"
        connecting = connect(
            f"{scheme}://{host}:{settings.port}{settings.path}?{urlencode({'topic': topic})}",
            additional_headers=headers,
            user_agent_header="smshub-publisher",
            compression=None,
            proxy=None,
            open_timeout=settings.timeout,
            close_timeout=settings.timeout,
            max_size=LARGEST,
            max_queue=None,  # others' requests come along unread, and the goodbye must not wait behind them
            **more,
        )
        try:
            return await connecting
        except InvalidStatus as error:
            status = error.response.status_code
            raise Refused("the credentials" if status in {401, 403} else f"the connection (status {status})") from None

    async def close(self) -> None:
        """Nothing is kept."""
