"""What a request must show before it is believed: where it came from, over what, and with which token (pure)."""

import hmac
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 500

# Over https a cookie has the prefix that keeps other hosts from setting it (RFC 6265bis §4.1.3.2). Over plain http on
# this machine some browsers take no Secure cookie, so there it may have a name without.
SECURE: Final = "__Host-smshub"
PLAIN: Final = "smshub"
FORM_SUFFIX: Final = "-form"

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
}
HSTS: Final = "max-age=31536000"


class Transport(StrEnum):
    """Over what a browser speaks to us."""

    HTTPS = "https"
    LOOPBACK = "loopback"  # plain http that does not leave the browser's machine
    PLAIN = "plain"  # anybody between may read and change it


def transport_of(scheme: str, headers: Mapping[str, str]) -> Transport:
    """
    Tell over what a browser speaks to us.

    What is behind a proxy that is not ours is never taken for this machine, whatever its `Host` says.
    """
    if scheme == "https":
        return Transport.HTTPS
    if any(name in headers for name in ("x-forwarded-for", "x-forwarded-proto", "forwarded", "via")):
        return Transport.PLAIN
    host = _hostname(headers.get("host", ""))
    if host == "localhost" or host.endswith(".localhost"):
        return Transport.LOOPBACK
    try:
        return Transport.LOOPBACK if ip_address(host).is_loopback else Transport.PLAIN
    except ValueError:
        return Transport.PLAIN


def is_from_here(scheme: str, headers: Mapping[str, str]) -> bool:
    """
    Tell whether a request that changes something comes from a page of ours.

    The browser's `Sec-Fetch-Site` decides; where there is none, `Origin` does. Our pages send no referrer, so that
    browsers say `Origin: null` for their forms (Fetch §3.2): without the other header that is not enough.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    host = headers.get("host", "")
    return bool(host) and headers.get("origin", "").lower() == f"{scheme}://{host}".lower()


def is_form(content_type: str) -> bool:
    """Tell whether a body is a form: the one kind that pages of ours send."""
    return content_type.partition(";")[0].strip().lower() == FORM


def read_form(body: bytes) -> Mapping[str, tuple[str, ...]]:
    """Read a form: the values of each field, in order. Raises ValueError."""
    pairs = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS,
        errors="strict",
    )  # fmt: skip
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value.replace("\r\n", "\n"))
    return fields


def same(expected: str, given: str) -> bool:
    """Compare two tokens in constant time; an empty one is never right."""
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def local_path(wanted: str, base: str) -> str:
    """Give a path of the console to go to after signing in: the one that is wanted, or its first page."""
    if len(wanted) > 1_000 or not wanted.startswith(f"{base}/") or "\\" in wanted or not wanted.isprintable():
        return f"{base}/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or "//" in parts.path or ".." in parts.path.split("/") or " " in wanted:
        return f"{base}/"
    return wanted


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
