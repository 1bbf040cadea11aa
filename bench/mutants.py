"""
The ledger must be able to fail: the same run against copies of the hub that each break one rule.

A mutant is the package with one rule changed, in a temporary folder. Each must be caught; one whose lines are no longer
in the source is reported as such, because then this list is out of date.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.ledger import Plan, run_ledger
from bench.processes import ROOT

SOURCE = ROOT / "src" / "smshub"


class OutOfDate(LookupError):
    """The source does not hold the line that a mutant changes, or not once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule: `old` lines become `new` ones in `file`; `plan` is the run that must catch it."""

    name: str
    file: str
    old: str
    new: str
    plan: Plan


# Many kills in a short time and many texts, for some of these faults show in a thousandth of a second only.
PLAN = Plan(kills=12, rate=900.0, delay=0.02, window=50, shortest=0.2, longest=0.5, patience=8.0)

MUTANTS: Sequence[Mutant] = (
    Mutant(
        "answers before the commit",
        "engine/hub.py",
        "        result = await future\n",
        "        result = None\n",
        replace(PLAN, kills=30),
    ),
    Mutant(
        "sends before the attempt is on disk",
        "engine/hub.py",
        "        self._committer.accept(accept, done)\n",
        "        for outlet, message in taken:\n"
        "            (outlet.launch if message.attempt else outlet.enqueue)(message)\n"
        "        self._loop.call_later(0.005, self._committer.accept, accept, future.set_result)\n",
        PLAN,
    ),
    Mutant(
        "takes what was under way for not sent",
        "engine/dispatcher.py",
        '        outcome = Uncertain(Reason.CRASHED, "the hub stopped between sending and the provider\'s answer")\n',
        "        outcome = Deferred(Reason.UNREACHABLE)\n",
        PLAN,
    ),
    Mutant(
        "forgets what was under way",
        "engine/dispatcher.py",
        "        for message in messages:\n            decision = after(\n",
        "        for message in ():\n            decision = after(\n",
        PLAN,
    ),
    Mutant(
        "sends again though an uncertain one is to be held",
        "domain/retry.py",
        "if policy.on_uncertain is OnUncertain.RESEND and message.resends == 0",
        "if message.resends == 0",
        replace(PLAN, message_class="bulk"),
    ),
    Mutant(
        "stops without waiting for the answers",
        "app.py",
        "        await asyncio.gather(*(outlet.stop() for outlet in outlets))\n",
        "",
        replace(PLAN, stops=True, kills=3, rate=50.0, delay=1.5),
    ),
)


def mutated(mutant: Mutant, folder: Path) -> Path:
    """Make the mutant's package; give the folder to put on the path. Raises `OutOfDate`."""
    shutil.copytree(SOURCE, folder / "smshub", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "smshub" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise OutOfDate(f"{mutant.file} holds {text.count(mutant.old)} times {mutant.old!r}")
    text = text.replace(mutant.old, mutant.new)
    if "Deferred(" in mutant.new:
        text = text.replace("import Reason, Uncertain", "import Deferred, Reason, Uncertain")
    path.write_text(text, encoding="utf-8")
    return folder


def caught(mutant: Mutant) -> str:
    """Run the ledger against a mutant; give what gave it away, or nothing. Raises `OutOfDate`."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-mutant-"))
    try:
        verdict, _ = run_ledger(replace(mutant.plan, package=mutated(mutant, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ", ".join(f"{name} {len(tags)}" for name, tags in verdict.wrong().items())


def controlled() -> bool:
    """Run the same against the hub as it is, which must keep every promise."""
    kept = True
    for plan in dict.fromkeys(mutant.plan for mutant in MUTANTS):
        verdict, _ = run_ledger(plan)
        kept = kept and verdict.ok
        how = ", ".join(f"{name} {tags}" for name, tags in verdict.wrong().items())
        what = f"the hub as it is, class {plan.message_class}, {plan.kills} {'stops' if plan.stops else 'kills'}"
        print(f"{'kept' if verdict.ok else 'BROKEN':12} {what} {how}", flush=True)
    return kept


def main() -> None:
    """Run the hub as it is and every mutant; exits 1 when it broke a promise or a mutant was not caught."""
    parser = argparse.ArgumentParser(prog="bench.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", help="words of the names of mutants")
    given = parser.parse_args()
    missed = 0 if given.only or controlled() else 1
    for mutant in MUTANTS:
        if given.only and not any(word in mutant.name for word in given.only):
            continue
        try:
            how = caught(mutant)
        except OutOfDate as error:
            how, missed = "", missed + 1
            print(f"OUT OF DATE  {mutant.name}: {error}", flush=True)
            continue
        missed += not how
        print(f"{'caught' if how else 'MISSED':12} {mutant.name}{': ' if how else ''}{how}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
