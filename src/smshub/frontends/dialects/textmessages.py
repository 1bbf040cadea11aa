"""
The CSU SMS hub's door: POST /api/Login and POST /api/TextMessages.

Its clients are C#, jQuery and PHP programs that are already deployed. The original's binder matches names without
regard to case, takes a form as well as JSON, and reads a number where a text is meant; so does this.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from smshub.domain.commands import Refusal, Refused, SendTexts, Submitted, text_of
from smshub.frontends.dialects.statuses import SAFE, STATUS_OF_ERROR, STATUSES
from smshub.protocols.jsonrpc import JsonError, load

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]

MOST_FIELDS: Final = 100
LONGEST_PROGRAM: Final = 255

# What stands between the digits of a number, and is taken out of it.
_BETWEEN: Final = str.maketrans("", "", " ()-.+")
_DIGITS: Final = re.compile(r"[0-9]+")
_BEARER: Final = re.compile(r"bearer +(.*)", re.IGNORECASE | re.DOTALL)


class Recipient(msgspec.Struct, frozen=True):
    """A message of the answer."""

    id: str
    to: str
    status: str


class RefusedNumber(msgspec.Struct, frozen=True):
    """A number that was not taken, as it was written, and why."""

    to: str
    error: str


class Sent(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    The answer to a call: a message for each number, in the order in which they were written.

    `refused` are those that were not taken; only an account with `partial` has the others sent then.
    """

    messages: tuple[Recipient, ...]
    refused: tuple[RefusedNumber, ...] = ()


def decode_login(body: bytes, content_type: str) -> tuple[str, str]:
    """Read ProgramSID and ProgramKey. Raises `Refused` (MALFORMED), naming the member at fault."""
    members = _members(body, content_type)
    return _needed(members, "ProgramSID"), _needed(members, "ProgramKey")


def decode_send(body: bytes, content_type: str, *, client: str, partial: bool = False) -> SendTexts:
    """
    Read a text and its numbers; `client` names the caller where ProgramId does not.

    DateSent is the sender's clock and decides nothing. With `partial` the hub judges each number, and here none refuses
    the call. Raises `Refused` (MALFORMED), naming the member at fault.
    """
    members = _members(body, content_type)
    program = members.get("programid")
    if isinstance(program, str) and program and len(program) <= LONGEST_PROGRAM and program.isprintable():
        client = program
    text = members.get("message")
    if text is None:
        raise _missing("Message")
    if not isinstance(text, str):
        raise _malformed("the member 'Message' is not a text", "Message")
    return SendTexts(to=numbers(_needed(members, "PhoneNumber"), partial=partial), text=text, client=client)


def numbers(written: str, *, partial: bool = False) -> tuple[str, ...]:
    """
    Take a list of numbers apart at its commas; each stays as it is written, for the answer repeats it.

    Raises `Refused` for the first that is not digits, once blanks, brackets, hyphens, dots and plus signs are out.
    """
    pieces = [piece for part in written.split(",") if (piece := part.strip())]
    for piece in () if partial and len(pieces) > 1 else pieces:
        if not _DIGITS.fullmatch(piece.translate(_BETWEEN)):
            raise Refused(
                Refusal.MALFORMED, "BadNumber", member="PhoneNumber", value=piece[:40], why="it is not only digits"
            )
    if not pieces:
        raise Refused(Refusal.MALFORMED, "NoRecipient", member="PhoneNumber")
    return tuple(pieces)


def token_of(authorization: bytes | None) -> str:
    """
    Read the Authorization header: `Bearer` and a token, or the token by itself, as the C# and PHP samples send it.

    Raises `Refused` (UNAUTHENTICATED) where there is none.
    """
    written = (authorization or b"").decode("latin-1").strip()
    bearer = _BEARER.fullmatch(written)
    token = bearer[1].strip() if bearer else written
    if not token or not token.isascii():
        raise Refused(Refusal.UNAUTHENTICATED, "BadToken")
    return token


def encode_token(token: str) -> Answer:
    """Answer a login: the token as a bare JSON string, from which clients take the quotation marks themselves."""
    return 200, [(b"content-type", b"application/json"), *SAFE], msgspec.json.encode(token)


def encode_sent(submitted: Submitted, catalogue: Mapping[str, str]) -> Answer:
    """Answer a call: an id and a state for each number."""
    refused = tuple(RefusedNumber(one.to, text_of(one.refused, catalogue)) for one in submitted.refused)
    messages = tuple(Recipient(one.id, one.to_written, one.state.value) for one in submitted.messages)
    return 200, [(b"content-type", b"application/json"), *SAFE], msgspec.json.encode(Sent(messages, refused))


def encode_refused(refused: Refused, catalogue: Mapping[str, str]) -> Answer:
    """Answer a refusal with its status and one line of text, which the clients keep as the result."""
    status = STATUS_OF_ERROR.get(refused.error) or STATUSES[refused.refusal]
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *SAFE]
    if status == STATUSES[Refusal.UNAUTHENTICATED]:
        headers.append((b"www-authenticate", b'Bearer realm="smshub"'))
    if status in {STATUSES[Refusal.LIMITED], STATUSES[Refusal.UNAVAILABLE]}:
        headers.append((b"retry-after", b"%d" % max(1, round(refused.retry_after or 1.0))))
    line = text_of(refused, catalogue).encode("utf-8", "backslashreplace")
    return status, headers, line + b"\n"


def _members(body: bytes, content_type: str) -> Mapping[str, Any]:
    """Read a body into its members by their names in small letters."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        pairs = _form(body)
    elif kind in {"application/json", "text/json", ""} or kind.endswith("+json"):
        pairs = list(_json(body).items())
    else:
        raise Refused(
            Refusal.MALFORMED,
            "WrongContentType",
            member="Content-Type",
            value=content_type[:80],
            wanted="application/json or application/x-www-form-urlencoded",
        )
    members: dict[str, Any] = {}
    for name, value in pairs:
        folded = name.lower()
        if folded in members:
            raise _malformed(f"the member '{_shown(name)}' is named twice", _shown(name))
        members[folded] = value
    return members


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        document = load(body)
    except JsonError as error:
        raise _malformed(str(error)) from None
    if not isinstance(document, dict):
        raise _malformed("it is not a JSON object")
    return document


def _form(body: bytes) -> list[tuple[str, Any]]:
    try:
        return list(
            parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS),
        )
    except (UnicodeDecodeError, ValueError):
        raise _malformed("the form cannot be read") from None


def _needed(members: Mapping[str, Any], name: str) -> str:
    """Give a member that must be there; a whole number is taken as its digits."""
    value = members.get(name.lower())
    if value is None or value == "":
        raise _missing(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _malformed(f"the member '{name}' is not a text", name)
    return value


def _missing(name: str) -> Refused:
    return _malformed(f"the member '{name}' is missing", name)


def _malformed(why: str, member: str | None = None) -> Refused:
    return Refused(Refusal.MALFORMED, "MalformedBody", member=member, why=why)


def _shown(name: str) -> str:
    return name[:40].encode("utf-8", "backslashreplace").decode()
