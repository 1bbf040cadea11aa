"""Clickatell's old HTTP API, `/http/sendmsg` and its neighbours."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from smshub.simulators.providers.values import Answer, Call, Desk, Fate, Seen, Text

PATH = r"/http/(?:auth|ping|sendmsg|querymsg|getbalance)"

ERRORS: Mapping[str, str] = {
    "001": "Authentication failed",
    "101": "Invalid or missing parameters",
    "105": "Invalid Destination Address",
    "106": "Invalid Source Address",
    "107": "Empty message",
    "108": "Invalid or missing API ID",
    "113": "Maximum message parts exceeded",
    "114": "Cannot route message",
    "116": "Invalid Unicode Data",
    "121": "Destination mobile number blocked",
    "122": "Destination mobile opted out",
    "130": "Maximum MT limit exceeded",
    "301": "No Credit Left",
    "901": "Internal error - please retry",
}


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as Clickatell's old HTTP API does: always status 200, the rest is in the text."""
    command = seen.path.rpartition("/")[2]
    session = seen.get("session_id")
    known = bool(session) or desk.knows(seen.get("user"), seen.get("password"))
    if not known or (not session and not seen.get("api_id")):
        return _error("108" if known else "001")
    if desk.throttled:
        return _error("130")
    match command:
        case "auth":
            return Answer(200, f"OK: {desk.serial():032x}")
        case "ping":
            return Answer(200, "OK:")
        case "getbalance":
            return Answer(200, "Credit: 1000.000")
        case "querymsg":
            return Answer(200, f"ID: {seen.get('apimsgid')} Status: 004")
        case _:
            return _send(seen, desk)


def _send(seen: Seen, desk: Desk) -> Answer:
    """Take a text for each number."""
    text = _text(seen)
    if seen.get("unicode") == "1":
        try:
            text = bytes.fromhex(text).decode("utf-16-be")
        except ValueError:
            return _error("116")
    if not text:
        return _error("107")
    numbers = seen.get("to").split(",")
    lines = []
    taken = []
    for number in numbers:
        to = f" To: {number}" if len(numbers) > 1 else ""
        if desk.refuse is not None or not re.fullmatch(r"[1-9]\d{6,14}", number):
            lines.append(_error(desk.refuse or "105").body + to)
            continue
        ref = f"{desk.serial():032x}"
        lines.append(f"ID: {ref}{to}")
        taken.append(Text(number, text, ref, seen.get("from")))
    return Answer(200, "\n".join(lines), taken=tuple(taken))


def _text(seen: Seen) -> str:
    """Read the text in Latin-1, as this interface does what is not said to be Unicode, unless it looks like UTF-8."""
    if "\ufffd" not in seen.get("text"):
        return seen.get("text")
    raw = "&".join((seen.target.partition("?")[2], seen.body.decode("latin-1")))
    return dict(parse_qsl(raw, keep_blank_values=True, encoding="latin-1")).get("text", "")


def report(seen: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Call the address of the account, by GET, where the request asked for final states (bit 2 of its mask)."""
    mask = seen.get("callback")
    if not desk.callback or not mask.isdigit() or not int(mask) & 2:
        return None
    fields = {
        "api_id": seen.get("api_id"),
        "apiMsgId": fate.ref,
        "cliMsgId": seen.get("climsgid", "clientMessageId"),
        "to": fate.to,
        "timestamp": str(int(desk.now)),
        "from": fate.sender,
        "status": "004" if fate.good else "007",
        "charge": "1.000000",
    }
    return Call("GET", f"{desk.callback}{'&' if '?' in desk.callback else '?'}{urlencode(fields)}")


def _error(code: str) -> Answer:
    return Answer(200, f"ERR: {code}, {ERRORS.get(code, 'Unknown error')}")
