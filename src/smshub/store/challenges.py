"""Codes off the hot path: one looked up by its id, old ones forgotten, a recipient unlocked."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select, update

from smshub.store.codes import never_sent
from smshub.store.schema import challenges, messages, otp_failures
from smshub.store.texts import storable

# How many rows one transaction forgets, so that none holds up the others for long.
FORGET_BATCH = 5_000

c, f = challenges.c, otp_failures.c


class Challenge(msgspec.Struct, frozen=True):
    """
    A challenge; `sent_at` is the time of the last of its `sends`, which was with the message `message_id`.

    `fallback` is the mail address that its code goes to, or went to, where its text cannot. `never_sent`: no message of
    it can arrive.
    """

    id: str
    account: str
    reference: str
    recipient: str
    state: str
    created_at: float
    expires_at: float
    sent_at: float
    sends: int
    message_id: str
    fallback: str | None
    fallback_subject: str | None
    never_sent: bool


def read_challenge(connection: Connection, id: str) -> Challenge | None:  # noqa: A002
    """Give a challenge by its id."""
    if not storable(id):
        return None
    columns = [c[name] for name in Challenge.__struct_fields__[:-1]]
    row = connection.execute(select(*columns, never_sent()).where(c.id == id)).first()
    return None if row is None else Challenge(*tuple(row))


class Waiting(msgspec.Struct, frozen=True):
    """A code whose text may not have left, and whose time to go by mail has come; with the text as it is."""

    id: str
    account: str
    reference: str
    expires_at: float
    fallback: str
    fallback_subject: str | None
    state: str
    connector: str
    resends: int


def due_fallbacks(connection: Connection, now: float, limit: int) -> list[Waiting]:
    """Give the codes for which it is time to see whether they go by mail."""
    m = messages.c
    rows = connection.execute(
        select(
            *(c[name] for name in Waiting.__struct_fields__[:6]),
            *(m[name] for name in Waiting.__struct_fields__[6:]),
        )
        .select_from(challenges.join(messages, m.id == c.id))
        .where(c.fallback_at <= now)
        .order_by(c.fallback_at)
        .limit(limit)
    )
    return [Waiting(*row) for row in rows]


def drop_fallbacks(connection: Connection, ids: Sequence[str]) -> int:
    """Let codes go by no mail; gives how many."""
    this = update(challenges).where(c.id.in_(sorted(ids)), c.fallback_at.is_not(None))
    return connection.execute(this.values(fallback=None, fallback_subject=None, fallback_at=None)).rowcount


def forget_challenges(connection: Connection, before: float) -> int:
    """Forget challenges that ended before a time, some at once; gives how many."""
    keys = connection.execute(select(c.id).where(c.expires_at < before).limit(FORGET_BATCH)).scalars().all()
    return connection.execute(delete(challenges).where(c.id.in_(keys))).rowcount if keys else 0


def forget_failures(connection: Connection, before: float) -> int:
    """Forget the wrong codes of recipients whose last one was before a time; gives how many recipients."""
    return connection.execute(delete(otp_failures).where(f.failed_at < before)).rowcount


def unlock(connection: Connection, recipient: str, account: str | None = None) -> int:
    """Forget the wrong codes of a recipient, at every account or at one; gives at how many."""
    statement = delete(otp_failures).where(f.recipient == recipient)
    return connection.execute(statement if account is None else statement.where(f.account == account)).rowcount
