"""
A copy of a database, and what must be done to one that comes back.

A backup is the past: what was queued in it may have been sent since, and a code that was open in it may have been used.
So nothing of it is sent without the operator's word, and no code of it counts.
"""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, delete, update

from smshub.domain.delivery import Reason
from smshub.domain.message import State
from smshub.domain.signing import Answer
from smshub.store.changes import keep_attempts
from smshub.store.errors import StoreError
from smshub.store.schema import challenges, leases, messages, programs, signatures

m = messages.c
RESTORED = "it was waiting when the backup was made, and may have been sent since"


def copy_sqlite(source: Path, target: Path) -> None:
    """
    Write a whole copy of a SQLite database that may be in use to a new file, readable by its owner only.

    It appears under its name when all of it is on disk. Raises `StoreError`.
    """
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # A reader: it holds nobody up, and brings nothing from the log into the file.
        connection = sqlite3.connect(f"file:{_escaped(source)}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA busy_timeout = 10000").close()
            connection.execute("VACUUM INTO ?", (str(draft),)).close()
        finally:
            connection.close()
        _sync(draft)
        os.link(draft, target)  # never over an older one
        draft.unlink()
        _sync(target.parent)
    except FileExistsError:
        raise StoreError(f"{target} is there already") from None
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"the backup cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def check_copy(file: Path) -> None:
    """Let SQLite look through every page of a copy. Raises `StoreError`."""
    try:
        connection = sqlite3.connect(f"file:{_escaped(file)}?mode=ro", uri=True)
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"{file} is no database that can be read: {error}") from None
    if found != ["ok"]:
        raise StoreError(f"{file} is damaged: {found[0]}")
    if not {"messages", "alembic_version"} <= tables:
        raise StoreError(f"{file} is not a database of smshub")


def hold(connection: Connection, now: float) -> int:
    """
    Hold everything that a restored database would send or honour; gives how many messages are held.

    What was QUEUED or SENDING is UNCERTAIN, and waits for the operator's word. Open codes and requests for
    confirmation are over, every token issued until now is ended, and no lease is held.
    """
    waiting = (State.QUEUED.value, State.SENDING.value)
    ids = list(connection.execute(messages.select().with_only_columns(m.id).where(m.state.in_(waiting))).scalars())
    for start in range(0, len(ids), 500):
        chunk = sorted(ids[start : start + 500])
        keep_attempts(connection, chunk)
        held = {"state": State.UNCERTAIN.value, "outcome": "uncertain", "reason": Reason.CRASHED.value}
        connection.execute(
            update(messages).where(m.id.in_(chunk)).values({**held, "detail": RESTORED, "settled_at": now})
        )
    connection.execute(delete(challenges).where(challenges.c.state == "OPEN"))
    connection.execute(
        update(signatures).where(signatures.c.answer == Answer.OPEN.value).values(answer=Answer.EXPIRED.value, text="")
    )
    connection.execute(update(programs).values(tokens_from=int(now) + 1))
    connection.execute(delete(leases))
    return len(ids)


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
