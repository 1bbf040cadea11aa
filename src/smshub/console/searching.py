"""What somebody looks for among the messages: a form to a question (pure)."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from smshub.console.visiting import Form
from smshub.domain.addresses import BadAddress, parse_address
from smshub.domain.commands import ListMessages
from smshub.domain.message import MessageClass, State
from smshub.domain.numbers import BadNumber, parse_msisdn

PAGE: Final = 50
# The fields of the form, which the paths of further pages carry on.
FILTERS: Final = ("find", "state", "class", "account", "connector", "reference", "since", "until")

_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_CURSOR: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST: Final = 255


class Search(msgspec.Struct, frozen=True):
    """
    What is looked for: a page of messages, or one by its `id`.

    `problems` are those of fields, by their names; with any of them nothing is asked.
    """

    wanted: ListMessages
    id: str | None = None
    problems: Mapping[str, str] = {}


def search_of(form: Form, countries: Iterable[str | None] = (), limit: int = PAGE) -> Search:
    """Read the form. National numbers are read as in each of `countries`, the first where they are numbers."""
    found = form.text("find")
    if _ID.fullmatch(found):
        return Search(ListMessages(), id=found.lower())
    problems: dict[str, str] = {}
    members: dict[str, Any] = {}
    for name, member, read in _READERS:
        written = form.text(name)
        if written:
            try:
                members[member] = read(written)
            except ValueError as error:
                problems[name] = _sentence(error)
    if found:
        try:
            members["to"] = recipient_of(found, countries)
        except ValueError as error:
            problems["find"] = _sentence(error)
    since, until = members.get("since"), members.get("until")
    if since is not None and until is not None and since >= until:
        problems["until"] = "It must be later than the beginning."
    cursor = form.text("cursor")
    return Search(
        ListMessages(**members, limit=limit, cursor=cursor if _CURSOR.fullmatch(cursor) else None), problems=problems
    )


def recipient_of(written: str, countries: Iterable[str | None] = ()) -> str:
    """Read a number or a mail address as somebody wrote it. Raises ValueError, which says why it is none."""
    if "@" in written:
        try:
            return parse_address(written)
        except BadAddress as error:
            raise ValueError(str(error)) from None
    why = ""
    for country in (None, *countries):
        try:
            return parse_msisdn(written, country)
        except BadNumber as error:
            why = why or str(error)
    raise ValueError(why)


def _sentence(error: ValueError) -> str:
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}."


def _state(written: str) -> State:
    if written not in set(State):
        raise ValueError("there is no such state")
    return State(written)


def _class(written: str) -> MessageClass:
    if written not in set(MessageClass):
        raise ValueError("there is no such class")
    return MessageClass(written)


def _text(written: str) -> str:
    if len(written) > _LONGEST or not written.isprintable():
        raise ValueError(f"it must be at most {_LONGEST} printable characters")
    return written


def _moment(written: str) -> float:
    """Read what a browser's field of a date and a time gives; it is in UTC, as all times of the console are."""
    try:
        read = dt.datetime.fromisoformat(written)
    except ValueError:
        raise ValueError("it must be a time such as 2030-01-31T12:00") from None
    return (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp()


_READERS: Final[tuple[tuple[str, str, Callable[[str], Any]], ...]] = (
    ("state", "state", _state),
    ("class", "message_class", _class),
    ("account", "account", _text),
    ("connector", "connector", _text),
    ("reference", "reference", _text),
    ("since", "since", _moment),
    ("until", "until", _moment),
)
