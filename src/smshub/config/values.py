"""The single values of a configuration: what each must look like, in words that say how to mend it."""

import re
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from smshub.domain.accounts import CHANNELS, OVERRIDES
from smshub.domain.addresses import check_subject, parse_address
from smshub.settings import Secret, Url

# The interfaces an account can be confined to: /v1, SMSHub (SOAP and JSON-RPC), and /api/Login with /api/TextMessages.
DOORS = ("native", "smshub", "textmessages", "otppi")


def address(listen: str) -> tuple[str, int]:
    """Take `host:port` or `[ipv6]:port` apart. Raises ValueError where it is neither."""
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address goes in brackets, such as [::1]:8080")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65_535:
        raise ValueError("must be an address and a port, such as 127.0.0.1:8080")
    return host, int(port)


def host_and_port(listen: str) -> str:
    """Check an address to listen on."""
    address(listen)
    return listen


def database_url(value: str) -> Url:
    """Check where the database is; a reference (`env:`, `file:`) is looked up."""
    reference = Secret(value)
    url = Url(reference.reveal() if reference.is_reference else value)
    if not url.startswith(("sqlite:///", "sqlite+pysqlite:///", "postgresql://", "postgresql+psycopg://")) or (
        url.startswith("postgresql") and not _host_of(url)
    ):
        raise ValueError("must be sqlite:///FILE or postgresql://USER@HOST/NAME")
    return url


def proxy_url(value: str) -> Url:
    """Check the URL of a proxy."""
    if not value.startswith(("http://", "https://")) or not _host_of(value):
        raise ValueError("must be a URL, such as http://127.0.0.1:3128")
    return Url(value)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname or (urlsplit(url).path.strip("/") or None)
    except ValueError:
        return None


def mount_path(path: str) -> str:
    """Check the path under which the hub is shown, and drop a slash at its end."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", path) or not path:
        raise ValueError("must be a path that begins with /, such as /sms")
    return path.rstrip("/") or "/"


def prefix(digits: str) -> str:
    """Check the beginning of an international number, or the domain of mail addresses."""
    if digits.startswith("@"):
        if digits != "@":
            parse_address(f"name{digits}")
        return digits.lower()
    if not re.fullmatch(r"[0-9]{0,15}", digits):
        raise ValueError('must be digits only, such as "49", or "" for the default route; "@" for mail')
    return digits


def network(written: str) -> str:
    """Read an address or a network in CIDR notation."""
    return str(ip_network(written, strict=False))


def outside_url(value: str) -> str:
    """Check the URL under which others reach the hub, and drop a slash at its end."""
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]{1,255}(/[A-Za-z0-9._~-]+)*/?", value) or not _host_of(value):
        raise ValueError("must be a URL, such as https://sms.example")
    return value.rstrip("/")


def override_name(name: str) -> str:
    """Check the name of something that a request may override, in any case."""
    known = {one.lower(): one for one in OVERRIDES}
    if name.lower() not in known:
        raise ValueError(f"there is nothing called '{name}' to override. {nearest(name, OVERRIDES)}")
    return known[name.lower()]


def certificate_name(value: str) -> str:
    """Check what names a client certificate: `sha256:` and its fingerprint, or `CN=` and the name of its subject."""
    kind, _, rest = value.partition(":")
    if kind.lower() == "sha256":
        digits = rest.replace(":", "").lower()
        if re.fullmatch(r"[0-9a-f]{64}", digits):
            return f"sha256:{digits}"
    elif re.fullmatch(r"CN=[^\x00-\x1f\x7f]{1,64}", value):
        return value
    raise ValueError("must be sha256: and 64 hexadecimal digits, or CN= and a name")


def country_code(code: str) -> str:
    """Check a country code (ISO 3166)."""
    import phonenumbers  # noqa: PLC0415 - 60 ms that only a configuration with countries needs

    region = code.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be the two letters of a country (ISO 3166), such as DE")
    return region


def channel_name(name: str) -> str:
    """Check the name of a channel."""
    if name not in CHANNELS:
        raise ValueError(f"there is no channel '{name}'. {nearest(name, CHANNELS)}")
    return name


def subject_line(text: str) -> str:
    """Check the subject of mails."""
    check_subject(text)
    if not text.strip():
        raise ValueError("is empty")
    return text


def door_name(name: str) -> str:
    """Check the name of an interface."""
    if name not in DOORS:
        raise ValueError(f"there is no interface '{name}'. {nearest(name, DOORS)}")
    return name


def originator(value: str) -> str:
    """Check a sender."""
    from smshub.domain.numbers import parse_originator  # noqa: PLC0415 - loads the number library

    if value not in {"", "*"}:
        parse_originator(value)
    return value


def web_origin(value: str) -> str:
    """Check the origin of web pages (RFC 6454) and write it as browsers do."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    if (
        parts.scheme not in {"http", "https"}
        or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host)
        or value.lower().rstrip("/") != f"{parts.scheme}://{parts.netloc.lower()}"
        or "@" in parts.netloc
    ):
        raise ValueError("must be an origin, such as https://shop.example or http://localhost:3000")
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if port in {None, usual} else f":{port}")


def nearest(wrong: str, known: Any, else_say: str = "Known") -> str:
    """Name the known word nearest to a wrong one, or else all of them."""
    words = [str(word) for word in known]
    close = get_close_matches(wrong, words, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"{else_say}: {', '.join(sorted(words))}." if words else ""
