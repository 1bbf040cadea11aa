"""The documents of the commands: what is written for each, and what cannot be. `now` is in seconds since 1970."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smshub.publisher.errors import InvalidArgument

Document = dict[str, Any]
Id = str | int

MOST_PARAMS: Final = 4


def text(
    command: str,
    receiver: str,
    asked: Id,
    lifetime: float | None,
    message: str,
    now: float,
    subject: str | None = None,
) -> Document:
    """Write a send-sms, send-email or send-message; `lifetime` is in seconds, None leaves it to the server."""
    data: Document = {"date_time": int(now)}
    if lifetime is not None:
        data["expiration"] = int(now) + _seconds(lifetime)
    data |= {"id": asked, "receiver": receiver, "message": message}
    if subject is not None:
        data["subject"] = subject
    return {"command": command, "data": data}


def request_otp(
    receiver: str,
    asked: Id,
    reference: Id,
    lifetime: float,
    message: str,
    params: Sequence[Id],
    subject: str | None,
    now: float,
) -> Document:
    """Write a request-otp; without an `expiration` an OTP-Pi makes a code that has expired already."""
    document = text("request-otp", receiver, asked, lifetime, message, now, subject)
    document["data"] |= {"reference": str(reference), **_members(params)}
    return document


def verify_otp(receiver: str, code: str, reference: Id, params: Sequence[Id], now: float) -> Document:
    """Write a verify-otp."""
    data = {"date_time": int(now), "receiver": receiver, "otp": code, "reference": str(reference), **_members(params)}
    return {"command": "verify-otp", "data": data}


def plain(command: str, now: float, **data: Id) -> Document:
    """Write a command with nothing but these members."""
    return {"command": command, "data": {"date_time": int(now), **data}}


def four(params: Sequence[Id]) -> tuple[str, str, str, str]:
    """Make parameters text, and four of them. Raises `InvalidArgument`."""
    if isinstance(params, str) or len(params) > MOST_PARAMS:
        raise InvalidArgument(f"params must be a list of at most {MOST_PARAMS}")
    first, second, third, fourth = [*map(str, params), "", "", "", ""][:MOST_PARAMS]
    return first, second, third, fourth


def filled(template: str, code: str) -> str:
    """Put a code where the one %s is, and nowhere else. Raises `InvalidArgument`."""
    before, found, after = template.partition("%s")
    if not found or "%s" in after:
        raise InvalidArgument("the message must contain exactly one %s")
    return before + code + after


def encode(document: Mapping[str, Any]) -> bytes:
    """Write a document as JSON. Raises `InvalidArgument`."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):  # an error's text could repeat what it is about
        raise InvalidArgument("the request cannot be written as JSON") from None


def _members(params: Sequence[Id]) -> Document:
    return {f"param{place}": value for place, value in enumerate(four(params), 1)}


def _seconds(lifetime: float) -> int:
    if not 1 <= lifetime <= 10**9:  # NaN is not either
        raise InvalidArgument("the lifetime must be at least one second")
    return int(lifetime)
