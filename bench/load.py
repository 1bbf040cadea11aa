"""
The load generator: N keep-alive connections, each with one request open at a time (a closed loop), on loopback.

A process of its own on uvloop. Requests are prebuilt bytes, answers are read no further than their status and length,
so that what is measured is the other side. Every text begins with a tag of its own.
"""

import argparse
import asyncio
import json
import os
import time
from array import array
from pathlib import Path
from typing import cast

import uvloop

from bench.doors import DOORS, RECIPIENT, Caller, Door, check_loopback, tag_of
from bench.figures import percentile

STRAGGLERS = 30.0  # seconds that the last answers may take
HOPELESS = 1000  # refusals after which a run that has had no yes ends


class Run:
    """What one run has sent and been answered. Index = counter of the text; times are CLOCK_MONOTONIC seconds."""

    def __init__(self, door: Door, count: int, seconds: float, warmup: float, rate: float | None = None) -> None:
        self.door = door
        self.rate = rate
        self.count = count
        self.began = time.monotonic()
        self.since = self.began + warmup
        self.until = self.since + seconds
        self.sent = array("d")
        self.answered = array("d")  # 0 until answered, negative when refused
        self.accepted = 0
        self.refused = 0
        self.broken = 0
        self.first_refusal = ""
        self.length_name = b""

    def over(self, now: float) -> bool:
        """Whether no more is to be sent."""
        hopeless = self.refused + self.broken > HOPELESS and not self.accepted
        return now >= self.until or len(self.sent) >= self.count or hopeless

    def content_length(self, head: bytes) -> int:
        """Read the length of an answer; the spelling of the header's name is learnt from the first one."""
        if not self.length_name:
            at = head.lower().find(b"\r\ncontent-length:")
            if at < 0:
                raise ValueError("the answer has no Content-Length")
            self.length_name = head[at : at + 17]
        at = head.find(self.length_name)
        return int(head[at + 17 : head.index(b"\r", at + 17)])

    def note(self, counter: int, status: bytes, answer: bytes, now: float) -> None:
        """Keep the verdict on one text."""
        if self.door.accepted(status, answer):
            self.accepted += 1
            self.answered[counter] = now
            return
        self.refused += 1
        self.answered[counter] = -now
        if not self.first_refusal:
            self.first_refusal = f"{status.decode()} {answer[-300:].decode(errors='replace')}"


class Connection(asyncio.Protocol):
    """One keep-alive connection: sends a request when the one before is answered."""

    def __init__(self, run: Run, closed: asyncio.Future[None]) -> None:
        self.run = run
        self.closed = closed
        self.counter = -1
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast("asyncio.Transport", transport)
        self.send(time.monotonic())

    def send(self, now: float) -> None:
        """Send the next text, or hang up when the run is over."""
        run = self.run
        if run.over(now):
            self.counter = -1
            self.transport.close()
            return
        if run.rate is not None and (early := run.began + len(run.sent) / run.rate - now) > 0.0:
            self.counter = -1
            asyncio.get_running_loop().call_later(early, self.send_again)
            return
        self.counter = counter = len(run.sent)
        run.sent.append(now)
        run.answered.append(0.0)
        self.transport.write(run.door.template % (counter, counter))

    def send_again(self) -> None:
        """Send after a pause, unless the connection has broken."""
        if not self.transport.is_closing():
            self.send(time.monotonic())

    def data_received(self, data: bytes) -> None:
        """Read one answer: status, length, verdict; then send again."""
        if self.rest:
            data = self.rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + self.run.content_length(data[: end + 2]):
            self.rest = data
            return
        self.rest = b""
        now = time.monotonic()
        if self.counter >= 0:
            self.run.note(self.counter, data[9:12], data, now)
        self.send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that will not be answered any more."""
        if self.counter >= 0:
            self.run.broken += 1
        if not self.closed.done():
            self.closed.set_result(None)


async def keep_sending(run: Run, host: str, port: int) -> None:
    """Be one caller: connect, send until the connection or the run ends, connect again."""
    loop = asyncio.get_running_loop()
    while not run.over(time.monotonic()):
        closed: asyncio.Future[None] = loop.create_future()
        try:
            await loop.create_connection(lambda closed=closed: Connection(run, closed), host, port)  # type: ignore[misc]
        except OSError:
            run.broken += 1
            await asyncio.sleep(0.05)
            continue
        await closed


async def load(run: Run, host: str, port: int, connections: int) -> None:
    """Run the load and wait a bounded time for the last answers."""
    callers = [asyncio.create_task(keep_sending(run, host, port)) for _ in range(connections)]
    _, late = await asyncio.wait(callers, timeout=run.until - time.monotonic() + STRAGGLERS)
    for caller in late:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)


def report(run: Run, name: str, out: Path | None) -> dict[str, object]:
    """Sum up a run; the tags that were accepted go to `out`: tag, time of sending, time of the answer."""
    if out:
        with out.open("w", encoding="ascii") as file:
            for counter, (sent, answered) in enumerate(zip(run.sent, run.answered, strict=True)):
                if answered > 0:
                    file.write(f"{tag_of(name, counter)} {sent:.6f} {answered:.6f}\n")
    measured = [a - s for s, a in zip(run.sent, run.answered, strict=True) if s >= run.since and a > 0]
    ended = max((a for a in run.answered if a > 0), default=run.until)
    spent = os.times()
    return {
        "run": name,
        "attempted": len(run.sent),
        "accepted": run.accepted,
        "refused": run.refused,
        "broken": run.broken,
        "first_refusal": run.first_refusal,
        "since": run.since,
        "ended": ended,
        "seconds": round(ended - run.since, 3),
        "accepted_per_s": round(len(measured) / (ended - run.since), 1) if measured else 0.0,
        "p50_ms": round(percentile(measured, 0.5) * 1e3, 3),
        "p99_ms": round(percentile(measured, 0.99) * 1e3, 3),
        "cpu": round(spent.user + spent.system, 2),
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    parser.add_argument("--door", choices=sorted(DOORS), default="v1")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--username", default="bench")
    parser.add_argument("--password", default="bench-password")
    parser.add_argument("--class", dest="message_class")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--count", type=int, default=2_000_000, help="texts at most")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warmup", type=float, default=0.0, help="seconds before the figures begin")
    parser.add_argument("--rate", type=float, help="texts a second at most; without it as fast as they are answered")
    parser.add_argument("--to", default=RECIPIENT, help="how the recipients begin")
    parser.add_argument("--run", default="run00", help="prefix of the tags")
    parser.add_argument("--out", type=Path, help="file for the accepted tags")
    return parser.parse_args()


def main() -> None:
    """Load one door and print the figures as JSON."""
    given = arguments()
    check_loopback(given.host)
    caller = Caller(
        given.host, given.port, given.username, given.password, given.run, given.message_class, recipient=given.to
    )
    count, seconds = min(given.count, 10_000_000), min(given.seconds, 600.0)
    run = Run(DOORS[given.door](caller), count, seconds, given.warmup, given.rate)
    uvloop.run(load(run, given.host, given.port, given.connections))
    print(json.dumps(report(run, given.run, given.out)))


if __name__ == "__main__":
    main()
