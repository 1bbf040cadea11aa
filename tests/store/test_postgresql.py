"""What is PostgreSQL's alone: nodes, a server that goes away, and transactions that meet."""

import threading

import psycopg
import pytest

from smshub.domain.message import State
from smshub.store.changes import cancel
from smshub.store.errors import DatabaseInUse, StoreUnavailable
from smshub.store.outbox import Batch, Outbox, Start

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture
def url(postgres_url):
    """Give the URL of a new database."""
    return postgres_url


def test_nodes_of_different_names_share_a_database(url, opened, accept):
    """What one node writes the other reads; only a name is used once."""
    one, two = opened(url, node="one"), opened(url, node="two")
    one.write(accept("m1"))

    assert State.QUEUED == two.message("m1").state
    with pytest.raises(DatabaseInUse, match="another hub named 'two'"):
        Outbox.open(url, node="two", patience=0)


def test_a_name_is_free_when_its_hub_has_stopped(url, opened):
    """A hub that is started anew waits for its predecessor to be gone, not for long."""
    first = opened(url, node="one")
    closing = threading.Timer(0.3, first.close)
    closing.start()
    second = opened(url, node="one", patience=10.0)
    closing.join()

    assert {} == second.counts()


def test_a_message_is_started_by_one_of_two_nodes(url, opened, accept):
    """Of two starts of one message the second is told that it came too late."""
    one, two = opened(url, node="one"), opened(url, node="two")
    one.write(accept("m1"))
    first = one.write(Batch(starts=[Start("m1", 1, "smsc", 1, 2.0)]))
    second = two.write(Batch(starts=[Start("m1", 1, "smsc", 2, 2.0)]))

    assert (frozenset(), frozenset({"m1"})) == (first.not_started, second.not_started)


def test_a_server_that_was_killed_is_used_again_when_it_is_back(url, opened, accept, postgres):
    """While the server is away writes and reads say so; afterwards they work, and what was committed is there."""
    outbox = opened(url)
    outbox.write(accept("m1"))
    outbox.message("m1")
    postgres.stop("immediate")
    try:
        with pytest.raises(StoreUnavailable):
            outbox.write(accept("m2"))
        with pytest.raises(StoreUnavailable):
            outbox.write(accept("m2"))
        with pytest.raises(StoreUnavailable):
            outbox.message("m1")
    finally:
        postgres.start()

    outbox.write(accept("m2"))
    assert [State.QUEUED, State.QUEUED] == [outbox.message(id_).state for id_ in ("m1", "m2")]


def test_after_a_reconnection_the_name_is_still_guarded(url, opened, accept, postgres):
    """The fresh connection takes the node's name again."""
    outbox = opened(url, node="one")
    postgres.stop("immediate")
    postgres.start()
    with pytest.raises(StoreUnavailable):
        outbox.write(accept("m1"))
    outbox.write(accept("m1"))

    with pytest.raises(DatabaseInUse):
        Outbox.open(url, node="one", patience=0)


def test_a_deadlock_is_tried_again(url, opened, accept):
    """When PostgreSQL gives one of two transactions up, that one is written a moment later."""
    outbox = opened(url)
    for id_ in ("m1", "m2"):
        outbox.write(accept(id_))
    holds, waits = threading.Event(), threading.Event()

    def other():
        with psycopg.connect(url) as connection:
            connection.execute("SET deadlock_timeout = '10s'")  # so that the outbox's is the one given up
            connection.execute("UPDATE messages SET code = 'x' WHERE id = 'm2'")
            holds.set()
            waits.wait(10)
            connection.execute("UPDATE messages SET code = 'x' WHERE id = 'm1'")

    def meet(connection):
        done = cancel(connection, "m1", None, 5.0)
        waits.set()
        cancel(connection, "m2", None, 5.0)
        return done

    thread = threading.Thread(target=other)
    thread.start()
    assert holds.wait(10)
    written = outbox.write(Batch(calls=[meet]))
    thread.join(10)

    assert [State.CANCELLED] == written.calls
    assert [State.CANCELLED, State.CANCELLED] == [outbox.message(id_).state for id_ in ("m1", "m2")]


def test_a_reader_cannot_write(url, opened):
    """The connections for reading are read-only on the server's side."""
    outbox = opened(url)
    with pytest.raises(StoreUnavailable, match="read-only"):
        outbox.read(lambda c: c.exec_driver_sql("DELETE FROM messages"))


def test_a_commit_waits_for_the_disk_whatever_the_server_is_set_to(url, opened):
    """A server or role with synchronous_commit off is overruled: accepted means on disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
    outbox = opened(url)

    assert ["on"] == outbox.write(Batch(calls=[lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar()])).calls


def test_a_password_is_not_told(postgres, url):
    """An error of connecting names the trouble, not the credentials."""
    with pytest.raises(StoreUnavailable) as caught:
        Outbox.open(f"postgresql://nobody:hidden-word@127.0.0.1:{postgres.port}/none")

    assert "hidden-word" not in str(caught.value)


def test_a_hub_that_does_not_find_its_server_is_told_at_once():
    """A port where nobody listens is an error within the time of connecting."""
    with pytest.raises(StoreUnavailable, match="refused"):
        Outbox.open("postgresql://postgres@127.0.0.1:9/none")
