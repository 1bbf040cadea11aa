"""What both of OVH's interfaces say in the same words: why they refuse, and what became of a text."""

import re
from collections.abc import Mapping
from typing import Any

from smshub.connectors.callbacks import Callback, Called
from smshub.domain.delivery import Reason, Receipt, ReceiptState

# Words of a refusal whose code says nothing. OVH documents none of them, so what they tell is never final.
WORDS: tuple[tuple[re.Pattern[str], Reason], ...] = (
    (re.compile(r"\bcredits?\b|\bquota\b", re.IGNORECASE), Reason.NO_CREDIT),
    (re.compile(r"\bsenders?\b", re.IGNORECASE), Reason.INVALID_ORIGINATOR),
    (re.compile(r"\b(?:password|login)\b", re.IGNORECASE), Reason.BAD_CREDENTIALS),
)

# `ptt`: https://docs.ovh.com/fr/sms/tout_savoir_sur_les_utilisateurs_sms/ and GET /sms/ptts.
STATES: Mapping[int, ReceiptState] = {
    1: ReceiptState.ENROUTE,  # tried again, because of the handset
    2: ReceiptState.ENROUTE,  # tried again, because of the operator
    3: ReceiptState.ACCEPTED,
    4: ReceiptState.DELIVERED,
    5: ReceiptState.UNDELIVERABLE,
    6: ReceiptState.UNKNOWN,
    8: ReceiptState.EXPIRED,
    20: ReceiptState.UNDELIVERABLE,  # not in this form
    21: ReceiptState.UNDELIVERABLE,  # the recipient has no credit
    23: ReceiptState.UNDELIVERABLE,  # the number is wrong or barred
    24: ReceiptState.UNDELIVERABLE,  # absent
    25: ReceiptState.UNDELIVERABLE,  # the network, for a time
    26: ReceiptState.UNDELIVERABLE,  # the handset, for a time
    27: ReceiptState.UNDELIVERABLE,  # the handset, for good
    28: ReceiptState.REJECTED,  # taken for spam
    29: ReceiptState.REJECTED,  # the content
    33: ReceiptState.REJECTED,  # parental lock
    39: ReceiptState.UNDELIVERABLE,
    73: ReceiptState.UNDELIVERABLE,
    74: ReceiptState.UNDELIVERABLE,
    76: ReceiptState.REJECTED,
    202: ReceiptState.REJECTED,
}

# `deliveryReceipt` of a question, `description` of a call.
REPORTS: Mapping[int, ReceiptState] = {
    0: ReceiptState.ENROUTE,
    1: ReceiptState.DELIVERED,
    2: ReceiptState.UNDELIVERABLE,
    4: ReceiptState.ENROUTE,
    8: ReceiptState.ENROUTE,
    16: ReceiptState.UNDELIVERABLE,
}


def inferred(words: str) -> Reason | None:
    """Guess a reason from the words of a refusal."""
    return next((reason for pattern, reason in WORDS if pattern.search(words)), None)


def called(callback: Callback) -> Called:
    """Read a call, which somebody has checked: `id`, `ptt`, `description`. Raises ValueError."""
    fields = callback.fields
    ref = fields.get("id", "")
    if not re.fullmatch(r"[0-9]{1,20}", ref):
        raise ValueError("a report without an id")
    # The date says no time zone, so the moment of the call counts.
    return Called((_receipt(ref, fields.get("ptt"), fields.get("description"), callback.at),))


def polled(ref: str, answer: Mapping[str, Any], at: float) -> Receipt | None:
    """Read the answer to a question; None where it says nothing yet."""
    if answer.get("ptt") is None and answer.get("deliveryReceipt") is None:
        return None
    return _receipt(ref, answer.get("ptt"), answer.get("deliveryReceipt"), at)


def _receipt(ref: str, ptt: Any, report: Any, at: float) -> Receipt:
    """Make a report of both numbers: the first is finer, the second helps where the first is unknown or 0."""
    fine, coarse = _number(ptt), _number(report)
    state = STATES.get(fine) or REPORTS.get(coarse) or ReceiptState.UNKNOWN
    return Receipt(ref, state, at, code=str(fine) if fine > 4 else None)


def _number(value: Any) -> int:
    """Read a number that may be a text; -1 for none."""
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else -1
