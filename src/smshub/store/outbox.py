"""The outbox: every message that was accepted and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar

import msgspec
import psycopg
from sqlalchemy import Connection

from smshub.domain.commands import Listed, ListMessages
from smshub.domain.message import Attempt, Message, MessageClass
from smshub.store import reads
from smshub.store.batch import Accept, Batch, Call, ReceiptEffect, Replay, Settled, Start, Written
from smshub.store.database import Database, Writer, alone, open_database, reading
from smshub.store.errors import Damaged, DatabaseInUse, StoreUnavailable, cause_of, faults
from smshub.store.migrating import bring_up_to_date
from smshub.store.process import Failed, WriterProcess
from smshub.store.writing import SETTLED_STATES, unstorable, write_batch

__all__ = ["Accept", "Batch", "Call", "Outbox", "ReceiptEffect", "Replay", "Settled", "Start", "Written"]

T = TypeVar("T")

# PostgreSQL gave the transaction up because another node stood in its way: it is begun again.
_IN_THE_WAY = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass(slots=True)
class Outbox:
    """
    The store of messages. Only one thread at a time may `write`; any may read.

    Everything raises `StoreUnavailable` while the database cannot be used, and works again when it can.
    """

    database: Database
    _writer: Writer = field(init=False)
    _process: WriterProcess | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._writer = Writer(self.database)

    @classmethod
    def open(cls, url: str, *, node: str = "hub", patience: float = 5.0, processes: bool = False) -> Self:
        """
        Open the database, lock it against others, check it, and bring its tables up to date.

        `node` is the name of this hub among those that share a PostgreSQL database; `patience` is how many seconds to
        wait for a predecessor of that name to be gone; with `processes` a file of SQLite is written by a process of its
        own. Raises `DatabaseInUse`, `SchemaTooNew`, `StoreUnavailable`.
        """
        outbox = cls(open_database(url, node, patience=patience, processes=processes))
        try:
            with faults():
                connection = outbox._writer.connect(patience=patience)
                outbox.database.check(connection)
                connection.rollback()
                bring_up_to_date(connection)
            outbox._remotely(Batch())  # start the process now, not with the first message
        except BaseException:
            outbox.close()
            raise
        return outbox

    def close(self) -> None:
        """Close every connection and give back the lock."""
        if self._process is not None:
            self._process.close()
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
            return self._remotely(batch) or self._transaction(batch)
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
        written.taken = {good[index]: taken for index, taken in written.taken.items()}
        written.unstorable = bad
        return written

    def _remotely(self, batch: Batch) -> Written | None:
        """
        Let the writer process write a batch that is nothing but rows.

        None where there is no such process or it failed: nothing or all of the batch is written then, and this
        process's own connection finds out (a batch may be written twice).
        """
        if batch.calls or not self.database.processes:
            return None
        try:
            if self._process is None:
                self._process = self.database.start_writer()
            return self._process.write(batch)
        except UnicodeEncodeError:
            return None  # half of a surrogate pair in a provider's words: nothing was sent to the process
        except Failed:
            process, self._process = self._process, None
            if process is not None:
                process.close()
            return None

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
                with connection.begin():
                    return write_batch(connection, batch)
        except DatabaseInUse as error:
            raise StoreUnavailable(str(error)) from error
        except StoreUnavailable:
            # After a failed fsync only a fresh connection tells what is on disk.
            self._writer.drop()
            raise

    def tidy(self) -> bool:
        """
        Leave nothing of what was erased in the files beside the database; only the thread that writes may.

        False where that could not be done now.
        """
        with alone(self.database), faults():
            return self.database.tidy(self._writer.connect())

    def rewrite(self) -> bool:
        """
        Leave nothing of what was erased in unused parts of the database; only the thread that writes may.

        It takes seconds. False where the database is too large for that.
        """
        with alone(self.database), faults():
            return self.database.rewrite(self._writer.connect())

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
