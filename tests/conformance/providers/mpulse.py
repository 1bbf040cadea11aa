"""Mpulse, filled in as an operator might; the interface itself is not public."""

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected

CASES = [
    HttpCase(
        "mpulse",
        {
            "type": "mpulse",
            "url": "{url}/gateway",
            "options": {"number": "{phone}", "message": "{text}", "pass": "t0psecret-field"},
            "success_pattern": "^ACCEPTED",
            "id_pattern": r"^ACCEPTED (\w+)",
            "code_pattern": r"^ERROR (\d+)",
            "reasons": {
                "^ERROR 1": "INVALID_RECIPIENT",
                "^ERROR 2": "CONTENT",
                "^ERROR 3": "NO_CREDIT",
                "^ERROR 4": "BAD_CREDENTIALS",
                "^ERROR 5": "THROTTLED",
            },
        },
        Answer(200, "ACCEPTED m1"),
        ("m1",),
        [
            Refusal("refused recipient", Answer(200, "ERROR 1"), Rejected(Reason.INVALID_RECIPIENT, "1")),
            Refusal("refused content", Answer(200, "ERROR 2"), Rejected(Reason.CONTENT, "2")),
            Refusal("no credit", Answer(200, "ERROR 3"), Deferred(Reason.NO_CREDIT, "3")),
            Refusal("bad credentials", Answer(200, "ERROR 4"), Deferred(Reason.BAD_CREDENTIALS, "4")),
            Refusal("throttled", Answer(200, "ERROR 5"), Deferred(Reason.THROTTLED, "5")),
        ],
    )
]
