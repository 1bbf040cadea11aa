"""Twilio's calls: their signature, reports on texts, texts of people."""

import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from smshub.connectors.callbacks import Callback, Called, Forged
from smshub.connectors.exchange import FORM
from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.incoming import Incoming

NO_REPLY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
PORTS = {"http": 80, "https": 443}

STATES: Mapping[str, ReceiptState] = {
    "accepted": ReceiptState.ACCEPTED,
    "scheduled": ReceiptState.ACCEPTED,
    "queued": ReceiptState.ACCEPTED,
    "sending": ReceiptState.ENROUTE,
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERABLE,
    "failed": ReceiptState.UNDELIVERABLE,
    "canceled": ReceiptState.DELETED,
    "partially_delivered": ReceiptState.UNKNOWN,
}

# The validity ran out in Twilio's queue: an undelivered text that was not refused.
RAN_OUT = "30036"


def signature(token: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> str:
    """
    Sign a call: the address, then each name in its order with its values.

    A value that is there twice under one name counts once; several of one name are sorted.
    """
    values: defaultdict[str, set[str]] = defaultdict(set)
    for name, value in fields:
        values[name].add(value)
    signed = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    digest = hmac.new(token.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def verify(callback: Callback, token: str, told: str | None = None) -> None:
    """
    See that a call is Twilio's. Raises `Forged`.

    Signed is the address that Twilio was given: `told`, or the one that it called, with its port or without. A body
    that is no form is signed by its digest, which stands in the address (`bodySHA256`).
    """
    given = callback.headers.get("x-twilio-signature", "")
    fields: Sequence[tuple[str, str]] = callback.form
    if callback.body and not callback.headers.get("content-type", "").lower().startswith(FORM):
        digest = next((value for name, value in callback.query if name == "bodySHA256"), "")
        if not _same(hashlib.sha256(callback.body).hexdigest(), digest.lower()):
            raise Forged
        fields = ()
    query = callback.url.partition("?")[2]
    addresses = [callback.url, *([f"{told}{'?' + query if query else ''}"] if told else [])]
    # Every one is compared, so that the time tells nothing.
    matches = [_same(signature(token, url, fields), given) for one in addresses for url in _with_and_without_port(one)]
    if not any(matches):
        raise Forged


def read(callback: Callback, connector: str) -> Called:
    """Read a report or a text; anything else says nothing. Raises ValueError where it lacks its id."""
    fields = callback.fields
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    status = fields.get("MessageStatus")
    if status is None and "Body" in fields:
        if not sid:
            raise ValueError("a text without a sid")
        sender, to = fields.get("From", "").removeprefix("+"), fields.get("To", "").removeprefix("+")
        text = Incoming("", connector, sender, to, fields["Body"], callback.at, sid)
        return Called(texts=(text,), status=200, content_type="text/xml", body=NO_REPLY)
    if status is None or status in {"receiving", "received"}:
        return Called()
    if not sid:
        raise ValueError("a report without a sid")
    code = fields.get("ErrorCode") or None
    state = ReceiptState.EXPIRED if code == RAN_OUT else STATES.get(status.lower(), ReceiptState.UNKNOWN)
    return Called(receipts=(Receipt(sid, state, callback.at, code),))


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """Give an address as it is, without its port, and with the port of its scheme."""
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    if not colon or not port.isdigit():
        host = parts.netloc
    with_port = parts._replace(netloc=f"{host}:{port if colon and port.isdigit() else PORTS.get(parts.scheme, 443)}")
    return (url, urlunsplit(parts._replace(netloc=host)), urlunsplit(with_port))


def _same(one: str, other: str) -> bool:
    """Compare in constant time, whatever characters somebody sent."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
