"""Clickatell's interfaces in JSON: the old REST API, the Platform, the One API, and what is left with each."""

import json
import re
from collections.abc import Mapping
from typing import Any

from smshub.simulators.providers.clickatell import ERRORS
from smshub.simulators.providers.values import JSON, Answer, Call, Desk, Fate, Seen, Text

REST_PATH = r"/rest/(?:message|account/balance)"
PLATFORM_PATH = r"/messages|/public-client/balance"
ONE_PATH = r"/v1/message"

NUMBER = r"[1-9]\d{6,14}"
MAX_NUMBERS = 200

# Fields that each knows; with another it refuses the whole.
PLATFORM_FIELDS = frozenset(
    {
        *("content", "to", "from", "binary", "clientMessageId"),
        *("scheduledDeliveryTime", "userDataHeader", "validityPeriod", "charset"),
    }
)
ONE_FIELDS = frozenset({"channel", "to", "content", "from", "clientMessageId"})

# The One API's errors: their HTTP status, where the whole is refused, and words.
ONE_ERRORS: Mapping[str, tuple[int, str]] = {
    "1": (401, "Invalid or missing integration API key"),
    "2": (400, "Account is not active"),
    "3": (400, "Integration is not active"),
    "7": (401, "Originating IP address is not approved in your account"),
    "18": (500, "Internal error"),
    "19": (503, "Internal error, please retry"),
    "20": (402, "Insufficient account balance"),
    "21": (400, "Payload data is malformed"),
    "22": (400, "Maximum messages per request payload exceeded"),
    "23": (400, "Invalid or missing parameter"),
    "24": (400, "Maximum message content size exceeded"),
    "25": (400, "Invalid recipient address"),
    "26": (400, "Recipient opted out"),
    "27": (400, "Recipient not available on channel"),
    "28": (400, "Recipient not available on sandbox"),
    "43": (400, "Rate limit"),
    "44": (400, "FROM number is suspended"),
    "45": (400, "FROM number is not related to integration"),
    "100": (400, "Maximum message parts exceeded"),
    "101": (400, "Destination does not support two-way messaging"),
}


def rest(seen: Seen, desk: Desk) -> Answer:
    """Answer as the old REST API does: 202 and a list, or an error of the whole."""
    scheme, _, token = seen.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not _knows(desk, token):
        return _json(401, {"error": _old_error("001")})
    if seen.headers.get("x-version") != "1":
        return _json(400, {"error": _old_error("101")})
    if seen.path.endswith("balance"):
        return _json(200, {"data": {"balance": "1000.00"}})
    if desk.throttled:
        return _json(429, {"error": _old_error("130")})
    numbers, text = seen.fields.get("to"), seen.fields.get("text")
    if not isinstance(numbers, list) or not numbers or not isinstance(text, str) or not text:
        return _json(400, {"error": _old_error("107" if numbers else "101")})
    if seen.get("unicode") == "1":
        try:
            text = bytes.fromhex(text).decode("utf-16-be")
        except ValueError:
            return _json(400, {"error": _old_error("116")})
    entries, taken = _each(numbers, text, seen.get("from"), desk, lambda code: {"error": _old_error(code)})
    return _json(202, {"data": {"message": entries}}, taken)


def platform(seen: Seen, desk: Desk) -> Answer:
    """Answer as the Platform does: a list, and an error of the whole or of each."""
    if not _knows(desk, seen.headers.get("authorization", "")):
        return _platform_no(401, "001")
    if seen.path.endswith("balance"):
        return _json(200, {"balance": 1000.0, "currency": "EUR"})
    if desk.throttled:
        return _platform_no(429, "130")
    numbers, text = seen.fields.get("to"), seen.fields.get("content")
    if not isinstance(numbers, list) or not isinstance(text, str) or set(seen.fields) - PLATFORM_FIELDS:
        return _platform_no(400, "101")
    if not text or not 0 < len(numbers) <= MAX_NUMBERS:
        return _platform_no(400, "107" if numbers else "105")
    entries, taken = _each(numbers, text, seen.get("from"), desk, _platform_error)
    whole = [{"errorCode": None, "error": None, "errorDescription": None, **entry} for entry in entries]
    return _json(202, {"messages": whole, "errorCode": None, "error": None, "errorDescription": None}, taken)


def one(seen: Seen, desk: Desk) -> Answer:
    """Answer as the One API does: 202 where all were taken, 207 where some were not, else an error."""
    if not _knows(desk, seen.headers.get("authorization", "")):
        return _one_no("1")
    if desk.throttled:
        return _one_no("43")
    messages = seen.fields.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        return _one_no("21")
    if set(seen.fields) != {"messages"} or any(set(message) - ONE_FIELDS for message in messages):
        return _one_no("21")
    if len(messages) > MAX_NUMBERS:
        return _one_no("22")
    if desk.refuse in {"1", "2", "3", "7", "18", "19", "20", "21", "22", "43"}:
        return _one_no(desk.refuse)
    entries: list[dict[str, Any]] = []
    taken: tuple[Text, ...] = ()
    for message in messages:
        text = str(message.get("content") or "")
        wrong = desk.refuse or ("23" if message.get("channel") != "sms" or not text else None)
        if wrong is None and not re.fullmatch(NUMBER, str(message.get("to"))):
            wrong = "25"
        if wrong is not None:
            error = {"code": int(wrong) if wrong.isdigit() else wrong, "description": _one_words(wrong)}
            entries.append({"apiMessageId": None, "accepted": False, "to": message.get("to"), "error": error})
            continue
        given = Text(str(message["to"]), text, f"{desk.serial():032x}", str(message.get("from") or ""))
        taken += (given,)
        entries.append({"apiMessageId": given.ref, "accepted": True, "to": given.to, "error": None})
    return _json(202 if len(taken) == len(messages) else 207, {"messages": entries, "error": None}, taken)


def platform_report(seen: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Call the address of the account with a report as the Platform does, by POST of JSON."""
    told = {
        "integrationName": "simulated",
        "messageId": fate.ref,
        "requestId": None,
        "clientMessageId": seen.get("clientMessageId") or None,
        "to": fate.to,
        "from": fate.sender or None,
        "statusCode": 4 if fate.good else 7,
        "status": "RECEIVED_BY_RECIPIENT" if fate.good else "DELIVERY_ERROR",
        "statusDescription": "",
        "timestamp": int(desk.now * 1000),
    }
    return _call(desk, told)


def one_report(_: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Call the address of the integration with a report as the One API does."""
    update = {
        "channel": "sms",
        "messageId": fate.ref,
        "to": fate.to,
        "from": fate.sender or None,
        "timestamp": int(desk.now * 1000),
        "statusCode": 5 if fate.good else 23,
        "status": "DEVICE_ACK" if fate.good else "DELIVERY_FAILURE",
    }
    event = {"messageStatusUpdate": [update]}
    return _call(desk, {"integrationId": "simulated", "integrationName": "simulated", "event": event})


def _call(desk: Desk, told: Mapping[str, Any]) -> Call | None:
    if not desk.callback:
        return None
    return Call("POST", desk.callback, {"Content-Type": JSON}, json.dumps(told).encode())


def _each(
    numbers: list[Any], text: str, sender: str, desk: Desk, error_of: Any
) -> tuple[list[dict[str, Any]], tuple[Text, ...]]:
    """Take a text for each number, or say why not."""
    entries: list[dict[str, Any]] = []
    taken: tuple[Text, ...] = ()
    for number in numbers:
        if desk.refuse is not None or not re.fullmatch(NUMBER, str(number)):
            entries.append({"accepted": False, "to": number, **error_of(desk.refuse or "105")})
            continue
        given = Text(str(number), text, f"{desk.serial():032x}", sender)
        taken += (given,)
        entries.append({"accepted": True, "to": number, "apiMessageId": given.ref})
    return entries, taken


def _knows(desk: Desk, key: str) -> bool:
    return key in desk.users.values() if desk.users else bool(key)


def _old_error(code: str) -> dict[str, str]:
    words = ERRORS.get(code, "Unknown error")
    return {"code": code, "description": words, "documentation": f"https://www.clickatell.com/help/{code}"}


def _platform_error(code: str) -> dict[str, Any]:
    words = ERRORS.get(code, "Unknown error")
    number = int(code) if code.isdigit() else code
    return {"apiMessageId": None, "errorCode": number, "error": words, "errorDescription": f"{words}."}


def _platform_no(status: int, code: str) -> Answer:
    error = _platform_error(code)
    return _json(status, {"messages": [], **{name: error[name] for name in ("errorCode", "error", "errorDescription")}})


def _one_no(code: str) -> Answer:
    status, words = ONE_ERRORS[code]
    return _json(status, {"messages": [], "error": {"code": int(code), "description": words}})


def _one_words(code: str) -> str:
    return ONE_ERRORS.get(code, (0, "Unknown error"))[1]


def _json(status: int, body: Any, taken: tuple[Text, ...] = ()) -> Answer:
    return Answer(status, json.dumps(body), JSON, taken=taken)
