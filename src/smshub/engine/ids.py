"""Message ids: 32 hexadecimal digits that sort by time and cannot be guessed (after UUID version 7, RFC 9562 §5.7)."""

import secrets
import time
from collections.abc import Callable

# Random bytes drawn from the system at once; a system call for each id would cost as much as the rest of it.
_DRAW = 4096


class Ids:
    """
    Makes ids: 48 bits of milliseconds since 1970, then 80 random bits that only grow within one millisecond.

    A clock that goes back makes no id smaller than the one before.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, randbytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._randbytes = randbytes
        self._millis = 0
        self._tail = 0
        self._drawn = b""
        self._at = 0

    def __call__(self) -> str:
        """Make the next id."""
        millis = int(self._clock() * 1000)
        if millis > self._millis:
            self._millis = millis
            # The top bit stays free, so that the additions of one millisecond cannot overflow.
            self._tail = self._draw(10) >> 1
        else:
            self._tail += 1 + self._draw(4)
        return f"{self._millis:012x}{self._tail:020x}"

    def _draw(self, count: int) -> int:
        if self._at + count > len(self._drawn):
            self._drawn = self._randbytes(_DRAW)
            self._at = 0
        self._at += count
        return int.from_bytes(self._drawn[self._at - count : self._at], "big")
