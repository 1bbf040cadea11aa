"""
The ledger of the brokers: each is ended and started again under load, many times, and every text is matched.

A program publishes texts and notes those that the broker has confirmed; an SMSC notes what arrives. In the end every
confirmed text must have arrived, and none twice. RabbitMQ and Redis are killed (SIGKILL); Mosquitto, which writes its
store only when it ends, is stopped.
"""

import argparse
import contextlib
import json
import logging
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.broker_peers import Amqp, Mqtt, Redis
from bench.broker_servers import RABBITMQ, Server, mosquitto, rabbitmq, redis_server
from bench.hub import Hub
from bench.processes import NotReady, sink

# What begins a text's tag, one for each broker, and all of one length.
RUNS: Mapping[str, str] = {"amqp": "amqp0", "list": "list0", "stream": "strm0", "mqtt": "mqtt0"}
PROGRAMS: Mapping[str, str] = {"amqp": RABBITMQ, "mqtt": "mosquitto", "list": "redis-server", "stream": "redis-server"}
NAMES: Mapping[str, str] = {"amqp": "RabbitMQ", "list": "Redis list", "stream": "Redis stream", "mqtt": "MQTT, QoS 1"}

Peer = Amqp | Redis | Mqtt


def installed(*doors: str) -> list[str]:
    """Tell the doors whose broker is on this machine."""
    return [door for door in doors if shutil.which(PROGRAMS[door]) or Path("/usr/sbin", PROGRAMS[door]).exists()]


@contextlib.contextmanager
def broker(door: str, topic: str) -> Iterator[tuple[Server, str, Peer]]:
    """Run the broker of a door; gives it, its URL, and a program that speaks to it."""
    if door == "amqp":
        with rabbitmq() as server:
            yield server, f"amqp://guest:guest@127.0.0.1:{server.port}/", Amqp(server.port, topic)
    elif door == "mqtt":
        with mosquitto() as server:
            yield server, f"mqtt://127.0.0.1:{server.port}", Mqtt(server.port, topic)
    else:
        with redis_server() as server:
            yield server, f"redis://127.0.0.1:{server.port}/0", Redis(server.port, topic, door)


def table(door: str, url: str, topic: str) -> str:
    """Write the hub's table of a door."""
    carrier = "redis" if door in {"list", "stream"} else door
    more = {"redis": f'mode = "{door}"\n', "mqtt": f'client_id = "{topic}"\n'}.get(carrier, "")
    return (
        f'[[frontends]]\ndialect = "otppi"\ncarrier = "{carrier}"\nname = "{door}"\nurl = "{url}"\ntopic = "{topic}"\n'
        f'account = "bench"\nbackoff_initial = 0.1\nbackoff_max = 0.3\n{more}'
    )


def document(tag: str, number: int) -> bytes:
    """Write a text as OTP-Pi's clients do; its tag is its id."""
    data = {"id": tag, "date_time": 1_795_290_496, "receiver": f"+49151{number:08d}", "message": f"{tag} Your code."}
    return json.dumps({"command": "send-sms", "data": data}).encode()


class Publishing(threading.Thread):
    """
    Publishes texts, twenty at a time, and keeps the names of those that the broker has confirmed.

    What is not confirmed is published again, with the same names. `write` makes the document of a name and its place.
    """

    BATCH = 20

    def __init__(self, prefix: str, peer: Peer, write: Callable[[str, int], bytes] = document) -> None:
        super().__init__(name=f"publishes {prefix}")
        self.confirmed: list[str] = []
        self._prefix = prefix
        self._peer = peer
        self._write = write
        self._ended = threading.Event()

    def run(self) -> None:
        """Publish until it is over."""
        while not self._ended.wait(0.02):
            first = len(self.confirmed)
            batch = [f"{self._prefix}-{place:08d}" for place in range(first, first + self.BATCH)]
            # Each client has its own exceptions, and all mean that it is not confirmed.
            with contextlib.suppress(Exception):
                self._peer.publish(*(self._write(name, first + place) for place, name in enumerate(batch)))
                self.confirmed.extend(batch)

    def more(self, count: int, within: float = 60.0) -> None:
        """Wait until so many more are confirmed. Raises `NotReady`."""
        before, until = len(self.confirmed), time.monotonic() + within
        while len(self.confirmed) < before + count:
            if time.monotonic() > until:
                raise NotReady(f"{self.name}: {len(self.confirmed) - before} of {count} confirmed in {within:g} s")
            time.sleep(0.01)

    def end(self) -> None:
        """Publish no more."""
        self._ended.set()
        self.join()


def restarted(servers: Sequence[Server], publishing: Sequence[Publishing], times: int, between: int) -> None:
    """End and start the servers again and again, while `between` texts are confirmed over each door in between."""
    for one in publishing:
        one.start()
    try:
        for _ in range(times):
            for one in publishing:
                one.more(between)
            for server in servers:
                server.strike()
                server.start()
        for one in publishing:
            one.more(between)
    finally:
        for one in publishing:
            one.end()


@dataclass(frozen=True, slots=True)
class Account:
    """What a run came to."""

    door: str
    restarts: int
    confirmed: int
    lost: int
    twice: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{NAMES[self.door]}: {self.restarts} restarts in {self.seconds:.0f} s, {self.confirmed:,} confirmed, "
            f"{self.lost} lost, {self.twice} sent twice"
        )


def run_ledger(door: str, times: int, between: int = 200) -> Account:
    """Make one run in a temporary folder."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="smshub-ledger-"))
    try:
        with broker(door, f"sms-{door}") as (server, url, peer), sink() as smsc:
            with Hub(folder, smsc.port, more=table(door, url, f"sms-{door}")):
                smsc.event("bound")
                if door == "mqtt":
                    _first_session(peer, smsc.arrived)
                publishing = Publishing(RUNS[door], peer)
                restarted([server], [publishing], times, between)
                confirmed = set(publishing.confirmed)
                smsc.settle(len(confirmed) + (door == "mqtt"), patience=15.0)
            came = Counter(tag for tag, _ in smsc.arrivals(folder) if tag.startswith(RUNS[door]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    twice = sum(count - 1 for count in came.values())
    return Account(door, times, len(confirmed), len(confirmed - set(came)), twice, time.monotonic() - began)


def _first_session(peer: Peer, arrived: Callable[[], int]) -> None:
    """Publish until one arrives: an MQTT broker keeps nothing for a session that has never been."""
    until = time.monotonic() + 20.0
    while not arrived():
        peer.publish(document("first-00000000", 0))
        if time.monotonic() > until:
            raise NotReady("nothing comes over MQTT")
        time.sleep(0.1)


def main() -> None:
    """Run the ledger of each broker that is installed; exits 1 where one has lost or repeated a text."""
    parser = argparse.ArgumentParser(prog="bench.broker_ledger", description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--between", type=int, default=200, help="texts confirmed between two restarts")
    parser.add_argument("--door", choices=sorted(NAMES), nargs="+", default=list(NAMES))
    given = parser.parse_args()
    for library in ("aio_pika", "aiormq"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # each failed connection, which here is the point
    kept = True
    for door in given.door:
        if not installed(door):
            print(f"{NAMES[door]} is not installed", file=sys.stderr)
            continue
        account = run_ledger(door, given.restarts, given.between)
        print(account, flush=True)
        kept = kept and not account.lost and not account.twice and account.confirmed > 0
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
