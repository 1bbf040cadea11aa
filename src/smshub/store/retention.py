"""
What is old: found by those who read, and removed a little at a time. What writes is for `Batch.calls`.

Ids are in the order of time, so old messages are the first in their table.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, tuple_, update

from smshub.domain.message import LIVE, MessageClass, State
from smshub.store.schema import attempts, audit, exchanges, followed, incoming, messages, parked, parts, submissions

m, s, a = messages.c, submissions.c, audit.c
_LIVE = [state.value for state in LIVE]


class Page(msgspec.Struct, frozen=True):
    """What of some rows is to be dealt with, and the last row looked at; None where there are no more."""

    ids: tuple[str, ...]
    last: str | None


def read_old_texts(connection: Connection, message_class: MessageClass, after: str, before: str, limit: int) -> Page:
    """Look at so many messages between two ids: which of this class have a text though they are over."""
    statement = (
        select(m.id, and_(m.message_class == message_class.value, m.text != "", m.state.not_in(_LIVE)))
        .where(m.id > after, m.id < before)
        .order_by(m.id)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    return Page(tuple(row[0] for row in rows if row[1]), rows[-1][0] if len(rows) == limit else None)


def erase_old_texts(connection: Connection, ids: Sequence[str]) -> int:
    """Erase texts and subjects; what is on its way keeps them. Gives how many."""
    old = update(messages).where(m.id.in_(ids), m.state.not_in(_LIVE), m.text != "")
    return connection.execute(old.values(text="", subject="")).rowcount


def read_old_messages(connection: Connection, after: str, before: str, now: float, limit: int) -> list[str]:
    """Give the ids of messages between two that are over, in order; SENT is over when the validity is."""
    statement = select(m.id).where(m.id > after, m.id < before, _over(now)).order_by(m.id).limit(limit)
    return list(connection.execute(statement).scalars())


def _over(now: float) -> ColumnElement[bool]:
    return and_(m.state.not_in(_LIVE), or_(m.state != State.SENT.value, m.expires_at < now))


def remove_messages(connection: Connection, ids: Sequence[str], now: float) -> int:
    """Remove messages that are over, with their attempts and all else that is kept of them; gives how many."""
    over = select(m.id).where(m.id.in_(ids), _over(now)).order_by(m.id).with_for_update()
    found = list(connection.execute(over).scalars())
    if not found:
        return 0
    for table in (attempts, parts, exchanges, followed):
        connection.execute(delete(table).where(table.c.message_id.in_(found)))
    return connection.execute(delete(messages).where(m.id.in_(found))).rowcount


def read_old_references(
    connection: Connection, after: tuple[str, str], before: float, limit: int
) -> list[tuple[str, str]]:
    """Give idempotency keys first used before a time, in order, as pairs of account and reference."""
    statement = select(s.account, s.reference).where(tuple_(s.account, s.reference) > tuple_(*after))
    statement = statement.where(s.created_at < before).order_by(s.account, s.reference).limit(limit)
    return [(account, reference) for account, reference in connection.execute(statement)]


def remove_references(connection: Connection, keys: Sequence[tuple[str, str]], before: float) -> int:
    """Free idempotency keys; one that was used anew since stays. Gives how many."""
    old = delete(submissions).where(tuple_(s.account, s.reference).in_(keys), s.created_at < before)
    return connection.execute(old).rowcount


def remove_incoming(connection: Connection, before: float, limit: int) -> int:
    """Remove texts that came in before a time, some at once; gives how many."""
    return _remove(connection, incoming, incoming.c.received_at < before, limit)


def remove_parked(connection: Connection, before: float, limit: int) -> int:
    """Remove documents that were parked before a time, some at once; gives how many."""
    return _remove(connection, parked, parked.c.parked_at < before, limit)


def _remove(connection: Connection, table: Table, old: ColumnElement[bool], limit: int) -> int:
    ids = list(connection.execute(select(table.c.id).where(old).limit(limit)).scalars())
    return connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount if ids else 0


def remove_audit(connection: Connection, before: float, limit: int) -> int:
    """
    Remove the oldest entries of the audit log, up to the first that is not older than a time; gives how many.

    The newest stays, whatever its age: the next follows from it.
    """
    kept: Any = connection.execute(select(func.min(a.number)).where(a.at >= before)).scalar_one()
    if kept is None:
        kept = connection.execute(select(func.max(a.number))).scalar_one()
    if kept is None:
        return 0
    old = list(connection.execute(select(a.number).where(a.number < kept).order_by(a.number).limit(limit)).scalars())
    return connection.execute(delete(audit).where(a.number.in_(old))).rowcount if old else 0
