"""A database: one connection that writes, a few that read, and a lock that keeps a second hub away."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from smshub.store.errors import StoreError, faults
from smshub.store.process import WriterProcess


class Database(Protocol):
    """What the outbox needs of SQLite or PostgreSQL."""

    name: str  # "sqlite" or "postgresql"
    writer_engine: Engine
    reader_engine: Engine
    shared: AbstractContextManager[object] | None  # held where reads and writes share one connection
    processes: bool  # whether a process of its own writes rows

    def start_writer(self) -> WriterProcess:
        """Start that process. Raises `process.Failed`."""

    def prepare(self, connection: Connection, *, patience: float) -> None:
        """Make a fresh writer connection ready. Raises `DatabaseInUse` after `patience` seconds."""

    def check(self, connection: Connection) -> None:
        """Look whether the database is sound. Raises `Damaged`."""

    def version(self) -> str:
        """Tell what it is, for people: SQLite 3.51.3."""

    def warnings(self) -> tuple[str, ...]:
        """Tell what an operator should know about it."""

    def tidy(self, connection: Connection) -> bool:
        """
        Leave nothing of what was erased beside the database; the connection is in no transaction.

        False where that could not be done now, because others are reading.
        """

    def rewrite(self, connection: Connection) -> bool:
        """
        Leave nothing of what was erased in unused parts of the database; this holds up all writing for seconds.

        False where it is too large for that.
        """

    def free(self) -> int | None:
        """Tell how many bytes are free where it is kept; None where that is another's to watch."""

    def release(self) -> None:
        """Give back the lock."""


def open_database(url: str, node: str, *, patience: float = 0.0, processes: bool = False) -> Database:
    """
    Open the database of a URL: `sqlite:///file`, `sqlite://` or `:memory:`, `postgresql://user@host/name`.

    Raises `DatabaseInUse`, and `StoreError` for a URL that names something else.
    """
    # Imported here, so that a hub on SQLite does not pay for PostgreSQL.
    if url == ":memory:":
        url = "sqlite://"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the database URL cannot be read; it begins with sqlite:/// or postgresql://") from None
    match parsed.get_backend_name():
        case "sqlite":
            from smshub.store.sqlite import Sqlite  # noqa: PLC0415

            return Sqlite(parsed.database, patience=patience, processes=processes)
        case "postgresql":
            from smshub.store.postgresql import PostgreSql  # noqa: PLC0415

            return PostgreSql(parsed, node)
        case other:
            raise StoreError(f"there is no store for {other}; use sqlite or postgresql")


def begin_with(engine: Engine, statement: str) -> None:
    """Let every transaction of an engine begin with this statement (for a driver that begins none itself)."""

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", begin)


class Writer:
    """The one connection that writes. It is made when needed, and made anew after an error."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    def connect(self, *, patience: float = 1.0) -> Connection:
        """Give the connection, ready. Raises `DatabaseInUse` and the driver's errors."""
        if self._connection is None:
            connection = self._database.writer_engine.connect()
            try:
                self._database.prepare(connection, patience=patience)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def drop(self) -> None:
        """Close it. After a failed fsync only a fresh connection tells what is on disk."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with _quietly():
                connection.close()


@contextmanager
def _quietly() -> Iterator[None]:
    # What is closed because it is broken may well complain.
    try:
        with faults():
            yield
    except StoreError:
        return


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """Give a connection that reads one snapshot of the database. Raises `StoreUnavailable`."""
    with alone(database), faults(), database.reader_engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Hold what reads and writes share, where they share it."""
    with database.shared or nullcontext():
        yield
