"""What a delivery report changes: the decision is pure, the rest finds the rows and writes them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from smshub.domain.delivery import FINAL_RECEIPTS, Receipt, ReceiptState
from smshub.domain.message import State
from smshub.store.batch import ReceiptEffect
from smshub.store.sql import Statements
from smshub.store.texts import clean

# A message that waits for a receipt. One that is QUEUED or SENDING again after an uncertain try is another try's.
OPEN = frozenset({State.SENT, State.UNCERTAIN})


@dataclass(slots=True)
class Reported:
    """A message as far as receipts go. `parts` are the states of its segments, where the provider told them apart."""

    id: str
    before: State
    state: State
    receipt_state: str | None
    receipt_code: str | None
    receipt_at: float | None
    parts: dict[int, str | None] = field(default_factory=dict)
    changed: bool = False
    changed_parts: set[int] = field(default_factory=set)


def state_after(receipt: ReceiptState) -> State:
    """Give the state of a message after a final receipt."""
    match receipt:
        case ReceiptState.DELIVERED:
            return State.DELIVERED
        case ReceiptState.EXPIRED:
            return State.EXPIRED
        case _:
            return State.UNDELIVERABLE


def apply(message: Reported, part: int | None, receipt: Receipt) -> State | None:
    """
    Let a receipt change a message; give its new state, or None where that stays.

    A message of several segments is DELIVERED when all are, and failed as soon as one is: the handset cannot show it
    any more. A final receipt is the last word; one older than what is known says nothing.
    """
    final = receipt.state in FINAL_RECEIPTS
    if message.state not in OPEN:
        return None
    if part is not None:
        if message.parts[part] in FINAL_RECEIPTS:
            return None
        message.parts[part] = receipt.state.value
        message.changed_parts.add(part)
    if not final and message.receipt_at is not None and receipt.at < message.receipt_at:
        return None
    message.receipt_state = receipt.state.value
    message.receipt_code = clean(receipt.code)
    message.receipt_at = receipt.at
    message.changed = True
    if not final:
        return None
    if receipt.state is ReceiptState.DELIVERED and any(
        state != ReceiptState.DELIVERED for state in message.parts.values()
    ):
        return None
    message.state = state_after(receipt.state)
    return message.state


def report(
    cursor: Any, statements: Statements, receipts: Sequence[tuple[str, Receipt]], at: float | None
) -> list[ReceiptEffect]:
    """Apply receipts in their order; those of unknown messages are kept, from `at` on, for a message to come."""
    effects, unknown = _report(cursor, statements, receipts)
    rows = [
        (
            connector,
            spelling,
            json.dumps(spellings),
            receipt.state.value,
            clean(receipt.code),
            receipt.at,
            at or receipt.at,
        )
        for connector, receipt in unknown
        if (spellings := _spellings(receipt))
        for spelling in spellings
    ]
    if rows:
        cursor.executemany(statements.keep_early, rows)
    return effects


def consume_early(cursor: Any, statements: Statements, refs: Iterable[tuple[str, str]]) -> list[ReceiptEffect]:
    """Apply the receipts that came before these ids (connector, ref) were known."""
    cursor.execute(statements.any_early)
    if not cursor.fetchone()[0]:
        return []
    waiting: list[tuple[str, Receipt]] = []
    spelled: set[tuple[str, str]] = set()
    for connector, ours in _by_connector(refs).items():
        cursor.execute(statements.find_early, (connector, statements.among(ours)))
        for ref, spellings, state, code, at in cursor.fetchall():
            waiting.append((connector, Receipt(ref, ReceiptState(state), at, code)))
            spelled.update((connector, spelling) for spelling in json.loads(spellings))
    if not waiting:
        return []
    cursor.executemany(statements.delete_early, sorted(spelled))
    effects, _ = _report(cursor, statements, waiting)
    return effects


def _spellings(receipt: Receipt) -> list[str]:
    cleaned = (clean(spelling) for spelling in (receipt.ref, *receipt.aliases))
    return list(dict.fromkeys(spelling for spelling in cleaned if spelling))


def _by_connector(refs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for connector, ref in refs:
        grouped[connector].append(ref)
    return grouped


def _report(
    cursor: Any, statements: Statements, receipts: Sequence[tuple[str, Receipt]]
) -> tuple[list[ReceiptEffect], list[tuple[str, Receipt]]]:
    found = _Found(cursor, statements)
    for connector, refs in _by_connector((c, spelling) for c, r in receipts for spelling in _spellings(r)).items():
        found.load(connector, refs)
    effects: list[ReceiptEffect] = []
    unknown: list[tuple[str, Receipt]] = []
    for connector, receipt in receipts:
        match found.best(connector, receipt):
            case None:
                unknown.append((connector, receipt))
                effects.append(ReceiptEffect())
            case (message, part):
                effects.append(ReceiptEffect(message.id, apply(message, part, receipt)))
    found.store()
    return effects, unknown


class _Found:
    """The messages that the receipts of a batch name, each once, by the provider's ids."""

    def __init__(self, cursor: Any, statements: Statements) -> None:
        self._cursor = cursor
        self._statements = statements
        self._messages: dict[str, Reported] = {}
        self._named: dict[tuple[str, str], list[tuple[Reported, int | None]]] = defaultdict(list)

    def load(self, connector: str, refs: list[str]) -> None:
        """Read the messages and segments that have one of these ids."""
        cursor, statements, many = self._cursor, self._statements, self._statements.among
        cursor.execute(statements.find_by_ref, (connector, many(refs)))
        for row in cursor.fetchall():
            self._named[connector, row[1]].append((self._keep(row), None))
        cursor.execute(statements.find_parts_by_ref, (connector, many(refs)))
        named = cursor.fetchall()
        if not named:
            return
        ids = many(list({row[0] for row in named}))
        cursor.execute(statements.find_by_id, (ids,))
        for row in cursor.fetchall():
            self._keep(row)
        cursor.execute(statements.find_parts, (ids,))
        for message_id, part, state in cursor.fetchall():
            if message_id in self._messages:
                self._messages[message_id].parts.setdefault(part, state)
        for message_id, part, ref in named:
            if message_id in self._messages:
                self._named[connector, ref].append((self._messages[message_id], part))

    def _keep(self, row: Sequence[Any]) -> Reported:
        message_id, _, state, receipt_state, receipt_code, receipt_at = row
        message = self._messages.get(message_id)
        if message is None:
            before = State(state)
            message = Reported(message_id, before, before, receipt_state, receipt_code, receipt_at)
            self._messages[message_id] = message
        return message

    def best(self, connector: str, receipt: Receipt) -> tuple[Reported, int | None] | None:
        """Choose the message meant: one that still waits, the id as it is spelled, the newest (ids are reused)."""
        return max(
            (candidate for spelling in _spellings(receipt) for candidate in self._named.get((connector, spelling), ())),
            key=lambda candidate: (
                candidate[0].state in OPEN,
                candidate in self._named.get((connector, receipt.ref), ()),
                candidate[0].id,
            ),
            default=None,
        )

    def store(self) -> None:
        """Write what has changed."""
        rows = [
            (m.state.value, m.receipt_state, m.receipt_code, m.receipt_at, m.id, m.before.value)
            for m in self._messages.values()
            if m.changed
        ]
        if rows:
            self._cursor.executemany(self._statements.report, rows)
        parts = [(m.parts[part], m.id, part) for m in self._messages.values() for part in sorted(m.changed_parts)]
        if parts:
            self._cursor.executemany(self._statements.report_part, parts)
