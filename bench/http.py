# ruff: noqa: A005 - it is only ever called bench.http
"""
What a way out over HTTP carries: texts a second through the connector `http` to a provider that answers at once.

The hub, with its writer, has one core to itself; the load and the provider have the others. Every text is matched with
its arrival. *A CPU second* is how many texts one of the hub's CPU seconds pays for: other programs on the machine lower
the rate, and that hardly.
"""

import argparse
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.costs import pinned
from bench.figures import match, median
from bench.hub import hub
from bench.processes import Sink, load, python, sink
from bench.table import aligned

HEADINGS = ("way out", "delivered/s on one core", "a CPU second", "end to end p50 ms", "p99 ms", "lost", "twice")
GATEWAY = """\
[connectors.{name}]
type = "http"
URL = "http://127.0.0.1:{port}/send"
HTTP_METHOD = "POST"
success_pattern = "^OK"
id_pattern = "OK (\\\\S+)"
{more}
[connectors.{name}.options]
to = "{{phone}}"
text = "{{text}}"

[[routes]]
prefixes = ["{prefix}"]
connectors = ["{name}"]

"""


def gateway(name: str, port: int, prefix: str, more: str = "") -> str:
    """Write the tables of a connector to an HTTP provider, and of the route that leads there."""
    return GATEWAY.format(name=name, port=port, prefix=prefix, more=more)


@contextlib.contextmanager
def provider(*arguments: object) -> Iterator[Sink]:
    """Run an HTTP provider on a free port."""
    with Sink(python("bench.http_sink", *arguments)) as running:
        running.port = running.event("listening")["port"]
        yield running


def measure(run: str, seconds: float, connections: int, within: Path | None) -> dict[str, float]:
    """Make one run through the gateway."""
    own, *others = sorted(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with pinned(set(others)), sink() as smsc, provider() as gate, contextlib.ExitStack() as stack:
            with pinned({own}):
                running = stack.enter_context(hub(folder, smsc.port, more=gateway("gateway", gate.port, "49151")))
            out = folder / "accepted"
            before = running.cpu()
            figures = load("v1", running.port, connections, seconds, warmup=1.0, run=run, out=out)
            gate.settle(figures["accepted"])
            spent = running.cpu() - before
            arrivals = gate.arrivals(folder)
        lines = (line.split() for line in out.read_text(encoding="ascii").splitlines())
        matched = match({tag: float(at) for tag, at, _ in lines}, arrivals, figures["since"], figures["ended"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "delivered": matched.delivered_per_s,
        "p50": matched.end_to_end_p50 * 1e3,
        "p99": matched.end_to_end_p99 * 1e3,
        "cpu": spent / max(figures["accepted"], 1) * 1e6,
        "lost": matched.lost,
        "twice": matched.duplicated,
    }


def http_rows(
    rounds: int = 5, seconds: float = 4.0, connections: int = 32, within: Path | None = None
) -> list[list[str]]:
    """Measure, and give the row of the table: medians, and sums of what was lost or came twice."""
    found = [measure(f"h{number:04d}", seconds, connections, within) for number in range(rounds)]
    delivered, p50, p99, cpu = (median(one[name] for one in found) for name in ("delivered", "p50", "p99", "cpu"))
    lost, twice = (sum(one[name] for one in found) for name in ("lost", "twice"))
    of_cpu = f"{1e6 / cpu:,.0f}"
    return [["HTTP POST", f"{delivered:,.0f}", of_cpu, f"{p50:.1f}", f"{p99:.1f}", f"{lost:g}", f"{twice:g}"]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.http", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    print(aligned(HEADINGS, http_rows(given.rounds, given.seconds, given.connections)))


if __name__ == "__main__":
    main()
