"""Callers on brokers who want to know what becomes of a message. The writes are functions for `Batch.calls`."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, delete, func, or_, select, tuple_

from smshub.domain.following import Ended, Followed
from smshub.domain.message import FINAL, State
from smshub.store.schema import followed, messages
from smshub.store.statements import insert_into
from smshub.store.texts import clean

f, m = followed.c, messages.c


def follow(connection: Connection, one: Followed, now: float) -> None:
    """Remember one; a second time changes nothing."""
    statement = insert_into(connection.dialect.name, followed).values(
        message_id=one.message_id,
        frontend=clean(one.frontend),
        topic=clean(one.topic),
        command=clean(one.command),
        created_at=now,
    )
    connection.execute(statement.on_conflict_do_nothing())


def read_ended(
    connection: Connection, frontends: Collection[str], reporting: Collection[str], now: float, limit: int
) -> tuple[Ended, ...]:
    """
    Give the followed messages that have come to their end, oldest first, for these doors.

    SENT is an end for connectors that are not `reporting`, and once the validity is over.
    """
    sent = and_(m.state == State.SENT.value, or_(m.connector.not_in(reporting), m.expires_at < now))
    rows = connection.execute(
        select(f.message_id, f.frontend, f.topic, f.command, m.account, m.state, m.connector, m.reason)
        .join(messages, m.id == f.message_id)
        .where(f.frontend.in_(frontends), or_(m.state.in_([state.value for state in FINAL]), sent))
        .order_by(f.message_id)
        .limit(limit)
    )
    return tuple(Ended(Followed(*row[:4]), row[4], State(row[5]), row[6], row[7]) for row in rows)


def count_followed(connection: Connection) -> int:
    """Tell how many are followed."""
    return int(connection.execute(select(func.count()).select_from(followed)).scalar_one())


def forget_followed(connection: Connection, told: Sequence[Followed]) -> None:
    """Forget those that were told."""
    keys = [(one.message_id, one.frontend, one.topic) for one in told]
    connection.execute(delete(followed).where(tuple_(f.message_id, f.frontend, f.topic).in_(keys)))


def forget_old(connection: Connection, before: float) -> None:
    """Forget those that nobody could be told: their door is gone."""
    connection.execute(delete(followed).where(f.created_at < before))
