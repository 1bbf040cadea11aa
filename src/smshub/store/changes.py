"""
What happens to a message off the good path: each is a function for `Batch.calls`.

Every transition is guarded by the state that the row has, so that none can break domain.message.TRANSITIONS.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, null, select, update

from smshub.domain.delivery import Reason
from smshub.domain.message import Message, State
from smshub.store.schema import attempts, challenges, early_receipts, messages, submissions
from smshub.store.statements import ATTEMPT, insert_into

_CHUNK = 500
m = messages.c


def chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Cut many ids into lists that fit one statement; in order, so that two nodes do not wait for each other."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def keep_attempts(connection: Connection, ids: Sequence[str]) -> None:
    """Copy the current attempts of messages to `attempts`, before their rows say something else."""
    connection.execute(
        insert_into(connection.dialect.name, attempts)
        .from_select(
            [column.name for column in attempts.columns],
            select(*ATTEMPT).where(m.id.in_(ids), m.attempt > 0, m.started_at.is_not(None)),
        )
        .on_conflict_do_nothing(index_elements=[attempts.c.message_id, attempts.c.number])
    )


def cancel(connection: Connection, id: str, account: str | None, now: float) -> State | None:  # noqa: A002
    """
    Cancel a message that is QUEUED or UNCERTAIN; `account` limits it to one account's, None to nobody's.

    Gives the state it has then: CANCELLED, or the one that it could not be cancelled in; None where there is none.
    """
    return _change(connection, id, account, (State.QUEUED, State.UNCERTAIN), {"state": "CANCELLED", "settled_at": now})


def release(connection: Connection, id: str, now: float, account: str | None = None) -> State | None:  # noqa: A002
    """
    Let an UNCERTAIN message be sent once more.

    Gives the state it has then: QUEUED, or the one that it could not be released in; None where there is none.
    """
    return _change(connection, id, account, (State.UNCERTAIN,), {"state": "QUEUED", "due_at": now})


def _change(
    connection: Connection,
    message_id: str,
    account: str | None,
    before: tuple[State, ...],
    values: Mapping[str, str | float],
) -> State | None:
    this = m.id == message_id if account is None else and_(m.id == message_id, m.account == account)
    connection.execute(
        update(messages).where(this, m.state.in_([state.value for state in before])).values(dict(values))
    )
    state = connection.execute(select(m.state).where(this)).scalar_one_or_none()
    return None if state is None else State(state)


def expire(connection: Connection, ids: Iterable[str], now: float) -> list[str]:
    """Give up messages that are QUEUED or UNCERTAIN past their validity; gives the ids of those that were."""
    return _end(connection, ids, (State.QUEUED, State.UNCERTAIN), State.EXPIRED, Reason.EXPIRED, now)


def reject(connection: Connection, ids: Iterable[str], reason: Reason, now: float) -> list[str]:
    """Give up messages that are QUEUED (blocked meanwhile, no way left); gives the ids of those that were."""
    return _end(connection, ids, (State.QUEUED,), State.REJECTED, reason, now)


def _end(
    connection: Connection, ids: Iterable[str], before: tuple[State, ...], after: State, reason: Reason, now: float
) -> list[str]:
    ended: list[str] = []
    for some in chunks(ids):
        fitting: list[ColumnElement[bool]] = [m.id.in_(some), m.state.in_([state.value for state in before])]
        if after is State.EXPIRED:
            fitting.append(m.expires_at <= now)
        found = list(connection.execute(select(m.id).where(*fitting).order_by(m.id).with_for_update()).scalars())
        if not found:
            continue
        keep_attempts(connection, found)
        values = {"state": after.value, "settled_at": now, "reason": reason.value, "code": null(), "detail": null()}
        connection.execute(update(messages).where(m.id.in_(found)).values(values))
        if after is State.REJECTED:
            waiting = update(challenges).where(challenges.c.id.in_(found), challenges.c.fallback_at > now)
            connection.execute(waiting.values(fallback_at=now))
        ended += found
    return ended


def requeue(connection: Connection, ids: Iterable[str], connector: str, due_at: float | None = None) -> list[str]:
    """Let QUEUED messages wait for another connector; gives the ids of those that now do."""
    moved: list[str] = []
    for some in chunks(ids):
        fitting: list[ColumnElement[bool]] = [m.id.in_(some), m.state == State.QUEUED.value]
        if due_at is None:
            fitting.append(m.connector != connector)
        found = list(connection.execute(select(m.id).where(*fitting).order_by(m.id).with_for_update()).scalars())
        if not found:
            continue
        keep_attempts(connection, found)
        values: dict[str, str | float] = {"connector": connector}
        if due_at is not None:
            values["due_at"] = due_at
        connection.execute(update(messages).where(m.id.in_(found)).values(values))
        moved += found
    return moved


def make_uncertain(
    connection: Connection,
    interrupted: Iterable[Message],
    now: float,
    again: Mapping[str, float],
    reason: Reason = Reason.CRASHED,
) -> list[str]:
    """
    Settle attempts that nobody will settle any more (after a crash, or when a lease ran out) as UNCERTAIN.

    Those in `again` are QUEUED once more for the time beside them, and count a resend; the rest are held. Gives the ids
    of those that were still SENDING in the same attempt, under the same fence.
    """
    changed: list[str] = []
    for message in sorted(interrupted, key=lambda message: message.id):
        due_at = again.get(message.id)
        values: dict[str, object] = {
            "state": (State.UNCERTAIN if due_at is None else State.QUEUED).value,
            "settled_at": now,
            "outcome": "Uncertain",
            "reason": reason.value,
        }
        if due_at is not None:
            values |= {"due_at": due_at, "resends": m.resends + 1}
        found = connection.execute(
            update(messages)
            .where(
                m.id == message.id,
                m.state == State.SENDING.value,
                m.attempt == message.attempt,
                m.fence == message.fence,
            )
            .values(values)
        )
        if found.rowcount:
            changed.append(message.id)
    return changed


def forget_references(connection: Connection, before: float) -> int:
    """Free the idempotency keys first used before a time; gives how many."""
    return connection.execute(delete(submissions).where(submissions.c.created_at < before)).rowcount


def forget_early_receipts(connection: Connection, before: float) -> int:
    """Drop the receipts that came before a time and for which no message has come; gives how many."""
    return connection.execute(delete(early_receipts).where(early_receipts.c.stored_at < before)).rowcount
