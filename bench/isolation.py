"""
What a provider's bad day costs the others: the 99th percentile of texts on another connector, in pairs of runs.

Texts go over SMPP to an SMSC that answers at once; beside them others go to a provider over HTTP that is well in one
run of a pair and sick in the other: it never answers, answers a byte a second, or answers without end; or to a custom
connector that never comes back. Both runs offer the same, each has a hub of its own, and their order turns. The ratio
of a pair is the sick run's percentile to the well one's, and the median of the ratios is shown.
"""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import match, median
from bench.http import gateway, provider
from bench.http_sink import SICK
from bench.hub import hub
from bench.processes import ROOT, NotReady, load, python, sink
from bench.table import aligned

HEADINGS = ("beside a provider that", "p99 ms, it well", "p99 ms, it sick", "ratio (median)", "pairs", "lost")
NAMES = {"hang": "never answers", "drip": "answers a byte a second", "flood": "answers without end", "block": "blocks"}
WELL = "well"
RATE, BESIDE = 300.0, 100.0  # texts a second that are measured, and those beside them
BLOCKING = """\
import time


def send(**_):
    time.sleep(3600)
"""
CUSTOM = """\
[connectors.beside]
type = "custom"
file = "{file}"
timeout = 3

[[routes]]
prefixes = ["4917"]
connectors = ["beside"]

"""


def isolation_rows(
    pairs: int = 10, seconds: float = 4.0, within: Path | None = None, only: Sequence[str] = tuple(NAMES)
) -> list[list[str]]:
    """Measure every sickness, and give the rows of the table."""
    found: dict[str, list[tuple[float, float]]] = {sickness: [] for sickness in only}
    lost = dict.fromkeys(only, 0)
    for number in range(pairs):
        for sickness in only:
            runs = {}
            for state in (WELL, sickness) if number % 2 else (sickness, WELL):
                runs[state], gone = measure(state, f"i{number:02d}{state[0]}", seconds, within)
                lost[sickness] += gone
            found[sickness].append((runs[WELL], runs[sickness]))
    return [
        [
            NAMES[sickness],
            f"{median(well for well, _ in both):.2f}",
            f"{median(sick for _, sick in both):.2f}",
            f"{median(sick / well for well, sick in both):.2f}x",
            str(pairs),
            str(lost[sickness]),
        ]
        for sickness, both in found.items()
    ]


def measure(state: str, run: str, seconds: float, within: Path | None) -> tuple[float, int]:
    """Make one run; gives the percentile in milliseconds, from the request to the arrival, and how many were lost."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with ExitStack() as stack:
            smsc = stack.enter_context(sink())
            if state == "block":
                file = folder / "blocking.py"
                file.write_text(BLOCKING)
                file.chmod(0o600)
                more = CUSTOM.format(file=file)
            else:
                sick = ("--sick", state) if state in SICK else ()
                beside = stack.enter_context(provider(*sick))
                more = gateway("beside", beside.port, "4917", "timeout = 3")
            running = stack.enter_context(hub(folder, smsc.port, more=more))
            smsc.event("bound")
            with subprocess.Popen(_beside(running.port, seconds), cwd=ROOT, stdout=subprocess.DEVNULL) as other:
                out = folder / "accepted"
                figures = load("v1", running.port, 8, seconds, warmup=1.0, rate=RATE, run=run, out=out)
                smsc.settle(figures["accepted"])
                other.wait(seconds + 60)
            arrivals = smsc.arrivals(folder)
        lines = (line.split() for line in out.read_text(encoding="ascii").splitlines())
        sent = {tag: float(at) for tag, at, _ in lines}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    matched = match(sent, arrivals, figures["since"], figures["ended"])
    if not matched.arrived:
        raise NotReady(f"{state}: nothing arrived ({figures['first_refusal']})")
    return matched.end_to_end_p99 * 1e3, matched.lost


def _beside(port: int, seconds: float) -> list[str]:
    """Give the command of the load on the other connector: of class bulk, which is not repeated when uncertain."""
    return python(
        "bench.load",
        *("--port", port, "--connections", 4, "--seconds", seconds, "--warmup", 1),
        *("--rate", BESIDE, "--run", "beside", "--class", "bulk", "--to", "+49171"),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.isolation", description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    given = parser.parse_args()
    print(aligned(HEADINGS, isolation_rows(given.pairs, given.seconds, only=given.only)))


if __name__ == "__main__":
    main()
