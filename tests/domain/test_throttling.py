"""A provider that takes less than it is offered, played with a clock of milliseconds: the rate finds its limit."""

import heapq
import itertools
from collections import deque

import pytest

from smshub.domain.limits import Bucket


class BySecond:
    """Counts by the second of a clock of its own."""

    def __init__(self, limit):
        self.limit, self.second, self.count = limit, -1, 0

    def takes(self, at):
        """Say whether it takes what comes now."""
        second = int(at + 0.37)
        self.count = self.count + 1 if second == self.second else 1
        self.second = second
        return self.count <= self.limit


class ByTokens:
    """A token bucket of its own, that holds the tokens of a tenth of a second."""

    def __init__(self, limit):
        self.limit, self.tokens, self.at = limit, max(1.0, limit / 10), 0.0

    def takes(self, at):
        """Say whether it takes what comes now."""
        self.tokens = min(max(1.0, self.limit / 10), self.tokens + (at - self.at) * self.limit)
        self.at = at
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class ByWindow:
    """Looks back on the last second."""

    def __init__(self, limit):
        self.limit, self.taken = limit, deque()

    def takes(self, at):
        """Say whether it takes what comes now."""
        while self.taken and self.taken[0] <= at - 1.0:
            self.taken.popleft()
        if len(self.taken) >= self.limit:
            return False
        self.taken.append(at)
        return True


def play(provider, bucket, *, offered, window, answer_after, seconds=90):
    """
    Offer so many texts a second, with so many at once on the way; what is refused comes again after a second.

    Gives the texts that went through, each once, as (number, time), the times of refusals, and what still waits.
    """
    through, refused, on_their_way = [], [], []
    waiting, again = deque(), []
    numbers = itertools.count()
    for tick in range(seconds * 1000):
        now = tick / 1000
        if tick * offered // 1000 != (tick - 1) * offered // 1000:
            waiting.append(next(numbers))
        while again and again[0][0] <= now:
            waiting.append(heapq.heappop(again)[1])
        while on_their_way and on_their_way[0][0] <= now:
            _, number, taken = heapq.heappop(on_their_way)
            if taken:
                bucket.accepted(1, now)
                through.append((number, now))
            else:
                bucket.throttled(now)
                refused.append(now)
                heapq.heappush(again, (now + 1.0, number))
        while waiting and len(on_their_way) < window and bucket.take(1, now):
            taken = provider.takes(now + answer_after / 2)
            heapq.heappush(on_their_way, (now + answer_after, waiting.popleft(), taken))
    left = [*waiting, *(number for _, number in again), *(number for _, number, _ in on_their_way)]
    return through, refused, left


@pytest.mark.parametrize("kind", [BySecond, ByTokens, ByWindow])
@pytest.mark.parametrize("declared", [None, 200], ids=["no rate declared", "200 declared"])
@pytest.mark.parametrize(("window", "answer_after"), [(10, 0.002), (10, 0.05), (32, 0.3)])
def test_a_provider_that_takes_50_of_200_a_second_gets_50(kind, declared, window, answer_after):
    """After 30 s between 90 and 100 % of its limit goes through, under 5 % is refused, and nothing is lost."""
    through, refused, left = play(
        kind(50), Bucket(declared, 0.0), offered=200, window=window, answer_after=answer_after
    )

    steady = sum(at >= 30.0 for _, at in through)
    refusals = sum(at >= 30.0 for at in refused)
    assert 0.90 <= steady / (60 * 50) <= 1.005
    assert refusals / (steady + refusals) < 0.05
    assert list(range(200 * 90)) == sorted([*left, *(number for number, _ in through)])


@pytest.mark.parametrize("kind", [BySecond, ByTokens, ByWindow])
@pytest.mark.parametrize(("limit", "offered"), [(5, 50), (500, 1_000)])
def test_other_limits_are_found_as_well(kind, limit, offered):
    """Slow and fast ones: 85 % at least and the refusals under 5 %, where no rate is declared."""
    through, refused, _ = play(kind(limit), Bucket(None, 0.0), offered=offered, window=10, answer_after=0.002)

    steady = sum(at >= 30.0 for _, at in through)
    refusals = sum(at >= 30.0 for at in refused)
    assert 0.85 <= steady / (60 * limit) <= 1.005
    assert refusals / (steady + refusals) < 0.05


def test_a_limit_that_is_lifted_is_noticed():
    """A quarter of a minute after the provider takes all again, all goes through again."""
    provider = BySecond(50)

    class Lifted:
        """Takes everything from the thirtieth second on."""

        def takes(self, at):
            """Say whether it takes what comes now."""
            return at >= 30.0 or provider.takes(at)

    through, _, _ = play(Lifted(), Bucket(None, 0.0), offered=100, window=10, answer_after=0.002, seconds=60)

    assert sum(at >= 55.0 for _, at in through) >= 500


@pytest.mark.parametrize("declared", [None, 200])
def test_a_provider_that_was_closed_is_back_soon(declared):
    """After ten seconds of refusals everything goes through again within half a minute, backlog included."""

    class Closed:
        """Takes nothing between the tenth second and the twentieth."""

        def takes(self, at):
            """Say whether it takes what comes now."""
            return not 10.0 <= at < 20.0

    bucket = Bucket(declared, 0.0)
    through, refused, left = play(Closed(), bucket, offered=100, window=10, answer_after=0.002, seconds=60)

    assert len(refused) < 100
    assert len(left) < 300
    assert sum(at >= 55.0 for _, at in through) >= 480


def test_while_nothing_goes_through_there_are_ever_fewer_tries():
    """A provider that refuses everything for ten minutes is asked at growing intervals, one or two texts at a time."""

    class Closed:
        """Takes nothing."""

        def takes(self, _):
            """Refuse."""
            return False

    _, refused, _ = play(Closed(), Bucket(None, 0.0), offered=100, window=10, answer_after=0.002, seconds=600)

    assert len(refused) < 60
    # At the end half a minute lies between them.
    assert len([at for at in refused if at >= 300.0]) < 25


def test_an_originator_at_one_a_second_keeps_to_it_for_ten_minutes():
    """As Vonage's long codes: texts of one to four segments, woken late; in no second is a second segment begun."""
    bucket = Bucket(1, 0.0)
    late = itertools.cycle((0.0, 0.0007, 0.004, 0.013))
    sizes = itertools.cycle((1, 1, 3, 1, 2, 4))
    now, left = 0.0, []
    while now < 600.0:
        delay = bucket.delay(now)
        if delay > 0.0:
            now += delay + next(late)
            continue
        segments = next(sizes)
        assert bucket.take(segments, now)
        left.append((now, segments))

    # Each waits until the segments of the one before have had their seconds.
    assert all(later - at >= segments - 1e-6 for (at, segments), (later, _) in itertools.pairwise(left))
    assert 590 <= sum(segments for _, segments in left) <= 604
