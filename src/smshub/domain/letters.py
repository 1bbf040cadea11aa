"""Mail of the hub's own, to those who run it or its programs: it waits on disk until it has left."""

import msgspec

# Seconds before the second, third and fourth try: a server that greylists takes a mail after some minutes.
PAUSES = (10.0, 120.0, 900.0)


class Letter(msgspec.Struct, frozen=True):
    """
    One mail of plain text to one reader.

    `server` is the name of the mail server by which it goes, "" the first there is. `tries` were begun so far, the
    next is due at `due_at` (seconds since 1970).
    """

    id: str
    server: str
    to: str
    subject: str
    text: str
    created_at: float
    due_at: float
    tries: int = 0


def next_try(letter: Letter, now: float) -> float | None:
    """Tell when to try again after a try that begins now and fails; None where it is the last."""
    return now + PAUSES[letter.tries] if letter.tries < len(PAUSES) else None
