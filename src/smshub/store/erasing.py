"""Erasing the texts of codes that are over. What writes is for `Batch.calls`."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, literal_column, or_, select, text, update

from smshub.domain.message import LIVE, State
from smshub.store.changes import chunks
from smshub.store.schema import UNERASED_CONDITION, challenges, exchanges, messages

m, c = messages.c, challenges.c
_other = messages.alias("other")
_ONE: ColumnElement[int] = literal_column("1")
# Written out, since the partial index is used only where the query repeats its condition word for word.
_UNERASED = text(UNERASED_CONDITION)
_NOTHING = {"text": "", "subject": ""}


def read_over(connection: Connection, now: float, after: str, limit: int) -> list[str]:
    """
    Give ids of messages, the next after one, that hold a text of a code which nobody needs any more.

    The first message of a code keeps its text until the code has matched, has expired, stands no more checks or will
    never arrive, since until then it may be sent again; any other only until it has left or never will. What waits to
    be sent, or is being sent, keeps it, but for what waits though its code has matched.
    """
    moving = m.state.in_([State.QUEUED.value, State.SENDING.value])
    matched = c.state == "CONSUMED"
    ended = or_(c.state != "OPEN", c.expires_at <= now, _lost())
    over = or_(
        and_(c.id.is_(None), m.state.not_in([state.value for state in LIVE])),
        and_(c.id.is_not(None), ended, or_(~moving, and_(m.state == State.QUEUED.value, matched))),
    )
    statement = (
        select(m.id)
        .select_from(messages.outerjoin(challenges, c.id == m.id))
        .where(_UNERASED, m.id > after, over)
        .order_by(m.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def erase_texts(connection: Connection, ids: Sequence[str], now: float) -> int:
    """
    Erase the texts of messages whose codes are over, and what was said to providers about them; gives how many.

    What still waits though its code has matched is cancelled; what is on its way by now keeps its text.
    """
    count = 0
    for some in chunks(ids):
        this = m.id.in_(some)
        matched = exists(select(_ONE).where(c.id == m.id, c.state == "CONSUMED"))
        cancelled = {"state": State.CANCELLED.value, "settled_at": now}
        connection.execute(update(messages).where(this, m.state == State.QUEUED.value, matched).values(cancelled))
        count += connection.execute(update(messages).where(this, _not_moving()).values(_NOTHING)).rowcount
        connection.execute(delete(exchanges).where(exchanges.c.message_id.in_(some)))
    return count


def _lost() -> ColumnElement[bool]:
    """Whether the first message of a code never left, and nothing else goes out in its place."""
    others = select(_ONE).where(_other.c.submission == m.id, text("other.submission <> other.id")).exists()
    unsent = m.state.in_([State.REJECTED.value, State.CANCELLED.value, State.EXPIRED.value])
    return and_(unsent, m.resends == 0, c.fallback_at.is_(None), ~others)


def _not_moving() -> ColumnElement[bool]:
    return m.state.not_in([State.QUEUED.value, State.SENDING.value])
