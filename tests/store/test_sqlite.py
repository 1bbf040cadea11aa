"""What is SQLite's alone: the file, its lock, a full disk, damage, and a kill in the middle."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from smshub.domain.commands import ListMessages
from smshub.domain.message import MessageClass, State
from smshub.store import sqlite
from smshub.store.errors import Damaged, DatabaseInUse, StoreError, StoreUnavailable
from smshub.store.migrating import migrate
from smshub.store.outbox import Batch, Outbox


def value(outbox, pragma, writing=False):
    """Read a pragma of the connection that writes, or of one that reads."""

    def ask(connection):
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()

    return outbox.write(Batch(calls=[ask])).calls[0] if writing else outbox.read(ask)


def test_the_writer_waits_for_the_disk_and_readers_only_read(url, opened):
    """A commit is fsynced (synchronous 2 is FULL); only the writer checkpoints; a reader cannot write."""
    outbox = opened(url)

    assert ("wal", 2, 4000) == tuple(
        value(outbox, pragma, writing=True) for pragma in ("journal_mode", "synchronous", "wal_autocheckpoint")
    )
    assert (1, 0) == tuple(value(outbox, pragma) for pragma in ("query_only", "wal_autocheckpoint"))
    with pytest.raises(StoreUnavailable, match="readonly"):
        outbox.read(lambda c: c.exec_driver_sql("DELETE FROM messages"))


def test_a_reader_sees_one_moment_and_does_not_hold_up_the_writer(url, opened, accept):
    """All that one read asks is answered of one moment, whatever is committed meanwhile."""
    outbox = opened(url)

    def count(connection):
        return connection.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()

    def ask(connection):
        before = count(connection)
        outbox.write(accept("m1"))
        return before, count(connection)

    assert (0, 0) == outbox.read(ask)
    assert 1 == outbox.read(count)


def test_a_second_hub_on_the_file_is_refused_by_any_of_its_names(url, opened, tmp_path):
    """The lock belongs to the file itself; who holds it is told; a migration is refused as well."""
    opened(url)
    (tmp_path / "other.db").symlink_to(tmp_path / "hub.db")

    for name in ("hub.db", "other.db"):
        with pytest.raises(DatabaseInUse, match=rf"hub\.db is in use by another process \({os.getpid()}\)"):
            Outbox.open(f"sqlite:///{tmp_path}/{name}")
    with pytest.raises(DatabaseInUse):
        migrate(url)
    assert 0o600 == stat.S_IMODE((tmp_path / "hub.db.lock").stat().st_mode)


def test_the_lock_ends_with_the_hub(url, opened):
    """A file whose hub has stopped is free."""
    opened(url).close()
    migrate(url)

    assert [] == list(opened(url).counts())


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """A folder that is not there is an error in words."""
    with pytest.raises(StoreError, match=r"hub\.db\.lock cannot be opened"):
        Outbox.open(f"sqlite:///{tmp_path}/none/hub.db")


@pytest.mark.parametrize("url", ["mysql://root:hidden@h/x", "hub.db", "postgres//"])
def test_a_url_that_names_no_store_is_told_without_its_password(url):
    """Only SQLite and PostgreSQL are stores; a URL may hold a password and is not repeated."""
    with pytest.raises(StoreError) as caught:
        Outbox.open(url)

    assert "hidden" not in str(caught.value)


def test_a_full_disk_is_an_orderly_no(url, opened, accept):
    """When no page can be had the batch is refused whole, and when there is room again it is written."""
    outbox = opened(url)
    outbox.write(accept("m1"))
    pages = value(outbox, "page_count", writing=True)
    value(outbox, f"max_page_count = {pages}", writing=True)
    large = Batch(calls=[lambda c: c.exec_driver_sql("INSERT INTO leases VALUES (zeroblob(1000000), 'o', 1, 1)")])

    with pytest.raises(StoreUnavailable, match="disk is full"):
        outbox.write(Batch(accepts=accept("m2").accepts, calls=large.calls))
    assert None is outbox.message("m2")
    outbox.write(accept("m2"))
    assert State.QUEUED == outbox.message("m2").state


@pytest.mark.parametrize("damage", ["not a database", "a broken page"])
def test_a_damaged_file_is_noticed_when_it_is_opened(url, opened, accept, tmp_path, damage):
    """A file that SQLite finds unsound is refused in words."""
    outbox = opened(url)
    for n in range(200):
        outbox.write(accept(f"m{n}"))
    outbox.close()
    path = tmp_path / "hub.db"
    content = bytearray(path.read_bytes())
    if damage == "not a database":
        content[:16] = b"something else.."
    else:
        content[4096:] = os.urandom(4096) + bytes(content[8192:])
    path.write_bytes(content)

    with pytest.raises(Damaged, match="damaged"):
        Outbox.open(url)


def test_an_old_sqlite_is_told_of(url, opened, monkeypatch):
    """A SQLite with the known fault is named with the version that has it mended; a later one is not."""
    outbox = opened(url)
    for version, expected in (((3, 51, 2), 1), ((3, 51, 3), 0), ((3, 52, 0), 0)):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        assert expected == len(outbox.warnings())
    assert (3, 51, 3) == sqlite.SOUND_WAL


@pytest.mark.parametrize("url", [":memory:", "sqlite://"])
def test_a_store_in_memory_works_the_same(url, opened, accept):
    """Reads and writes share the one connection, from whatever thread."""
    outbox = opened(url)
    outbox.write(accept("m1"))

    assert ["m1"] == [m.id for m in outbox.due("smsc", MessageClass.TRANSACTIONAL, 1.0, 10)]
    assert 1 == len(outbox.page(ListMessages(), "shop").messages)


KILLED = """
import os, signal, sys
from smshub.domain.message import Message
from smshub.store.outbox import Accept, Batch, Outbox

def message(id_):
    return Accept((Message(id_, id_, "shop", "49", "49", "text", 1.0, 1.0, 2.0),), "shop")

outbox = Outbox.open(sys.argv[1])
outbox.write(Batch(accepts=[message("written")]))
outbox.write(Batch(accepts=[message("half")], calls=[lambda _: os.kill(os.getpid(), signal.SIGKILL)]))
"""


def test_a_kill_in_the_middle_leaves_what_was_committed_and_no_more(url, opened):
    """After kill -9 the lock is free, the commit before is there and the transaction that was begun is not."""
    ended = subprocess.run([sys.executable, "-c", KILLED, url], check=False, timeout=30)
    outbox = opened(url)

    assert -signal.SIGKILL == ended.returncode
    assert (State.QUEUED, None) == (outbox.message("written").state, outbox.message("half"))


def test_the_hot_reads_use_their_indexes(url, opened):
    """A lane, the receipts and a number's search are read out of an index, whatever the size of the table."""
    outbox = opened(url)
    plans = []

    def explain(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT"):
            rows = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    event.listen(outbox.database.reader_engine, "before_cursor_execute", explain)
    outbox.due("smsc", MessageClass.OTP, 1.0, 10, after=(1.0, "m1"))
    outbox.next_due("smsc")
    outbox.interrupted({"smsc": 1})
    outbox.page(ListMessages(to="49"), None)
    outbox.page(ListMessages(), "shop")
    outbox.submission("s")

    assert [] == [plan for plan in plans if plan.startswith("SCAN messages") and "COVERING INDEX" not in plan]
    assert any("USING INDEX live" in plan for plan in plans)


def test_the_file_is_found_from_the_working_folder(tmp_path, monkeypatch, opened):
    """`sqlite:///hub.db` is a path relative to where the hub was started."""
    monkeypatch.chdir(tmp_path)
    opened("sqlite:///hub.db")

    assert Path("hub.db").exists()
