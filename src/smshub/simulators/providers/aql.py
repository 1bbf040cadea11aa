"""AQL: the classic gateway at `/sms/sms_gw.php`, its credit at `/sms/postmsg.php`, and the second version at `/v2/`."""

import json
import re
import time
from typing import Any
from urllib.parse import quote

from smshub.simulators.providers.values import JSON, Answer, Call, Desk, Fate, Seen, Text, retry_in

PATH = r"/sms/(?:sms_gw|postmsg)\.php"
V2_PATH = r"/v2/sms/(?:send|credit)"

ERRORS = {
    "1": "Partially queued",
    "2": "Authentication error",
    "3": "Destination number(s) error",
    "4": "Send time error",
    "5": "Insufficient credit",
    "9": "Undefined error",
}
CREDIT = 1000
NUMBER = r"[1-9]\d{6,14}"


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as the classic gateway does: status, credits used, words."""
    known = desk.knows(seen.get("username"), seen.get("password"))
    if seen.path.endswith("postmsg.php"):
        return Answer(200, f"AQSMS-CREDIT={CREDIT}" if known else "AQSMS-AUTHERROR")
    if not known:
        return _no("2")
    if desk.refuse is not None or desk.throttled:
        return _no(desk.refuse if desk.refuse in ERRORS else "9")
    numbers = seen.get("destination").split(",")
    text = seen.get("message")
    good = [number for number in numbers if re.fullmatch(NUMBER, number)]
    if not good or not text:
        return _no("3" if not good else "9")
    taken = tuple(Text(number, text, f"aql-{desk.serial()}", seen.get("originator")) for number in good)
    status, words = ("0", "Message successfully queued") if len(good) == len(numbers) else ("1", ERRORS["1"])
    return Answer(200, f"{status}:{len(good)} {words}", taken=taken)


def report(seen: Seen, _: Desk, fate: Fate) -> Call | None:
    """Call the dlr_url of the request, with the code and the number put where their names stand."""
    url = seen.get("dlr_url")
    if not url:
        return None
    return Call("GET", url.replace("%code", "1" if fate.good else "2").replace("%dest", quote(fate.to)))


def v2(seen: Seen, desk: Desk) -> Answer:
    """Answer as the second version does, as far as its clients tell."""
    token = seen.headers.get("x-auth-token", "")
    if not token or (desk.users and token not in desk.users.values()):
        return _error(401, "Unauthenticated.")
    if desk.throttled:
        return _error(429, "Too Many Attempts.")
    if desk.refuse is not None:
        return _error(int(desk.refuse) if desk.refuse.isdigit() and 400 <= int(desk.refuse) < 600 else 422, "Refused.")
    if seen.path.endswith("credit"):
        return Answer(200, json.dumps({"data": {"credit": CREDIT}}), JSON)
    numbers = seen.fields.get("destinations")
    text = seen.fields.get("message")
    if not isinstance(numbers, list) or not all(re.fullmatch(NUMBER, str(number)) for number in numbers) or not text:
        return _error(422, "The given data was invalid.")
    taken = tuple(Text(str(one), str(text), str(desk.serial()), seen.get("originator")) for one in numbers)
    pages = {"total": len(taken), "count": len(taken), "per_page": 25, "current_page": 1, "total_pages": 1, "links": {}}
    body = {"data": [_message(one, desk.now) for one in taken], "meta": {"pagination": pages}}
    return Answer(200, json.dumps(body), JSON, taken=taken)


def _message(text: Text, now: float) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return {
        "id": int(text.ref),
        "source": text.sender or None,
        "destination": text.to,
        "received": at,
        "scheduled_delivery": at,
        "original_scheduled_delivery": at,
        "data": text.text,
        "state": "queued",
    }


def _no(code: str) -> Answer:
    return Answer(200, f"{code}:0 {ERRORS[code]}")


def _error(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message}), JSON, retry_in(1) if status == 429 else {})
