"""What is read: each is a function of a connection that only reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from smshub.domain.commands import Listed, ListMessages
from smshub.domain.ids import SLACK, first_id
from smshub.domain.message import Attempt, Message, MessageClass, State
from smshub.store.batch import Replay
from smshub.store.schema import LIVE_CONDITION, attempts, messages, submissions
from smshub.store.texts import storable

MAX_PAGE = 1000
# Of the messages of one recipient so many are looked through at once; the next page goes on from there.
MOST_OF_ONE = 20_000
m = messages.c
_EVERY = select(*messages.columns)
_NAMES = tuple(column.name for column in messages.columns)
_CLASS, _STATE, _FLASH, _PINNED = (_NAMES.index(name) for name in ("message_class", "state", "flash", "pinned"))
# Written out, since a partial index is used only where the query repeats its condition word for word.
_LIVE = text(LIVE_CONDITION)
_STATES: Mapping[State, ColumnElement[str]] = {state: literal_column(f"'{state.value}'") for state in State}


def live(state: State) -> tuple[ColumnElement[bool], ...]:
    """Whether a message is in one of the states that the engine has to do with, so that their index is used."""
    return _LIVE, m.state == _STATES[state]  # type: ignore[return-value]


def message_of(row: Sequence[Any]) -> Message:
    """Make a message of its row."""
    values = list(row)
    values[_CLASS] = MessageClass(values[_CLASS])
    values[_STATE] = State(values[_STATE])
    values[_FLASH] = bool(values[_FLASH])
    values[_PINNED] = bool(values[_PINNED])
    return Message(**{_FIELDS.get(name, name): value for name, value in zip(_NAMES, values, strict=True)})


_FIELDS = {"recipient": "to"}


def _messages(connection: Connection, statement: Select[Any]) -> tuple[Message, ...]:
    return tuple(message_of(row) for row in connection.execute(statement))


def read_message(connection: Connection, message_id: str) -> Message | None:
    """Give a message by its id."""
    if not storable(message_id):
        return None
    row = connection.execute(_EVERY.where(m.id == message_id)).first()
    return None if row is None else message_of(row)


def read_unreported(
    connection: Connection, connector: str, since: str, until: str, limit: int
) -> list[tuple[str, str]]:
    """
    Give id and provider's id of messages that a connector sent and that have no final report, in the order of ids.

    Those after the id `since`, up to `until`. A message of several provider's ids is there once for each.
    """
    named = (m.id > since, m.id <= until, m.connector == connector, m.state == State.SENT.value)
    statement = select(m.id, m.provider_ref).where(*named, m.provider_ref.is_not(None)).order_by(m.id).limit(limit)
    return [(found_id, ref) for found_id, refs in connection.execute(statement) for ref in refs.split(",")]


def read_attempts(connection: Connection, message_id: str) -> tuple[Attempt, ...]:
    """Give the attempts of a message, oldest first: the kept ones, and the current one from its row."""
    message = read_message(connection, message_id)
    if message is None:
        return ()
    a = attempts.c
    kept = [
        Attempt(*row)
        for row in connection.execute(
            select(*(column for column in attempts.columns if column is not a.message_id))
            .where(a.message_id == message_id)
            .order_by(a.number)
        )
    ]
    if message.attempt and message.started_at is not None and message.attempt not in {one.number for one in kept}:
        kept.append(
            Attempt(
                number=message.attempt,
                connector=message.connector,
                started_at=message.started_at,
                settled_at=message.settled_at,
                outcome=message.outcome,
                reason=message.reason,
                code=message.code,
                detail=message.detail,
                provider_ref=message.provider_ref,
            )
        )
    return tuple(kept)


def read_submission(connection: Connection, submission: str) -> tuple[Message, ...]:
    """Give the messages of a submission, in the order of their ids."""
    if not storable(submission):
        return ()
    named = _EVERY.where(m.id == submission, m.submission == submission)
    others = _EVERY.where(m.submission == submission, text("submission <> id"))
    found = (*_messages(connection, named), *_messages(connection, others))
    return tuple(sorted(found, key=lambda message: message.id))


def find_reference(connection: Connection, account: str, reference: str) -> Replay | None:
    """Give the submission that holds an idempotency key."""
    if not storable(account + reference):
        return None
    s = submissions.c
    row = connection.execute(
        select(s.submission, s.fingerprint).where(s.account == account, s.reference == reference)
    ).first()
    return None if row is None else Replay(*row)


def read_page(connection: Connection, wanted: ListMessages, account: str | None) -> Listed:
    """Give a page of messages, newest first; `account` limits it to one account's."""
    texts = (wanted.to, wanted.account, wanted.connector, wanted.reference, wanted.cursor, account)
    if not all(storable(one) for one in texts if one is not None):
        return Listed((), None)
    limit = max(1, min(wanted.limit, MAX_PAGE))
    whose = _equal((m.account, account), (m.account, wanted.account))
    indexed = _equal((m.recipient, wanted.to))
    if wanted.cursor is not None:
        indexed.append(m.id < wanted.cursor)
    others = _equal(
        (m.connector, wanted.connector),
        (m.state, wanted.state and wanted.state.value),
        (m.message_class, wanted.message_class and wanted.message_class.value),
    )
    if wanted.since is not None:
        others.append(m.created_at >= wanted.since)
        indexed.append(m.id >= first_id(wanted.since - SLACK))
    if wanted.until is not None:
        others.append(m.created_at < wanted.until)
    if wanted.reference is not None:
        under = _under(connection, wanted.reference, *(one for one in (account, wanted.account) if one is not None))
        statement = _EVERY.where(under, *indexed, *others).order_by(_BY_SORTING)
    elif wanted.to is not None:
        # First the ids, out of the index alone (schema.by_account), then the rows.
        ids = select(m.id).where(*whose, *indexed).order_by(_BY_SORTING)
        if others:
            return _chosen(connection, ids, others, limit)
        statement = _EVERY.where(m.id.in_(ids.limit(limit + 1))).order_by(_BY_SORTING)
    elif wanted.state is State.UNCERTAIN:
        # They are few among many, and found among those with which something is still to be done.
        statement = _EVERY.where(_LIVE, *whose, *indexed, *others).order_by(_BY_SORTING)
    else:
        statement = _EVERY.where(*whose, *indexed, *others).order_by(m.id.desc())
    return _page(_messages(connection, statement.limit(limit + 1)), limit)


def _page(found: Sequence[Message], limit: int) -> Listed:
    """Cut a page off what was found, which is one more where there is another page."""
    return Listed(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


def _chosen(connection: Connection, ids: Select[Any], others: Sequence[ColumnElement[bool]], limit: int) -> Listed:
    """
    Choose among the messages of a number, whose ids are read once, some hundred rows at a time.

    One statement for all would do as well, but PostgreSQL then reads the rows of everybody.
    """
    every = list(connection.execute(ids.limit(MOST_OF_ONE)).scalars())
    found: list[Message] = []
    for place in range(0, len(every), MAX_PAGE):
        some = _EVERY.where(m.id.in_(every[place : place + MAX_PAGE]), *others).order_by(_BY_SORTING)
        found += _messages(connection, some.limit(limit + 1 - len(found)))
        if len(found) > limit:
            break
    else:
        if len(every) == MOST_OF_ONE:
            # There may be more of them further back.
            return Listed(tuple(found), every[-1])
    return _page(found, limit)


# Newest first, by sorting the few rows found rather than by walking all in the order of their ids.
_BY_SORTING = m.id.concat(literal_column("''")).desc()


def _equal(*pairs: tuple[ColumnElement[str], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _under(connection: Connection, reference: str, *accounts: str) -> ColumnElement[bool]:
    """Whether a message was accepted under an idempotency key of all these accounts (none: of anyone's)."""
    s = submissions.c
    held = [s.reference == reference, *(s.account == account for account in accounts)]
    found = list(connection.execute(select(s.submission).where(*held).limit(MAX_PAGE)).scalars())
    return or_(m.id.in_(found), and_(m.submission.in_(found), text("submission <> id")))


def read_due(
    connection: Connection,
    connector: str,
    message_class: MessageClass,
    now: float,
    limit: int,
    after: tuple[float, str] | None = None,
) -> list[Message]:
    """Give the QUEUED messages of a lane that are due, in order; `after` is (due_at, id) of the last one read."""
    statement = (
        _EVERY.where(_LIVE, m.state == _STATES[State.QUEUED], m.connector == connector)
        .where(m.message_class == message_class.value, m.due_at <= now)
        .order_by(m.due_at, m.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(m.due_at, m.id) > tuple_(*after))
    return list(_messages(connection, statement))


def read_counts(connection: Connection) -> dict[tuple[str, MessageClass], int]:
    """Count the QUEUED messages of each connector and class."""
    # In the order of the index, so that nothing is sorted.
    key = (m.connector, m.state, m.message_class)
    rows = connection.execute(select(*key, func.count()).where(_LIVE).group_by(*key))
    return {
        (connector, MessageClass(name)): count for connector, state, name, count in rows if state == State.QUEUED.value
    }


def read_oldest(connection: Connection, keys: Sequence[tuple[str, MessageClass]]) -> float | None:
    """Give when the message was due that waits longest, of these connectors and classes; None where none waits."""
    found: list[float] = []
    for connector, message_class in keys:
        waiting = (*live(State.QUEUED), m.connector == connector, m.message_class == message_class.value)
        found += connection.execute(select(m.due_at).where(*waiting).order_by(m.due_at).limit(1)).scalars()
    return min(found, default=None)


def read_interrupted(connection: Connection, fences: Mapping[str, int], *, others: bool, limit: int) -> list[Message]:
    """
    Give messages SENDING on these connectors under another fence than the current one beside each.

    With `others`, also those SENDING on connectors not named here: nobody will settle them.
    """
    sending = _EVERY.where(_LIVE, m.state == _STATES[State.SENDING]).limit(limit)
    found: list[Message] = []
    for connector, fence in fences.items():
        found += _messages(connection, sending.where(m.connector == connector, m.fence != fence))
    if others:
        found += _messages(connection, sending.where(m.connector.not_in(list(fences))))
    return sorted(found, key=lambda message: message.id)[:limit]


def read_expired(connection: Connection, now: float, limit: int) -> list[Message]:
    """Give messages QUEUED or UNCERTAIN past their validity."""
    waiting = or_(m.state == _STATES[State.QUEUED], m.state == _STATES[State.UNCERTAIN])
    return list(_messages(connection, _EVERY.where(_LIVE, waiting, m.expires_at <= now).limit(limit)))


def next_due(connection: Connection, connector: str, after: float | None = None) -> float | None:
    """Give the time at which the next QUEUED message of a connector is due, after a time where one is given."""
    each = []
    for message_class in MessageClass:
        statement = select(func.min(m.due_at).label("due_at")).where(
            _LIVE,
            m.state == _STATES[State.QUEUED],
            m.connector == connector,
            m.message_class == message_class.value,
        )
        each.append(statement if after is None else statement.where(m.due_at > after))
    found = [due_at for (due_at,) in connection.execute(union_all(*each)) if due_at is not None]
    return min(found, default=None)
