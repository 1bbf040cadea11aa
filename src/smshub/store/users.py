"""The people who use the console, and their sessions. The writes are functions for `Batch.calls`."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from smshub.domain.accounts import Role
from smshub.domain.users import User
from smshub.store.schema import sessions, users
from smshub.store.statements import insert_into
from smshub.store.texts import storable

u, s = users.c, sessions.c


def user_of(row: Row[Any]) -> User:
    """Make a user of a row."""
    return User(row.name, Role(row.role), row.account, row.totp is not None, bool(row.disabled), row.created_at)


def read_user(connection: Connection, name: str) -> Row[Any] | None:
    """Give the row of a user."""
    return connection.execute(select(*users.columns).where(u.name == name)).first() if storable(name) else None


def read_users(connection: Connection) -> list[User]:
    """Give every user."""
    return [user_of(row) for row in connection.execute(select(*users.columns).order_by(u.name))]


def any_user(connection: Connection) -> bool:
    """Whether there is a user."""
    return connection.execute(select(u.name).limit(1)).first() is not None


def add_first_user(connection: Connection, row: dict[str, Any]) -> bool:
    """Make a user where there is none yet; tell whether that was so."""
    alone(connection)
    if any_user(connection):
        return False
    connection.execute(insert(users).values(row))
    return True


class Change(StrEnum):
    """What a change of a user came to; what is refused changes nothing."""

    MADE = "made"
    CHANGED = "changed"
    REMOVED = "removed"
    MISSING = "missing"  # there is no such user
    LAST = "last"  # nobody would be left who may change users
    FIRST = "first"  # the first user has to be one who may


def change_user(connection: Connection, name: str, changed: dict[str, Any], new: dict[str, Any] | None) -> Change:
    """
    Make a user (`new` with what is `changed`) or change one, ending their sessions; an administrator always stays.

    `new` None: nobody is made.
    """
    alone(connection)
    row = read_user(connection, name)
    if row is None and new is None:
        return Change.MISSING
    whole = {**(new or {}), **changed} if row is None else {**row._mapping, **changed}  # noqa: SLF001 - SQLAlchemy's own
    stays = whole["role"] == Role.ADMINISTRATOR.value and not whole["disabled"]
    if not stays and not administrators(connection, but=name):
        return Change.LAST if any_user(connection) else Change.FIRST
    put_user(connection, whole, ends_sessions=True)
    return Change.MADE if row is None else Change.CHANGED


def remove_user(connection: Connection, name: str) -> Change:
    """Remove a user with their sessions; an administrator always stays."""
    alone(connection)
    if read_user(connection, name) is None:
        return Change.MISSING
    if not administrators(connection, but=name):
        return Change.LAST
    connection.execute(delete(sessions).where(s.user_name == name))
    connection.execute(delete(users).where(u.name == name))
    return Change.REMOVED


def alone(connection: Connection) -> None:
    """Keep other nodes from changing users until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('smshub first user'))")


def put_user(connection: Connection, row: dict[str, Any], *, ends_sessions: bool) -> None:
    """Make a user or change one."""
    statement = insert_into(connection.dialect.name, users).values(row)
    changed = {name: value for name, value in row.items() if name not in {"name", "created_at"}}
    connection.execute(statement.on_conflict_do_update(index_elements=[u.name], set_=changed))
    if ends_sessions:
        connection.execute(delete(sessions).where(s.user_name == row["name"]))


def administrators(connection: Connection, *, but: str) -> int:
    """Count the administrators who can sign in, but one."""
    which = (u.role == Role.ADMINISTRATOR.value, u.disabled.is_(False), u.name != but)
    return connection.execute(select(func.count()).select_from(users).where(*which)).scalar_one()


def use_totp_step(connection: Connection, name: str, step: int) -> bool:
    """Use up a code of an authenticator; tell whether none of its time or later was used before."""
    return (
        connection.execute(update(users).where(u.name == name, u.totp_step < step).values(totp_step=step)).rowcount > 0
    )


def open_session(connection: Connection, digest: str, user_name: str, source: str, now: float) -> None:
    """Begin a session."""
    row = {"digest": digest, "user_name": user_name, "source": source, "created_at": now, "seen_at": now}
    connection.execute(insert(sessions).values(row))


def read_session(connection: Connection, digest: str) -> tuple[float, float, Row[Any]] | None:
    """Give when a session began and was last used, and the row of its user."""
    found = connection.execute(select(s.user_name, s.created_at, s.seen_at).where(s.digest == digest)).first()
    if found is None:
        return None
    user = read_user(connection, found.user_name)
    return None if user is None else (found.created_at, found.seen_at, user)


def see_session(connection: Connection, digest: str, now: float) -> None:
    """Note that a session is used."""
    connection.execute(update(sessions).where(s.digest == digest).values(seen_at=now))


def close_session(connection: Connection, digest: str) -> None:
    """End a session."""
    connection.execute(delete(sessions).where(s.digest == digest))


def forget_sessions(connection: Connection, seen_before: float, begun_before: float) -> int:
    """Drop the sessions that are over; gives how many."""
    return connection.execute(
        delete(sessions).where((s.seen_at <= seen_before) | (s.created_at <= begun_before))
    ).rowcount
