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


class Reader(msgspec.Struct, frozen=True):
    """
    Who is told about an account, by which mail server ("": the first), and where the account is declared, in words.
    """

    to: str
    server: str
    where: str


def begun(letter: Letter, now: float) -> Letter:
    """Give a letter as it is once a try has begun: when the next is due should this one fail, or be cut off."""
    tries = min(letter.tries + 1, len(PAUSES) + 1)
    return msgspec.structs.replace(letter, tries=tries, due_at=now + PAUSES[min(tries, len(PAUSES)) - 1])


def is_last(letter: Letter) -> bool:
    """Say whether the try that was begun is the last."""
    return letter.tries > len(PAUSES)
