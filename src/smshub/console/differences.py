"""Settings as lines of names and values, and what differs between two of them (pure)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """One setting whose value is another than before; None: it was not there, or is there no more."""

    name: str
    before: str | None
    after: str | None


def flat(settings: Any) -> dict[str, str]:
    """Write settings as lines: the name of each, with dots where tables are within tables, and its value as JSON."""
    return dict(_lines("", settings)) if settings else {}


def differences(before: Any, after: Any) -> tuple[Difference, ...]:
    """Tell what differs, in the order of the names."""
    old, new = flat(before), flat(after)
    return tuple(
        Difference(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and (value or not name):
        for key, inner in value.items():
            yield from _lines(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name or "value", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
