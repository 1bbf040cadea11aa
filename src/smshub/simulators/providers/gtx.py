"""The GTX-Messaging HTTP gateway, `/smsc.php`."""

import re
from collections.abc import Mapping

from smshub.simulators.providers.values import Answer, Desk, Seen, Text, retry_in

PATH = r"/smsc\.php"

ERRORS: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as the GTX HTTP gateway does: the status in words as the body."""
    if not desk.knows(seen.get("user"), seen.get("pass")):
        return _error(401)
    if desk.throttled:
        return _error(429)
    to, text = seen.get("to"), seen.get("text")
    if desk.refuse is not None or not text or not re.fullmatch(r"\+?[1-9]\d{6,14}", to):
        return _error(int(desk.refuse) if desk.refuse and desk.refuse.isdigit() else 400)
    return Answer(200, "200 OK", taken=(Text(to, text, f"gtx-{desk.serial()}", seen.get("from")),))


def _error(status: int) -> Answer:
    status = status if 400 <= status < 600 else 400
    headers = retry_in(1) if status == 429 else {}
    return Answer(status, f"{status} {ERRORS.get(status, 'Error')}", headers=headers)
