"""The audit log: each entry's digest covers the entry and the digest before it."""

import hmac
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from smshub.domain.audit import AuditEntry, AuditPage, AuditVerified, ListAudit
from smshub.store.reads import MAX_PAGE
from smshub.store.schema import audit
from smshub.store.texts import clean

a = audit.c
_CHUNK = 1_000


def add_entry(connection: Connection, entry: AuditEntry, key: bytes) -> int:
    """Write an entry; gives its number. On PostgreSQL nodes wait for each other, so that the chain has no fork."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('smshub audit'))")
    last = connection.execute(select(a.number, a.digest).order_by(a.number.desc()).limit(1)).first()
    number, before = (last.number + 1, last.digest) if last else (1, "")
    row = {
        "number": number,
        "at": entry.at,
        "actor": clean(entry.actor),
        "action": entry.action,
        "object": clean(entry.object),
        "before": _json(entry.before),
        "after": _json(entry.after),
    }
    connection.execute(insert(audit).values({**row, "digest": _digest(tuple(row.values()), before, key)}))
    return number


def read_audit(connection: Connection, asked: ListAudit) -> AuditPage:
    """Give a page of the log, newest first."""
    limit = max(1, min(asked.limit, MAX_PAGE))
    statement = select(*audit.columns).order_by(a.number.desc()).limit(limit + 1)
    if asked.actor is not None:
        statement = statement.where(a.actor == clean(asked.actor))
    if asked.cursor is not None:
        statement = statement.where(a.number < asked.cursor)
    found = [
        AuditEntry(n, at, actor, action, thing, _read(before), _read(after), digest)
        for n, at, actor, action, thing, before, after, digest in connection.execute(statement)
    ]
    return AuditPage(tuple(found[:limit]), found[limit - 1].number if len(found) > limit else None)


def verify_audit(connection: Connection, key: bytes) -> AuditVerified:
    """Look through the whole log."""
    count, before, last = 0, "", 0
    for number, *values, digest in _rows(connection):
        # Where old entries were removed, the first that is left is taken as it is; the others follow from it.
        is_beginning = count == 0 and number > 1
        sound = is_beginning or (
            number == last + 1 and hmac.compare_digest(str(digest), _digest((number, *values), before, key))
        )
        if not sound:
            return AuditVerified(count, number)
        count, before, last = count + 1, str(digest), number
    return AuditVerified(count, None)


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    number = 0
    while True:
        statement = select(*audit.columns).where(a.number > number).order_by(a.number).limit(_CHUNK)
        rows = [tuple(row) for row in connection.execute(statement)]
        yield from rows
        if len(rows) < _CHUNK:
            return
        number = rows[-1][0]


def _digest(values: tuple[object, ...], before: str, key: bytes) -> str:
    content = json.dumps([before, *values], ensure_ascii=True, separators=(",", ":"))
    return hmac.digest(key, content.encode(), "sha256").hex()


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, default=str)


def _read(written: str | None) -> object:
    return None if written is None else json.loads(written)
