"""Says what is wrong with a JSON body: which member, and why. Only what failed, or looks odd, comes here."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from smshub.domain.commands import Refusal, Refused
from smshub.protocols.jsonrpc import JsonError, load

T = TypeVar("T", bound=msgspec.Struct)

LONGEST_SHOWN: Final = 40

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*?)`(?: - at `.*)?$", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*?)`")
_EXPECTED: Final = re.compile(r"Expected `(.*?)`, got `(.*?)`")
_AT: Final = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_WORDS: Final = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "a time as a string",
}


def malformed(why: str, member: str | None = None) -> Refused:
    """Make the refusal of a body that is not what the door takes."""
    return Refused(Refusal.MALFORMED, "MalformedBody", member=member, why=why)


def shown(value: object) -> str:
    """Give a caller's value as an answer may repeat it: cut short, and without what cannot be written as UTF-8."""
    return str(value)[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode()


def read(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Read a body strictly into the document of a decoder. Raises `Refused`, naming the member at fault."""
    try:
        value = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise refusal_of(body, error, decoder.type.__struct_encode_fields__) from None
    refuse_repeated(body)
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that may hold any object. Raises `Refused`."""
    _check_start(body)
    refuse_repeated(body)
    try:
        value = load(body)
    except JsonError as error:
        raise malformed(_said(error)) from None
    if not isinstance(value, dict):
        raise malformed("it is not an object")
    return value


def refusal_of(body: bytes, error: Exception, members: Sequence[str]) -> Refused:
    """Tell why a decoder that knows these members did not take the body."""
    try:
        _check_start(body)
        document = refuse_repeated(body)
    except Refused as refused:
        return refused
    if isinstance(error, msgspec.ValidationError):
        return _wrong(str(error), document, members)
    try:
        load(body)
    except JsonError as unreadable:
        return malformed(_said(unreadable))
    return malformed("it is not JSON")


def refuse_repeated(body: bytes) -> Any:
    """
    Read a body leniently for what a strict reader does not tell: a member named twice, half a surrogate pair.

    Gives what it read, None where it is no JSON. Raises `Refused` with the member's name.
    """
    try:
        document = _PAIRS.decode(body.decode())
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        for name, value in document.items():
            if any(_SURROGATES.search(text) for text in _texts(name, value)):
                raise malformed(f"the member '{shown(name)}' holds a lone surrogate", shown(name))
    return document


def did_you_mean(name: str, members: Iterable[str]) -> str:
    """Tell the nearest known name, or all of them."""
    names = list(members)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(names)}."


def _check_start(body: bytes) -> None:
    if not body.strip():
        raise malformed("it is empty")
    if body.startswith(_BYTE_ORDER_MARK):
        raise malformed("it begins with a byte order mark")


def _texts(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [name, *(item for item in items if isinstance(item, str))]


def _said(error: JsonError) -> str:
    # Some of the standard library's words end in "at", ready for a place of another form.
    return str(error).replace(" at at ", " at ")


def _wrong(message: str, document: Any, members: Sequence[str]) -> Refused:
    """Put the decoder's message about a value into our words."""
    if unknown := _UNKNOWN.match(message):
        name = unknown[1]
        hint = did_you_mean(name[:LONGEST_SHOWN], members)
        return Refused(Refusal.MALFORMED, "UnknownMember", member=shown(name), value=shown(name), hint=hint)
    if missing := _MISSING.match(message):
        return malformed(f"the member '{missing[1]}' is missing", missing[1])
    place = found[1] if (found := _AT.search(message)) else ""
    member = place.partition("[")[0]
    value = shown(document.get(member, "")) if isinstance(document, dict) else ""
    if message.startswith("Invalid enum value"):
        return Refused(Refusal.MALFORMED, "BadType" if member == "type" else "BadClass", member=member, value=value)
    if "datetime" in message and "got" not in message:
        why = "it has no offset, such as Z or +02:00" if "timezone" in message else "it is no time of RFC 3339"
        return Refused(Refusal.MALFORMED, "BadSchedule", member=member, value=value, why=why)
    if expected := _EXPECTED.match(message):
        return malformed(f"{place or 'it'} is {_words(expected[2])}, not {_words(expected[1])}", member or None)
    return malformed(f"{place or 'it'} is out of range", member or None)


def _words(types: str) -> str:
    names = [_WORDS.get(name, name) for name in types.split(" | ") if name != "null" or types == "null"]
    return " or ".join(names)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise malformed(f"the member '{shown(name)}' is named twice", shown(name))
            seen.add(name)
    return made


_PAIRS: Final = json.JSONDecoder(object_pairs_hook=_pairs)
