"""What the tests of one kind of store share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smshub.domain.message import Message
from smshub.store.outbox import Accept, Batch, Outbox


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/hub.db"


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


@pytest.fixture
def accept() -> Callable[[str], Batch]:
    """Give a batch that accepts one message."""

    def make(id_: str) -> Batch:
        message = Message(id_, id_, "shop", "491701", "01701", "text", 1.0, 1.0, 100.0, connector="smsc")
        return Batch(accepts=[Accept((message,), "shop")])

    return make
