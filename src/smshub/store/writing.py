"""One transaction: a batch goes in, what came of each part comes out."""

import sqlite3
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from smshub.domain.message import Message, State
from smshub.store.batch import Accept, Batch, Call, Replay, Settled, Start, Written
from smshub.store.receipts import consume_early, report
from smshub.store.schema import messages
from smshub.store.statements import Statements, statements_for
from smshub.store.texts import clean, storable

# A message as the values of its row; the driver takes plain text, not members of an enumeration.
_ATTRIBUTES = {"recipient": "to", "message_class": "message_class._value_", "state": "state._value_"}
message_row: Callable[[Message], tuple[Any, ...]] = attrgetter(
    *(_ATTRIBUTES.get(column.name, column.name) for column in messages.columns)
)
_start_row: Callable[[Start], tuple[Any, ...]] = attrgetter("connector", "attempt", "fence", "at", "id", "attempt")

# What an attempt can come to (domain.message.TRANSITIONS of SENDING).
SETTLED_STATES = frozenset({State.SENT, State.QUEUED, State.REJECTED, State.UNCERTAIN})


def write_batch(connection: Connection, batch: Batch) -> Written:
    """Write a batch in the transaction that the connection is in; the order is that of `Batch`'s fields."""
    statements = statements_for(connection.dialect.name)
    written = Written()
    # The driver's own cursor: SQLAlchemy would spend more on a row than the database does.
    cursor: Any = connection.connection.cursor()
    try:
        _write_past(cursor, statements, batch, written)
        if batch.calls:
            written.calls = [_call(connection, call) for call in batch.calls]
        if batch.starts:
            written.not_started = _start(cursor, statements, batch.starts)
    finally:
        cursor.close()
    return written


def write_rows(cursor: Any, dialect: str, batch: Batch) -> Written:
    """Write a batch without calls in the transaction that the driver's cursor is in."""
    statements = statements_for(dialect)
    written = Written()
    _write_past(cursor, statements, batch, written)
    if batch.starts:
        written.not_started = _start(cursor, statements, batch.starts)
    return written


def _write_past(cursor: Any, statements: Statements, batch: Batch, written: Written) -> None:
    """Write what has already happened."""
    if batch.accepts:
        _accept(cursor, statements, batch.accepts, written)
    if batch.settled:
        _settle(cursor, statements, batch.settled, written)
    if batch.receipts:
        written.receipts = report(cursor, statements, batch.receipts, batch.at)


def _accept(cursor: Any, statements: Statements, accepts: list[Accept], written: Written) -> None:
    keyed = [(index, accept) for index, accept in enumerate(accepts) if accept.reference is not None]
    if keyed:
        written.replays = _take_references(cursor, statements, keyed)
    replays = written.replays
    rows = [
        message_row(message)
        for index, accept in enumerate(accepts)
        if index not in replays
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


def _call(connection: Connection, call: Call) -> Any:
    """Run a function in a savepoint of its own; what it raises is its result, unless the database itself fails."""
    savepoint = connection.begin_nested()
    try:
        result = call(connection)
        savepoint.commit()
    except Exception as error:
        # SQLite may already have rolled back everything (a full disk), the savepoint with it.
        if _of_the_database(error):
            raise
        savepoint.rollback()
        return error
    return result


def _of_the_database(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return isinstance(error, sqlite3.OperationalError | psycopg.OperationalError)
    return error.connection_invalidated or not isinstance(error, IntegrityError | DataError | ProgrammingError)


def _start(cursor: Any, statements: Statements, starts: list[Start]) -> frozenset[str]:
    again = [(start.id,) for start in starts if start.attempt > 1]
    if again:
        cursor.executemany(statements.archive, again)
    cursor.executemany(statements.start, [_start_row(start) for start in starts])
    if cursor.rowcount == len(starts):
        return frozenset()
    cursor.execute(statements.started, (statements.among([start.id for start in starts]),))
    sending = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    return frozenset(start.id for start in starts if sending.get(start.id) != (start.attempt, start.fence))


def unstorable(accepts: Iterable[Accept]) -> frozenset[int]:
    """Give the indexes of the accepts with text that a database cannot keep: NUL or half a surrogate pair."""
    return frozenset(
        index
        for index, accept in enumerate(accepts)
        if not all(
            storable(value)
            for row in ((accept.account, accept.reference, accept.fingerprint), *map(message_row, accept.messages))
            for value in row
            if isinstance(value, str)
        )
    )
