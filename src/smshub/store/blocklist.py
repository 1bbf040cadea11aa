"""The blocklist: recipients that nobody may reach. The writes are functions for `Batch.calls`."""

from typing import Any

from sqlalchemy import Connection, delete, func, select

from smshub.domain.addresses import is_address
from smshub.domain.commands import BlockedRecipient, Blocklist
from smshub.domain.message import State
from smshub.store.reads import MAX_PAGE, live
from smshub.store.schema import blocklist, messages
from smshub.store.statements import insert_into
from smshub.store.texts import storable

b = blocklist.c
_EVERY = select(b.recipient, b.blocked_at, b.blocked_by, b.reason)


def block(connection: Connection, blocked: BlockedRecipient, *, replace: bool) -> BlockedRecipient:
    """Put a recipient on the list; gives what stands there then: with `replace` this one, else the one before it."""
    statement: Any = insert_into(connection.dialect.name, blocklist).values(
        recipient=blocked.to, blocked_at=blocked.blocked_at, blocked_by=blocked.blocked_by, reason=blocked.reason
    )
    if replace:
        excluded = statement.excluded
        values = {name: excluded[name] for name in ("blocked_at", "blocked_by", "reason")}
        statement = statement.on_conflict_do_update(index_elements=[b.recipient], set_=values)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=[b.recipient])
    connection.execute(statement)
    return BlockedRecipient(*connection.execute(_EVERY.where(b.recipient == blocked.to)).one())


def unblock(connection: Connection, recipient: str, blocked_by: str | None = None) -> BlockedRecipient | None:
    """
    Take a recipient off the list; `blocked_by` limits it to what one account has blocked, None to nobody's.

    Gives what stood there, whether it was taken off or not; None where there was nothing.
    """
    found = connection.execute(_EVERY.where(b.recipient == recipient)).first()
    if found is None:
        return None
    statement = delete(blocklist).where(b.recipient == recipient)
    connection.execute(statement if blocked_by is None else statement.where(b.blocked_by == blocked_by))
    return BlockedRecipient(*found)


def read_blocked(connection: Connection) -> set[str]:
    """Give every blocked recipient."""
    return set(connection.execute(select(b.recipient)).scalars())


def blocklist_stamp(connection: Connection) -> tuple[int, float, int]:
    """Give something that differs after the list has changed, and is cheaper to read than the list."""
    times = func.coalesce(func.sum(b.blocked_at), 0.0)
    lengths = func.coalesce(func.sum(func.length(b.recipient)), 0)  # one that was erased has a longer name
    count, total, length = connection.execute(select(func.count(), times, lengths)).one()
    return count, total, length


def read_blocklist(connection: Connection, to: str | None, limit: int, cursor: str | None) -> Blocklist:
    """Give a page of the list, by number; `to` asks for one recipient, `cursor` is the last of the page before."""
    if not all(storable(one) for one in (to, cursor) if one is not None):
        return Blocklist(())
    limit = max(1, min(limit, MAX_PAGE))
    statement = _EVERY.order_by(b.recipient).limit(limit + 1)
    if to is not None:
        statement = statement.where(b.recipient == to)
    if cursor is not None:
        statement = statement.where(b.recipient > cursor)
    found = [BlockedRecipient(*row) for row in connection.execute(statement)]
    return Blocklist(tuple(found[:limit]), found[limit - 1].to if len(found) > limit else None)


def read_waiting(connection: Connection, recipient: str) -> list[str]:
    """
    Give the ids of the QUEUED messages for a recipient, an address in any spelling.

    Looks at everything that waits, there being no index.
    """
    column = func.lower(messages.c.recipient) if is_address(recipient) else messages.c.recipient
    statement = select(messages.c.id).where(*live(State.QUEUED), column == recipient)
    return list(connection.execute(statement).scalars())
