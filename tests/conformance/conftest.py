"""One suite for every store: each test runs on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from smshub.domain.message import Message, MessageClass, State
from smshub.store.outbox import Accept, Batch, Outbox, Settled, Start
from smshub.store.schema import metadata

STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/hub.db"
        return
    url = request.getfixturevalue("postgres_shared_url")
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)}".encode())


@pytest.fixture
def outbox(store_url: str) -> Iterator[Outbox]:
    """Give an open, empty outbox."""
    # As the hub opens it: a file of SQLite is written by a process of its own.
    outbox = Outbox.open(store_url, processes=True)
    yield outbox
    outbox.close()


class Desk:
    """Writes what a test needs, in few words. Times are small numbers; ids are those that the test names."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    @staticmethod
    def message(id: str, **fields: object) -> Message:  # noqa: A002
        """Make a message that is due at 10 and expires at 1000."""
        plain = Message(
            id=id,
            submission=id,
            account="shop",
            to="491701234567",
            to_written="0170 1234567",
            text="Grüße aus Köln ✓",
            created_at=10.0,
            due_at=10.0,
            expires_at=1000.0,
            originator="ACME",
            connector="smsc",
        )
        return msgspec.structs.replace(plain, **fields)

    def accept(self, id: str, **fields: object) -> Message:  # noqa: A002
        """Accept one message."""
        message = self.message(id, **fields)
        self.outbox.write(Batch(accepts=[Accept((message,), message.account)]))
        return message

    def sending(self, id: str, **fields: object) -> Message:  # noqa: A002
        """Accept one message whose first attempt begins in the same row, at 11 under token 7."""
        first = {"state": State.SENDING, "attempt": 1, "fence": 7, "started_at": 11.0}
        return self.accept(id, **{**first, **fields})

    @staticmethod
    def start(id: str, attempt: int = 1, **fields: object) -> Start:  # noqa: A002
        """Make the start of an attempt at 20 under token 7."""
        return msgspec.structs.replace(Start(id, attempt, "smsc", 7, 20.0), **fields)

    @staticmethod
    def settled(id: str, state: str = "SENT", attempt: int = 1, **fields: object) -> Settled:  # noqa: A002
        """Make what an attempt came to at 12."""
        plain = Settled(
            id=id, attempt=attempt, fence=7, state=state, outcome="Accepted", at=12.0, due_at=10.0, connector="smsc"
        )
        return msgspec.structs.replace(plain, **fields)

    def sent(self, id: str, *refs: str, **fields: object) -> Message:  # noqa: A002
        """Accept a message and let the provider take it under these ids."""
        message = self.sending(id, **fields)
        self.outbox.write(Batch(settled=[self.settled(id, refs=refs, connector=message.connector)]))
        return message

    def state(self, id: str) -> State:  # noqa: A002
        """Read the state of a message."""
        message = self.outbox.message(id)
        assert message is not None
        return message.state

    def due(self, connector: str = "smsc", message_class: MessageClass = MessageClass.TRANSACTIONAL) -> list[str]:
        """Read the ids of what is due at 100."""
        return [message.id for message in self.outbox.due(connector, message_class, 100.0, 50)]


@pytest.fixture
def desk(outbox: Outbox) -> Desk:
    """Give the desk of the empty outbox."""
    return Desk(outbox)


@pytest.fixture
def desk_of() -> type[Desk]:
    """Give the maker of desks, for a test with outboxes of its own."""
    return Desk


@pytest.fixture
def opened() -> Iterator[Callable[..., Outbox]]:
    """Give `Outbox.open`; what it opened is closed in the end."""
    made: list[Outbox] = []

    def open_(url: str, **options: object) -> Outbox:
        made.append(Outbox.open(url, **options))
        return made[-1]

    yield open_
    for outbox in made:
        outbox.close()
