"""
One recipient, wherever it is: found, and erased. What writes is for `Batch.calls`.

There is no index by number (docs/decisions/0014): messages are found by looking through one that holds all numbers.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, null, or_, select, update

from smshub.domain.addresses import is_address
from smshub.domain.challenges import Decision
from smshub.domain.incoming import Incoming
from smshub.domain.message import LIVE, State
from smshub.domain.upkeep import BlockKept, CodeKept, RecipientData, WrongCodes
from smshub.store.changes import chunks
from smshub.store.reads import message_of
from smshub.store.schema import (
    attempts,
    blocklist,
    challenges,
    exchanges,
    guard_counted,
    guard_decisions,
    incoming,
    messages,
    otp_failures,
)

# So many rows of a kind are told in one answer.
MOST = 10_000

m, i, c, f, b, d = messages.c, incoming.c, challenges.c, otp_failures.c, blocklist.c, guard_decisions.c
_MOVING = [State.QUEUED.value, State.SENDING.value]


def _is(column: Column[Any], to: str) -> ColumnElement[bool]:
    return func.lower(column) == to if is_address(to) else column == to


def _came_in(to: str) -> ColumnElement[bool]:
    """Whether a text came from a recipient, or to it, in a spelling in which a provider may give it."""
    if is_address(to):
        return or_(_is(i.sender, to), _is(i.recipient, to))
    spellings = [to, f"+{to}", f"00{to}"]
    return or_(i.sender.in_(spellings), i.recipient.in_(spellings))


def _row_of(table: Table, kept: type[Any]) -> Sequence[Column[Any]]:
    return [table.c["recipient" if name == "to" else name] for name in kept.__struct_fields__]


def read_recipient(connection: Connection, to: str) -> RecipientData:
    """Tell what is kept of a recipient, a number or an address in small letters; of much the newest."""
    ids = select(m.id).where(_is(m.recipient, to)).order_by(m.id.desc()).limit(MOST)
    every = select(*messages.columns).where(m.id.in_(ids)).order_by(m.id.desc())
    came = select(*_row_of(incoming, Incoming)).where(_came_in(to)).order_by(i.id.desc()).limit(MOST)
    codes = select(*_row_of(challenges, CodeKept)).where(or_(_is(c.recipient, to), _is(c.fallback, to)))
    wrong = select(*_row_of(otp_failures, WrongCodes)).where(_is(f.recipient, to))
    block = select(*_row_of(blocklist, BlockKept)).where(b.recipient == to)
    decided = select(*_row_of(guard_decisions, Decision)).where(_is(d.recipient, to)).order_by(d.id.desc()).limit(MOST)
    blocked = connection.execute(block).first()
    found = RecipientData(
        to=to,
        messages=tuple(message_of(row) for row in connection.execute(every)),
        incoming=tuple(Incoming(*row) for row in connection.execute(came)),
        codes=tuple(CodeKept(*row) for row in connection.execute(codes)),
        wrong_codes=tuple(WrongCodes(*row) for row in connection.execute(wrong)),
        blocked=None if blocked is None else BlockKept(*blocked),
        decisions=tuple(Decision(*row) for row in connection.execute(decided)),
    )
    return _marked(found)


def _marked(found: RecipientData) -> RecipientData:
    if max(len(found.messages), len(found.incoming), len(found.decisions)) < MOST:
        return found
    return RecipientData(
        found.to,
        found.messages,
        found.incoming,
        found.codes,
        found.wrong_codes,
        found.blocked,
        found.decisions,
        complete=False,
    )


def find_messages(connection: Connection, to: str) -> list[tuple[str, str]]:
    """Give the ids of all messages to a recipient, each with the receiver as its caller wrote it."""
    ids = select(m.id).where(_is(m.recipient, to))
    found = connection.execute(select(m.id, m.to_written).where(m.id.in_(ids)).order_by(m.id))
    return [(message_id, written) for message_id, written in found]


def count_sending(connection: Connection, ids: Collection[str]) -> int:
    """Tell how many of these messages are with a provider, or wait, just now."""
    return sum(
        connection.execute(
            select(func.count()).select_from(messages).where(m.id.in_(some), m.state.in_(_MOVING))
        ).scalar_one()
        for some in chunks(ids)
    )


def cancel_waiting(connection: Connection, ids: Sequence[str], now: float) -> int:
    """Cancel those of these messages that wait, or are held; gives how many."""
    waiting = (m.id.in_(ids), m.state.in_([State.QUEUED.value, State.UNCERTAIN.value]))
    cancelled = {"state": State.CANCELLED.value, "settled_at": now}
    return connection.execute(update(messages).where(*waiting).values(cancelled)).rowcount


def erase_messages(connection: Connection, ids: Sequence[str], pseudonym: str) -> int:
    """Take recipient, texts and what providers said out of messages that are over; gives how many."""
    over = select(m.id).where(m.id.in_(ids), m.state.not_in([state.value for state in LIVE])).order_by(m.id)
    found = list(connection.execute(over.with_for_update()).scalars())
    if not found:
        return 0
    nothing = dict.fromkeys(("text", "subject", "client", "source"), "")
    values = {**nothing, "recipient": pseudonym, "to_written": pseudonym, "detail": null()}
    connection.execute(update(messages).where(m.id.in_(found)).values(values))
    connection.execute(update(attempts).where(attempts.c.message_id.in_(found)).values(detail=null()))
    connection.execute(delete(exchanges).where(exchanges.c.message_id.in_(found)))
    return len(found)


def erase_incoming(connection: Connection, to: str) -> int:
    """Remove the texts that came from a recipient, or to it; gives how many."""
    return connection.execute(delete(incoming).where(_came_in(to))).rowcount


def erase_codes(connection: Connection, to: str) -> int:
    """Remove a recipient's codes, its wrong ones, and its address where others' would go to it; gives how many."""
    count = connection.execute(delete(challenges).where(_is(c.recipient, to))).rowcount
    nowhere = {"fallback": null(), "fallback_subject": null(), "fallback_at": null()}
    count += connection.execute(update(challenges).where(_is(c.fallback, to)).values(nowhere)).rowcount
    return count + connection.execute(delete(otp_failures).where(_is(f.recipient, to))).rowcount


def erase_decisions(connection: Connection, to: str, pseudonym: str) -> int:
    """Put a pseudonym for a recipient in what the guard of codes has counted and decided; gives how much."""
    return sum(
        connection.execute(
            update(table).where(_is(table.c.recipient, to)).values(recipient=pseudonym, source="")
        ).rowcount
        for table in (guard_counted, guard_decisions)
    )


def erase_block(connection: Connection, to: str, pseudonym: str) -> bool:
    """Put a pseudonym for a recipient on the blocklist, where it stands there; tell whether it did."""
    if connection.execute(select(b.recipient).where(b.recipient == to)).first() is None:
        return False
    connection.execute(delete(blocklist).where(b.recipient == pseudonym))
    connection.execute(update(blocklist).where(b.recipient == to).values(recipient=pseudonym, reason=""))
    return True
