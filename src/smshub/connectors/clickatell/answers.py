"""What Clickatell answers, and what it means."""

import re
from collections.abc import Mapping
from typing import Any

from smshub.connectors.clickatell.codes import ONE_REASONS, REASONS
from smshub.connectors.exchange import Response, balance_of, by_status, refusal, retry_after
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Uncertain

MAX_WAIT = 86_400.0

_TAKEN = re.compile(r"\s*ID:\s*([0-9A-Za-z]{1,64})\s*")
_ERROR = re.compile(r"\s*ERR:\s*(\d{1,4}),?\s*(.*)")
_UNTIL = re.compile(r"until\D{0,10}(\d{9,11})\b", re.IGNORECASE)
_CREDIT = re.compile(r"\s*Credits?:\s*(-?\d{1,12}(?:\.\d{1,6})?)\s*")


def line(response: Response) -> Outcome:
    """Read the old HTTP API's answer: `ID: <id>` or `ERR: <code>, <words>`, always with status 200."""
    if response.status != 200:
        return by_status(response, response.text)
    if taken := _TAKEN.fullmatch(response.text):
        return Accepted((taken[1],))
    if error := _ERROR.match(response.text):
        code = _padded(error[1])
        return _refused(response, code, error[2], REASONS.get(code, Reason.UNKNOWN))
    return Uncertain(detail=f"an unreadable answer: {response.text}")


def rest(response: Response) -> Outcome:
    """Read the old REST API's answer."""
    answer = _object(response.json())
    entry = _first(_object(answer.get("data")).get("message"))
    return _judged(response, entry, _object(entry.get("error") or answer.get("error")), REASONS)


def platform(response: Response) -> Outcome:
    """Read the Platform's answer."""
    answer = _object(response.json())
    entry = _first(answer.get("messages"))
    told = entry if entry.get("errorCode") is not None or entry.get("error") else answer
    words = told.get("errorDescription") or told.get("error")
    return _judged(response, entry, {"code": told.get("errorCode"), "description": words}, REASONS)


def one(response: Response) -> Outcome:
    """Read the One API's answer."""
    answer = _object(response.json())
    entry = _first(answer.get("messages"))
    return _judged(response, entry, _object(entry.get("error") or answer.get("error")), ONE_REASONS)


def _judged(
    response: Response, entry: Mapping[str, Any], error: Mapping[str, Any], reasons: Mapping[str, Reason]
) -> Outcome:
    """Say what an answer in JSON means: taken only where it is said so, for this text, with a status of success."""
    success = 200 <= response.status < 300
    if response.status in {200, 201, 202, 207} and entry.get("accepted") is True:
        ref = entry.get("apiMessageId")
        return Accepted((ref,) if isinstance(ref, str) and ref else ())
    code = "" if error.get("code") is None else str(error["code"])
    code = _padded(code) if reasons is REASONS and code else code
    words = str(error.get("description") or "")
    if response.status >= 500 and response.status != 503:
        return by_status(response, f"{code} {words}".strip() or response.text)
    if code in reasons:
        return _refused(response, code, words, reasons[code])
    if success and not code and entry.get("accepted") is not False:
        return Uncertain(detail=f"an unreadable answer: {response.text}")
    if success or (code and response.status == 400):
        return Deferred(Reason.UNKNOWN, code or None, words or None)
    return by_status(response, f"{code} {words}".strip() or response.text)


def _refused(response: Response, code: str, words: str, reason: Reason) -> Outcome:
    """Make a refusal; one for being too fast says until when, in its words or a header."""
    if reason not in {Reason.THROTTLED, Reason.TEMPORARY}:
        return refusal(reason, code, words or None)
    wait = retry_after(response)
    if until := _UNTIL.search(words):
        wait = min(max(float(until[1]) - response.at, 0.0), MAX_WAIT)
    return Deferred(reason, code, words or None, wait)


def balance(response: Response) -> Balance | None:
    """Read a balance, in any of the shapes: `Credit: 1.000`, or JSON with or without `data`."""
    if response.status != 200:
        return None
    if found := _CREDIT.fullmatch(response.text):
        return balance_of(found[1], "credits")
    answer = _object(response.json())
    told = _object(answer.get("data")) or answer
    return balance_of(told.get("balance"), str(told.get("currency") or "credits"))


def _padded(code: str) -> str:
    """Write a code as the tables of the old interfaces do: three digits."""
    return code.lstrip("0").zfill(3)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: Any) -> Mapping[str, Any]:
    return _object(value[0]) if isinstance(value, list) and value else {}
