"""What a trial is, how what a try came to is compared with what it must, and the message that is sent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from smshub.domain.delivery import Accepted, Deferred, Outcome, Rejected, Uncertain
from smshub.domain.message import Message

# What a trial may ask for: an outcome (what it leaves open is not compared) or only its kind.
Wanted = Outcome | type[Accepted] | type[Deferred] | type[Rejected] | type[Uncertain]

TEXT = "Your code is 918273"
NUMBER = "491701234567"


class NotConforming(AssertionError):
    """A connector does not do what every connector must; the message says what was wanted and what came."""


class NotTried(Exception):
    """A trial does not apply to this connector; the message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """
    One thing that is tried: `play` gets an empty folder and gives in words what came.

    It raises `NotConforming`, or `NotTried` where the trial does not apply.
    """

    what: str
    play: Callable[[Path], Awaitable[str]]

    def __str__(self) -> str:
        return self.what


class Case(Protocol):
    """What the suite knows of a connector: its name and what is to be tried."""

    @property
    def name(self) -> str:
        """The name, for the table."""

    def trials(self) -> Sequence[Trial]:
        """Give what is tried, in order."""


def plain(**fields: Any) -> Message:
    """Make a message that differs from any other in what is named."""
    values: dict[str, Any] = {
        "id": "01a200739f106d19ea3b373c74e31ff1",
        "submission": "01a200739f106d19ea3b373c74e31ff1",
        "account": "shop",
        "to": NUMBER,
        "to_written": f"+{NUMBER}",
        "text": TEXT,
        "originator": "ACME",
        "created_at": 0.0,
        "due_at": 0.0,
        "expires_at": 4e9,
    }
    return Message(**{**values, **fields})


def agrees(wanted: Wanted, came: Outcome) -> bool:
    """Say whether an outcome is the wanted one; its words are not compared, its code only where one is wanted."""
    if isinstance(wanted, type):
        return isinstance(came, wanted)
    match wanted, came:
        case Accepted(), Accepted():
            return wanted.refs == came.refs
        case Deferred(), Deferred():
            same = wanted.reason == came.reason and wanted.code in {None, came.code}
            return same and wanted.retry_after in {None, came.retry_after}
        case Rejected(), Rejected():
            return wanted.reason == came.reason and wanted.code in {None, came.code}
        case Uncertain(), Uncertain():
            return True
        case _:
            return False


def want(came: Outcome, *wanted: Wanted) -> str:
    """Give an outcome in words if it is one of those wanted. Raises `NotConforming`."""
    if not any(agrees(one, came) for one in wanted):
        raise NotConforming(f"wanted {' or '.join(told(one) for one in wanted)}, came {told(came)}")
    return told(came)


def told(outcome: Wanted) -> str:
    """Tell an outcome in words."""
    if isinstance(outcome, type):
        return outcome.__name__
    parts: list[object] = [type(outcome).__name__]
    match outcome:
        case Accepted():
            parts += outcome.refs
        case Deferred():
            after = outcome.retry_after
            parts += [outcome.reason, outcome.code, None if after is None else f"after {after:g} s", outcome.detail]
        case Rejected():
            parts += [outcome.reason, outcome.code, outcome.detail]
        case Uncertain():
            parts += [outcome.detail]
    return " ".join(str(part) for part in parts if part)
