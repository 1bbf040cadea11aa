"""What the guard of codes keeps: what it has counted, what it has decided, and the prefixes that it blocks."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from smshub.domain.challenges import Counted, Decision, Decisions, ListDecisions
from smshub.domain.counting import DAY
from smshub.store.reads import MAX_PAGE
from smshub.store.schema import guard_counted, guard_decisions, guard_prefixes
from smshub.store.statements import insert_into
from smshub.store.texts import clean, storable

# How many rows one transaction forgets, so that none holds up the others for long.
FORGET_BATCH = 5_000

c, d, p = guard_counted.c, guard_decisions.c, guard_prefixes.c


class KeptPrefix(msgspec.Struct, frozen=True):
    """A prefix that was warned of, blocked or opened; 0 for never, else in seconds since 1970."""

    prefix: str
    country: str
    alarmed_at: float
    blocked_until: float
    opened_at: float


# --- what was counted -------------------------------------------------------------------------------------------------


def read_nodes(connection: Connection) -> tuple[str, ...]:
    """Give the nodes that have counted; each is found by the index, however many rows it has."""

    def nodes() -> Iterator[str]:
        last = connection.execute(select(func.min(c.node))).scalar_one()
        while last is not None:
            yield last
            last = connection.execute(select(func.min(c.node)).where(c.node > last)).scalar_one()

    return tuple(nodes())


def read_counted(connection: Connection, node: str, after: int, typed_after: float, limit: int) -> list[Counted]:
    """Give what a node has counted after a number, in order; of what was typed, only after a time."""
    wanted = (c.node == node, c.number > after, or_(c.typed.is_(False), c.at > typed_after))
    statement = select(*guard_counted.columns).where(*wanted).order_by(c.number).limit(limit)
    return [Counted(*row) for row in connection.execute(statement)]


def read_last(connection: Connection, node: str) -> int:
    """Give the last number of a node, 0 where it has none."""
    return connection.execute(select(func.max(c.number)).where(c.node == node)).scalar_one() or 0


def forget_counted(connection: Connection, before: float) -> int:
    """Forget what was counted before a time, some of it at once; gives how much."""
    number = int(before * 1e6)
    forgotten = 0
    for node in read_nodes(connection):
        old = select(c.number).where(c.node == node, c.number < number).order_by(c.number).limit(FORGET_BATCH)
        last = connection.execute(select(func.max(old.subquery().c.number))).scalar_one()
        if last is not None:
            forgotten += connection.execute(delete(guard_counted).where(c.node == node, c.number <= last)).rowcount
    return forgotten


# --- what was decided -------------------------------------------------------------------------------------------------


def add_decisions(connection: Connection, decisions: Iterable[Decision]) -> None:
    """Write decisions; those that are there already stay."""
    rows = [_row(one) for one in decisions]
    if rows:
        statement: Any = insert_into(connection.dialect.name, guard_decisions)
        connection.execute(statement.on_conflict_do_nothing(index_elements=[d.id]), rows)


def _row(one: Decision) -> dict[str, object]:
    names = {column.name: "to" if column is d.recipient else column.name for column in guard_decisions.columns}
    values = {column: getattr(one, name) for column, name in names.items()}
    return {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}


def read_decisions(connection: Connection, asked: ListDecisions) -> Decisions:
    """Give a page of decisions, newest first; the cursor is the last of the page before."""
    limit = max(1, min(asked.limit, MAX_PAGE))
    if not all(storable(value) for value in (asked.account, asked.cursor) if value is not None):
        return Decisions(())
    wanted: list[ColumnElement[bool]] = []
    if asked.account is not None:
        wanted.append(d.account == asked.account)
    if asked.cursor is not None:
        wanted.append(d.id < asked.cursor)
    if asked.refused:
        wanted.append(d.allowed.is_(False))
    columns = [d["recipient" if name == "to" else name] for name in Decision.__struct_fields__]
    rows = connection.execute(select(*columns).where(*wanted).order_by(d.id.desc()).limit(limit + 1))
    found = tuple(Decision(*row) for row in rows)
    return Decisions(found[:limit], found[limit - 1].id if len(found) > limit else None)


def forget_decisions(connection: Connection, before: str) -> int:
    """Forget the decisions whose ids are before this one, some at once; gives how many."""
    old = select(d.id).where(d.id < before).order_by(d.id).limit(FORGET_BATCH)
    last = connection.execute(select(func.max(old.subquery().c.id))).scalar_one()
    return 0 if last is None else connection.execute(delete(guard_decisions).where(d.id <= last)).rowcount


# --- prefixes ---------------------------------------------------------------------------------------------------------


def read_prefixes(connection: Connection) -> list[KeptPrefix]:
    """Give the prefixes that something was done about."""
    return [KeptPrefix(*row) for row in connection.execute(select(*guard_prefixes.columns))]


def note_alarm(connection: Connection, prefix: str, country: str, now: float) -> bool:
    """Note that a prefix was warned of; False where it has been within a day, by any node."""
    values = {"prefix": prefix, "country": country, "alarmed_at": now, "blocked_until": 0.0, "opened_at": 0.0}
    statement: Any = insert_into(connection.dialect.name, guard_prefixes).values(values)
    return _noted(connection, statement, {"alarmed_at": now}, p.alarmed_at < now - DAY)


def note_block(connection: Connection, prefix: str, country: str, until: float, now: float) -> bool:
    """Note that a prefix is blocked; False where it is already, by any node."""
    values = {"prefix": prefix, "country": country, "alarmed_at": 0.0, "blocked_until": until, "opened_at": 0.0}
    statement: Any = insert_into(connection.dialect.name, guard_prefixes).values(values)
    return _noted(connection, statement, {"blocked_until": until}, p.blocked_until <= now)


def _noted(connection: Connection, statement: Any, changed: dict[str, object], where: ColumnElement[bool]) -> bool:
    noted = statement.on_conflict_do_update(index_elements=[p.prefix], set_=changed, where=where).returning(p.prefix)
    return connection.execute(noted).scalar_one_or_none() is not None


def open_prefix(connection: Connection, prefix: str, now: float) -> bool:
    """Lift the block of a prefix; False where there is none."""
    if not storable(prefix):
        return False
    opened = update(guard_prefixes).where(p.prefix == prefix, p.blocked_until > now)
    return connection.execute(opened.values(blocked_until=0.0, alarmed_at=0.0, opened_at=now)).rowcount > 0


def forget_prefixes(connection: Connection, before: float) -> int:
    """Forget the prefixes about which nothing was done since a time; gives how many."""
    old = (p.alarmed_at < before, p.blocked_until < before, p.opened_at < before)
    return connection.execute(delete(guard_prefixes).where(*old)).rowcount
