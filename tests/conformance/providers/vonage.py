"""Vonage, with each of its three ways to say who sends."""

import json

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.conformance.http import VOCABULARY
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

COMMON = {"type": "vonage", "url": "{url}", "api_key": "abcd1234", "sender": "ACME"}
SECRET = {"api_secret": "t0psecret-api"}
SIGNED = {"auth": "signature", "signature_secret": "t0psecret-signature", "signature_method": "sha256"}

# Every status and what it comes to.
STATUSES = {
    "1": ("throttled", Deferred(Reason.THROTTLED, "1")),
    "2": ("missing parameter", Deferred(Reason.MISCONFIGURED, "2")),
    "3": ("invalid parameter", Deferred(Reason.MISCONFIGURED, "3")),
    "4": ("bad credentials", Deferred(Reason.BAD_CREDENTIALS, "4")),
    "5": ("internal error", Deferred(Reason.TEMPORARY, "5")),
    "6": ("refused recipient", Rejected(Reason.INVALID_RECIPIENT, "6")),
    "7": ("barred number", Rejected(Reason.BARRED, "7")),
    "8": ("barred account", Deferred(Reason.BAD_CREDENTIALS, "8")),
    "9": ("no credit", Deferred(Reason.NO_CREDIT, "9")),
    "10": ("too many connections", Deferred(Reason.TEMPORARY, "10")),
    "11": ("interface not allowed", Deferred(Reason.MISCONFIGURED, "11")),
    "12": ("refused content", Rejected(Reason.CONTENT, "12")),
    "14": ("signature", Deferred(Reason.BAD_CREDENTIALS, "14")),
    "15": ("sender", Deferred(Reason.INVALID_ORIGINATOR, "15")),
    "22": ("network", Deferred(Reason.UNROUTABLE, "22")),
    "23": ("callback", Deferred(Reason.MISCONFIGURED, "23")),
    "29": ("trial", Deferred(Reason.UNROUTABLE, "29")),
    "32": ("secret and signature", Deferred(Reason.MISCONFIGURED, "32")),
    "33": ("number given up", Rejected(Reason.INVALID_RECIPIENT, "33")),
    "99": ("unknown status", Deferred(Reason.UNKNOWN, "99")),
}


def sms(*parts, count=None):
    """Give an answer: for each part its status, or its id where it was taken."""
    entries = [
        {"to": "491701234567", "message-id": part, "status": "0"}
        if part.startswith("0A")
        else {"status": part, "error-text": "Words of Vonage"}
        for part in parts
    ]
    fields = {"message-count": str(count or len(entries)), "messages": entries}
    return Answer(200, json.dumps(fields), {"Content-Type": "application/json"})


REFUSALS = [
    *(Refusal(what, sms(status), outcome) for status, (what, outcome) in STATUSES.items()),
    Refusal("every part refused", sms("9", "9"), Deferred(Reason.NO_CREDIT, "9")),
    Refusal("a part throttled", sms("0A1", "1"), Uncertain()),
    Refusal("the first part throttled", sms("1", "0A2"), Uncertain()),
    Refusal("a part refused for good", sms("0A1", "12", "0A3"), Rejected(Reason.CONTENT, "12")),
    Refusal("a part throttled, one refused for good", sms("0A1", "1", "7"), Rejected(Reason.BARRED, "7")),
    Refusal("a part not answered for", sms("0A1", count=2), Uncertain()),
    Refusal("no parts", Answer(200, '{"message-count":"0","messages":[]}'), Uncertain()),
    Refusal("another shape", Answer(200, '{"messages":{"status":"0"}}'), Uncertain()),
]
# What every case must have; the answers do not depend on how the request was authenticated.
WORDS = [one for one in REFUSALS if one.what in VOCABULARY]

CASES = [
    HttpCase(f"vonage {name}", {**COMMON, **how}, sms("0A0000000123ABCD1"), ("0A0000000123ABCD1",), refusals)
    for name, how, refusals in (
        ("secret", SECRET, REFUSALS),
        ("basic", {**SECRET, "auth": "basic"}, WORDS),
        ("signature", SIGNED, WORDS),
    )
]
