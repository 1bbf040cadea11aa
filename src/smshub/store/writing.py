"""One transaction: a batch goes in, what came of each part comes out."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from smshub.domain.message import State
from smshub.store.batch import Accept, Batch, Call, Written
from smshub.store.rows import message_row, write_rows, write_starts
from smshub.store.statements import statements_for
from smshub.store.texts import storable

# What an attempt can come to (domain.message.TRANSITIONS of SENDING).
SETTLED_STATES = frozenset({State.SENT, State.QUEUED, State.REJECTED, State.UNCERTAIN})


def write_batch(connection: Connection, batch: Batch) -> Written:
    """Write a batch in the transaction that the connection is in; the order is that of `Batch`'s fields."""
    statements = statements_for(connection.dialect.name)
    # The driver's own cursor: SQLAlchemy would spend more on a row than the database does.
    cursor: Any = connection.connection.cursor()
    try:
        written = write_rows(cursor, statements, batch)
        if batch.calls:
            written.calls = [_call(connection, call) for call in batch.calls]
        if batch.starts:
            written.not_started = write_starts(cursor, statements, batch.starts)
    finally:
        cursor.close()
    return written


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


def unstorable(accepts: Iterable[Accept]) -> frozenset[int]:
    """Give the indexes of the accepts with text that a database cannot keep: NUL or half a surrogate pair."""
    return frozenset(
        index
        for index, accept in enumerate(accepts)
        if not all(
            storable(value)
            for row in (
                (accept.account, accept.reference, accept.fingerprint),
                () if accept.challenge is None else msgspec.structs.astuple(accept.challenge),
                *map(message_row, accept.messages),
            )
            for value in row
            if isinstance(value, str)
        )
    )
