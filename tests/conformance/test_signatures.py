"""What each store keeps of requests for confirmation: of any answers one counts, and no text outlives it."""

from functools import partial

import pytest

from smshub.domain.signing import Answer, Page
from smshub.store.batch import Batch
from smshub.store.signatures import answer_signature, forget_signatures, open_signature, read_signature


def write(outbox, function, **values):
    """Run a write in a transaction; give its result."""
    return outbox.write(Batch(calls=[partial(function, **values)])).calls[0]


def read(outbox, digest, now=10.0):
    """Read how a request stands."""
    return outbox.read(partial(read_signature, digest=digest, now=now))


@pytest.fixture
def digest(outbox, request):
    """Give the digest of a request that was begun at 0 and ends at 100."""
    name = f"digest of {request.node.name}"
    write(outbox, open_signature, digest=name, account="shop", text="Pay?", now=0.0, expires_at=100.0)
    return name


@pytest.mark.parametrize("first", [Answer.ACCEPTED, Answer.REFUSED, Answer.EXPIRED])
def test_the_first_answer_counts(outbox, digest, first):
    """Every later one gets the first, the end of the time among them; the text went with it."""
    assert Page(Answer.OPEN, "Pay?") == read(outbox, digest)

    assert first is write(outbox, answer_signature, digest=digest, answer=first, now=10.0)

    for later in (Answer.ACCEPTED, Answer.REFUSED, Answer.EXPIRED):
        assert first is write(outbox, answer_signature, digest=digest, answer=later, now=11.0)
    assert Page(first) == read(outbox, digest)


def test_answers_of_one_transaction_are_told_apart(outbox, digest):
    """Two that are written together come to the same one answer."""
    answers = [partial(answer_signature, digest=digest, answer=answer, now=1.0) for answer in (Answer.REFUSED, *Answer)]

    assert [Answer.REFUSED] * 5 == outbox.write(Batch(calls=answers)).calls


def test_an_answer_after_the_time_is_too_late(outbox, digest):
    """At its end the request has run out, whether or not anybody has written that down."""
    assert Answer.EXPIRED is write(outbox, answer_signature, digest=digest, answer=Answer.ACCEPTED, now=100.0)
    assert Page(Answer.EXPIRED) == read(outbox, digest, now=100.0)


def test_what_nobody_asked_is_not_there(outbox):
    """Neither to be read nor to be answered."""
    assert read(outbox, "nothing") is None
    assert write(outbox, answer_signature, digest="nothing", answer=Answer.ACCEPTED, now=1.0) is None


def test_what_has_run_out_loses_its_text_and_then_goes(outbox, digest):
    """First the text, at once; after a while the row."""
    assert 0 == write(outbox, forget_signatures, now=100.0, keep=50.0)
    assert Page(Answer.EXPIRED) == read(outbox, digest, now=0.0)

    assert 1 == write(outbox, forget_signatures, now=150.0, keep=50.0)
    assert read(outbox, digest) is None
