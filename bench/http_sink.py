"""
The HTTP provider of the benchmark: takes every POST, notes the tag in its body and the time, and answers at once.

A process of its own on uvloop that reads HTTP no further than it must. It prints and obeys what `bench.sink` does. With
`--sick` it is a provider on a bad day: `hang` never answers, `drip` answers a byte a second, `flood` without end.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from typing import cast

import uvloop

from bench.doors import check_loopback
from bench.sink import Ledger, obey

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\nOK %s"
DRIPPING = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
FLOODING = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
FLOOD = b"x" * 65_536
SICK = ("hang", "drip", "flood")


class Session(asyncio.Protocol):
    """One connection of the hub's."""

    def __init__(self, ledger: Ledger, sick: str | None) -> None:
        self.ledger = ledger
        self.sick = sick
        self.rest = b""
        self.paused = False
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say no more."""
        self.gone = True

    def pause_writing(self) -> None:
        """Wait with the flood."""
        self.paused = True

    def resume_writing(self) -> None:
        """Go on with it."""
        self.paused = False
        self.flood()

    def data_received(self, data: bytes) -> None:
        """Take every whole request: its body begins with the tag, after `text=`."""
        data = self.rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = int(head[at + 17 :].split(b"\r", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            body, data = data[end + 4 : end + 4 + length], data[end + 4 + length :]
            self.take(body)
        self.rest = data

    def take(self, body: bytes) -> None:
        """Answer one request."""
        text = body.partition(b"text=")[2].partition(b"&")[0].replace(b"+", b" ")
        self.ledger.keep([text], time.monotonic())
        if self.sick is None:
            ref = b"%08d" % len(self.ledger.texts)
            self.transport.write(ANSWER % (3 + len(ref), ref))
        elif self.sick == "drip":
            self.transport.write(DRIPPING)
            self.drip()
        elif self.sick == "flood":
            self.transport.write(FLOODING)
            self.flood()

    def drip(self) -> None:
        """Write a byte, and another one a second later."""
        if not self.gone:
            self.transport.write(b"x")
            asyncio.get_running_loop().call_later(1.0, self.drip)

    def flood(self) -> None:
        """Write as long as it is read."""
        while not (self.gone or self.paused or self.transport.is_closing()):
            self.transport.write(FLOOD)


async def serve(ledger: Ledger, given: argparse.Namespace) -> None:
    """Listen until SIGTERM or the end of stdin."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await loop.create_server(lambda: Session(ledger, given.sick), given.host, given.port)
    print(json.dumps({"event": "listening", "port": server.sockets[0].getsockname()[1]}), flush=True)

    def control() -> None:
        line = sys.stdin.readline()
        if line:
            obey(ledger, line)
        else:
            over.set()

    loop.add_reader(sys.stdin.fileno(), control)
    await over.wait()
    server.close()


def main() -> None:
    """Be the provider."""
    parser = argparse.ArgumentParser(prog="bench.http_sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sick", choices=SICK)
    given = parser.parse_args()
    check_loopback(given.host)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(Ledger(None), given))


if __name__ == "__main__":
    main()
