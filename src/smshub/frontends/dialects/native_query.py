"""The filters of GET /v1/messages: a query string to a command."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

import msgspec

from smshub.domain.commands import ListBlocked, ListMessages, ListParked, Refusal, Refused
from smshub.domain.message import MessageClass, State
from smshub.domain.numbers import BadNumber, parse_msisdn
from smshub.domain.servicelog import Level, ListLog
from smshub.frontends.dialects.native_json import did_you_mean, shown

MOST: Final = 500
USUAL: Final = 50
PAGING: Final = ("limit", "cursor")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_MAX_FIELDS: Final = 30
_MAX_LENGTH: Final = 8_192
_LONGEST: Final = 255
_UNESCAPED_PLUS: Final = re.compile(r" (?=\d\d:\d\d$)")
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


def decode_filters(query: bytes) -> ListMessages:
    """Read the query string of GET /v1/messages. Raises `Refused` (BadFilter), naming the parameter."""
    command = ListMessages(**_read(query, FILTERS))
    if command.since is not None and command.until is not None and command.since > command.until:
        raise _bad("until", dict(_pairs(query))["until"], "it is before since")
    return command


def decode_paging(query: bytes) -> ListBlocked:
    """Read the query string of GET /v1/blocklist. Raises `Refused` (BadFilter), naming the parameter."""
    return ListBlocked(**_read(query, {name: FILTERS[name] for name in PAGING}))


def decode_parked(query: bytes) -> ListParked:
    """Read the query string of GET /v1/parked. Raises `Refused` (BadFilter), naming the parameter."""
    return ListParked(**_read(query, {name: FILTERS[name] for name in PAGING}))


def read_filters(query: bytes, filters: Mapping[str, tuple[str, Callable[[str], Any]]]) -> dict[str, Any]:
    """Read a query string of these filters into members of a command. Raises `Refused` (BadFilter)."""
    return _read(query, filters)


def decode_audit(query: bytes) -> tuple[int, str | None, str | None]:
    """Read the query string of GET /v1/audit: limit, cursor and actor. Raises `Refused` (BadFilter)."""
    found = _read(query, {**{name: FILTERS[name] for name in PAGING}, "actor": ("actor", _text)})
    return found.get("limit", USUAL), found.get("cursor"), found.get("actor")


def decode_log(query: bytes) -> ListLog:
    """Read the query string of GET /v1/log: words, level, limit and cursor. Raises `Refused` (BadFilter)."""
    filters = {"words": ("words", _text), "level": ("level", _level), "limit": FILTERS["limit"]}
    return ListLog(**_read(query, {**filters, "cursor": ("cursor", _number)}))


def decode_seconds(query: bytes, *, usual: float, most: float) -> float:
    """Read `seconds`, the only parameter of some lists. Raises `Refused` (BadFilter)."""
    return float(_read(query, {"seconds": ("seconds", partial(_seconds, most=most))}).get("seconds", usual))


def _seconds(value: str, most: float) -> float:
    if not value.isascii() or not value.isdigit() or len(value) > 6 or int(value) > most:
        raise ValueError(f"it is a number from 0 to {most:g}")
    return float(value)


def _read(query: bytes, filters: Mapping[str, tuple[str, Callable[[str], Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in _pairs(query):
        filter_ = filters.get(name)
        if filter_ is None:
            raise _bad(name, value, f"there is no such filter. {did_you_mean(name, filters)}".removesuffix("."))
        member, read = filter_
        if member in found:
            raise _bad(name, value, "it is given twice")
        try:
            found[member] = read(value)
        except ValueError as error:
            raise _bad(name, value, str(error)) from None
    return found


def _bad(name: str, value: str, why: str) -> Refused:
    return Refused(Refusal.MALFORMED, "BadFilter", member=shown(name), name=shown(name), value=shown(value), why=why)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if len(query) > _MAX_LENGTH:
        raise _bad("query", "", f"it is longer than {_MAX_LENGTH} bytes")
    try:
        text = query.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise _bad("query", "", "it is no query string in UTF-8 of a few parameters") from None


def _recipient(value: str) -> str:
    if "@" in value:
        return _text(value)
    try:
        return parse_msisdn(value.strip(), None)
    except BadNumber as error:
        raise ValueError(str(error)) from None


def _state(value: str) -> State:
    try:
        return State(value)
    except ValueError:
        raise ValueError(f"it must be one of {', '.join(State)}") from None


def _level(value: str) -> Level:
    try:
        return Level(value)
    except ValueError:
        raise ValueError(f"it must be one of {', '.join(Level)}") from None


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ValueError("it is the number of a line")
    return int(value)


def _class(value: str) -> MessageClass:
    try:
        return MessageClass(value)
    except ValueError:
        raise ValueError(f"it must be one of {', '.join(MessageClass)}") from None


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("it is no name: letters, digits and _.- up to 64, the first a letter or digit")
    return value


def _text(value: str) -> str:
    if not 1 <= len(value) <= _LONGEST or not value.isprintable():
        raise ValueError(f"it must be 1 to {_LONGEST} printable characters")
    return value


def _time(value: str) -> float:
    try:
        # A blank before an offset can only be a + that was not escaped.
        return msgspec.convert(_UNESCAPED_PLUS.sub("+", value), _Time).timestamp()
    except msgspec.ValidationError:
        raise ValueError("it must be a time of RFC 3339 with an offset, such as 2030-01-01T00:00:00Z") from None


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(MOST)) and 1 <= int(value) <= MOST):
        raise ValueError(f"it must be 1 to {MOST}")
    return int(value)


# By the name of the parameter: the member of the command, and what reads it (raises ValueError with the reason).
FILTERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "to": ("to", _recipient),
    "state": ("state", _state),
    "account": ("account", _name),
    "connector": ("connector", _name),
    "reference": ("reference", _text),
    "class": ("message_class", _class),
    "since": ("since", _time),
    "until": ("until", _time),
    "limit": ("limit", _limit),
    "cursor": ("cursor", _text),
}
