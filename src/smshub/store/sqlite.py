"""SQLite, https://sqlite.org: embedded, one node."""

import fcntl
import os
import sqlite3
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from smshub.store.database import begin_with
from smshub.store.errors import Damaged, DatabaseInUse, StoreError
from smshub.store.process import Opening, WriterProcess
from smshub.store.statements import statements_for

# Before this version a checkpoint could spoil the file when several connections wrote (https://sqlite.org/wal.html).
# Ours has one writer, which alone checkpoints; other programs that write to the file are outside our power.
SOUND_WAL = (3, 51, 3)

# A file of 400 MiB, a million messages, is written anew in four seconds, while everybody else waits.
LARGEST_REWRITTEN = 2**31

_PATIENT = "PRAGMA busy_timeout = 10000"
_COMMON = ("PRAGMA foreign_keys = OFF", _PATIENT, "PRAGMA temp_store = MEMORY")
_WRITER = (
    *_COMMON,
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = ON",  # what is erased or changed is overwritten, not only let go
    "PRAGMA synchronous = FULL",  # a commit is on disk when it returns: accepted means on disk
    "PRAGMA wal_autocheckpoint = 4000",  # pages
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16384",  # KiB
)
_READER = (
    *_COMMON,
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -4096",
)


class Sqlite:
    """A database file with a lock file beside it; without a path, a database in memory for tests."""

    name = "sqlite"

    def __init__(self, path: str | None, *, patience: float = 0.0, processes: bool = False) -> None:
        self._lock: int | None = None
        self.processes = processes and bool(path) and path != ":memory:"
        self._folder: Path | None = None
        self.shared: AbstractContextManager[object] | None = None
        if not path or path == ":memory:":
            self.shared = threading.Lock()
            self.writer_engine = _engine(":memory:", _COMMON, StaticPool)
            self.reader_engine = self.writer_engine
        else:
            where = Path(path).resolve()
            self._path = str(where)
            self._lock = _lock(where, patience)
            self._folder = where.parent
            _make_private(where)
            self.writer_engine = _engine(str(where), _WRITER, NullPool)
            self.reader_engine = _engine(str(where), _READER, QueuePool, pool_size=4, max_overflow=4)
            begin_with(self.reader_engine, "BEGIN")
        begin_with(self.writer_engine, "BEGIN IMMEDIATE")

    def start_writer(self) -> WriterProcess:
        """Start the process that writes rows; the lock is held until both of us are gone. Raises `Failed`."""
        opening = Opening(self._path, _WRITER, statements_for("sqlite"))
        return WriterProcess(opening, keep=() if self._lock is None else (self._lock,))

    def prepare(self, connection: Connection, *, patience: float) -> None:
        """Nothing is left to do: the pragmas are set when the driver connects."""

    def check(self, connection: Connection) -> None:
        """Let SQLite look through the file (about 0.2 s for a million messages). Raises `Damaged`."""
        found = [row[0] for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            raise Damaged(f"the database file is damaged: {found[0]}")

    def version(self) -> str:
        """Tell the version of the library."""
        return f"SQLite {sqlite3.sqlite_version}"

    def warnings(self) -> tuple[str, ...]:
        """Tell of a SQLite with a known fault."""
        if sqlite3.sqlite_version_info >= SOUND_WAL:
            return ()
        sentence = (
            f"SQLite {sqlite3.sqlite_version} has a fault that can damage the database when another program writes "
            "to it; 3.51.3 has it mended. Let no other program write to the file while the hub runs."
        )
        return (sentence,)

    def tidy(self, connection: Connection) -> bool:
        """Bring the log into the file and empty it, without waiting for those who read."""
        if self._folder is None:
            return True
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA busy_timeout = 0").close()
        try:
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            driver.execute(_PATIENT).close()
        return not busy

    def rewrite(self, connection: Connection) -> bool:
        """
        Write the file anew.

        What is erased is overwritten, but a page that was divided keeps, where nothing is, some of what it gave away.
        """
        if self._folder is None:
            return True
        size, free = sum(Path(self._path + end).stat().st_size for end in ("", "-wal")), self.free()
        if size > LARGEST_REWRITTEN or (free is not None and free < 3 * size):
            return False
        driver: Any = connection.connection.driver_connection
        driver.execute("VACUUM").close()
        return True

    def free(self) -> int | None:
        """Tell how many bytes are free where the file is; None in memory, and where it cannot be known."""
        if self._folder is None:
            return None
        try:
            found = os.statvfs(self._folder)
        except OSError:
            return None
        return found.f_bavail * found.f_frsize

    def release(self) -> None:
        """Give back the lock; the file stays, since another process may just be opening it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _engine(path: str, pragmas: tuple[str, ...], pool: type[Any], **options: Any) -> Engine:
    def connect() -> sqlite3.Connection:
        # No transactions of the driver's own; the writer and the readers move between threads, one at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        try:
            for pragma in pragmas:
                connection.execute(pragma).close()
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=pool, hide_parameters=True, **options)


def _make_private(path: Path) -> None:
    """Let the file, where it is new, be readable by its owner only: texts and numbers are in it."""
    with suppress(OSError):  # what is really wrong shows when it is opened
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _lock(path: Path, patience: float) -> int:
    """Lock the file beside the database. The lock ends with the process, however it ends."""
    beside = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{beside} cannot be opened: {error.strerror}") from error
    try:
        _wait_for_lock(descriptor, patience)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise DatabaseInUse(
            f"{path} is in use by another process ({holder or 'unknown'}); one database file serves one hub"
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"{beside} cannot be locked: {error.strerror}") from error
    return descriptor


def _wait_for_lock(descriptor: int, patience: float) -> None:
    """Take the lock; a predecessor that was just killed may have a last transaction to finish."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.05)
        else:
            return
