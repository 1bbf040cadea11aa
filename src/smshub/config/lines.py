"""Where a key stands in a TOML text: tomllib tells values and forgets their lines."""

import re
from collections.abc import Iterable

Loc = tuple[str | int, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"^\s*\[\s*({_DOTTED})\s*\]\s*(?:#.*)?$")
_TABLES = re.compile(rf"^\s*\[\[\s*({_DOTTED})\s*\]\]\s*(?:#.*)?$")
_PAIR = re.compile(rf"^\s*({_DOTTED})\s*=")
_QUOTES = re.compile(r'"""|\'\'\'')


class Lines:
    """The line of every table and key of a text, as far as it is written in the usual ways."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {}
        table: Loc = ()
        counts: dict[Loc, int] = {}
        inside = False  # of a text of many lines
        for number, line in enumerate(text.splitlines(), 1):
            if not inside:
                table = self._read(line, number, table, counts)
            if len(_QUOTES.findall(line)) % 2:
                inside = not inside

    def _read(self, line: str, number: int, table: Loc, counts: dict[Loc, int]) -> Loc:
        if found := _TABLES.match(line):
            name = tuple(_parts(found[1]))
            counts[name] = counts.get(name, -1) + 1
            table = (*name, counts[name])
            self._note(table, number)
        elif found := _TABLE.match(line):
            table = tuple(_parts(found[1]))
            self._note(table, number)
        elif found := _PAIR.match(line):
            self._note((*table, *_parts(found[1])), number)
        return table

    def _note(self, loc: Loc, number: int) -> None:
        for length in range(1, len(loc) + 1):
            self._lines.setdefault(loc[:length], number)

    def of(self, loc: Loc) -> int | None:
        """Tell the line of a key, or of the innermost table around it that has one."""
        while loc:
            if loc in self._lines:
                return self._lines[loc]
            loc = loc[:-1]
        return None


def _parts(dotted: str) -> Iterable[str]:
    return (part.strip("\"'") if part[0] in "\"'" else part for part in re.findall(_KEY, dotted))
