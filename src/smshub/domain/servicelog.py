"""The service log of a node: its newest lines, and how they are looked through (pure)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How much a line of the log matters, the least first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


RANKS: Mapping[str, int] = {level: rank for rank, level in enumerate(Level)}


class LogLine(msgspec.Struct, frozen=True):
    """
    One line of the log of a node. `number` grows by one from line to line since its start; `at` is seconds since 1970.

    `event` is what happened in a word (`smpp.down`), `fields` are what is said besides, as text.
    """

    number: int
    at: float
    level: str
    event: str
    fields: Mapping[str, str] = {}


class ListLog(msgspec.Struct, frozen=True):
    """
    List the newest lines of the log of this node, newest first, at most `limit` of them before the number `cursor`.

    Each of the `words` must be in a line, in its event, the names or the values of its fields, however it is spelt.
    """

    words: str = ""
    level: Level = Level.DEBUG
    limit: int = 50
    cursor: int | None = None


class LogPage(msgspec.Struct, frozen=True):
    """Lines of the log, and where the next page begins (None: there is none)."""

    lines: tuple[LogLine, ...]
    cursor: int | None = msgspec.field(default=None, name="next")


def look(lines: Iterable[LogLine], asked: ListLog) -> LogPage:
    """Look through lines, oldest first, for those that are asked for."""
    words = asked.words.casefold().split()
    least = RANKS[asked.level]
    found: list[LogLine] = []
    for line in reversed(tuple(lines)):
        if asked.cursor is not None and line.number >= asked.cursor:
            continue
        if RANKS.get(line.level, 0) < least or not all(word in _text(line) for word in words):
            continue
        if len(found) == asked.limit:
            return LogPage(tuple(found), found[-1].number)
        found.append(line)
    return LogPage(tuple(found))


def _text(line: LogLine) -> str:
    return " ".join((line.event, *(f"{name}={value}" for name, value in line.fields.items()))).casefold()
