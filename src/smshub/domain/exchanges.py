"""What was sent to a provider and answered by it: the debug view of a message."""

import msgspec

# Characters of a request and of an answer that are kept.
LONGEST = 4_000


class Exchange(msgspec.Struct, frozen=True):
    """
    What was said in one attempt, secrets, numbers and texts masked; `at` is in seconds since 1970.

    `answer` is empty where none came.
    """

    attempt: int
    at: float
    request: str
    answer: str


class ShowExchanges(msgspec.Struct, frozen=True):
    """Tell what was said between the hub and the providers about one message. Needs an auditor."""

    id: str


class Exchanges(msgspec.Struct, frozen=True):
    """What was said about one message, oldest first."""

    exchanges: tuple[Exchange, ...]
