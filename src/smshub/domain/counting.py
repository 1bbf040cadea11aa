"""
How often something happened lately, by key, within bounded memory. Nothing here reads a clock.

`Recent` keeps times and is exact; `Tallies` keeps counts by pieces of time, for what happens often.
"""

from bisect import bisect_right
from itertools import islice

DAY = 86_400.0
HOUR = 3_600.0

# Of what has grown past its bound the sixteenth part goes at once, the least lately used first: one at a time would
# have Python look for the first key of a dictionary past all those that were removed before it.
_PART = 16


class Recent:
    """The times of the latest events of each key, of the last day: at least `keep` of each of `keys` keys."""

    __slots__ = ("_keep", "_keys", "_times")

    def __init__(self, keys: int, keep: int) -> None:
        self._keys = keys
        self._keep = keep
        self._times: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def add(self, key: str, at: float) -> None:
        """Count an event."""
        times = self._times.pop(key, None)
        if times is None:
            self._times[key] = [at]
        else:
            self._times[key] = times
            times.append(at)
            if len(times) >= 2 * self._keep:  # cut rarely, and not sifted: some keys happen all the time
                del times[: -self._keep]
            if times[0] <= at - DAY:
                del times[: bisect_right(times, at - DAY)]
        if len(self._times) > self._keys:
            for oldest in list(islice(self._times, self._keys // _PART + 1)):
                del self._times[oldest]

    def take_back(self, key: str, at: float) -> None:
        """Forget an event: it did not happen after all."""
        times = self._times.get(key, [])
        if at in times:
            times.remove(at)

    def wait(self, key: str, limit: int, window: float, now: float) -> float:
        """Tell in how many seconds one more is within `limit` per `window`; 0 for now. A limit of 0 is none."""
        times = self._times.get(key)
        if not limit or times is None or len(times) < limit:
            return 0.0
        return max(0.0, times[-limit] + window - now)


class Tallies:
    """
    Counts of the last `span` seconds of each key, by pieces of `width` seconds.

    A piece counts until its end is out of the span, so up to `width` seconds too long and never too short.
    """

    __slots__ = ("_keys", "_pieces", "_span", "_totals", "_width")

    def __init__(self, keys: int, span: float, width: float) -> None:
        self._keys = keys
        self._span = span
        self._width = width
        self._pieces: dict[str, dict[int, int]] = {}
        self._totals: dict[str, int] = {}

    def add(self, key: str, at: float) -> None:
        """Count an event."""
        pieces = self._pieces.pop(key, None)
        if pieces is None:
            pieces = {}
            if len(self._pieces) >= self._keys:
                for oldest in list(islice(self._pieces, self._keys // _PART + 1)):
                    del self._pieces[oldest], self._totals[oldest]
        self._pieces[key] = pieces
        piece = int(at // self._width)
        pieces[piece] = pieces.get(piece, 0) + 1
        self._totals[key] = self._totals.get(key, 0) + 1
        self._forget(key, pieces, at)

    def take_back(self, key: str, at: float) -> None:
        """Forget an event: it did not happen after all."""
        pieces = self._pieces.get(key, {})
        piece = int(at // self._width)
        if pieces.get(piece):
            pieces[piece] -= 1
            self._totals[key] -= 1

    def wait(self, key: str, limit: int, now: float) -> float:
        """Tell in how many seconds one more is within `limit`; 0 for now. A limit of 0 is none."""
        if not limit or self._totals.get(key, 0) < limit:
            return 0.0
        pieces = self._pieces[key]
        self._forget(key, pieces, now)
        left = self._totals[key]
        for piece, count in pieces.items():
            if left < limit:
                break
            left -= count
            free_at = (piece + 1) * self._width + self._span
            if left < limit:
                return max(0.0, free_at - now)
        return 0.0

    def _forget(self, key: str, pieces: dict[int, int], now: float) -> None:
        first_kept = (now - self._span) / self._width - 1
        while pieces and (oldest := next(iter(pieces))) <= first_kept:
            self._totals[key] -= pieces.pop(oldest)
