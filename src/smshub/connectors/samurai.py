"""sipgate's XML-RPC interface, samurai: its calls written and its answers read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xmlrpc.client import dumps

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

from smshub.domain.delivery import Reason

OK = 200
MAX_TAGS = 1_000

# `StatusCode` of an answer, documented in sipgate's API manual 1.06.
REASONS: Mapping[int, Reason] = {
    400: Reason.MISCONFIGURED,  # no such method
    401: Reason.BAD_CREDENTIALS,  # request denied
    403: Reason.MISCONFIGURED,  # arguments
    404: Reason.TEMPORARY,  # resources exceeded
    405: Reason.MISCONFIGURED,
    406: Reason.MISCONFIGURED,
    407: Reason.MISCONFIGURED,
    408: Reason.MISCONFIGURED,
    409: Reason.MISCONFIGURED,
    410: Reason.CONTENT,  # a parameter is too long
    411: Reason.MISCONFIGURED,
    412: Reason.THROTTLED,
    500: Reason.MISCONFIGURED,  # date out of range
    501: Reason.INVALID_ORIGINATOR,  # the address is not the user's
    502: Reason.MISCONFIGURED,  # no such type of service
    503: Reason.NO_CREDIT,  # the payment failed
    504: Reason.MISCONFIGURED,
    505: Reason.NO_CREDIT,  # the amount exceeds the limit
    506: Reason.INVALID_RECIPIENT,  # no SIP address
    507: Reason.MISCONFIGURED,
    508: Reason.INVALID_RECIPIENT,  # not E.164
    520: Reason.CONTENT,  # characters
    523: Reason.MISCONFIGURED,
    525: Reason.MISCONFIGURED,  # the account has no such service
}

# Where the server itself broke: whether before or after it took the text, nobody knows.
BROKEN = frozenset({402})

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: the members of its struct, by name and as they are written; those of a fault where it is one."""

    members: Mapping[str, str]
    fault: bool = False

    @property
    def status(self) -> int:
        """The status, or the code of the fault; 0 where it has none."""
        written = self.members.get("faultCode" if self.fault else "StatusCode", "").strip()
        return int(written) if re.fullmatch(r"-?[0-9]{1,6}", written) else 0

    @property
    def words(self) -> str:
        """What it says in words."""
        return self.members.get("faultString" if self.fault else "StatusString", "")


def unwritable(text: str) -> bool:
    """Say whether a text holds a character that no XML can, such as a form feed."""
    return _UNWRITABLE.search(text) is not None


def call(method: str, members: Mapping[str, str] | None = None) -> bytes:
    """Write a call with one struct, or none. Raises ValueError for what XML cannot hold."""
    if any(unwritable(value) for value in (members or {}).values()):
        raise ValueError("a character that XML cannot hold")
    arguments: tuple[Any, ...] = (dict(members),) if members else ()
    body = dumps(arguments, method, encoding="UTF-8")
    # A reader takes a bare carriage return for the end of a line (XML 1.0 §2.11).
    return body.replace("\r", "&#13;").encode()


def read(body: bytes) -> Answer:
    """Read an answer. Raises ValueError where it is none, holds a document type or entities, or is too large."""
    if body.count(b"<") > MAX_TAGS:
        raise ValueError("too many tags")
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(f"no XML that may be read ({type(error).__name__})") from None
    fault = root.find("./fault/value/struct")
    struct = root.find("./params/param/value/struct") if fault is None else fault
    if root.tag != "methodResponse" or struct is None:
        raise ValueError("no answer of XML-RPC")
    return Answer(dict(_members(struct)), fault is not None)


def _members(struct: Any) -> list[tuple[str, str]]:
    """Give the members of a struct; of a struct within it, its members as `outer.inner`."""
    found = []
    for member in struct.findall("./member"):
        name = member.findtext("./name", "")
        inner = member.find("./value/struct")
        if inner is not None:
            found += [(f"{name}.{one.findtext('./name', '')}", _value(one)) for one in inner.findall("./member")]
        else:
            found.append((name, _value(member)))
    return found


def _value(member: Any) -> str:
    """Give a simple value as it is written, with or without a type around it."""
    value = member.find("./value")
    return "" if value is None else "".join(value.itertext())
