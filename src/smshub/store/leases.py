"""
Leases: who owns a connector's lane, until when, and under which fencing token.

The token grows whenever a lease changes hands, and is written with every attempt; so a node that has lost its lease
without noticing cannot write what its attempts came to over those of the new owner.
"""

from typing import Any, cast

import msgspec
from sqlalchemy import Connection, or_, select, update

from smshub.store.schema import leases
from smshub.store.statements import insert_into

c = leases.c


class Lease(msgspec.Struct, frozen=True):
    """A lease: free when `expires_at` has passed."""

    name: str
    owner: str
    fence: int
    expires_at: float


def acquire_lease(connection: Connection, name: str, owner: str, now: float, ttl: float) -> int | None:
    """
    Take a lease that is free or one's own for `ttl` seconds; give its new token, None where another has it.

    An owner that takes its own lease gets a new token too: it has been started anew.
    """
    statement: Any = insert_into(connection.dialect.name, leases).values(
        name=name, owner=owner, fence=1, expires_at=now + ttl
    )
    statement = statement.on_conflict_do_update(
        index_elements=[c.name],
        set_={"owner": owner, "fence": c.fence + 1, "expires_at": now + ttl},
        where=or_(c.expires_at <= now, c.owner == owner),
    ).returning(c.fence)
    return cast("int | None", connection.execute(statement).scalar_one_or_none())


def renew_lease(connection: Connection, name: str, owner: str, fence: int, now: float, ttl: float) -> bool:
    """Prolong a lease by its token; False where it has changed hands."""
    return _set(connection, name, owner, fence, now + ttl)


def release_lease(connection: Connection, name: str, owner: str, fence: int) -> bool:
    """Give a lease back; False where it has changed hands."""
    return _set(connection, name, owner, fence, 0.0)


def _set(connection: Connection, name: str, owner: str, fence: int, expires_at: float) -> bool:
    found = connection.execute(
        update(leases).where(c.name == name, c.owner == owner, c.fence == fence).values(expires_at=expires_at)
    )
    return found.rowcount > 0


def list_leases(connection: Connection) -> tuple[Lease, ...]:
    """Give every lease by name, the free ones too."""
    rows = connection.execute(select(c.name, c.owner, c.fence, c.expires_at).order_by(c.name))
    return tuple(Lease(*row) for row in rows)
