"""Message ids: 32 hexadecimal digits that sort by time and cannot be guessed (after UUID version 7, RFC 9562 §5.7)."""

import secrets
import time
from collections.abc import Callable

_RANDOM_BITS = 80


class Ids:
    """
    Makes ids: 48 bits of milliseconds since 1970, then 80 random bits that only grow within one millisecond.

    A clock that goes back makes no id smaller than the one before.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, randbits: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._clock = clock
        self._randbits = randbits
        self._millis = 0
        self._tail = 0

    def __call__(self) -> str:
        """Make the next id."""
        millis = int(self._clock() * 1000)
        if millis > self._millis:
            self._millis = millis
            # The top bit stays free, so that the additions of one millisecond cannot overflow.
            self._tail = self._randbits(_RANDOM_BITS - 1)
        else:
            self._tail += 1 + self._randbits(32)
        return f"{self._millis:012x}{self._tail:020x}"
