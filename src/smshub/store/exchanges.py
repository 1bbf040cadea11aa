"""What was said between the hub and the providers. The writes are functions for `Batch.calls`."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from smshub.domain.exchanges import LONGEST, Exchange
from smshub.store.schema import exchanges
from smshub.store.statements import insert_into
from smshub.store.texts import clean, storable

e = exchanges.c


def keep_exchanges(connection: Connection, said: Sequence[tuple[str, Exchange]]) -> None:
    """Keep what was said about messages; of one attempt the last."""
    statement = insert_into(connection.dialect.name, exchanges)
    rows = {
        (message_id, one.attempt): {
            "message_id": message_id,
            "attempt": one.attempt,
            "at": one.at,
            "request": clean(one.request[:LONGEST]),
            "answer": clean(one.answer[:LONGEST]),
        }
        for message_id, one in said
    }
    changed = {name: statement.excluded[name] for name in ("at", "request", "answer")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=[e.message_id, e.attempt], set_=changed), list(rows.values())
    )


def read_exchanges(connection: Connection, message_id: str) -> tuple[Exchange, ...]:
    """Give what was said about a message, oldest first."""
    if not storable(message_id):
        return ()
    statement = select(e.attempt, e.at, e.request, e.answer).where(e.message_id == message_id).order_by(e.attempt)
    return tuple(Exchange(*row) for row in connection.execute(statement))


def forget_exchanges(connection: Connection, before: float) -> int:
    """Drop what was said before a moment; gives how many."""
    return connection.execute(delete(exchanges).where(e.at < before)).rowcount
