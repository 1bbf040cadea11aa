"""
A simulator of HTTP providers for `smshub simulate http`, for `smshub demo` and for tests.

It answers as the providers of `smshub.simulators.providers` do, each on its own path, and plays a fault script.
"""

import asyncio
import itertools
import json
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from smshub.simulators.faults import Action, Script
from smshub.simulators.providers import REPORTERS, provider_of
from smshub.simulators.providers.values import Answer, Desk, Seen, Text
from smshub.simulators.reports import Reports

MAX_BODY = 1_048_576
MAX_KEPT = 10_000
HUGE = 100 * 1_048_576
FORM = "application/x-www-form-urlencoded"
GARBAGE = b"\x00\x17\xffSMSC 0.1 ??\r\n\x80\x81\r\n\r\n"

# What these steps are answered to, as if all were well, is written down as taken.
TAKING = frozenset(
    {
        Action.ACCEPT,
        Action.REFUSE,
        Action.THROTTLE,
        Action.DELAY,
        Action.HANG,
        Action.LATE,
        Action.DUPLICATE,
        Action.DRIP,
        Action.HUGE,
        Action.TRUNCATE,
    }
)

ACTIONS = frozenset(Action) - {Action.MUTE, Action.CHATTER}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came, who it was for, the step that was played on it and the texts that were taken with it."""

    provider: str
    seen: Seen
    action: Action
    taken: tuple[Text, ...] = ()


class HttpSimulator:
    """
    A small HTTP server that plays every provider at once.

    `script` are the faults, `users` the credentials that are right (none: any that are not empty), `writer` is given a
    line for each text taken, `drip` is how many seconds a dripping answer waits between two bytes. Providers that
    report of their own accord call `callback`, where the request names no other address, and sign with `signing`;
    `clock` is theirs, in seconds since 1970. What came is in `received`, the newest `MAX_KEPT`; `arrived` is released
    once for each request.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        users: Mapping[str, str] | None = None,
        writer: Callable[[str], None] | None = None,
        drip: float = 1.0,
        callback: str | None = None,
        signing: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.script = script or Script()
        self.users = dict(users or {})
        self.received: deque[Received] = deque(maxlen=MAX_KEPT)
        self.arrived = asyncio.Semaphore(0)
        self.callback = callback
        self.signing = signing
        self.clock = clock
        self._reports = Reports(lambda: self.script, clock)
        self._writer = writer
        self._drip = drip
        self._serial = itertools.count(1)
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def texts(self) -> list[Text]:
        """Every text taken, oldest first."""
        return [text for one in self.received for text in one.taken]

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen and give the port. Raises OSError."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, keepalive_timeout=75.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls, reuse_address=True)
        await site.start()
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Let go of whoever hangs and close."""
        self._stopping.set()
        await self._reports.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Run within a block and give the address to send to, without a path."""
        port = await self.start(tls=tls)
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            await self.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Play the next step on a request."""
        seen = await _seen(request)
        step = self.script.next()
        name, answer_of = provider_of(seen.path)
        desk = Desk(
            serial=lambda: next(self._serial),
            users=self.users,
            refuse=(step.argument or "") if step.action is Action.REFUSE else None,
            throttled=step.action is Action.THROTTLE,
            now=self.clock(),
            callback=self.callback,
            signing=self.signing,
            fate=self._reports.asked,
        )
        if step.action is Action.DELAY:
            await self._wait(step.seconds)
        answer = answer_of(seen, desk)
        self._note(Received(name, seen, step.action, answer.taken if step.action in TAKING else ()))
        if step.action in TAKING:
            await self._reports.taken(seen, desk, answer, REPORTERS.get(name))
        if step.action in {Action.HANG, Action.LATE}:
            await self._wait(step.seconds or None)
        return await _Stage(request, answer, self._stopping, self._drip).play(step.action)

    def _note(self, received: Received) -> None:
        """Keep what came and tell of the texts in it."""
        self.received.append(received)
        self.arrived.release()
        if self._writer is not None:
            for text in received.taken:
                line = f"{received.provider}: to {text.to} from {text.sender or '-'}: {text.text}"
                self._writer("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))

    async def _wait(self, seconds: float | None) -> None:
        """Wait so long, or for ever, but not past the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


class _Stage:
    """Where one answer is given, well or badly."""

    def __init__(self, request: web.Request, answer: Answer, stopping: asyncio.Event, drip: float) -> None:
        self._request = request
        self._answer = answer
        self._stopping = stopping
        self._drip = drip

    async def play(self, action: Action) -> web.StreamResponse:
        """Answer as the step says."""
        match action:
            case Action.GARBAGE:
                self._write(GARBAGE)
            case Action.TRUNCATE:
                self._write(self._raw(claim=4096))
            case Action.DRIP:
                await self._dripped()
            case Action.HUGE:
                await self._flood()
            case Action.DUPLICATE:
                self._write(self._raw())
                return self._response()
            case Action.REDIRECT:
                return web.Response(status=302, headers={"Location": "/elsewhere"})
            case Action.HANG | Action.DROP:
                pass
            case _:
                return self._response()
        self._close(hard=action is Action.DROP)
        return web.Response()

    def _response(self) -> web.Response:
        """Give the answer as it should be."""
        answer = self._answer
        headers = {**answer.headers, "Content-Type": answer.content_type}
        return web.Response(status=answer.status, body=answer.body.encode(), headers=headers)

    def _raw(self, claim: int | None = None) -> bytes:
        """Give the bytes of an answer; `claim` is the length that it pretends to have."""
        body = self._answer.body.encode()
        head = f"HTTP/1.1 {self._answer.status} Simulated\r\nContent-Type: {self._answer.content_type}\r\n"
        return f"{head}Content-Length: {claim or len(body)}\r\n\r\n".encode() + body

    def _write(self, data: bytes) -> None:
        if self._request.transport is not None:
            self._request.transport.write(data)

    def _close(self, *, hard: bool) -> None:
        if self._request.transport is not None:
            self._request.transport.abort() if hard else self._request.transport.close()

    async def _dripped(self) -> None:
        """Write the answer a byte at a time."""
        for byte in self._raw():
            if self._gone:
                return
            self._write(bytes([byte]))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._drip)

    async def _flood(self) -> None:
        """Write an answer without end, as long as somebody reads it."""
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(self._request)
        try:
            for _ in range(HUGE // 65_536):
                if self._gone:
                    return
                await response.write(b"ID: 200 OK " * 5_957)
        except ConnectionError:
            return

    @property
    def _gone(self) -> bool:
        """Whether nobody listens any more."""
        transport = self._request.transport
        return transport is None or transport.is_closing() or self._stopping.is_set()


async def _seen(request: web.Request) -> Seen:
    """Read a request whole."""
    body = await request.read()
    headers = {name.lower(): value for name, value in request.headers.items()}
    fields: dict[str, Any] = dict(parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True))
    content_type = headers.get("content-type", "")
    text = body.decode("utf-8", "replace")
    if content_type.startswith(FORM):
        fields |= parse_qsl(text, keep_blank_values=True)
    elif "json" in content_type:
        fields |= _object(text)
    return Seen(request.method, request.raw_path, headers, body, fields)


def _object(text: str) -> dict[str, Any]:
    """Read a JSON object; anything else has no fields."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
