"""Vonage's SMS interface, `/sms/json`, and the balance, `/account/get-balance`: always 200, an answer for each part."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from smshub.domain.text import measure
from smshub.simulators.providers.values import JSON, Answer, Call, Desk, Fate, Seen, Text

PATH = r"(?:/vonage)?/(?:sms/json|account/get-balance)"

BALANCE = 31.41

# A fault script may ask for any of them, `6@2` for one that befalls the second part only.
ERRORS: Mapping[str, str] = {
    "1": "Throughput Rate Exceeded - please wait [ 250 ] and retry",
    "2": "Missing to param",
    "3": "Invalid value for parameter: type",
    "4": "Bad Credentials",
    "5": "Internal Error",
    "6": "Unroutable message - rejected",
    "7": "Number barred",
    "8": "Partner account barred",
    "9": "Quota Exceeded - rejected",
    "10": "Too many existing binds",
    "11": "Account not enabled for HTTP",
    "12": "Message too long",
    "14": "Invalid Signature",
    "15": "Invalid sender address - rejected",
    "22": "Invalid network code",
    "23": "Invalid callback url",
    "29": "Non White-listed Destination - rejected",
    "32": "Signature And API Secret Disallowed",
    "33": "Number De-activated",
}


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as Vonage does."""
    if seen.path.endswith("/get-balance"):
        if not desk.knows(*_who(seen)):
            return Answer(401, json.dumps({"error-code": "401", "error-code-label": "authentication failed"}), JSON)
        return Answer(200, json.dumps({"value": BALANCE, "autoReload": False}), JSON)
    refuse, _, part = (desk.refuse or "").partition("@")
    if error := _fault(seen, desk) or (refuse if desk.refuse is not None and not part else None):
        return _sms([_failed(error)])
    return _take(seen, desk, refuse if part else None, int(part) if part.isdigit() else 0)


def _who(seen: Seen) -> tuple[str, str]:
    """Give the key and the secret, from the header or from the fields."""
    user, password = seen.basic()
    return (user, password) if user else (seen.get("api_key"), seen.get("api_secret"))


def _fault(seen: Seen, desk: Desk) -> str | None:
    """Find what Vonage would complain of."""
    signed = bool(seen.get("sig"))
    if signed and seen.get("api_secret"):
        return "32"
    if signed and not _is_signed(seen, desk):
        return "14"
    if not signed and not desk.knows(*_who(seen)):
        return "4"
    faults = (
        (desk.throttled, "1"),
        (seen.method not in {"POST", "GET"}, "2"),
        (not seen.get("to") or not seen.get("from"), "2"),
        (not seen.get("text") and not seen.get("body"), "2"),
        (seen.get("type") not in {"", "text", "unicode", "binary"}, "3"),
        (not re.fullmatch(r"[1-9]\d{6,14}", seen.get("to")), "6"),
        (not 20_000 <= _number(seen.get("ttl") or "20000") <= 604_800_000, "3"),
        (len(seen.get("callback")) > 100, "23"),
        (measure(seen.get("text")).segments > 9, "12"),
    )
    return next((code for wrong, code in faults if wrong), None)


def _take(seen: Seen, desk: Desk, refuse: str | None, part: int) -> Answer:
    """Give an answer for each part."""
    parts = measure(seen.get("text")).segments
    entries: list[dict[str, Any]] = []
    refs = []
    for number in range(1, parts + 1):
        if refuse is not None and number == min(part, parts):
            entries.append(_failed(refuse))
            continue
        refs.append(f"0A{desk.serial():014X}")
        entry = {"to": seen.get("to"), "message-id": refs[-1], "status": "0", "remaining-balance": str(BALANCE)}
        entry |= {"message-price": "0.0333", "network": "26201"}
        entries.append(entry | ({"client-ref": seen.get("client-ref")} if seen.get("client-ref") else {}))
    whole = len(refs) == parts
    taken = (Text(seen.get("to"), seen.get("text"), refs[0], seen.get("from"), tuple(refs[1:])),) if whole else ()
    return _sms(entries, taken)


def report(seen: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Post a report on one part as JSON to the address of the request, or of the account; signed where it can be."""
    url = seen.get("callback") or desk.callback
    if not url or seen.get("status-report-req") == "0":
        return None
    fields = {
        "msisdn": fate.to,
        "to": fate.sender,
        "network-code": "26201",
        "messageId": fate.ref,
        "price": "0.03330000",
        "status": "delivered" if fate.good else "failed",
        "scts": "2601311200",
        "err-code": "0" if fate.good else "1",
        "api-key": _who(seen)[0],
        "message-timestamp": "2026-01-31 12:00:00",
    }
    if seen.get("client-ref"):
        fields["client-ref"] = seen.get("client-ref")
    if desk.signing:
        fields |= {"timestamp": str(int(desk.now)), "nonce": f"{desk.serial():032x}"}
        fields["sig"] = signatures(fields, desk.signing)[0]
    return Call("POST", url, {"Content-Type": JSON}, json.dumps(fields).encode())


def text_of_somebody(fields: Mapping[str, str], url: str) -> Call:
    """Make the call that brings a text of somebody, in the query as an account may choose it."""
    return Call("GET", f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}")


def signatures(fields: Mapping[str, Any], secret: str) -> tuple[str, ...]:
    """Give the signatures by every method, the default first."""
    names = sorted(name for name in fields if name != "sig")
    text = "".join(f"&{name}={re.sub('[&=]', '_', str(fields[name]))}" for name in names).encode()
    plain = hashlib.md5(text + secret.encode(), usedforsecurity=False).hexdigest()
    return plain, *(hmac.new(secret.encode(), text, kind).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512"))


def _is_signed(seen: Seen, desk: Desk) -> bool:
    """Say whether the fields bear one of their signatures; without known secrets any that looks like one will do."""
    if not desk.signing:
        return re.fullmatch(r"[0-9a-fA-F]{32,128}", seen.get("sig")) is not None and seen.get("timestamp").isdigit()
    return seen.get("sig").lower() in signatures(seen.fields, desk.signing)


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"[0-9]{1,12}", written) else -1


def _failed(status: str) -> dict[str, Any]:
    return {"status": status, "error-text": ERRORS.get(status, "Unknown error")}


def _sms(entries: list[dict[str, Any]], taken: tuple[Text, ...] = ()) -> Answer:
    return Answer(200, json.dumps({"message-count": str(len(entries)), "messages": entries}), JSON, taken=taken)
