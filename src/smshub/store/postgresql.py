"""PostgreSQL, https://www.postgresql.org: any number of nodes."""

import time
from contextlib import AbstractContextManager
from hashlib import blake2b

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.pool import NullPool

from smshub.store.errors import DatabaseInUse
from smshub.store.process import Failed, WriterProcess

# A dead peer is noticed within seconds by both sides; a query that hangs ends.
_CLIENT = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_SERVER = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c statement_timeout=30s"


class PostgreSql:
    """A database on a PostgreSQL server; an advisory lock for each node's name."""

    name = "postgresql"
    shared: AbstractContextManager[object] | None = None
    processes = False  # the server is a process of its own

    def __init__(self, url: URL, node: str) -> None:
        url = url.set(drivername="postgresql+psycopg")
        self._node = node
        arguments = {**_CLIENT, "application_name": f"smshub {node}"[:63]}
        self.writer_engine = create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args={**arguments, "options": _SERVER}
        )
        self.reader_engine = create_engine(
            url,
            pool_size=4,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={**arguments, "options": f"{_SERVER} -c default_transaction_read_only=on"},
        )

    def start_writer(self) -> WriterProcess:
        """There is none to start."""
        raise Failed("PostgreSQL needs no writer")

    def prepare(self, connection: Connection, *, patience: float) -> None:
        """Take the node's name and make sure that a commit is on disk when it returns."""
        with connection.begin():
            if connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "off":
                connection.exec_driver_sql("SET synchronous_commit = on")
        # The server may need a moment to notice that a killed predecessor is gone.
        deadline = time.monotonic() + patience
        while not self._take_name(connection):
            if time.monotonic() >= deadline:
                raise DatabaseInUse(f"another hub named '{self._node}' uses this database; give each node its own name")
            time.sleep(0.1)

    def _take_name(self, connection: Connection) -> bool:
        key = int.from_bytes(blake2b(f"smshub node {self._node}".encode(), digest_size=8).digest(), signed=True)
        with connection.begin():
            return bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (key,)).scalar_one())

    def check(self, connection: Connection) -> None:
        """Nothing: the server looks after its own files."""

    def version(self) -> str:
        """Tell the version of the server, as it was at the latest connection."""
        known = self.writer_engine.dialect.server_version_info
        return f"PostgreSQL {'.'.join(map(str, known or ()))}".strip()

    def warnings(self) -> tuple[str, ...]:
        """Nothing to tell."""
        return ()

    def tidy(self, connection: Connection) -> bool:
        """Nothing: what was erased goes when the server vacuums, and its log with its own settings."""
        return True

    def rewrite(self, connection: Connection) -> bool:
        """Nothing: what was erased goes when the server vacuums."""
        return True

    def free(self) -> int | None:
        """The server's disk is the server's to watch."""
        return None

    def release(self) -> None:
        """Nothing: the lock ends with the connection."""
