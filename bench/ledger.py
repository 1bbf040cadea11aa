"""
The crash ledger: whether the hub keeps what it has accepted, through any number of kills.

A client sends at a steady rate and keeps a ledger; an SMSC in a process of its own keeps another, fsynced before each
answer; the hub has its database. The hub is killed (SIGKILL) at random instants and started again; in the end the three
are compared. With `--stop` it is stopped by SIGTERM instead, and then nothing may be uncertain either.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.hub import Hub
from bench.ledger_check import Verdict, judge
from bench.ledger_client import Client, ClientLedger
from bench.ledger_rows import rows, unsettled
from bench.postgres import postgres
from bench.processes import Sink, sink

RUN = "ledgr"
READY_WITHIN = 5.0  # the goal; a busy machine that misses it has broken no promise
STOPPED_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What one ledger run does.

    `stops` instead of kills ends the hub by SIGTERM, each time after it has lived for `shortest` to `longest` seconds.
    `delay` is how long the SMSC thinks before it answers, in seconds, so that a kill finds something in flight; at most
    `window` texts are. In the end the hub has `patience` seconds to settle everything. `package` is a folder whose
    `smshub` is run instead of the installed one.
    """

    kills: int = 30
    stops: bool = False
    store: str = "sqlite"
    message_class: str = "otp"
    seed: int = 1
    rate: float = 300.0
    delay: float = 0.02
    window: int = 10
    package: Path | None = None
    shortest: float = 0.2
    longest: float = 1.5
    patience: float = 60.0


@dataclass(slots=True)
class Course:
    """How the faults went: the slowest start and stop in seconds, and what was not as promised."""

    slowest_start: float = 0.0
    slowest_stop: float = 0.0
    broken: tuple[str, ...] = ()

    def __str__(self) -> str:
        start = f"slowest start {self.slowest_start:.2f} s (goal: {READY_WITHIN:g} s)"
        return f"{start}, slowest stop {self.slowest_stop:.2f} s"


def run_ledger(plan: Plan) -> tuple[Verdict, Course]:
    """Make one run in a temporary folder and judge it. Must not be called on a running event loop."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-ledger-"))
    try:
        with ExitStack() as stack:
            database = stack.enter_context(postgres()) if plan.store == "postgresql" else ""
            smsc = stack.enter_context(sink("--delay", plan.delay, "--ledger", folder / "sunk"))
            hub = Hub(folder, smsc.port, database=database, window=plan.window, package=plan.package)
            stack.enter_context(hub)
            smsc.event("bound")
            client = ClientLedger(folder / "client", RUN)
            stack.callback(client.close)
            course = asyncio.run(_course(plan, hub, client))
            stack.callback(smsc.stop)
            hub.process.stop()
            return _judged(plan, hub, client, smsc, folder, course), course
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _course(plan: Plan, hub: Hub, ledger: ClientLedger) -> Course:
    """Load, strike, start again, as often as planned; then wait until everything is settled."""
    chance = random.Random(plan.seed)
    course = Course()
    client = Client(ledger, hub.port, plan.rate, plan.message_class)
    for _ in range(plan.kills):
        await asyncio.sleep(chance.uniform(plan.shortest, plan.longest))
        began = time.monotonic()
        code = await asyncio.to_thread(hub.process.stop if plan.stops else hub.process.kill)
        took = time.monotonic() - began
        course.slowest_stop = max(course.slowest_stop, took)
        if plan.stops and (code != 0 or took > STOPPED_WITHIN):
            course.broken += (f"a stop took {took:.1f} s and ended with code {code}",)
        began = time.monotonic()
        await asyncio.to_thread(hub.start)
        course.slowest_start = max(course.slowest_start, time.monotonic() - began)
    await asyncio.sleep(chance.uniform(plan.shortest, plan.longest))
    await client.finish(plan.patience)
    until = time.monotonic() + plan.patience
    while await asyncio.to_thread(unsettled, hub.database) and time.monotonic() < until:  # noqa: ASYNC110 - the database tells nobody
        await asyncio.sleep(0.1)
    return course


def _judged(plan: Plan, hub: Hub, ledger: ClientLedger, smsc: Sink, folder: Path, course: Course) -> Verdict:
    """Read the three records and compare them."""
    faults = list(course.broken)
    if ledger.refused:
        tag, why = next(iter(ledger.refused.items()))
        faults.append(f"{len(ledger.refused)} refused, such as {tag}: {why}")
    found = rows(hub.database, RUN)
    outcomes = [outcome for tag in found.values() for row in tag for outcome in row.outcomes]
    if plan.stops and "uncertain" in outcomes:
        faults.append(f"{outcomes.count('uncertain')} attempts uncertain though the hub was only stopped")
    if outcomes.count("uncertain") > plan.kills * plan.window:
        faults.append(
            f"{outcomes.count('uncertain')} attempts uncertain, more than {plan.kills} windows of {plan.window}"
        )
    return judge(
        attempted=ledger.attempted,
        acked=ledger.acked,
        sunk=(folder / "sunk").read_text(encoding="latin-1").split(),
        rows=found,
        never_twice=plan.stops or plan.message_class == "bulk",
        faults=faults,
    )


def main() -> None:
    """Run the ledger and print its verdict; exits 1 when the promise is broken."""
    parser = argparse.ArgumentParser(prog="bench.ledger", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often the hub is ended")
    parser.add_argument("--stop", action="store_true", help="end it with SIGTERM instead of SIGKILL")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], nargs="+", default=["sqlite"])
    parser.add_argument("--class", dest="classes", choices=["otp", "transactional", "bulk"], nargs="+", default=["otp"])
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--rate", type=float, default=300.0, help="texts a second")
    parser.add_argument("--delay", type=float, default=0.02, help="seconds before the SMSC answers")
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--package", type=Path, help="folder that holds another smshub package")
    given = parser.parse_args()
    kept = True
    for store in given.store:
        for message_class in given.classes:
            plan = Plan(
                kills=given.kills,
                stops=given.stop,
                store=store,
                message_class=message_class,
                seed=given.seed,
                rate=given.rate,
                delay=given.delay,
                window=given.window,
                package=given.package,
            )
            began = time.monotonic()
            verdict, course = run_ledger(plan)
            what = f"{plan.kills} {'clean stops' if plan.stops else 'kills'}, seed {plan.seed}"
            print(f"{store}, class {message_class}, {what}, {time.monotonic() - began:.0f} s")
            print(f"{course}\n{verdict.table()}\n", flush=True)
            kept = kept and verdict.ok
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
