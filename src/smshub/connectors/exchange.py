"""
One HTTP request to a provider and its answer, as values, and what an HTTP status means when the provider says no more.

Pure: the connectors make a Request and judge a Response, `smshub.connectors.httpbase` does what lies between.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from smshub.domain.delivery import Balance, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_RETRY_AFTER = 86_400.0

# Reasons that no other provider can heal; after any other the hub may try elsewhere.
FINAL = frozenset({Reason.INVALID_RECIPIENT, Reason.OPTED_OUT, Reason.BARRED, Reason.CONTENT, Reason.EXPIRED})

# Statuses that say: not taken, and why. Other 4xx say that the connector is set up wrongly.
REFUSED: Mapping[int, Reason] = {
    401: Reason.BAD_CREDENTIALS,
    402: Reason.NO_CREDIT,
    403: Reason.BAD_CREDENTIALS,
    408: Reason.TEMPORARY,
    425: Reason.TEMPORARY,
    429: Reason.THROTTLED,
    501: Reason.MISCONFIGURED,
    503: Reason.TEMPORARY,
    505: Reason.MISCONFIGURED,
}

# Statuses that find fault with this one message.
REJECTED: Mapping[int, Reason] = {
    400: Reason.UNKNOWN,
    413: Reason.CONTENT,
    414: Reason.CONTENT,
    422: Reason.UNKNOWN,
    451: Reason.BARRED,
}

# A conflict may be with our own message, and a server that broke (500), or whose own server did not answer (502, 504),
# may have taken it before.
UNKNOWABLE = frozenset({409, 500, 502, 504})

MAY_SAY_WHEN = frozenset({429, 503})

_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is written to the provider. `url` is absolute and already encoded: it goes on the wire as it stands.

    Its repr shows the method only: addresses, headers and bodies of this trade hold passwords and codes.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """
    What the provider answered. The names of `headers` are in lower case.

    `at` is when, in seconds since 1970; `cut` says that the body ends before its end (too large, broken off, too slow).
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    at: float = 0.0
    cut: bool = False

    @property
    def text(self) -> str:
        """The body as text: by its declared charset, else UTF-8, else Latin-1 which reads anything."""
        declared = _CHARSET.search(self.headers.get("content-type", ""))
        for charset in (declared[1] if declared else "utf-8", "utf-8"):
            try:
                return self.body.decode(charset)
            except (LookupError, ValueError):
                continue
        return self.body.decode("latin-1")

    def json(self) -> Any:
        """Give the body as JSON, None where it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def form(fields: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    """Encode fields for a query or a form: UTF-8, `+` for a space."""
    return urlencode(fields)


def with_query(url: str, query: str) -> str:
    """Add an encoded query to an address that may have one already."""
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def basic(username: str, password: str, charset: str = "utf-8") -> str:
    """Give the value of the Authorization header for Basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode(charset)).decode("ascii")


def refusal(reason: Reason, code: str | None = None, detail: str | None = None) -> Deferred | Rejected:
    """Give the outcome of a plain no: final where no provider could do better."""
    return Rejected(reason, code, detail) if reason in FINAL else Deferred(reason, code, detail)


def retry_after(response: Response) -> float | None:
    """Tell how many seconds the provider asks to wait (RFC 9110 §10.2.3: seconds or a date), None where it does not."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return min(max(at - response.at, 0.0), MAX_RETRY_AFTER)


def by_status(response: Response, detail: str | None = None) -> Outcome:
    """
    Say what a status other than success means on its own (RFC 9110 §15).

    `detail` is what the provider said besides. What no table knows above 499 may have come after the message was taken.
    """
    code = str(response.status)
    if response.status in UNKNOWABLE or (not 300 <= response.status < 500 and response.status not in REFUSED):
        return Uncertain(detail=f"status {code}: {detail}" if detail else f"status {code}")
    if response.status < 400:
        return Deferred(Reason.MISCONFIGURED, code, "the provider redirects, which is not followed")
    if response.status in REJECTED:
        return Rejected(REJECTED[response.status], code, detail or None)
    reason = REFUSED.get(response.status, Reason.MISCONFIGURED)
    return Deferred(reason, code, detail or None, retry_after(response) if response.status in MAY_SAY_WHEN else None)


def digits(message: Message) -> str:
    """Give the recipient's number, digits only. Raises ValueError where it is none (an e-mail address)."""
    if not (message.to.isascii() and message.to.isdigit()):
        raise ValueError("the recipient is no number")
    return message.to


def json_body(value: Any) -> bytes:
    """Write JSON without blanks, in UTF-8. Raises ValueError for half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def remaining(message: Message) -> float:
    """Tell how many seconds a message was still of use when its try began; below 0 where it was too late."""
    return message.expires_at - (message.created_at if message.started_at is None else message.started_at)


def balance_of(amount: Any, unit: str) -> Balance | None:
    """Read what is left on an account, a number or one as a text; None for anything else."""
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return None
    try:
        number = float(amount)
    except (ValueError, OverflowError):
        return None
    return Balance(number, unit[:16]) if isfinite(number) else None


def checked_address(url: str | None) -> str | None:
    """Give an address of the settings back, or the reference to one; None for an empty one. Raises ValueError."""
    if url and not url.startswith(("env:", "file:")):
        split_address(url)
    return url or None


def split_address(url: str) -> SplitResult:
    """Part an address. Raises ValueError where it is none; the message does not repeat it, it may hold a password."""
    if not url.isprintable():
        raise ValueError("an address cannot contain control characters")
    parts = urlsplit(url)
    if " " in parts.netloc:
        raise ValueError("the host of an address cannot contain spaces")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address must begin with http:// or https:// and name a host")
    if parts.port == 0:
        raise ValueError("port 0 is none")
    return parts
