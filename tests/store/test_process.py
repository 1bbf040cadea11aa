"""The process that writes rows: how it lives and dies. What it writes, the conformance suite shows."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smshub.domain.message import Message
from smshub.store.errors import DatabaseInUse
from smshub.store.outbox import Accept, Batch, Outbox
from smshub.store.rows import MESSAGE_COLUMNS
from smshub.store.schema import messages


def accept(outbox, name):
    """Write one message."""
    message = Message(
        id=name,
        submission=name,
        account="shop",
        to="491701234567",
        to_written="+491701234567",
        text="Hello",
        created_at=1.0,
        due_at=1.0,
        expires_at=2.0,
    )
    outbox.write(Batch(accepts=[Accept((message,), "shop")]))


def test_its_columns_are_those_of_the_schema():
    """It knows no SQLAlchemy, so it keeps a list of its own."""
    assert tuple(column.name for column in messages.columns) == MESSAGE_COLUMNS


def test_one_that_was_killed_is_replaced(tmp_path):
    """What comes while it is gone is written by the hub itself, and then there is another."""
    outbox = Outbox.open(f"sqlite:///{tmp_path}/hub.db", processes=True)
    accept(outbox, "before")
    first = outbox._process._process

    os.kill(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    accept(outbox, "while")
    accept(outbox, "after")

    assert [True] * 3 == [outbox.message(name) is not None for name in ("before", "while", "after")]
    assert first.pid != outbox._process._process.pid
    outbox.close()


def test_it_ends_with_its_hub_and_then_the_lock_is_free(tmp_path):
    """A hub that was killed leaves no process behind, and the next one may begin at once."""
    url = f"sqlite:///{tmp_path}/hub.db"
    script = (
        "import sys, time; from smshub.store.outbox import Outbox; outbox = Outbox.open(sys.argv[1], processes=True); "
        "print(outbox._process._process.pid, flush=True); time.sleep(60)"
    )
    hub = subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE)
    with hub:
        writer = int(hub.stdout.readline())
        with pytest.raises(DatabaseInUse):
            Outbox.open(url, patience=0.0)
        hub.kill()

    # The writer holds the lock too, until it has ended.
    Outbox.open(url, patience=5.0).close()

    stat = Path(f"/proc/{writer}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
