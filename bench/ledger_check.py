"""
The judgement of the ledger: three independent records of the same texts, compared. Pure.

After Jepsen's total-queue checker: what was acknowledged and never came out is lost, what came out and was never put
in is unexpected, what came out twice must be explained by an attempt whose end nobody could know.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields

# States in which the hub says itself that the text did not go out, or that it does not know.
TOLD = frozenset({"REJECTED", "EXPIRED", "CANCELLED", "UNCERTAIN"})
ARRIVED = frozenset({"SENT", "DELIVERED"})
UNSETTLED = frozenset({"QUEUED", "SENDING"})


@dataclass(frozen=True, slots=True)
class Row:
    """A message as the hub's database has it in the end; `outcomes` are those of its attempts, oldest first."""

    id: str
    state: str
    outcomes: tuple[str | None, ...]

    def explains(self, copies: int) -> bool:
        """Whether so many copies can come of its attempts: of those that may have left, all but the last uncertain."""
        left = [outcome for outcome in self.outcomes if outcome != "deferred"]
        return len(left) >= copies and all(outcome == "uncertain" for outcome in left[:-1])


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What the comparison came to. Lists hold tags.

    Must be empty: `lost`, `unexpected`, `unrecorded` (came out, but the hub has no row), `forgotten` (acknowledged, but
    the hub has no row), `phantom` (the hub says sent, but nothing came out), `unexplained` (came out more often than
    its attempts explain), `accepted_twice` (two rows for one text), `unsettled` (still on the way), `forbidden` (came
    out twice where the run allows none), `faults`. `recovered` came out or is known though the client never heard yes.
    """

    attempted: int
    acked: int
    sunk: int
    duplicated: int
    recovered: int
    held: int
    failed: int
    uncertain_attempts: int
    lost: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    phantom: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    accepted_twice: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def wrong(self) -> dict[str, tuple[str, ...]]:
        """Give the lists that should be empty and are not, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, tuple) and value}

    @property
    def ok(self) -> bool:
        """Whether the hub kept its promise."""
        return not self.wrong()

    def table(self) -> str:
        """Write one line for each figure; of what is wrong, the first tags."""
        lines = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                shown = f"{len(value)}" + (f"  WRONG: {', '.join(value[:5])}" if value else "")
            else:
                shown = str(value)
            lines.append(f"{field.name.replace('_', ' '):20} {shown}")
        lines.append(f"{'verdict':20} {'kept' if self.ok else 'BROKEN'}")
        return "\n".join(lines)


def judge(
    *,
    attempted: AbstractSet[str],
    acked: AbstractSet[str],
    sunk: Sequence[str],
    rows: Mapping[str, Sequence[Row]],
    never_twice: bool,
    faults: Sequence[str] = (),
) -> Verdict:
    """
    Compare the client's ledger (`attempted`, `acked`), the sink's (`sunk`, one for each copy) and the hub's `rows`.

    `never_twice`: the run allows no duplicate at all (hold mode, clean stops). `faults` are other broken promises, in
    words (a stop that took too long, a wrong exit code).
    """
    copies = Counter(sunk)
    states = {tag: {row.state for row in found} for tag, found in rows.items()}
    twice = [tag for tag, count in copies.items() if count > 1]

    def explained(tag: str) -> bool:
        return any(row.explains(copies[tag]) for row in rows.get(tag, ()))

    every = [row for found in rows.values() for row in found]
    return Verdict(
        attempted=len(attempted),
        acked=len(acked),
        sunk=len(copies),
        duplicated=sum(copies.values()) - len(copies),
        recovered=len((copies.keys() | rows.keys()) - acked),
        held=sum(row.state == "UNCERTAIN" for row in every),
        failed=sum(row.state in TOLD - {"UNCERTAIN"} for row in every),
        uncertain_attempts=sum(row.outcomes.count("uncertain") for row in every),
        lost=tuple(sorted(tag for tag in acked if tag not in copies and not states.get(tag, set()) & TOLD)),
        unexpected=tuple(sorted(copies.keys() - attempted)),
        unrecorded=tuple(sorted(copies.keys() - rows.keys())),
        forgotten=tuple(sorted(acked - rows.keys())),
        phantom=tuple(sorted(tag for tag, found in states.items() if found & ARRIVED and tag not in copies)),
        unexplained=tuple(sorted(tag for tag in twice if not explained(tag))),
        accepted_twice=tuple(sorted(tag for tag, found in rows.items() if len(found) > 1)),
        unsettled=tuple(sorted(tag for tag, found in states.items() if found & UNSETTLED)),
        forbidden=tuple(sorted(twice)) if never_twice else (),
        faults=tuple(faults),
    )
