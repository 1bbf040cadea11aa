"""
The fault scripts of every simulator: what it answers to the first request, to the next, and so on.

A script is steps parted by `;` or by lines, with `#` comments: `accept 5; throttle 3; refuse 105; delay 2s; hang`.
Each request takes the next step and the last one repeats. `receipt` steps form a row of their own in the same way:
each delivery report takes the next of them. A count is `3` or `x3`; after `refuse` a bare number is the code.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

MAX_SCRIPT = 65_536
MAX_COUNT = 1_000_000
MAX_SECONDS = 3_600.0

_COUNT = re.compile(r"x?(\d{1,9})")
_SECONDS = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)(ms|s|m)?")
_UNITS = {None: 1.0, "s": 1.0, "ms": 0.001, "m": 60.0}


class Action(StrEnum):
    """What a simulator does with one request."""

    ACCEPT = "accept"  # take it and say so
    REFUSE = "refuse"  # say no, with a code of the provider's where one is given
    THROTTLE = "throttle"  # say that this was too fast
    DELAY = "delay"  # wait, then take it and say so
    HANG = "hang"  # take it and never answer
    DROP = "drop"  # close the connection without an answer
    LATE = "late"  # take it at once and say so only when the client has given up
    DUPLICATE = "duplicate"  # take it and answer twice
    GARBAGE = "garbage"  # answer with bytes that mean nothing
    DRIP = "drip"  # take it and answer a byte a second
    HUGE = "huge"  # take it and answer without end
    TRUNCATE = "truncate"  # take it, answer half and close
    REDIRECT = "redirect"  # send the client elsewhere (HTTP)
    MUTE = "mute"  # never ask for the text (modem)
    CHATTER = "chatter"  # talk without being asked, before, between and after (modem), then take it
    RECEIPT = "receipt"  # how the delivery reports come


class Report(StrEnum):
    """How the delivery report on a taken message comes: the argument of a `receipt` step."""

    GOOD = "good"  # delivered
    BAD = "bad"  # undeliverable
    NONE = "none"  # never
    LATE = "late"  # delivered, after so many seconds
    EARLY = "early"  # delivered, before the answer to the submission
    TWICE = "twice"  # delivered, and once more


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step: an action, done `count` times.

    `argument` is the code of a `refuse` or the `Report` of a `receipt`, `seconds` what `delay` and `late` wait.
    """

    action: Action
    argument: str | None = None
    seconds: float = 0.0
    count: int = 1


class BadScript(ValueError):
    """A fault script that cannot be read; the message names the line, the step and what it needs."""


class Script:
    """
    A fault script and how far it has been played. Does no I/O and reads no clock.

    Without steps everything is accepted and every receipt is good.
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = tuple(steps)
        answers = [step for step in self.steps if step.action is not Action.RECEIPT]
        receipts = [step for step in self.steps if step.action is Action.RECEIPT]
        self._answers = _Row(answers or [Step(Action.ACCEPT)])
        self._receipts = _Row(receipts or [Step(Action.RECEIPT, Report.GOOD)])

    @classmethod
    def parse(cls, text: str, *, allowed: Iterable[Action] = tuple(Action)) -> Self:
        """Read a script; a step whose action is not `allowed` is an error. Raises `BadScript`."""
        if len(text) > MAX_SCRIPT:
            raise BadScript(f"the script has {len(text)} characters; at most {MAX_SCRIPT} are read")
        known = frozenset(allowed)
        return cls(
            _step(words, known, f"line {number}, '{' '.join(words)}'")
            for number, line in enumerate(text.splitlines(), 1)
            for part in line.partition("#")[0].split(";")
            if (words := part.split())
        )

    @classmethod
    def load(cls, path: Path, *, allowed: Iterable[Action] = tuple(Action)) -> Self:
        """Read a script from a file. Raises `BadScript`, also when the file cannot be read."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"), allowed=allowed)
        except (OSError, UnicodeDecodeError) as error:
            raise BadScript(f"the script {path} cannot be read ({type(error).__name__})") from error

    def next(self) -> Step:
        """Give the step for the next request."""
        return self._answers.next()

    def next_receipt(self) -> Step:
        """Give the step for the delivery report on the next taken message."""
        return self._receipts.next()


class _Row:
    """Steps in their order, each `count` times, the last for ever."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._at = 0
        self._played = 0

    def next(self) -> Step:
        """Give the step whose turn it is."""
        step = self._steps[self._at]
        self._played += 1
        if self._played >= step.count and self._at + 1 < len(self._steps):
            self._at += 1
            self._played = 0
        return step


def _step(words: list[str], known: frozenset[Action], where: str) -> Step:
    """Read one step from its words."""
    action = _action(words[0], known, where)
    rest = words[1:]
    argument: str | None = None
    seconds = 0.0
    if action is Action.REFUSE and rest and not rest[0].startswith("x"):
        argument = rest.pop(0)
    elif action is Action.RECEIPT:
        argument = _report(rest.pop(0) if rest else "", where)
    if action in {Action.DELAY, Action.LATE} or argument == Report.LATE:
        seconds = _seconds(rest.pop(0) if rest else "", where)
    count = _count(rest.pop(0), where) if rest else 1
    if rest:
        raise BadScript(f"{where}: '{rest[0]}' is one word too many")
    return Step(action, argument, seconds, count)


def _action(word: str, known: frozenset[Action], where: str) -> Action:
    """Read the first word of a step."""
    names = sorted(known)
    if word.lower() in names:
        return Action(word.lower())
    near = difflib.get_close_matches(word.lower(), names, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
    raise BadScript(f"{where}: there is no step '{word}' here; {hint}")


def _report(word: str, where: str) -> Report:
    """Read how a receipt comes."""
    try:
        return Report(word.lower())
    except ValueError:
        raise BadScript(f"{where}: a receipt is one of {', '.join(Report)}") from None


def _seconds(word: str, where: str) -> float:
    """Read a time: `2`, `2s`, `0.5s`, `200ms` or `1m`."""
    if not (found := _SECONDS.fullmatch(word.lower())):
        raise BadScript(f"{where}: it needs a number of seconds, such as 'delay 2s'")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > MAX_SECONDS:
        raise BadScript(f"{where}: at most {MAX_SECONDS:.0f} seconds can be waited")
    return seconds


def _count(word: str, where: str) -> int:
    """Read how often a step is done: `3` or `x3`."""
    if not (found := _COUNT.fullmatch(word.lower())) or not 1 <= int(found[1]) <= MAX_COUNT:
        raise BadScript(f"{where}: '{word}' is not a count from 1 to {MAX_COUNT}, such as '3' or 'x3'")
    return int(found[1])
