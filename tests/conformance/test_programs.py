"""What each store remembers of programs: their keys' digests, and the tokens that were ended."""

from functools import partial

from smshub.store.batch import Batch
from smshub.store.programs import end_token, end_tokens, note_keys, read_ended


def write(outbox, function, **values):
    """Run a write in a transaction; give its result."""
    return outbox.write(Batch(calls=[partial(function, **values)])).calls[0]


def ended(outbox, account, jti):
    """Read what is ended for a token."""
    return outbox.read(partial(read_ended, account=account, jti=jti))


def test_a_changed_key_is_told_once(outbox):
    """The first is none; another one is told when it comes, and no more after that."""
    assert () == write(outbox, note_keys, digests={"shop": "a", "campus": "b"}, now=1.0)
    assert () == write(outbox, note_keys, digests={"shop": "a", "campus": "b"}, now=2.0)
    assert ("shop",) == write(outbox, note_keys, digests={"shop": "c"}, now=3.0)
    assert () == write(outbox, note_keys, digests={"shop": "c", "campus": "b"}, now=4.0)
    assert ("campus", "shop") == write(outbox, note_keys, digests={"shop": "d", "campus": "d"}, now=5.0)


def test_the_tokens_of_an_account_are_ended(outbox):
    """Those of before a second; its neighbour's go on, and a key noted later changes nothing about it."""
    assert (0, False) == ended(outbox, "shop", "j1")

    write(outbox, end_tokens, account="shop", not_before=100)
    write(outbox, note_keys, digests={"shop": "a"}, now=1.0)

    assert (100, False) == ended(outbox, "shop", "j1")
    assert (0, False) == ended(outbox, "campus", "j1")
    assert ("shop",) == write(outbox, note_keys, digests={"shop": "b"}, now=2.0)


def test_one_token_is_ended(outbox):
    """Once or twice comes to the same; it is forgotten when it would have expired, by the next that is ended."""
    for _ in range(2):
        write(outbox, end_token, account="shop", jti="j1", expires_at=50.0, now=10.0)
    assert (0, True) == ended(outbox, "shop", "j1")
    assert (0, False) == ended(outbox, "shop", "j2")
    assert (0, False) == ended(outbox, "campus", "j1")

    write(outbox, end_token, account="shop", jti="j2", expires_at=99.0, now=51.0)

    assert (0, False) == ended(outbox, "shop", "j1")
    assert (0, True) == ended(outbox, "shop", "j2")


def test_ending_all_makes_the_single_ones_needless(outbox):
    """What the second covers is not kept besides."""
    write(outbox, end_token, account="shop", jti="j1", expires_at=50.0, now=10.0)

    write(outbox, end_tokens, account="shop", not_before=100)

    assert (100, False) == ended(outbox, "shop", "j1")
