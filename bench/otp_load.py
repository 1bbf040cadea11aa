"""
The load of codes: N keep-alive connections, each asking for a code and then checking it, one request open at a time.

A process of its own on uvloop; requests are prebuilt bytes. Every pair has a recipient and a reference of its own, and
brings a code of its own, since only the handset sees one that the hub has drawn.
"""

import argparse
import asyncio
import base64
import json
import os
import time
from array import array
from typing import cast

import uvloop

from bench.figures import percentile

DIGITS = 10**6
STRAGGLERS = 30.0  # seconds that the last answers may take

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Authorization: Basic {who}\r\nContent-Length: {length}\r\n\r\n"
)
# Numbers follow in no order, so that they are of many prefixes: each number of eight digits comes once.
STEP = 61_803_399
BODY = '{{"to": "+49151%08d", "reference": "{run}-%08d", "params": ["login"], "code": "%06d"}}'


def template(path: str, run: str, who: str) -> bytes:
    """Write a request with places for a number, a reference and a code."""
    body = BODY.format(run=run)
    head = HEAD.format(path=path, who=who, length=len(body % (0, 0, 0)))
    return (head.replace("%", "%%") + body).encode()


class Run:
    """What one run has asked and been answered; times are CLOCK_MONOTONIC seconds."""

    def __init__(self, run: str, password: str, seconds: float, warmup: float) -> None:
        who = base64.b64encode(f"bench:{password}".encode()).decode()
        self.templates = (template("/v1/otp", run, who), template("/v1/otp/verify", run, who))
        self.since = time.monotonic() + warmup
        self.until = self.since + seconds
        self.count = 0
        self.accepted = 0
        self.matched = 0
        self.measured = 0
        self.ended = self.until
        self.took = (array("d"), array("d"))
        self.first_refusal = ""

    def note(self, *, check: bool, sent: float, answer: bytes, now: float) -> bool:
        """Keep one answer; tell whether it was yes."""
        good = b'"match":true' in answer if check else answer[9:12] == b"202"
        if not good:
            self.first_refusal = self.first_refusal or answer[-300:].decode(errors="replace")
            return False
        self.accepted += not check
        self.matched += check
        if sent >= self.since:
            self.took[check].append(now - sent)
            self.measured += check
            self.ended = now
        return True


class Connection(asyncio.Protocol):
    """One keep-alive connection: asks for a code, checks it, and so on."""

    def __init__(self, run: Run, closed: asyncio.Future[None]) -> None:
        self.run = run
        self.closed = closed
        self.counter = 0
        self.check = True
        self.sent = 0.0
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first code."""
        self.transport = cast("asyncio.Transport", transport)
        self.send(yes=True, now=time.monotonic())

    def send(self, *, yes: bool, now: float) -> None:
        """Check the code that was taken, or ask for the next one; hang up between pairs when the run is over."""
        run = self.run
        self.check = yes and not self.check
        if not self.check:
            if now >= run.until:
                self.transport.close()
                return
            self.counter, run.count = run.count, run.count + 1
        code = self.counter * 618_033 % DIGITS
        self.sent = now
        self.transport.write(run.templates[self.check] % (self.counter * STEP % 10**8, self.counter, code))

    def data_received(self, data: bytes) -> None:
        """Read one answer, then go on."""
        data = self.rest + data
        head = data.find(b"\r\n\r\n")
        at = data.lower().find(b"content-length:", 0, head + 1)
        if head < 0 or len(data) < head + 4 + int(data[at + 15 : data.index(b"\r", at)]):
            self.rest = data
            return
        self.rest = b""
        now = time.monotonic()
        self.send(yes=self.run.note(check=self.check, sent=self.sent, answer=data, now=now), now=now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Be over."""
        if not self.closed.done():
            self.closed.set_result(None)


async def load(run: Run, port: int, connections: int) -> None:
    """Run the load and wait a bounded time for the last answers."""
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: Connection(run, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.wait(ends, timeout=run.until - time.monotonic() + STRAGGLERS)


def main() -> None:
    """Load the hub on a port of loopback and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="bench.otp_load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", default="bench-password")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--run", default="run00", help="prefix of the references")
    given = parser.parse_args()
    run = Run(given.run, given.password, min(given.seconds, 600.0), given.warmup)
    uvloop.run(load(run, given.port, given.connections))
    spent = os.times()
    asked, checked = run.took
    figures = {
        "pairs": run.count,
        "accepted": run.accepted,
        "matched": run.matched,
        "pairs_per_s": round(run.measured / (run.ended - run.since), 1),
        **{f"request_p{share}_ms": round(percentile(asked, share / 100) * 1e3, 3) for share in (50, 99)},
        **{f"verify_p{share}_ms": round(percentile(checked, share / 100) * 1e3, 3) for share in (50, 99)},
        "first_refusal": run.first_refusal,
        "cpu": round(spent.user + spent.system, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
