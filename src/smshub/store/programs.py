"""
Programs and their tokens: which ProgramKey each account had last, and which tokens are ended.

The writes are functions for `Batch.calls`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update

from smshub.store.schema import programs, revoked_tokens
from smshub.store.statements import insert_into

p = programs.c
r = revoked_tokens.c


def note_keys(connection: Connection, digests: Mapping[str, str], now: float) -> tuple[str, ...]:
    """
    Remember the keyed digest of each account's ProgramKey.

    Gives the accounts whose key was another one before; of several nodes that see the change, one is told.
    """
    rows = connection.execute(select(p.account, p.key_digest))
    before = {row.account: row.key_digest for row in rows}
    changed = []
    for account, digest in sorted(digests.items()):
        last = before.get(account)
        if last == digest:
            continue
        row = {"key_digest": digest, "key_changed_at": now}
        if last is None:
            _put(connection, {"account": account, **row})
            continue
        # Only where it is still the one that was read: another node may have been quicker.
        done = connection.execute(update(programs).where(p.account == account, p.key_digest == last).values(row))
        if done.rowcount:
            changed.append(account)
    return tuple(changed)


def end_tokens(connection: Connection, account: str, not_before: int) -> None:
    """End every token of an account that was issued before this second."""
    _put(connection, {"account": account, "tokens_from": not_before})
    connection.execute(delete(revoked_tokens).where(r.account == account))


def end_token(connection: Connection, account: str, jti: str, expires_at: float, now: float) -> None:
    """End one token, and forget those that have expired since they were ended."""
    connection.execute(delete(revoked_tokens).where(r.expires_at < now))
    statement: Any = insert_into(connection.dialect.name, revoked_tokens)
    row = {"account": account, "jti": jti, "expires_at": expires_at}
    connection.execute(statement.values(row).on_conflict_do_nothing(index_elements=[r.account, r.jti]))


def read_ended(connection: Connection, account: str, jti: str) -> tuple[int, bool]:
    """Give the second before which an account's tokens are ended (0: none), and whether one is by itself."""
    tokens_from = connection.execute(select(p.tokens_from).where(p.account == account)).scalar_one_or_none()
    one = connection.execute(select(r.jti).where(r.account == account, r.jti == jti)).first()
    return tokens_from or 0, one is not None


def _put(connection: Connection, row: Mapping[str, Any]) -> None:
    statement: Any = insert_into(connection.dialect.name, programs)
    values = {key: value for key, value in row.items() if key != "account"}
    connection.execute(statement.values(row).on_conflict_do_update(index_elements=[p.account], set_=values))
