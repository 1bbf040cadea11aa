"""What Vonage calls with: delivery reports and texts of people, in a query, a form or JSON, signed or not."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from smshub.connectors import vonagesign
from smshub.connectors.callbacks import KEY, Callback, Called, Forged, moment, prove
from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.incoming import Incoming

# https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts
STATES: Mapping[str, ReceiptState] = {
    "delivered": ReceiptState.DELIVERED,
    "expired": ReceiptState.EXPIRED,
    "failed": ReceiptState.UNDELIVERABLE,
    "rejected": ReceiptState.REJECTED,
    "accepted": ReceiptState.ACCEPTED,
    "buffered": ReceiptState.ENROUTE,
    "unknown": ReceiptState.UNKNOWN,
}

# Seconds that a signed call may be old: Vonage repeats for a day what is not taken. And how far clocks differ.
OLDEST = 25 * 3_600.0
AHEAD = 600.0
MOST_FIELDS = 100


def fields_of(callback: Callback) -> Mapping[str, str]:
    """Read the fields of a call, wherever they stand. Raises ValueError."""
    if not callback.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json"):
        return callback.fields
    try:
        found = json.loads(callback.body)
    except RecursionError:
        raise ValueError("a call too deep") from None
    if not isinstance(found, dict) or len(found) > MOST_FIELDS:
        raise ValueError("a call that is no object")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}
    return {**dict(callback.query), **texts}


def check(
    callback: Callback,
    fields: Mapping[str, str],
    *,
    api_key: str,
    signing: tuple[str, vonagesign.Method] | None,
    secret: str | None,
) -> None:
    """
    See that a call is Vonage's: by its signature where there is a secret for that, else by the secret in its address.

    Raises `Forged`, also where there is neither: anybody could report what he likes.
    """
    if fields.get("api-key", api_key) != api_key:
        raise Forged
    if signing is None:
        prove(callback, secret)
        return
    signed = {name: value for name, value in fields.items() if name != KEY}  # a key in the address is the operator's
    if not vonagesign.is_signed(signed, *signing):
        raise Forged
    stamp = fields.get("timestamp", "")
    if re.fullmatch(r"[0-9]{9,11}", stamp) and not -AHEAD <= callback.at - int(stamp) <= OLDEST:
        raise Forged


def read(fields: Mapping[str, str], at: float) -> Called:
    """Read what a call says. Raises ValueError."""
    ref = fields.get("messageId", "") or fields.get("message-id", "")
    if not re.fullmatch(r"[\w-]{1,64}", ref):
        raise ValueError("a call without an id")
    if "status" in fields:
        code = fields.get("err-code", "")
        state = STATES.get(fields["status"].lower(), ReceiptState.UNKNOWN)
        known = code if re.fullmatch(r"[0-9]{1,4}", code) and code != "0" else None
        return Called((Receipt(ref, state, _moment(fields, at), code=known),))
    if "msisdn" not in fields or not fields.keys() & {"text", "data", "type"}:
        raise ValueError("neither a report nor a text")
    text = fields.get("text") or fields.get("data", "")
    return Called(texts=(Incoming("", "", fields["msisdn"], fields.get("to", ""), text, at, ref),))


def _moment(fields: Mapping[str, str], at: float) -> float:
    """Read when it was: `message-timestamp` in UTC; where that is missing, now."""
    try:
        written = datetime.strptime(fields.get("message-timestamp", ""), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return at
    return moment(written.timestamp(), at)
