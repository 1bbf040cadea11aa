"""Documents from brokers that could not be handled. The writes are functions for `Batch.calls`."""

from sqlalchemy import Connection, delete, insert, select

from smshub.domain.commands import Parked, ParkedPage
from smshub.store.reads import MAX_PAGE
from smshub.store.schema import parked
from smshub.store.texts import clean, storable

# As many are kept: a flood of them must not fill the disk.
MOST = 10_000
# Of a document that is larger than any that is read, this much is kept.
LARGEST = 64 * 1024

p = parked.c
_WITHOUT_CONTENT = (p.id, p.frontend, p.parked_at, p.tries, p.error, p.size)


def park(connection: Connection, one: Parked, most: int = MOST) -> None:
    """Keep a document, and of all of them the newest `most`."""
    row = {
        "id": one.id,
        "frontend": clean(one.frontend),
        "parked_at": one.parked_at,
        "tries": one.tries,
        "error": clean(one.error),
        "size": one.size,
        "document": one.document,
    }
    connection.execute(insert(parked).values(row))
    oldest = connection.execute(select(p.id).order_by(p.id.desc()).offset(most).limit(1)).scalar()
    if oldest is not None:
        connection.execute(delete(parked).where(p.id <= oldest))


def drop_parked(connection: Connection, parked_id: str) -> bool:
    """Throw one away; tell whether it was there."""
    return storable(parked_id) and connection.execute(delete(parked).where(p.id == parked_id)).rowcount > 0


def read_parked(connection: Connection, parked_id: str) -> Parked | None:
    """Give one, whole."""
    if not storable(parked_id):
        return None
    found = connection.execute(select(*parked.columns).where(p.id == parked_id)).first()
    return None if found is None else Parked(*found)


def read_parked_page(connection: Connection, limit: int, cursor: str | None) -> ParkedPage:
    """Give a page of them without their contents, newest first; `cursor` is the last of the page before."""
    if cursor is not None and not storable(cursor):
        return ParkedPage(())
    limit = max(1, min(limit, MAX_PAGE))
    statement = select(*_WITHOUT_CONTENT).order_by(p.id.desc()).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(p.id < cursor)
    found = [Parked(*row) for row in connection.execute(statement)]
    return ParkedPage(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)
