"""
How many codes a second the hub makes, sends and checks: `POST /v1/otp`, then `POST /v1/otp/verify`, both on disk.

Every pair has a recipient of its own, as a login page's visitors are; the text goes to the SMSC of the benchmark. The
policy is the default one and the guard's default limits are enforced; only `custom_code` is on, by which the load knows
the codes. After each run plain texts go through `POST /v1/messages` of the same hub, for what else the machine does
slows both. It prints figures and fails because of none.
"""

import argparse
import contextlib
import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.figures import median
from bench.hub import Hub
from bench.postgres import binaries, postgres
from bench.processes import ROOT, NotReady, load, python, sink
from bench.table import aligned

POLICY = """\
[accounts.bench.otp]
custom_code = true
[accounts.bench.otp.guard]
mode = "enforce"
countries = ["DE"]
"""
STORES = ("sqlite", "postgresql")
ROUNDS = 5
HOW = f"a new receiver each, default limits enforced, median of {ROUNDS} interleaved rounds"
HEADINGS = (
    "store",
    "connections",
    "pairs/s",
    "best",
    "request p50 ms",
    "request p99 ms",
    "check p50 ms",
    "check p99 ms",
    "CPU µs/pair",
    "texts/s beside",
    "pairs to texts",
    "matched",
    "not",
)


def pairs(port: int, connections: int, seconds: float, warmup: float, run: str) -> dict[str, Any]:
    """Run the load to its end and give its figures. Raises `NotReady`."""
    options = {"port": port, "connections": connections, "seconds": seconds, "warmup": warmup, "run": run}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = python("bench.otp_load", *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=seconds + 120, check=False)
    if done.returncode:
        raise NotReady(f"the load failed: {done.stderr.decode(errors='replace')[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextlib.contextmanager
def _hub(store: str, within: Path | None) -> Iterator[Hub]:
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with contextlib.ExitStack() as stack:
            smsc = stack.enter_context(sink())
            database = stack.enter_context(postgres()) if store == "postgresql" else ""
            running = stack.enter_context(Hub(folder, smsc.port, database=database, more=POLICY))
            smsc.event("bound")
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(
    store: str, connections: int, seconds: float, warmup: float, run: str, within: Path | None
) -> dict[str, Any]:
    """Make one run with a fresh hub, then one of plain texts; add CPU microseconds for a pair, and how both compare."""
    with _hub(store, within) as hub:
        before = hub.cpu()
        figures = pairs(hub.port, connections, seconds, warmup, run)
        spent = hub.cpu() - before
        texts = load("v1", hub.port, connections, seconds / 2, warmup=0.3, run=f"{run}t")["accepted_per_s"]
    share = figures["pairs_per_s"] / texts if texts else math.nan
    return {**figures, "cpu_us": spent / max(figures["matched"], 1) * 1e6, "texts_per_s": texts, "share": share}


def otp_rows(
    rounds: int = ROUNDS,
    seconds: float = 5.0,
    connections: Sequence[int] = (32,),
    stores: Sequence[str] = STORES,
    within: Path | None = None,
) -> list[list[str]]:
    """Measure in interleaved rounds, and give the rows of the table: medians, and sums of what is counted."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for number in range(rounds):
        for store in stores:
            if store == "postgresql" and binaries() is None:
                continue
            for count in connections:
                one = measure(store, count, seconds, 1.0, f"otp{number:02d}", within)
                found.setdefault((store, count), []).append(one)
    return [_row(store, count, runs) for (store, count), runs in found.items()]


def _row(store: str, connections: int, runs: Sequence[dict[str, Any]]) -> list[str]:
    def middle(name: str) -> float:
        return median(run[name] for run in runs)

    times = (f"{part}_p{share}_ms" for part in ("request", "verify") for share in (50, 99))
    matched = sum(run["matched"] for run in runs)
    return [
        store,
        str(connections),
        f"{middle('pairs_per_s'):,.0f}",
        f"{max(run['pairs_per_s'] for run in runs):,.0f}",
        *(f"{middle(name):.2f}" for name in times),
        f"{middle('cpu_us'):,.0f}",
        f"{middle('texts_per_s'):,.0f}",
        f"{middle('share'):.2f}",
        f"{matched:,}",
        str(sum(run["pairs"] for run in runs) - matched),
    ]


def main() -> None:
    """Measure what is asked for and print the table."""
    parser = argparse.ArgumentParser(prog="bench.otp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[32])
    parser.add_argument("--store", choices=STORES, nargs="+", default=list(STORES))
    parser.add_argument("--folder", type=Path, help="where the temporary folders are made (a real disk)")
    given = parser.parse_args()
    rows = otp_rows(given.rounds, given.seconds, given.connections, given.store, given.folder)
    print(aligned(HEADINGS, rows))


if __name__ == "__main__":
    main()
