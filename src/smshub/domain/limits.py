"""Limits on what leaves: a token bucket counted in segments, and a breaker. Neither reads a clock."""

from enum import StrEnum

# How much of a second's rate may leave at one instant. Timers wake some milliseconds late; less than this would lose
# rate to them, more would let a provider that counts by the second see too many.
BURST_SECONDS = 0.02
SLOWEST_FACTOR = 0.1
RECOVERY_PER_SECOND = 0.02
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Bucket:
    """
    A token bucket: `rate` segments a second (None: as many as come), the clock passed in as seconds.

    A message of several segments may leave when there is a token for its first; the debt is paid before the next. A
    throttle answer pauses it, twice as long each time they follow each other, and slows it; it recovers with time.
    """

    __slots__ = ("_burst", "_factor", "_pause", "_paused_until", "_since", "_throttled_at", "_tokens", "rate")

    def __init__(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self._burst = max(1.0, (rate or 0.0) * BURST_SECONDS)
        self._tokens = self._burst
        self._since = now
        self._factor = 1.0
        self._pause = 0.0
        self._paused_until = now
        self._throttled_at = now

    def take(self, segments: int, now: float) -> bool:
        """Take tokens for a message if it may leave now."""
        if now < self._paused_until:
            return False
        if self.rate is None:
            return True
        self._fill(now)
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= segments
        return True

    def give_back(self, segments: int) -> None:
        """Return the tokens of a message that did not leave after all."""
        if self.rate is not None:
            self._tokens = min(self._burst, self._tokens + segments)

    def delay(self, now: float) -> float:
        """Tell in how many seconds the next message may leave; 0 for now."""
        paused = max(0.0, self._paused_until - now)
        if self.rate is None:
            return paused
        self._fill(now)
        return max(paused, (1.0 - self._tokens) / (self.rate * self._factor) if self._tokens < 1.0 else 0.0)

    def throttled(self, now: float, retry_after: float | None = None) -> None:
        """Note that the provider said: too fast. `retry_after` is what it asked for, in seconds."""
        if now < self._paused_until:
            return  # one of a window that was in flight together: they are one event
        fresh = now - self._throttled_at > 2 * self._pause + 1.0
        self._pause = FIRST_PAUSE if fresh or not self._pause else min(self._pause * 2, LONGEST_PAUSE)
        self._fill(now)
        self._factor = max(SLOWEST_FACTOR, self._factor * 0.7)
        self._throttled_at = now
        self._paused_until = now + (self._pause if retry_after is None else max(0.0, retry_after))

    def _fill(self, now: float) -> None:
        passed = max(0.0, now - self._since)
        self._since = max(now, self._since)
        self._factor = min(1.0, self._factor + passed * RECOVERY_PER_SECOND)
        if self.rate is not None:
            self._tokens = min(self._burst, self._tokens + passed * self.rate * self._factor)


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
