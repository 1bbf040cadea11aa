"""
What of a batch is rows, written with the driver's own cursor: no SQLAlchemy here.

A process of its own writes them (`smshub.store.process`), so what this module imports, that process carries.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from smshub.domain.message import Message, State
from smshub.store.batch import Accept, Batch, Replay, Settled, Start, Written
from smshub.store.checking import begin, check_all, lock
from smshub.store.receipts import consume_early, report
from smshub.store.sql import Statements
from smshub.store.texts import clean

# The columns of `messages` in their order; a test compares them with the schema.
MESSAGE_COLUMNS = tuple("recipient" if name == "to" else name for name in Message.__struct_fields__)

# A message as the values of its row; the driver takes plain text, not members of an enumeration.
_ATTRIBUTES = {"recipient": "to", "message_class": "message_class._value_", "state": "state._value_"}
message_row: Callable[[Message], tuple[Any, ...]] = attrgetter(
    *(_ATTRIBUTES.get(name, name) for name in MESSAGE_COLUMNS)
)
_start_row: Callable[[Start], tuple[Any, ...]] = attrgetter("connector", "attempt", "fence", "at", "id", "attempt")


def write_rows(cursor: Any, statements: Statements, batch: Batch) -> Written:
    """Write a batch in the transaction that the cursor is in, all but its calls and the starts that follow them."""
    written = Written()
    if batch.checks or any(accept.challenge is not None for accept in batch.accepts):
        lock(cursor, statements, batch.accepts, batch.checks)
    if batch.checks:
        written.checks = check_all(cursor, statements, batch.checks)
    if batch.accepts:
        _accept(cursor, statements, batch.accepts, written)
    if batch.settled:
        _settle(cursor, statements, batch.settled, written)
    if batch.receipts:
        written.receipts = report(cursor, statements, batch.receipts, batch.at)
    return written


def _accept(cursor: Any, statements: Statements, accepts: list[Accept], written: Written) -> None:
    keyed = [(index, accept) for index, accept in enumerate(accepts) if accept.reference is not None]
    if keyed:
        written.replays = _take_references(cursor, statements, keyed)
    replays = written.replays
    if any(accept.challenge is not None for accept in accepts):
        written.taken = begin(cursor, statements, accepts, replays)
    left_out = {*replays, *written.taken}
    rows = [
        message_row(message)
        for index, accept in enumerate(accepts)
        if index not in left_out
        for message in accept.messages
    ]
    if rows:
        cursor.executemany(statements.insert_message, rows)


def _take_references(cursor: Any, statements: Statements, keyed: list[tuple[int, Accept]]) -> dict[int, Replay]:
    """Write the idempotency keys; give the submissions that hold those already taken."""
    # In one order on every node, so that two nodes do not wait for each other.
    keyed = sorted(keyed, key=lambda pair: (pair[1].account, pair[1].reference or ""))
    rows = [
        (accept.account, accept.reference, accept.fingerprint or "", first.submission, first.created_at)
        for _, accept in keyed
        for first in accept.messages[:1]
    ]
    cursor.executemany(statements.insert_reference, rows)
    if cursor.rowcount == len(rows):
        return {}
    replays = {}
    for index, accept in keyed:
        cursor.execute(statements.find_reference, (accept.account, accept.reference))
        submission, fingerprint = cursor.fetchone()
        if submission != accept.messages[0].submission:
            replays[index] = Replay(submission, fingerprint)
    return replays


def _refs(settled: Settled) -> tuple[str, ...]:
    """Give the provider's ids of an attempt, each once."""
    cleaned = (clean(ref) for ref in settled.refs)
    return tuple(dict.fromkeys(ref for ref in cleaned if ref))


def _settled_row(settled: Settled) -> tuple[Any, ...]:
    # Several ids stand in the row to be read; receipts are matched by `parts`, since none equals the joined ones.
    refs = settled.refs
    ref = None if not refs else clean(refs[0]) or None if len(refs) == 1 else ",".join(_refs(settled)) or None
    state = str.__str__(settled.state)
    return (
        settled.due_at,
        state,
        settled.resends,
        settled.at,
        _plain(settled.outcome),
        _plain(settled.reason),
        clean(settled.code),
        clean(settled.detail),
        ref,
        settled.id,
        settled.attempt,
        settled.fence,
        state,
    )


def _plain(word: str | None) -> str | None:
    return None if word is None else str.__str__(word)


def _settle(cursor: Any, statements: Statements, settled: list[Settled], written: Written) -> None:
    cursor.executemany(statements.settle, [_settled_row(one) for one in settled])
    if cursor.rowcount != len(settled):
        cursor.execute(statements.settled, (statements.among([one.id for one in settled]),))
        rows = {row[0]: tuple(row[1:]) for row in cursor.fetchall()}
        written.stale = frozenset(
            one.id for one in settled if rows.get(one.id) != (one.attempt, one.fence, str(one.state), one.at)
        )
    fitting = [one for one in settled if one.id not in written.stale] if written.stale else settled
    deferred = [(one.connector, one.id, one.connector) for one in fitting if one.state == State.QUEUED]
    if deferred:
        cursor.executemany(statements.archive_moving, [row[1:] for row in deferred])
        cursor.executemany(statements.move, deferred)
    refused = [(one.at, one.id, one.at) for one in fitting if one.state == State.REJECTED]
    if refused:
        cursor.executemany(statements.mail_now, refused)
    named = [(one, refs) for one in fitting if one.refs and (refs := _refs(one))]
    parted = [
        (one.id, part, one.connector, ref)
        for one, refs in named
        if len(refs) > 1
        for part, ref in enumerate(refs, start=1)
    ]
    if parted:
        cursor.executemany(statements.insert_part, parted)
    if named:
        written.early = consume_early(cursor, statements, [(one.connector, ref) for one, refs in named for ref in refs])


def write_starts(cursor: Any, statements: Statements, starts: list[Start]) -> frozenset[str]:
    """Write the beginnings of attempts; give the ids of those messages that were no longer there to be sent."""
    again = [(start.id,) for start in starts if start.attempt > 1]
    if again:
        cursor.executemany(statements.archive, again)
    cursor.executemany(statements.start, [_start_row(start) for start in starts])
    if cursor.rowcount == len(starts):
        return frozenset()
    cursor.execute(statements.started, (statements.among([start.id for start in starts]),))
    sending = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    return frozenset(start.id for start in starts if sending.get(start.id) != (start.attempt, start.fence))
