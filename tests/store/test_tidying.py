"""What is left of what was erased: nothing beside the file, and after it was written anew nothing in it."""

import contextlib
import sqlite3
from functools import partial

import pytest

from smshub.domain.message import Message, State
from smshub.store import sqlite
from smshub.store.outbox import Accept, Batch, Settled
from smshub.store.recipients import erase_messages

COUNT = 800


@pytest.fixture
def filled(opened, url):
    """Give an outbox with messages to as many numbers, written as a hub does it, and the ids."""
    outbox = opened(url, processes=True)
    ids = []
    for first in range(0, COUNT, 8):
        some = [f"{number:032x}" for number in range(first, first + 8)]
        messages = [
            Message(
                one, one, "shop", f"49170{number:07}", f"+49170{number:07}", "x" * (number % 90 + 1), 1.0, 1.0, 9.0,
                connector="smsc", state=State.SENDING, attempt=1, fence=1, started_at=1.0,
            )
            for number, one in enumerate(some, first)
        ]  # fmt: skip
        outbox.write(Batch(accepts=[Accept((message,), "shop") for message in messages]))
        settled = [Settled(one, 1, 1, "SENT", "accepted", 2.0, 1.0, "smsc", refs=(one[8:],)) for one in some]
        outbox.write(Batch(settled=settled))
        ids += some
    return outbox, ids


def left(folder):
    """Count the numbers that are in any file of the database."""
    held = b"".join(file.read_bytes() for file in folder.glob("hub.db*"))
    return sum(f"49170{number:07}".encode() in held for number in range(COUNT))


def test_what_was_erased_is_in_no_file_when_it_was_written_anew(filled, tmp_path):
    """The control: before it was erased, every number is found. The rows are as they were."""
    outbox, ids = filled
    before = left(tmp_path)
    outbox.write(Batch(calls=[partial(erase_messages, ids=ids, pseudonym="erased:0:1")]))
    rows = outbox.message(ids[7])

    assert (COUNT, True, True) == (before, outbox.rewrite(), outbox.tidy())
    assert (0, 0) == (left(tmp_path), (tmp_path / "hub.db-wal").stat().st_size)
    assert rows == outbox.message(ids[7])
    outbox.write(Batch(accepts=[Accept((Message("n", "n", "shop", "49", "49", "t", 1.0, 1.0, 9.0),), "shop")]))
    assert "t" == outbox.message("n").text


def test_a_file_that_is_too_large_is_not_written_anew(filled, monkeypatch):
    """It would hold everybody up for too long."""
    outbox, _ = filled
    monkeypatch.setattr(sqlite, "LARGEST_REWRITTEN", 4_096)

    assert not outbox.rewrite()


def test_a_log_that_is_being_read_is_emptied_when_that_is_over(filled, tmp_path):
    """Whoever reads is not waited for."""
    outbox, _ = filled
    with contextlib.closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        assert not outbox.tidy()

    assert outbox.tidy()
    assert 0 == (tmp_path / "hub.db-wal").stat().st_size


def test_a_database_in_memory_has_nothing_beside_it(opened):
    """Both are done at once."""
    outbox = opened("sqlite://")

    assert (True, True) == (outbox.tidy(), outbox.rewrite())
