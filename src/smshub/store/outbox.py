"""The outbox: every message that was accepted and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import msgspec
import psycopg
from sqlalchemy import Connection

from smshub.domain.commands import Listed, ListMessages
from smshub.domain.message import Attempt, Message, MessageClass
from smshub.store import reads
from smshub.store.batch import Accept, Batch, Call, ReceiptEffect, Replay, Settled, Start, Written
from smshub.store.database import Database, Writer, alone, open_database, reading
from smshub.store.errors import Damaged, DatabaseInUse, StoreError, StoreUnavailable, cause_of, faults
from smshub.store.migrating import bring_up_to_date
from smshub.store.writing import SETTLED_STATES, unstorable, write_batch, write_rows

__all__ = ["Accept", "Batch", "Call", "Outbox", "ReceiptEffect", "Replay", "Settled", "Start", "Written"]

T = TypeVar("T")

# How long the writer thread waits for another program that writes to the file of SQLite, in milliseconds.
PATIENCE = 10_000

# PostgreSQL gave the transaction up because another node stood in its way: it is begun again.
_IN_THE_WAY = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass(slots=True)
class Outbox:
    """
    The store of messages. Only one thread at a time writes (`write`, or `stage` and then `commit`); any may read.

    Everything raises `StoreUnavailable` while the database cannot be used, and works again when it can.
    """

    database: Database
    _writer: Writer = field(init=False)
    _patience: tuple[Any, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._writer = Writer(self.database)

    @classmethod
    def open(cls, url: str, *, node: str = "hub", patience: float = 5.0) -> Self:
        """
        Open the database, lock it against others, check it, and bring its tables up to date.

        `node` is the name of this hub among those that share a PostgreSQL database; `patience` is how many seconds to
        wait for a predecessor of that name to be gone. Raises `DatabaseInUse`, `SchemaTooNew`, `StoreUnavailable`.
        """
        outbox = cls(open_database(url, node))
        try:
            with faults():
                connection = outbox._writer.connect(patience=patience)
                outbox.database.check(connection)
                connection.rollback()
                bring_up_to_date(connection)
        except BaseException:
            outbox.close()
            raise
        return outbox

    def close(self) -> None:
        """Close every connection and give back the lock."""
        # The writer last: the last connection to a SQLite file brings the log into it, and only the writer may.
        if self.database.reader_engine is not self.database.writer_engine:
            self.database.reader_engine.dispose()
        self._writer.drop()
        self.database.writer_engine.dispose()
        self.database.release()

    def warnings(self) -> tuple[str, ...]:
        """Tell what an operator should know about the database."""
        return self.database.warnings()

    def write(self, batch: Batch) -> Written:
        """
        Write a batch in one transaction; when this returns it is on disk.

        A batch that raised `StoreUnavailable` may be written again: what an unclear commit did write is found and left.
        Raises `ValueError` for an attempt settled in a state that an attempt cannot come to.
        """
        for one in batch.settled:
            if one.state not in SETTLED_STATES:
                raise ValueError(f"an attempt cannot come to {one.state}")
        try:
            return self._transaction(batch)
        except (ValueError, StoreUnavailable) as error:
            # One text that no database can keep must not stop those that it happens to be written with.
            bad = unstorable(batch.accepts)
            if not bad:
                raise
            if isinstance(error, Damaged):
                raise
        good = [index for index in range(len(batch.accepts)) if index not in bad]
        written = self._transaction(msgspec.structs.replace(batch, accepts=[batch.accepts[index] for index in good]))
        written.replays = {good[index]: replay for index, replay in written.replays.items()}
        written.unstorable = bad
        return written

    def stage(self, batch: Batch) -> Written | None:
        """
        Write a batch of few rows without committing it, if that can be done without waiting; `commit` must follow.

        None where it cannot: somebody holds the database, it is one across a network, or something is wrong with the
        batch. Nothing is then written, and `write` tells what is wrong.

        SQLite's driver gives up the interpreter's lock at every row. In a second thread each row would wait until the
        event loop's thread gives it back, which takes a thousand times longer than the row (docs/decisions/0015).
        """
        if self.database.name != "sqlite" or self.database.shared is not None:
            return None
        try:
            with faults():
                return self._staged(batch)
        except (StoreError, ValueError):
            return None

    def _staged(self, batch: Batch) -> Written:
        # Past SQLAlchemy: with few rows a transaction, its part of beginning and committing one would be the dearest.
        driver = self._wait_for_others(self._writer.connect(), 0)
        driver.execute("BEGIN IMMEDIATE").close()
        try:
            return write_rows(driver.cursor(), "sqlite", batch)
        except BaseException:
            driver.execute("ROLLBACK").close()
            raise

    def commit(self) -> None:
        """Commit what `stage` wrote; when this returns it is on disk. Raises `StoreUnavailable`."""
        try:
            with faults():
                self._driver(self._writer.connect()).execute("COMMIT").close()
        except StoreUnavailable:
            # After a failed fsync only a fresh connection tells what is on disk.
            self._writer.drop()
            raise

    def _wait_for_others(self, connection: Connection, milliseconds: int) -> Any:
        """Say how long a transaction may wait for another program that is writing; give SQLite's own connection."""
        driver = self._driver(connection)
        if self._patience != (driver, milliseconds):
            driver.execute(f"PRAGMA busy_timeout = {milliseconds:d}").close()
            self._patience = (driver, milliseconds)
        return driver

    @staticmethod
    def _driver(connection: Connection) -> Any:
        return connection.connection.driver_connection

    def _transaction(self, batch: Batch) -> Written:
        for last in (False, False, True):
            try:
                return self._try(batch)
            except StoreUnavailable as error:
                if last or not isinstance(cause_of(error), _IN_THE_WAY):
                    raise
        raise AssertionError("the last try returns or raises")

    def _try(self, batch: Batch) -> Written:
        try:
            with alone(self.database), faults():
                connection = self._writer.connect()
                if self.database.name == "sqlite":
                    self._wait_for_others(connection, PATIENCE)
                with connection.begin():
                    return write_batch(connection, batch)
        except DatabaseInUse as error:
            raise StoreUnavailable(str(error)) from error
        except StoreUnavailable:
            # After a failed fsync only a fresh connection tells what is on disk.
            self._writer.drop()
            raise

    def read(self, question: Callable[[Connection], T]) -> T:
        """Ask something of a connection that only reads; all that it asks is answered of one moment."""
        with reading(self.database) as connection:
            return question(connection)

    def message(self, message_id: str) -> Message | None:
        """Give a message by its id."""
        return self.read(lambda connection: reads.read_message(connection, message_id))

    def attempts(self, message_id: str) -> tuple[Attempt, ...]:
        """Give the attempts of a message, oldest first, the current one last."""
        return self.read(lambda connection: reads.read_attempts(connection, message_id))

    def submission(self, submission: str) -> tuple[Message, ...]:
        """Give the messages of a submission in the order of their ids."""
        return self.read(lambda connection: reads.read_submission(connection, submission))

    def find_reference(self, account: str, reference: str) -> Replay | None:
        """Give the submission that holds an idempotency key."""
        return self.read(lambda connection: reads.find_reference(connection, account, reference))

    def page(self, wanted: ListMessages, account: str | None) -> Listed:
        """Give a page of messages, newest first; `account` limits it to one account's, None to nobody's."""
        return self.read(lambda connection: reads.read_page(connection, wanted, account))

    def due(
        self,
        connector: str,
        message_class: MessageClass,
        now: float,
        limit: int,
        after: tuple[float, str] | None = None,
    ) -> list[Message]:
        """Give the QUEUED messages of a lane that are due, in order; `after` is (due_at, id) of the last one read."""
        return self.read(lambda c: reads.read_due(c, connector, message_class, now, limit, after))

    def counts(self) -> dict[tuple[str, MessageClass], int]:
        """Count the QUEUED messages of each connector and class."""
        return self.read(reads.read_counts)

    def interrupted(self, fences: Mapping[str, int], *, others: bool = False, limit: int = 1000) -> list[Message]:
        """
        Give messages SENDING on these connectors under another fence than the one beside each, in the order of ids.

        With `others`, also those on connectors not named here.
        """
        return self.read(lambda c: reads.read_interrupted(c, fences, others=others, limit=limit))

    def expired(self, now: float, limit: int = 1000) -> list[Message]:
        """Give messages QUEUED or UNCERTAIN past their validity."""
        return self.read(lambda connection: reads.read_expired(connection, now, limit))

    def next_due(self, connector: str, after: float | None = None) -> float | None:
        """Give the time at which the next QUEUED message of a connector is due (after a time where one is given)."""
        return self.read(lambda connection: reads.next_due(connection, connector, after))
