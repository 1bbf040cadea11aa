"""Buckets and breakers, played with a clock of integers."""

import itertools

import pytest

from smshub.domain.limits import Breaker, BreakerState, Bucket


def sent_in(bucket, seconds, segments=1, start=0.0):
    """Offer a message every millisecond; give the times at which one left."""
    return [start + tick / 1000 for tick in range(int(seconds * 1000)) if bucket.take(segments, start + tick / 1000)]


def test_a_bucket_gives_its_rate_and_no_more():
    """At 50 a second, 500 leave in ten seconds and never more than 51 in any one second."""
    times = sent_in(Bucket(50, 0.0), 10)

    assert 500 <= len(times) <= 501
    assert max(sum(1 for other in times if one <= other < one + 1.0) for one in times) <= 51


def test_one_a_second_never_gives_two_in_a_second():
    """The strictest provider: an hour of offers, each departure at least a second after the one before."""
    times = sent_in(Bucket(1, 0.0), 60)

    assert 60 == len(times)
    assert min(after - before for before, after in itertools.pairwise(times)) >= 1.0 - 1e-6


def test_segments_are_what_is_counted():
    """Messages of three segments leave at a third of the rate."""
    times = sent_in(Bucket(30, 0.0), 10, segments=3)

    assert 100 <= len(times) <= 101


def test_a_bucket_without_a_rate_never_waits():
    """No rate: everything leaves at once."""
    bucket = Bucket(None, 0.0)

    assert all(bucket.take(10, 0.0) for _ in range(1_000))
    assert 0.0 == bucket.delay(0.0)


def test_a_throttle_answer_pauses_and_slows():
    """After `too fast` nothing leaves for the pause, then fewer than before, and the rate comes back."""
    bucket = Bucket(100, 0.0)
    bucket.throttled(0.0)

    assert [] == sent_in(bucket, 0.499)
    assert len(sent_in(bucket, 1.0, start=1.0)) < 90
    assert len(sent_in(bucket, 1.0, start=60.0)) >= 98


def test_a_throttle_answer_with_a_time_is_obeyed():
    """Retry-After counts."""
    bucket = Bucket(100, 0.0)
    bucket.throttled(0.0, retry_after=5.0)

    assert [] == sent_in(bucket, 5.0)
    assert 5.0 == pytest.approx(bucket.delay(0.0))


def test_throttle_answers_that_come_together_are_one():
    """Ten of one window do not multiply the pause; ones that follow each other do."""
    bucket = Bucket(None, 0.0)
    for _ in range(10):
        bucket.throttled(0.0)
    assert 0.5 == pytest.approx(bucket.delay(0.0))

    bucket.throttled(0.6)
    assert 1.0 == pytest.approx(bucket.delay(0.6))


def test_tokens_given_back_can_be_taken_again():
    """A message that did not leave after all costs nothing."""
    bucket = Bucket(1, 0.0)
    assert bucket.take(1, 0.0)
    bucket.give_back(1)

    assert bucket.take(1, 0.0)


def test_a_breaker_opens_after_failures_in_a_row():
    """Five failures open it; a success in between starts the count again."""
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(4):
        breaker.failed(0.0)
    assert BreakerState.CLOSED is breaker.state(0.0)

    breaker.failed(0.0)
    assert BreakerState.OPEN is breaker.state(0.0)
    assert not breaker.allows(4.9)


def test_a_severe_failure_opens_at_once():
    """No credit does not mend itself with the next message."""
    breaker = Breaker()
    breaker.failed(0.0, severe=True)

    assert not breaker.allows(0.0)


def test_a_half_open_breaker_lets_one_probe_through():
    """One message is tried; its success closes, its failure doubles the rest."""
    breaker = Breaker()
    breaker.failed(0.0, severe=True)
    assert breaker.allows(5.0)
    breaker.began()
    assert not breaker.allows(5.0)
    breaker.failed(6.0)

    assert not breaker.allows(15.9)
    assert breaker.allows(16.0)
    breaker.began()
    breaker.succeeded()
    assert breaker.closed
