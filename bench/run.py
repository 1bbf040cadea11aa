"""
The benchmark: the hub beside Kannel, the same load, the same sink, in turn; medians of several rounds.

Each run has a fresh folder, a fresh sink and a fresh process under test, and every accepted text is matched with its
arrivals one by one. It prints figures and fails because of none.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import brokers, costs, http, isolation, otp
from bench.backlog import measure_backlog
from bench.figures import match
from bench.hub import hub
from bench.kannel import installed, kannel
from bench.postgres import postgres
from bench.processes import ROOT, NotReady, Sink, load, sink
from bench.prove import prove_load, prove_sink, told
from bench.table import HEADINGS, Result, aligned, cells, machine, markdown, summed_up, write_between_markers

WINDOW = 500
PAGE = ROOT / "docs" / "performance.md"


class Running(Protocol):
    """A process under test."""

    @property
    def port(self) -> int:
        """The port of its door."""

    def cpu(self) -> float:
        """Give the CPU seconds it has spent."""

    def peak(self) -> int:
        """Give its largest resident set in bytes."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: its name in the table, the door that is knocked at, and how it is started."""

    name: str
    door: str
    start: Callable[[Path, Sink], AbstractContextManager[Running]]


@contextlib.contextmanager
def _hub(folder: Path, smsc: Sink, database: str) -> Iterator[Running]:
    with hub(folder, smsc.port, database=database, window=WINDOW) as running:
        try:
            smsc.event("bound")
        except NotReady:
            raise NotReady(f"no bind: {running.process.last_lines()}") from None
        yield running


def _fresh_postgres(folder: Path, smsc: Sink) -> AbstractContextManager[Running]:
    @contextlib.contextmanager
    def start() -> Iterator[Running]:
        with postgres() as database, _hub(folder, smsc, database) as running:
            yield running

    return start()


def subjects(store: str) -> Mapping[str, Subject]:
    """Give everything that can be measured, by name."""
    all_ = [
        Subject("kannel-file", "kannel", lambda folder, smsc: kannel(folder, smsc, "file", WINDOW)),
        Subject("kannel-spool", "kannel", lambda folder, smsc: kannel(folder, smsc, "spool", WINDOW)),
    ]
    for door in ("v1", "soap"):
        if store in {"sqlite", "both"}:
            all_.append(Subject(f"smshub-{door}", door, lambda folder, smsc: _hub(folder, smsc, "")))
        if store in {"postgresql", "both"}:
            all_.append(Subject(f"smshub-{door}-postgresql", door, _fresh_postgres))
    return {subject.name: subject for subject in all_}


def measure(subject: Subject, connections: int, seconds: float, warmup: float, run: str, within: Path | None) -> Result:
    """Make one run."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with sink() as smsc, subject.start(folder, smsc) as running:
            out = folder / "accepted"
            before = running.cpu()
            figures = load(subject.door, running.port, connections, seconds, warmup=warmup, run=run, out=out)
            smsc.settle(figures["accepted"])
            spent, peak = running.cpu() - before, running.peak()
            arrivals = smsc.arrivals(folder)
        lines = (line.split() for line in out.read_text(encoding="ascii").splitlines())
        matched = match({tag: float(at) for tag, at, _ in lines}, arrivals, figures["since"], figures["ended"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(
        subject=subject.name,
        connections=connections,
        accepted_per_s=figures["accepted_per_s"],
        delivered_per_s=matched.delivered_per_s,
        accept_p50=figures["p50_ms"],
        accept_p99=figures["p99_ms"],
        end_to_end_p50=matched.end_to_end_p50 * 1e3,
        end_to_end_p99=matched.end_to_end_p99 * 1e3,
        cpu_us=spent / max(figures["accepted"], 1) * 1e6,
        peak_mib=peak / 2**20,
        accepted=figures["accepted"],
        lost=matched.lost,
        duplicated=matched.duplicated,
        refused=figures["refused"] + figures["broken"],
        first_refusal=figures["first_refusal"],
    )


def rounds(chosen: Sequence[Subject], given: argparse.Namespace) -> Iterator[Result]:
    """Make all runs, interleaved, so that what else the machine does hits all alike."""
    number = 0
    away: set[str] = set()
    for turn in range(given.rounds):
        for connections in given.connections:
            for subject in chosen if turn % 2 == 0 else reversed(chosen):
                number += 1
                if subject.name in away:
                    continue
                try:
                    result = measure(subject, connections, given.seconds, given.warmup, f"r{number:04d}", given.folder)
                except NotReady as error:
                    print(f"{subject.name} does not run: {error}", file=sys.stderr)
                    away.add(subject.name)
                    continue
                if result.refused:
                    print(f"{subject.name}: {result.refused} refused, first: {result.first_refusal}", file=sys.stderr)
                print("  ".join(cells(result)), file=sys.stderr)
                yield result


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--only", nargs="+", help="subjects: kannel-file kannel-spool smshub-v1 smshub-soap ...")
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="sqlite")
    parser.add_argument("--quick", action="store_true", help="one short round, 16 and 64 connections")
    parser.add_argument("--backlog", type=int, default=0, help="measure with so many texts queued, instead")
    parser.add_argument("--folder", type=Path, help="where the temporary folders are made (a real disk)")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    parser.add_argument("--no-doors", action="store_true", help="leave out all but the first table")
    parser.add_argument("--no-proof", action="store_true", help="leave out the load and the sink alone")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds, given.warmup, given.connections = 1, 2.0, 0.5, [16, 64]
    return given


def proofs() -> list[str]:
    """Say how fast the load and the sink are alone."""
    lines = [f"load alone, {count} connections: {told(prove_load(2.0, count))}" for count in (1, 16, 64)]
    return [*lines, f"sink alone: {told(prove_sink(200_000))}"]


def tables_of_doors(folder: Path | None) -> Iterator[tuple[str, Sequence[str], list[list[str]]]]:
    """Measure doors, brokers, codes, a way out over HTTP, a provider's bad day: what it is, headings, rows."""
    how = "median of 7 interleaved rounds, 64 connections, the hub and its writer on one core"
    for title, headings, rows in (
        (f"HTTP doors, {how}", costs.HEADINGS, costs.cost_rows),
        ("Brokers, median of 3 interleaved rounds of 10,000 texts", brokers.HEADINGS, brokers.broker_rows),
        (f"Codes asked for and checked, {otp.HOW}", otp.HEADINGS, otp.otp_rows),
        ("A way out over HTTP, median of 5 rounds, the hub and its writer on one core", http.HEADINGS, http.http_rows),
        ("Isolation, medians of 10 interleaved pairs of runs", isolation.HEADINGS, isolation.isolation_rows),
    ):
        try:
            yield title, headings, rows(within=folder)
        except NotReady as error:
            print(f"{title}: {error}", file=sys.stderr)


def main() -> None:
    """Run what is asked for and print the table."""
    given = arguments()
    if given.backlog:
        print(measure_backlog(given.backlog, given.store, given.folder))
        return
    known = subjects(given.store)
    wanted = [known[name] for name in given.only or known if name in known]
    if not installed() and any(subject.door == "kannel" for subject in wanted):
        print("Kannel is not installed (Debian: kannel); the hub is measured alone.", file=sys.stderr)
        wanted = [subject for subject in wanted if subject.door != "kannel"]
    proof = [] if given.no_proof else proofs()
    results = summed_up(rounds(wanted, given))
    rows = [cells(result) for result in sorted(results, key=lambda result: result.connections)]
    how = f"{machine()}; median of {given.rounds} rounds of {given.seconds:g} s"
    print("\n".join([how, *proof, aligned(HEADINGS, rows)]))
    text = "\n".join([f"{how}.", "", markdown(HEADINGS, rows), "", *(f"- {line}" for line in proof)])
    if not (given.no_doors or given.only or given.quick):
        for title, headings, found in tables_of_doors(given.folder):
            print(f"\n{title}\n{aligned(headings, found)}")
            text += f"\n\n{title}:\n\n{markdown(headings, found)}"
    if given.write and not write_between_markers(PAGE, text):
        print(f"{PAGE} has no place for the results", file=sys.stderr)


if __name__ == "__main__":
    main()
