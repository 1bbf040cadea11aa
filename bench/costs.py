"""
What each door costs: requests a second of every HTTP door on one core, beside the native one.

The hub, with its writer, has one core to itself; the load and the SMSC have the others. All doors knock at the same
hub in turn, several rounds, and each round gives a ratio to its own native door, so that what else the machine does
hits both alike.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import median
from bench.hub import hub
from bench.processes import NotReady, load, sink

NATIVE = "v1"
DOORS = (NATIVE, "otppi", "jsonrpc", "soap")
NAMES = {"v1": "POST /v1/messages", "otppi": "OTP-Pi", "jsonrpc": "SMSHub JSON-RPC", "soap": "SMSHub SOAP"}
HEADINGS = ("door", "requests/s on one core", "to the native door")


@contextlib.contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Have this process, and every process begun meanwhile, run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cost_rows(
    rounds: int = 7, seconds: float = 1.5, connections: int = 64, within: Path | None = None
) -> list[list[str]]:
    """Measure, and give the rows of the table: door, requests a second, how much slower than the native door."""
    own, *others = sorted(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with pinned(set(others)), sink() as smsc, contextlib.ExitStack() as stack:
            with pinned({own}):
                running = stack.enter_context(hub(folder, smsc.port))
            smsc.event("bound")
            measured = [_round(running.port, number, seconds, connections) for number in range(rounds + 1)][1:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows_of(measured)


def _round(port: int, number: int, seconds: float, connections: int) -> dict[str, float]:
    """Knock at every door once; the order turns, so that none is always behind another."""
    found = {}
    for place in range(len(DOORS)):
        door = DOORS[(place + number) % len(DOORS)]
        figures = load(door, port, connections, seconds, warmup=0.3, run=f"c{number:02d}{door[0]}x")
        if not figures["accepted"]:
            raise NotReady(f"{door}: {figures['first_refusal']}")
        found[door] = figures["accepted_per_s"]
    return found


def rows_of(measured: Sequence[dict[str, float]]) -> list[list[str]]:
    """Bring rounds to rows: the median of the rates and the median of the ratios."""
    return [
        [
            NAMES[door],
            f"{median(found[door] for found in measured):,.0f}",
            f"{median(found[NATIVE] / found[door] for found in measured):.2f}x",
        ]
        for door in DOORS
    ]
