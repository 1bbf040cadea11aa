"""A provider that answers what it is told to answer, to the byte, and keeps what it was sent."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl

MAX_REQUEST = 1_048_576
HUGE = 64 * 1_048_576


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int = 200
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """The bytes on the wire."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = {"Content-Type": "text/plain; charset=utf-8", **self.headers}
        if self.status not in {204, 304}:
            headers["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Canned\r\n{head}\r\n".encode() + body


class Fault(StrEnum):
    """What a provider does instead of answering, once it has read the request."""

    SILENCE = "silence"  # it says nothing and keeps the connection
    DROP = "drop"  # it closes the connection
    GARBAGE = "garbage"  # it answers what is no HTTP
    BROKEN = "broken"  # it begins a good answer and closes
    HUGE = "huge"  # it answers without end


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; the names of `headers` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """All of it as one text."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.method} {self.target}\n{head}\n\n{self.body.decode('utf-8', 'replace')}"

    @property
    def query(self) -> dict[str, str]:
        """The fields of the address."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def values(self) -> list[str]:
        """Every text in the query, the form or the JSON."""
        return [*self.query.values(), *self.form.values(), *_texts(self.json)]


Play = Answer | Fault | Callable[[Seen], Answer]


class CannedServer:
    """
    Listens on the loopback within its block; each request gets the next of `plays`, the last one repeats.

    What `aside` has an answer for (a clock, a token) is answered with that and does not count. `seen` is what came.
    """

    def __init__(
        self,
        *plays: Play,
        aside: Callable[[Seen], Answer | None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.plays: Sequence[Play] = plays or (Answer(),)
        self.seen: list[Seen] = []
        self.arrived = asyncio.Semaphore(0)
        self._aside = aside
        self._tls = tls
        self._played = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0, ssl=self._tls, limit=MAX_REQUEST)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *rest: object) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task that the end of the block can end."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        with suppress(asyncio.CancelledError):
            await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (seen := await _read(reader)) is not None:
                if self._aside is not None and (answer := self._aside(seen)) is not None:
                    writer.write(answer.raw)
                    continue
                play = self.plays[min(self._played, len(self.plays) - 1)]
                self._played += 1
                self.seen.append(seen)
                self.arrived.release()
                if not await _answer(play, seen, writer):
                    return
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


async def _answer(play: Play, seen: Seen, writer: asyncio.StreamWriter) -> bool:
    """Play one answer; say whether the connection is kept."""
    match play:
        case Fault.SILENCE:
            await asyncio.Event().wait()
        case Fault.DROP:
            pass
        case Fault.GARBAGE:
            writer.write(b"\x00\x17\xff 0 ??\r\n\x80\x81\r\n\r\n")
        case Fault.BROKEN:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4096\r\n\r\nOK")
        case Fault.HUGE:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            for _ in range(HUGE // 65_536):
                writer.write(b"OK " * 21_845)
                await writer.drain()
        case Answer():
            writer.write(play.raw)
            await writer.drain()
            return True
        case _:
            return await _answer(play(seen), seen, writer)
    return False


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    """Read one request whole; None at the end. Raises ValueError for what is none."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, target, headers, body)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            return
