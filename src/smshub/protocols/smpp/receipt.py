"""
Delivery receipts in deliver_sm and data_sm: reading them tolerantly, writing them as a SMSC does.

SMPP 3.4 §5.2.12 (esm_class), §5.3.2.12 and §5.3.2.35 (TLVs); the text is the de-facto form of appendix B.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from smshub.domain.delivery import Receipt, ReceiptState
from smshub.protocols.smpp.pdus import Pdu, Value

# esm_class, SMPP 3.4 §5.2.12
MESSAGE_TYPE = 0x3C  # the bits that tell what kind of message a deliver_sm is
RECEIPT = 0x04
INTERMEDIATE = 0x20
UDHI = 0x40

_LONGEST = 1024  # octets of text that are looked at; a receipt has about 120
_SMALLEST_CONVERTED = 0x10000  # lesser ids are small counters, and in the other base they would name other messages

# SMPP 3.4 §5.2.28
_STATES = {
    0: ReceiptState.ENROUTE,  # SCHEDULED in SMPP 5.0
    1: ReceiptState.ENROUTE,
    2: ReceiptState.DELIVERED,
    3: ReceiptState.EXPIRED,
    4: ReceiptState.DELETED,
    5: ReceiptState.UNDELIVERABLE,
    6: ReceiptState.ACCEPTED,
    7: ReceiptState.UNKNOWN,
    8: ReceiptState.REJECTED,
}
_NUMBERS = {state: number for number, state in _STATES.items()}
_WORDS = {
    ReceiptState.ENROUTE: "ENROUTE",
    ReceiptState.DELIVERED: "DELIVRD",
    ReceiptState.EXPIRED: "EXPIRED",
    ReceiptState.DELETED: "DELETED",
    ReceiptState.UNDELIVERABLE: "UNDELIV",
    ReceiptState.ACCEPTED: "ACCEPTD",
    ReceiptState.UNKNOWN: "UNKNOWN",
    ReceiptState.REJECTED: "REJECTD",
}
# Spellings seen in the field agree in their first five letters.
_BY_PREFIX = {word[:5]: state for state, word in _WORDS.items()} | {"BUFFE": ReceiptState.ENROUTE}

_KEY = re.compile(r"(?<![a-z])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text) {0,2}:", re.IGNORECASE)
_DATES = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}


class Spelling(StrEnum):
    """How the ids in a provider's receipts are written, compared with those of its submit_sm_resp."""

    SAME = "same"  # alike, but for capitals and leading zeros
    DECIMAL = "decimal"  # the response is hexadecimal, the receipt decimal
    HEXADECIMAL = "hexadecimal"  # the response is decimal, the receipt hexadecimal
    ANY = "any"  # try all


def is_receipt(pdu: Pdu) -> bool:
    """
    Tell a delivery receipt from a text that somebody sent.

    The form of a text proves nothing: anybody can send one that looks like a receipt.
    """
    kind = pdu.number("esm_class") & MESSAGE_TYPE
    return kind in (RECEIPT, INTERMEDIATE) or "receipted_message_id" in pdu.fields


def parse_receipt(pdu: Pdu, now: float, *, spelling: Spelling = Spelling.ANY, zone: tzinfo = UTC) -> Receipt | None:
    """
    Read a delivery receipt; None where it names no message or no state. Never raises.

    TLVs count before the text. `zone` is the one in which the provider states its times; a time that is later than
    `now` or that cannot be read is taken to be `now` (both in seconds since 1970).
    """
    words = _words(_text(pdu))
    ref = pdu.text("receipted_message_id").strip() or words.get("id", "")
    state = _STATES.get(pdu.number("message_state")) if "message_state" in pdu.fields else None
    if state is None and "stat" in words:
        state = _BY_PREFIX.get(words["stat"][:5].upper(), ReceiptState.UNKNOWN)
    if not ref or state is None:
        return None
    return Receipt(
        ref=ref,
        state=state,
        at=_time(words.get("done date", ""), now, zone),
        code=_code(pdu, words.get("err", "")),
        aliases=aliases(ref, spelling),
    )


def _text(pdu: Pdu) -> str:
    data = pdu.user_data[:_LONGEST]
    if pdu.number("data_coding") & 0x0C == 0x08:
        return data.decode("utf-16-be", "replace")
    return data.decode("latin-1")


def _words(text: str) -> dict[str, str]:
    """Take the text apart at its keys, in whatever order they come; what follows `text:` is the sender's own."""
    words: dict[str, str] = {}
    keys = list(_KEY.finditer(text))
    for number, key in enumerate(keys):
        name = re.sub("[ _]?date", " date", key[1].lower())
        if name == "text" and {"id", "stat"} <= words.keys():
            break
        end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
        value = text[key.end() : end].strip(" \r\n\t,;\0")
        words.setdefault(name, value if name.endswith("date") else (value.split() or [""])[0].strip(",;"))
    return words


def _time(written: str, now: float, zone: tzinfo) -> float:
    digits = re.sub("[^0-9]", "", written)
    form = _DATES.get(len(digits))
    if form is None:
        return now
    try:
        return min(datetime.strptime(digits, form).replace(tzinfo=zone).timestamp(), now)
    except (ValueError, OverflowError):
        return now


def _code(pdu: Pdu, err: str) -> str | None:
    """Give the error code as the text has it, else that of the TLV (SMPP 3.4 §5.3.2.31); zeros say: no error."""
    if not err:
        err = str(int.from_bytes(pdu.octets("network_error_code")[1:3], "big"))
    return err if err.strip("0") else None


def aliases(ref: str, spelling: Spelling = Spelling.ANY) -> tuple[str, ...]:
    """Give the other spellings under which the provider may have given this id."""
    found = [ref.lower(), ref.upper()]
    if ref.isascii() and ref.isdecimal():
        found.append(ref.zfill(10))
    if ref.isascii() and ref.isdecimal() and spelling in (Spelling.DECIMAL, Spelling.ANY):
        found += _converted(int(ref), "x", 8)
    if re.fullmatch("[0-9A-Fa-f]{1,64}", ref) and spelling in (Spelling.HEXADECIMAL, Spelling.ANY):
        found += _converted(int(ref, 16), "d", 10)
    found += [stripped for one in found if (stripped := one.lstrip("0"))]
    return tuple(dict.fromkeys(one for one in found if one != ref))


def _converted(number: int, base: str, width: int) -> list[str]:
    """Write a number as SMSCs do: bare, and filled up to the width of 32 bits."""
    if number < _SMALLEST_CONVERTED:
        return []
    bare, filled = format(number, base), format(number, f"0{width}{base}")
    return [bare, bare.upper(), filled, filled.upper()]


def format_receipt(
    receipt: Receipt,
    *,
    submitted_at: float,
    text: bytes = b"",
    tlvs: bool = True,
    seconds: bool = False,
    zone: tzinfo = UTC,
) -> Mapping[str, Value]:
    """
    Write a receipt as the fields of a deliver_sm: esm_class, short_message and, with `tlvs`, the two TLVs.

    `text` is the message as it was sent, of which the first 20 octets are repeated; `seconds` gives dates of 12 digits.
    """
    form = _DATES[12 if seconds else 10]
    submitted, done = (datetime.fromtimestamp(at, zone).strftime(form) for at in (submitted_at, receipt.at))
    delivered = int(receipt.state is ReceiptState.DELIVERED)
    words = (
        f"id:{receipt.ref} sub:001 dlvrd:{delivered:03d} submit date:{submitted} done date:{done} "
        f"stat:{_WORDS[receipt.state]} err:{receipt.code or '000'} text:"
    )
    fields: dict[str, Value] = {"esm_class": RECEIPT, "short_message": words.encode("latin-1", "replace") + text[:20]}
    if tlvs:
        fields |= {"receipted_message_id": receipt.ref, "message_state": _NUMBERS[receipt.state]}
    return fields
