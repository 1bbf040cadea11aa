"""What the ids of messages tell: they begin with the milliseconds at which they were made, and sort by them."""

from typing import Final

# Characters of an id, the time's first, in hexadecimal.
LENGTH: Final = 32
TIME: Final = 12
# A clock that is set back, seconds: an id is never smaller than one that was made before.
SLACK: Final = 3_600.0


def first_id(at: float) -> str:
    """Give the smallest id of a moment (seconds since 1970)."""
    millis = min(max(0, int(at * 1_000)), 16**TIME - 1)
    return f"{millis:0{TIME}x}{0:0{LENGTH - TIME}x}"
