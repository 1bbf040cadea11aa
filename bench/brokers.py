"""
Intake of each acknowledging broker: texts a second from the broker into the outbox, acknowledged after the commit.

Before each run the texts already lie at the broker. The hub is started and takes them, and sends them on to an SMSC as
it always does; a consumer that only acknowledges takes as many from a topic of its own. Both by turns, and medians.
"""

import asyncio
import base64
import contextlib
import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import aio_pika

from bench.broker_ledger import NAMES, RUNS, Peer, broker, document, installed, table
from bench.broker_servers import Server
from bench.figures import median
from bench.hub import PASSWORD, Hub
from bench.ledger_rows import query
from bench.processes import Child, NotReady, Sink, python, sink
from bench.table import aligned

HEADINGS = ("door", "texts/s into the outbox", "only acknowledged/s", "share")
PATIENCE = 120.0
TAKEN = "SELECT min(created_at), max(created_at), count(*) FROM messages"


def broker_rows(rounds: int = 3, count: int = 10_000, within: Path | None = None) -> list[list[str]]:
    """Measure every broker that is installed; gives the rows of the table."""
    return [_row(door, [_both(door, turn, count, within) for turn in range(rounds)]) for door in installed(*NAMES)]


def _row(door: str, found: Sequence[tuple[float, float]]) -> list[str]:
    hub, acks = (median(one[place] for one in found) for place in (0, 1))
    return [NAMES[door], f"{hub:,.0f}", f"{acks:,.0f}", f"{median(one[0] / one[1] for one in found):.0%}"]


def _both(door: str, turn: int, count: int, within: Path | None) -> tuple[float, float]:
    """Measure the hub and the consumer that only acknowledges, in an order that turns."""
    with broker(door, "hub") as (server, url, peer), sink() as smsc:
        if turn % 2:
            acks = _acks(door, server, peer, count)
            return _hub(door, url, peer, smsc, count, within), acks
        return _hub(door, url, peer, smsc, count, within), _acks(door, server, peer, count)


def _fill(peer: Peer, topic: str, door: str, count: int) -> None:
    peer.topic = topic
    for first in range(0, count, 1_000):
        numbers = range(first, min(first + 1_000, count))
        peer.publish(*(document(f"{RUNS[door]}-{number:08d}", number) for number in numbers))


def _acks(door: str, server: Server, peer: Peer, count: int) -> float:
    def run(number: int) -> float:
        with Child(python("bench.broker_acks", door, server.port, "acks", number)) as child:
            return float(child.event("took", PATIENCE)["seconds"])

    if door == "mqtt":
        run(0)  # the session, for which the broker keeps what comes
    elif door == "amqp":
        _declare(server, "acks")
    _fill(peer, "acks", door, count)
    return count / run(count)


def _declare(server: Server, queue: str) -> None:
    """Declare a queue as the hub does."""

    async def declare() -> None:
        async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{server.port}/") as connection:
            await (await connection.channel()).declare_queue(queue, durable=True)

    asyncio.run(declare())


def _hub(door: str, url: str, peer: Peer, smsc: Sink, count: int, within: Path | None) -> float:
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        hub = Hub(folder, smsc.port, more=table(door, url, "hub"))
        with hub:  # once, so that the queue and the session are there
            _taken(hub)
        _fill(peer, "hub", door, count)
        with hub:
            until = time.monotonic() + PATIENCE
            while (taken := _taken(hub)) < count:
                if time.monotonic() > until:
                    raise NotReady(f"{door}: {taken} of {count} taken: {hub.process.last_lines()}")
                time.sleep(0.1)
            [[(first, last, stored)]] = query(hub.database, TAKEN)
        if stored != count:
            raise NotReady(f"{door}: {taken} taken and {stored} in the outbox")
        return float((count - 1) / (last - first))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _taken(hub: Hub, within: float = 30.0) -> int:
    """Tell how many documents the hub has taken, once its door is up."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://127.0.0.1:{hub.port}/v1/frontends", headers=_basic())
    until = time.monotonic() + within
    while time.monotonic() < until:
        with contextlib.suppress(OSError), opener.open(request, timeout=10) as answer:
            found = json.load(answer)["frontends"][0]
            if found["state"] == "up":
                return int(found["taken"])
        time.sleep(0.02)
    raise NotReady(f"the door is not up: {hub.process.last_lines()}")


def _basic() -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"bench:{PASSWORD}".encode()).decode()}


def main() -> None:
    """Measure and print."""
    print(aligned(HEADINGS, broker_rows()))


if __name__ == "__main__":
    main()
