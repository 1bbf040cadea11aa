"""Limits on what leaves: a token bucket counted in segments, and a breaker. Neither reads a clock."""

import math
from enum import StrEnum

# How much of a second's rate may leave at one instant. Timers wake some milliseconds late; less than this would lose
# rate to them, more would let a provider that counts by the second see too many.
BURST_SECONDS = 0.02

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# The pause where the rate is about right already and only the odd text was too much.
SHORT_PAUSE = 0.1
# `Too fast` said again within so many seconds is said of what left together.
ONE_EVENT = 1.0

# What a `too fast` leaves of the rate: a little less than it was where nearly all of it went through, otherwise than
# what went through, and never less than half at once.
BELOW = 0.95
NEARLY = 0.8
MOST_AT_ONCE = 0.5
SLOWEST = 0.5  # segments a second
# While nothing has gone through since the provider said it twice, so many a second feel their way.
FEELING = 2.0
# How a rate comes back, by the seconds since it was too fast: slowly first, where the limit must be near, and then
# faster and faster; where nothing tells how near it is, twice as fast each second. Where one text of twenty would be
# that of a few seconds, it takes up to three times as long. After some minutes nothing is left of it.
CREEP = 1 / 250
LEAP = 30.0
FEW = 5.0  # segments a second
LONGEST_STRETCH = 3.0
FORGOTTEN = 300.0


class Bucket:
    """
    A token bucket: `rate` segments a second (None: as many as come), the clock passed in as seconds.

    A message of several segments may leave when there is a token for its first; the debt is paid before the next.

    A throttle answer pauses it, twice as long each time nothing has gone through since the one before, and slows it to
    a little less than what the provider has taken in the last second; from there the rate feels its way up again.
    Refusals that come within a second, some having gone through, are one event.
    """

    __slots__ = (
        "_accepted",
        "_burst",
        "_ceiling",
        "_climbing",
        "_count",
        "_count_before",
        "_feeling",
        "_grows_since",
        "_pause",
        "_paused_until",
        "_second",
        "_since",
        "_throttled_at",
        "_tokens",
        "rate",
    )

    def __init__(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self._burst = max(1.0, (rate or 0.0) * BURST_SECONDS)
        self._tokens = self._burst
        self._since = now
        self._ceiling: float | None = None  # learnt from throttle answers, as it was at the last of them
        self._climbing = False  # how much more it may be is not known: it doubles each second
        self._grows_since = now
        self._throttled_at = now
        self._pause = 0.0
        self._paused_until = now
        self._feeling = False
        self._accepted = False  # since the last throttle answer
        self._second = now  # when the second that is being counted began
        self._count = self._count_before = 0

    def allowed(self, now: float) -> float | None:
        """Tell how many segments a second may leave now; None: as many as come."""
        grown = self._grown(now)
        if self._feeling:
            return FEELING if grown is None else min(FEELING, grown)
        return grown

    def _grown(self, now: float) -> float | None:
        if self._ceiling is None:
            return self.rate
        passed = now - self._grows_since
        if passed >= FORGOTTEN:
            self._ceiling = None
            return self.rate
        if self._climbing:
            grown = self._ceiling * math.exp2(passed)
        else:
            stretched = passed / min(max(FEW / self._ceiling, 1.0), LONGEST_STRETCH)
            grown = self._ceiling * (1.0 + CREEP * stretched + (stretched / LEAP) ** 3)
        return grown if self.rate is None else min(self.rate, grown)

    def paused(self, now: float) -> float:
        """Tell for how many seconds nothing may leave, because the provider said so; 0 for not at all."""
        return max(0.0, self._paused_until - now)

    def take(self, segments: int, now: float) -> bool:
        """Take tokens for a message if it may leave now."""
        if now < self._paused_until:
            return False
        if self.rate is None and self._ceiling is None and not self._feeling:
            return True
        if self._fill(now) is None:
            return True
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= segments
        return True

    def give_back(self, segments: int) -> None:
        """Return the tokens of a message that did not leave after all."""
        self._tokens = min(self._burst, self._tokens + segments)

    def delay(self, now: float) -> float:
        """Tell in how many seconds the next message may leave; 0 for now."""
        paused = self.paused(now)
        if self.rate is None and self._ceiling is None and not self._feeling:
            return paused
        allowed = self._fill(now)
        return paused if allowed is None else max(paused, (1.0 - self._tokens) / allowed if self._tokens < 1.0 else 0.0)

    def accepted(self, segments: int, now: float) -> None:
        """Note that the provider has taken so many."""
        self._accepted = True
        if self._feeling:
            self._feeling = False
            self._climbing = True
            self._grows_since = now
        if now - self._second >= 1.0:
            self._turn(now)
        self._count += segments

    def throttled(self, now: float, retry_after: float | None = None) -> None:
        """Note that the provider said: too fast. `retry_after` is what it asked for, in seconds."""
        if now < self._paused_until:
            return  # one of a window that was in flight together: they are one event
        again = self._pause > 0.0 and now - self._throttled_at <= 2 * self._pause + ONE_EVENT
        if again and self._accepted and now - self._throttled_at < ONE_EVENT and retry_after is None:
            return
        self._fill(now)
        limit, through = self._grown(now), self._through(now)
        if again and not self._accepted:
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._feeling = True
            self._ceiling = None if limit is None else max(SLOWEST, limit * MOST_AT_ONCE)
        else:
            settled = limit is not None and self._accepted and _nearly_all(through, limit)
            self._pause = SHORT_PAUSE if settled else FIRST_PAUSE
            self._ceiling = _lowered(limit, through)
            self._climbing = limit is None
        self._grows_since = now
        self._tokens = min(self._tokens, 0.0)
        self._accepted = False
        self._throttled_at = now
        self._paused_until = now + max(self._pause, retry_after or 0.0)

    def _through(self, now: float) -> float:
        """Tell how many segments the provider took in the last second, about."""
        if now - self._second >= 1.0:
            self._turn(now)
        return self._count_before * (1.0 - (now - self._second)) + self._count

    def _turn(self, now: float) -> None:
        self._count_before = self._count if now - self._second < 2.0 else 0
        self._count = 0
        self._second = now if now - self._second >= 2.0 else self._second + 1.0

    def _fill(self, now: float) -> float | None:
        """Add the tokens of the time that has passed, and tell how many a second come."""
        passed = max(0.0, now - self._since)
        self._since = max(now, self._since)
        allowed = self.allowed(now)
        if allowed is not None:
            self._burst = max(1.0, allowed * BURST_SECONDS)
            self._tokens = min(self._burst, self._tokens + passed * allowed)
        return allowed


def _lowered(limit: float | None, through: float) -> float | None:
    """Give the rate after a throttle answer: None where none was known and nothing went through to learn it from."""
    if limit is None:
        return max(SLOWEST, through * BELOW) if through else None
    return max(SLOWEST, limit * MOST_AT_ONCE, (limit if _nearly_all(through, limit) else through) * BELOW)


def _nearly_all(through: float, limit: float) -> bool:
    """Say whether nearly all that may leave in a second went through; one more may be on its way."""
    return through + 1.0 >= limit * NEARLY


class BreakerState(StrEnum):
    """Closed lets everything through, open nothing, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """
    Stops sending to a provider that keeps failing, and tries it with one message from time to time.

    It opens after `threshold` failures in a row, or after one that cannot mend itself (no credit, bad credentials),
    for `first_rest` seconds, twice as long each time the probe fails, at most `longest_rest`.
    """

    __slots__ = ("_failures", "_first_rest", "_longest_rest", "_open_until", "_probing", "_rest", "_threshold")

    def __init__(self, threshold: int = 5, first_rest: float = 5.0, longest_rest: float = 300.0) -> None:
        self._threshold = threshold
        self._first_rest = first_rest
        self._longest_rest = longest_rest
        self._failures = 0
        self._rest = 0.0
        self._open_until: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether everything may go through."""
        return self._open_until is None

    def state(self, now: float) -> BreakerState:
        """Tell the state at this time."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now >= self._open_until else BreakerState.OPEN

    def allows(self, now: float) -> bool:
        """Say whether a message may be tried now; a half-open breaker allows one at a time."""
        if self._open_until is None:
            return True
        return now >= self._open_until and not self._probing

    def began(self) -> None:
        """Note that a try has begun: in half-open it is the probe."""
        self._probing = self._open_until is not None

    def gave_up(self) -> None:
        """Note that a try that had begun was never made."""
        self._probing = False

    def succeeded(self) -> None:
        """Note that the provider works: it answered, whatever it thought of that one message."""
        self._failures = 0
        self._rest = 0.0
        self._open_until = None
        self._probing = False

    def failed(self, now: float, *, severe: bool = False) -> None:
        """Note a failure that is the provider's; a severe one opens at once."""
        self._failures += 1
        was_probe = self._probing
        self._probing = False
        if severe or was_probe or (self._open_until is None and self._failures >= self._threshold):
            self._rest = min(max(self._rest * 2, self._first_rest), self._longest_rest)
            self._open_until = now + self._rest

    def until(self) -> float | None:
        """Tell when the next probe may be made; None when closed."""
        return self._open_until
