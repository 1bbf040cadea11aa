"""Names and values as lines that people can write, `name = value`, and values as people see them (pure)."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from smshub.settings import Secret

_DECODER: Final = json.JSONDecoder()


class NoPair(ValueError):
    """A line that is not a name and a value; its words say why."""


def spelled(value: Any) -> str:
    """Write one value: yes and no, whole numbers without a point, everything else as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def write_pairs(pairs: Mapping[str, Any]) -> str:
    """Write pairs as lines. What is no text, or not to be seen as one, is written as JSON behind `:=`."""
    return "\n".join(f"{_name(name)} {_written(value)}".rstrip() for name, value in pairs.items())


def read_pairs(text: str) -> dict[str, Any]:
    """Read lines of names and values. Raises `NoPair`."""
    pairs: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, value = _read(line.strip())
        if name in pairs:
            raise NoPair(f"'{name}' is there twice")
        pairs[name] = value
    return pairs


def _name(name: str) -> str:
    plain = name.strip() == name and name and not name.startswith('"') and name.isprintable()
    return name if plain and "=" not in name and not name.endswith(":") else json.dumps(name, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, Secret | Enum):
        value = spelled(value)
    if isinstance(value, str) and value.strip() == value and value.isprintable():
        return f"= {value}"
    return f":= {json.dumps(value, ensure_ascii=False, default=str)}"


def _read(line: str) -> tuple[str, Any]:
    if line.startswith('"'):
        try:
            name, end = _DECODER.raw_decode(line)
        except ValueError:
            raise NoPair("a name that begins with a quotation mark must end with one") from None
        rest = line[end:].lstrip()
    else:
        end = line.find("=")
        if end < 0:
            raise NoPair(f"'{line[:40]}' has no =; write a name and a value on each line, as in name = value")
        if line[end - 1 : end] == ":":
            end -= 1
        name, rest = line[:end].rstrip(), line[end:]
    if not name:
        raise NoPair("a line has no name before its =")
    if rest.startswith(":="):
        try:
            return name, json.loads(rest[2:])
        except (ValueError, RecursionError):
            raise NoPair(f"what stands behind := of '{name[:40]}' is not JSON") from None
    if not rest.startswith("="):
        raise NoPair(f"'{str(name)[:40]}' has no = behind it")
    return name, rest[1:].strip()
