"""What each store keeps of the hub's own mail: until it has left, for one node at a time, and not without bounds."""

from functools import partial

from smshub.domain.letters import Letter, begun
from smshub.store.batch import Batch
from smshub.store.letters import begin_try, drop_letter, put_letters, read_letters

LATER = Letter("b", "office", "a@b.example", "S", "Grüße\n.\n", created_at=1.0, due_at=30.5)
SOON = Letter("c", "", "a@b.example", "S", "T", created_at=2.0, due_at=20.25)


def write(outbox, function, **values):
    """Run a write in a transaction; give its result."""
    return outbox.write(Batch(calls=[partial(function, **values)])).calls[0]


def test_letters_wait_in_the_order_in_which_they_are_due(outbox):
    """As they were written, until they are dropped."""
    assert 0 == write(outbox, put_letters, written=[LATER, SOON])
    assert (SOON, LATER) == outbox.read(read_letters)

    write(outbox, drop_letter, letter_id="c")

    assert (LATER,) == outbox.read(read_letters)


def test_one_of_two_nodes_sends_a_letter(outbox):
    """Who notes the try first has it; the other finds that it is not as it was read."""
    write(outbox, put_letters, written=[SOON])
    mine, other = begun(SOON, 100.0), begun(SOON, 100.5)

    assert [True, False] == [write(outbox, begin_try, before=SOON, after=after) for after in (mine, other)]
    assert (mine,) == outbox.read(read_letters)
    assert write(outbox, begin_try, before=mine, after=begun(mine, 200.0))


def test_so_many_letters_are_kept_and_no_more(outbox):
    """The first to come; it is told how many are left out."""
    assert 1 == write(outbox, put_letters, written=[SOON, LATER], most=1)
    assert 1 == write(outbox, put_letters, written=[LATER], most=1)

    assert (SOON,) == outbox.read(read_letters)
