"""What Clickatell calls the hub with: reports on texts, and texts of people."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from smshub.connectors.callbacks import Callback, Called, moment
from smshub.connectors.clickatell.codes import ONE_STATES, STATES
from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.incoming import Incoming

MAX_EVENTS = 1_000

# Character sets in which Clickatell says that it writes; anything else is read as UTF-8.
CHARSETS = frozenset({"UTF-8", "UTF-16BE", "ISO-8859-1", "WINDOWS-1252", "US-ASCII"})

_RUN = re.compile("(?:%[0-9A-Fa-f]{2})+")


def read(callback: Callback, connector: str) -> Called:
    """Read a call in whichever shape it has. Raises ValueError for what is none of them."""
    if callback.body.lstrip()[:1] == b"{":
        told = json.loads(callback.body)
        if isinstance(told.get("event"), dict):
            return _events(told["event"], callback.at, connector)
        if "statusCode" in told:
            return Called((_receipt(told.get("messageId"), told["statusCode"], told, callback.at, STATES),))
        return Called((), (_platform_text(told, callback.at, connector),))
    fields = {name.lower(): value for name, value in callback.fields.items()}
    if "apimsgid" in fields and "status" in fields:
        at = moment(fields.get("timestamp"), callback.at)
        return Called((_state(fields["apimsgid"], fields["status"], at, STATES),))
    if "momsgid" in fields:
        return Called((), (_old_text(callback, fields, connector),))
    raise ValueError("none of Clickatell's calls")


def _events(event: Mapping[str, Any], at: float, connector: str) -> Called:
    """Read what the One API tells, several at once; what is no text and no report says nothing."""
    reports, texts = _listed(event, "messageStatusUpdate"), _listed(event, "moText")
    return Called(
        tuple(_receipt(one.get("messageId"), one.get("statusCode"), one, at, ONE_STATES) for one in reports),
        tuple(
            Incoming(
                "",
                connector,
                _number(one.get("from")),
                _number(one.get("to")),
                str(one.get("content") or ""),
                moment(one.get("timestamp"), at, per_second=1000.0),
                str(one.get("messageId") or ""),
            )
            for one in texts
            if str(one.get("channel") or "sms").strip() == "sms"
        ),
    )


def _listed(event: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = event.get(name) or []
    if not isinstance(found, list) or len(found) > MAX_EVENTS or not all(isinstance(one, dict) for one in found):
        raise ValueError("no list of events")
    return found


def _receipt(ref: Any, code: Any, told: Mapping[str, Any], at: float, states: Mapping[int, ReceiptState]) -> Receipt:
    return _state(ref, code, moment(told.get("timestamp"), at, per_second=1000.0), states)


def _state(ref: Any, code: Any, at: float, states: Mapping[int, ReceiptState]) -> Receipt:
    """Make a report. Raises ValueError where it lacks its id or its code."""
    written = str(code).strip()
    if not isinstance(ref, str) or not ref or not re.fullmatch(r"[0-9]{1,4}", written):
        raise ValueError("a report without an id or a code")
    return Receipt(ref, states.get(int(written), ReceiptState.UNKNOWN), at, written)


def _platform_text(told: Mapping[str, Any], at: float, connector: str) -> Incoming:
    """Read a text that the Platform tells of; outside UTF-8 it is escaped as in an address."""
    if "fromNumber" not in told or not isinstance(told.get("text"), str):
        raise ValueError("none of Clickatell's calls")
    charset = str(told.get("charset") or "UTF-8")
    text = told["text"] if charset.upper() == "UTF-8" else unescaped(told["text"], charset)
    when = moment(told.get("timestamp"), at, per_second=1000.0)
    sender, to = _number(told["fromNumber"]), _number(told.get("toNumber"))
    return Incoming("", connector, sender, to, text, when, str(told.get("messageId") or ""))


def _old_text(callback: Callback, fields: Mapping[str, str], connector: str) -> Incoming:
    """Read a text that the old interfaces tell of. The time that they write is of no said zone, so ours counts."""
    raw = next((value for name, value in _raw_pairs(callback) if name.lower() == "text"), "")
    text = unescaped(raw, fields.get("charset") or "UTF-8")
    sender, to = _number(fields.get("from")), _number(fields.get("to"))
    return Incoming("", connector, sender, to, text, callback.at, fields["momsgid"])


def _raw_pairs(callback: Callback) -> Iterable[tuple[str, str]]:
    """Give the fields of form and query as they are written, for they may be in any character set."""
    body = callback.body.decode("latin-1") if callback.form else ""
    for pair in (*body.split("&"), *callback.url.partition("?")[2].split("&")):
        name, _, value = pair.partition("=")
        yield name, value


def unescaped(raw: str, charset: str) -> str:
    """
    Undo the escapes of a text that was written in a character set.

    In UTF-16 a plain letter may stand for itself, with only the others as escaped pairs of bytes, or all bytes stand
    for themselves where they are letters; whichever gives whole characters is meant.
    """
    codec = charset if charset.upper() in CHARSETS else "UTF-8"
    spaced = raw.replace("+", " ")
    try:
        return _RUN.sub(lambda run: unquote_to_bytes(run[0]).decode(codec), spaced)
    except UnicodeDecodeError:
        return unquote_to_bytes(spaced).decode(codec, "replace")


def _number(value: Any) -> str:
    return str(value or "").removeprefix("+")
