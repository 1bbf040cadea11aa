"""The texts that came in through connectors. The writes are functions for `Batch.calls`."""

from sqlalchemy import Connection, delete, select, text

from smshub.domain.incoming import Incoming, IncomingPage, ListIncoming
from smshub.store.reads import MAX_PAGE
from smshub.store.schema import incoming
from smshub.store.statements import insert_into
from smshub.store.texts import clean, storable

i = incoming.c


def keep_incoming(connection: Connection, one: Incoming) -> bool:
    """
    Keep a text; tell whether it says anything new: one that the provider repeats, by its `ref`, is there already.

    One of which more has come takes the place of what was kept of it.
    """
    row = {
        "id": one.id,
        "connector": one.connector,
        "sender": clean(one.sender),
        "recipient": clean(one.to),
        "text": clean(one.text),
        "received_at": one.received_at,
        "ref": clean(one.ref),
    }
    statement = insert_into(connection.dialect.name, incoming).values(row)
    known = statement.on_conflict_do_update(
        index_elements=[i.connector, i.ref],
        index_where=text("ref <> ''"),
        set_={"text": statement.excluded.text},
        where=i.text != statement.excluded.text,
    )
    return connection.execute(known).rowcount > 0


def drop_incoming(connection: Connection, incoming_id: str) -> bool:
    """Throw one away; tell whether it was there."""
    return storable(incoming_id) and connection.execute(delete(incoming).where(i.id == incoming_id)).rowcount > 0


def read_incoming(connection: Connection, asked: ListIncoming) -> IncomingPage:
    """Give a page of them, newest first; the cursor is the last of the page before."""
    limit = max(1, min(asked.limit, MAX_PAGE))
    statement = select(*incoming.columns).order_by(i.id.desc()).limit(limit + 1)
    for column, value in ((i.connector, asked.connector), (i.sender, asked.sender)):
        if value is not None:
            if not storable(value):
                return IncomingPage(())
            statement = statement.where(column == value)
    if asked.cursor is not None:
        if not storable(asked.cursor):
            return IncomingPage(())
        statement = statement.where(i.id < asked.cursor)
    found = [Incoming(*row) for row in connection.execute(statement)]
    return IncomingPage(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)
