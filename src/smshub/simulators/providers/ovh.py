"""OVHcloud's SMS interface: the signed REST one under `/1.0` and http2sms under `/cgi-bin/sms/http2sms.cgi`."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from smshub.simulators.providers.values import JSON, Answer, Call, Desk, Fate, Seen, Text, retry_in

PATH = r"(?:/ovh)?/1\.0/(?:auth/time|sms/[^/]+(?:/jobs|/outgoing/[0-9]+)?)"
HTTP2SMS_PATH = r"/cgi-bin/sms/http2sms\.cgi"

CREDITS = 1987

# Seconds by which a timestamp may differ.
TOLERANCE = 300.0

# errorCode, HTTP status and words; a fault script may ask for any of them.
ERRORS: Mapping[str, tuple[int, str]] = {
    "INVALID_SIGNATURE": (400, "Invalid signature"),
    "QUERY_TIME_OUT": (400, "Query out of time"),
    "INVALID_KEY": (403, "This application key is invalid"),
    "INVALID_CREDENTIAL": (403, "This credential is not valid"),
    "NOT_CREDENTIAL": (403, "This call needs a credential"),
    "NOT_GRANTED_CALL": (403, "This call has not been granted"),
    "FORBIDDEN": (403, "The sender is not enabled on this account"),
    "RESOURCE_NOT_FOUND": (404, "The requested object does not exist"),
    "BAD_REQUEST": (400, "Missing message"),
    "409": (409, "Resource conflict"),
    "460": (460, "This service is expired"),
    "CREDIT": (402, "You do not have enough credits"),
    "429": (429, "Too many requests"),
    "500": (500, "Internal server error"),
}

HTTP2SMS_ERRORS: Mapping[int, str] = {
    201: "Missing message",
    202: "Invalid sender",
    401: "IP not authorized",
}


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as OVH's REST interface does: time to anybody, the rest to whoever signs by that time."""
    if seen.path.endswith("/auth/time"):
        return Answer(200, str(int(desk.now)), JSON)
    if error := _credentials(seen, desk):
        return _error(error)
    if desk.throttled:
        return _error("429")
    rest = re.sub(r"^.*/sms/[^/]+", "", seen.path)
    if seen.method == "GET" and not rest:
        return _json({"name": seen.path.rpartition("/")[2], "creditsLeft": CREDITS, "status": "enable"})
    if seen.method == "GET" and rest.startswith("/outgoing/"):
        return _outgoing(rest.rpartition("/")[2], desk)
    if seen.method == "POST" and rest == "/jobs":
        return _jobs(seen, desk)
    return _error("RESOURCE_NOT_FOUND")


def _credentials(seen: Seen, desk: Desk) -> str | None:
    """Find what is wrong with the key, the time or the signature."""
    key, consumer = seen.headers.get("x-ovh-application", ""), seen.headers.get("x-ovh-consumer", "")
    stamp, signature = seen.headers.get("x-ovh-timestamp", ""), seen.headers.get("x-ovh-signature", "")
    if not key or (desk.users and key not in desk.users):
        return "INVALID_KEY"
    if not consumer:
        return "NOT_CREDENTIAL"
    if not stamp.isdigit() or abs(int(stamp) - desk.now) > TOLERANCE:
        return "QUERY_TIME_OUT"
    if not desk.users:
        return None if re.fullmatch(r"\$1\$[0-9a-f]{40}", signature) else "INVALID_SIGNATURE"
    target = seen.target if seen.target.startswith("/") else "/" + seen.target.partition("://")[2].partition("/")[2]
    for scheme in ("http", "https"):
        url = f"{scheme}://{seen.headers.get('host', '')}{target}"
        signed = "+".join([desk.users[key], consumer, seen.method, url]).encode() + b"+" + seen.body
        expected = "$1$" + hashlib.sha1(signed + b"+" + stamp.encode(), usedforsecurity=False).hexdigest()
        if hmac.compare_digest(expected, signature):
            return None
    return "INVALID_SIGNATURE"


def _jobs(seen: Seen, desk: Desk) -> Answer:
    """Take a text for each receiver that can be one."""
    if desk.refuse is not None and desk.refuse != "receivers":
        return _error(desk.refuse if desk.refuse in ERRORS else "BAD_REQUEST")
    receivers = seen.fields.get("receivers")
    if not seen.get("message") or not isinstance(receivers, list):
        return _error("BAD_REQUEST")
    valid = [one for one in receivers if re.fullmatch(r"\+[1-9]\d{6,14}", str(one)) and desk.refuse is None]
    taken = tuple(
        Text(one.lstrip("+"), str(seen.fields["message"]), str(10_000_000 + desk.serial()), seen.get("sender"))
        for one in valid
    )
    report = {
        "totalCreditsRemoved": len(valid),
        "invalidReceivers": [one for one in receivers if one not in valid],
        "ids": [int(text.ref) for text in taken],
        "validReceivers": valid,
    }
    return Answer(200, json.dumps(report), JSON, taken=taken)


def _outgoing(ref: str, desk: Desk) -> Answer:
    """Tell what became of a text."""
    fate = desk.fate(ref)
    if fate is None:
        return _error("RESOURCE_NOT_FOUND")
    ptt, report = _numbers(fate)
    return _json({"id": int(ref), "receiver": f"+{fate.to}", "ptt": ptt, "deliveryReceipt": report, "credits": 1})


def report(seen: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Call the address of the account, which is not in the request, with the fields in its query."""
    if desk.callback is None:
        return None
    ptt, dlr = _numbers(fate)
    fields = {"id": fate.ref, "ptt": ptt, "date": "2026-01-31 12:00:00", "description": dlr, "descriptionDlr": "Report"}
    return Call("GET", f"{desk.callback}{'&' if '?' in desk.callback else '?'}{urlencode(fields)}")


def _numbers(fate: Fate) -> tuple[int, int]:
    """Give `ptt` and the number of the report."""
    return (3, 0) if fate.good is None else (4, 1) if fate.good else (5, 2)


def http2sms(seen: Seen, desk: Desk) -> Answer:
    """Answer as http2sms does: always 200; in JSON where that is asked for, else in lines."""
    if not desk.knows(seen.get("login"), seen.get("password")) or not seen.get("account"):
        return _said(seen, 202, "Invalid login or password")
    if desk.throttled:
        return Answer(429, "Too many requests", headers=retry_in(1))
    if desk.refuse is not None:
        code = int(desk.refuse) if desk.refuse.isdigit() else 202
        return _said(seen, code, HTTP2SMS_ERRORS.get(code, "Refused"))
    for name in ("to", "message"):
        if not seen.get(name):
            return _said(seen, 201, f"Missing {name}")
    if not seen.get("from") and seen.get("senderForResponse") != "1":
        return _said(seen, 201, "Missing from")
    if not re.fullmatch(r"(?:\+|00)[1-9]\d{6,14}", seen.get("to")):
        return _said(seen, 202, "Invalid receiver")
    number = re.sub(r"^(?:\+|00)", "", seen.get("to"))
    text = seen.get("message").replace("\r", "\n")
    taken = Text(number, text, str(10_000_000 + desk.serial()), seen.get("from"))
    if "json" in seen.get("contentType"):
        said = {"status": 100, "creditLeft": str(CREDITS), "SmsIds": [taken.ref]}
        return Answer(200, json.dumps(said), JSON, taken=(taken,))
    return Answer(200, f"OK\n{CREDITS}\n{taken.ref}", taken=(taken,))


def _said(seen: Seen, status: int, words: str) -> Answer:
    """Refuse."""
    if "json" in seen.get("contentType"):
        return _json({"status": status, "message": words})
    return Answer(200, f"KO\n{words}")


def _json(value: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(value), JSON)


def _error(name: str) -> Answer:
    status, words = ERRORS[name]
    code = name if not name.isdigit() else "CLIENT_ERROR"
    error = {"errorCode": code, "httpCode": f"{status} Error", "message": words}
    return Answer(status, json.dumps(error), JSON, retry_in(1) if status == 429 else {})
