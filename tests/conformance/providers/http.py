"""The generic way out over HTTP, set up for an imaginary gateway whose every word it knows."""

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected

COMMON = {
    "type": "http",
    "url": "{url}/send",
    "success_pattern": "^OK",
    "id_pattern": r"^OK (\S+)",
    "code_pattern": r"^NO (\d+)",
    "reasons": {
        "^NO 11": "INVALID_RECIPIENT",
        "^NO 12": "CONTENT",
        "^NO 13": "NO_CREDIT",
        "^NO 14": "BAD_CREDENTIALS",
        "^NO 15": "THROTTLED",
    },
}
REFUSALS = [
    Refusal("refused recipient", Answer(200, "NO 11"), Rejected(Reason.INVALID_RECIPIENT, "11")),
    Refusal("refused content", Answer(200, "NO 12"), Rejected(Reason.CONTENT, "12")),
    Refusal("no credit", Answer(200, "NO 13"), Deferred(Reason.NO_CREDIT, "13")),
    Refusal("bad credentials", Answer(200, "NO 14"), Deferred(Reason.BAD_CREDENTIALS, "14")),
    Refusal("throttled", Answer(200, "NO 15"), Deferred(Reason.THROTTLED, "15")),
    Refusal("an unknown code", Answer(200, "NO 99"), Deferred(Reason.UNKNOWN, "99")),
]

FIELDS = {"to": "{phone}", "text": "{otp}", "sender": "{from}", "token": "t0psecret-field"}
BASIC = {"username": "account", "password": "t0psecret password"}


def case(name, **settings):
    """Make a case of these settings."""
    return HttpCase(name, {**COMMON, **settings}, Answer(200, "OK ref-1"), ("ref-1",), REFUSALS)


CASES = [
    case("http GET", options=FIELDS, **BASIC),
    case("http POST", method="POST", options=FIELDS, headers={"X-Api-Key": "t0psecret/header"}),
    case("http JSON", method="POST", json=True, options={**FIELDS, "to": ["{phone}"]}, **BASIC),
]
