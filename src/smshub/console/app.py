"""
The web console: pages for the people who run the hub, on the hub's own port below /console/.

It is made when the first request comes, so that a hub whose console nobody opens pays nothing for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from smshub.console.guarding import HEADERS, HSTS
from smshub.domain.contracts import Hub
from smshub.domain.users import People

if TYPE_CHECKING:
    from starlette.applications import Starlette

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX: Final = "/console"
_ALWAYS: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Console:
    """The console as an ASGI application (3.0); `mount` is the path below which the hub is published."""

    def __init__(
        self, hub: Hub, people: People, *, catalogue: Callable[[], Mapping[str, str]], mount: str = "/"
    ) -> None:
        self._hub = hub
        self._people = people
        self._catalogue = catalogue
        self._base = f"{mount.rstrip('/')}{PREFIX}"
        self._made: Starlette | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; each answer carries the headers that keep the console to itself."""
        made = await self._application()

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name for name, _ in headers}
                headers += [(name, value) for name, value in _ALWAYS if name not in given]
                if b"cache-control" not in given:
                    headers.append((b"cache-control", b"no-store"))
                if scope.get("scheme") == "https":
                    headers.append((b"strict-transport-security", HSTS.encode()))
                message["headers"] = headers
            await send(message)

        await made(scope, receive, guarded)

    async def _application(self) -> "Starlette":
        if self._made is not None:
            return self._made
        async with self._making:
            if self._made is None:
                # Off the event loop: the libraries of the console take a moment to load.
                self._made = await asyncio.to_thread(self._make)
            return self._made

    def _make(self) -> "Starlette":
        from smshub.console.routing import build  # noqa: PLC0415 - loaded when somebody comes

        return build(self._hub, self._people, self._catalogue, self._base)
