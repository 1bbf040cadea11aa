"""uvicorn's HTTP protocol, with the pieces of a response gathered into one write, and the head of a request limited."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from smshub.frontends.carriers.certificates import EXTENSION, extension_of

# httptools keeps whatever it is sent until the head is whole, and waits for it for ever.
HEAD_LIMIT = 64 * 1024
HEAD_TIMEOUT = 10.0
BODY_TIMEOUT = 60.0
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Gathering:
    """
    A transport that writes once a turn of the loop what was written to it in that turn.

    uvicorn writes the head and the body of a response by themselves, and uvloop hands each to the kernel at once: two
    system calls and two segments where one does. Everything but writing goes to the transport behind.
    """

    __slots__ = ("_loop", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write at the end of this turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Write what waits, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._transport.is_closing():
            self._transport.write(b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class GatheringProtocol(HttpToolsProtocol):
    """
    One connection of a caller.

    A request's head that is larger than 64 KiB is answered 431; one that is not whole after ten seconds ends the
    connection, and so does a connection on which nothing comes, and a body that is not whole after a minute.
    """

    _head = 0
    _in_body = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(Gathering(transport))  # type: ignore[arg-type]
        self._certificate = extension_of(transport)
        self._late = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def on_message_begin(self) -> None:
        """Begin a request; its scope tells of the caller's certificate, if there is one."""
        super().on_message_begin()
        if self._certificate is not None:
            extensions: dict[str, dict[object, object]] = {EXTENSION: {**self._certificate}}
            self.scope["extensions"] = extensions

    def connection_lost(self, exc: Exception | None) -> None:
        """Lose it."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        # The cycle of a request begins when its head is whole; there is none before the first.
        if self.cycle is not None and self.cycle.scope is self.scope:  # type: ignore[redundant-expr]
            if not self.cycle.more_body:
                if self._late is not None:
                    self._in_time()
            elif not self._in_body:
                self._in_time()
                self._in_body = True
                self._late = self.loop.call_later(BODY_TIMEOUT, self.transport.close)
            return
        self._head += len(data)
        if self._late is None:
            self._late = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)
        if self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None
        self._head = 0
        self._in_body = False
