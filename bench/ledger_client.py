"""
The client's side of the ledger: sends texts at a steady rate and keeps, fsynced, what it tried and what it heard.

Every second text carries a reference and is sent again until it is answered, as an application with an idempotency
key would; the others are sent once, whatever happens.
"""

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.doors import RECIPIENT, tag_of
from bench.hub import PASSWORD

CALLERS = 16
ANSWER_TIMEOUT = 5.0
PAUSE = 0.05  # before the next try at a hub that is away


@dataclass(slots=True)
class ClientLedger:
    """What was tried and what was heard; `path` has a line for each, on disk before the request goes out."""

    path: Path
    run: str
    attempted: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    file: int = -1

    def __post_init__(self) -> None:
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, word: str, tag: str) -> None:
        """Put a line on disk."""
        os.write(self.file, f"{word} {tag}\n".encode())
        os.fdatasync(self.file)

    def close(self) -> None:
        """Close the file."""
        os.close(self.file)


class Gone(Exception):
    """The hub did not answer: it may or may not have taken the text."""


class Client:
    """A steady load of `rate` texts a second over a few connections that survives the hub's death."""

    def __init__(self, ledger: ClientLedger, port: int, rate: float, message_class: str) -> None:
        self.ledger = ledger
        self.port = port
        self.rate = rate
        self.message_class = message_class
        self.counter = 0
        self.over = False
        self._callers = [asyncio.create_task(self._call()) for _ in range(CALLERS)]

    async def finish(self, within: float) -> None:
        """Send no new texts; give those that are sent again until answered a bounded time."""
        self.over = True
        _, late = await asyncio.wait(self._callers, timeout=within)
        for task in late:
            task.cancel()
        for result in await asyncio.gather(*self._callers, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _call(self) -> None:
        connection = _Connection(self.port)
        loop = asyncio.get_running_loop()
        try:
            while not self.over:
                began = loop.time()
                counter, self.counter = self.counter, self.counter + 1
                await self._send(connection, counter)
                await asyncio.sleep(max(0.0, began + CALLERS / self.rate - loop.time()))
        finally:
            connection.close()

    async def _send(self, connection: "_Connection", counter: int) -> None:
        tag = tag_of(self.ledger.run, counter)
        again = counter % 2 == 0
        body: dict[str, str] = {"to": f"{RECIPIENT}{counter:08d}", "text": f"{tag} Your code is 482911."}
        body["class"] = self.message_class
        if again:
            body["reference"] = tag
        self.ledger.attempted.add(tag)
        self.ledger.write("try", tag)
        while True:
            try:
                status, answer = await connection.post(body)
            except Gone:
                await asyncio.sleep(PAUSE)
                if not again:
                    return
            else:
                if status == 202:
                    self.ledger.acked.add(tag)
                    self.ledger.write("yes", tag)
                    return
                if status == 503 and not again:
                    self.ledger.write("no", tag)  # an orderly no: the hub is stopping
                    return
                if status != 503:
                    self.ledger.refused[tag] = f"{status} {answer[:200]!r}"
                    self.ledger.write("no", tag)
                    return
                await asyncio.sleep(PAUSE)


class _Connection:
    """One keep-alive connection to the native door; opened when it is needed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._authorization = base64.b64encode(f"bench:{PASSWORD}".encode()).decode()

    async def post(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Send one request; give the status and the body of its answer. Raises `Gone`."""
        try:
            return await asyncio.wait_for(self._post(json.dumps(body).encode()), ANSWER_TIMEOUT)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError) as error:
            self.close()
            raise Gone(repr(error)) from None

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Basic {self._authorization}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
        answer = await reader.readexactly(length)
        if "connection: close" in lines:
            self.close()
        return int(lines[0].split()[1]), answer

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._streams[1].close()
            self._streams = None
