"""AQL: the classic gateway, and the second version of its interface."""

import json

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

REFUSALS = [
    Refusal("refused recipient", Answer(200, "3:0 Destination number error"), Rejected(Reason.INVALID_RECIPIENT, "3")),
    Refusal("no credit", Answer(200, "5:0 Insufficient credit"), Deferred(Reason.NO_CREDIT, "5")),
    Refusal("bad credentials", Answer(200, "2:0 Authentication error"), Deferred(Reason.BAD_CREDENTIALS, "2")),
    Refusal("undefined", Answer(200, "9:0 Undefined error"), Deferred(Reason.TEMPORARY, "9")),
    Refusal("an unknown code", Answer(200, "7:0 What"), Deferred(Reason.UNKNOWN, "7")),
    Refusal("some of one", Answer(200, "1:1 Partially queued"), Uncertain()),
]
V2_REFUSALS = [
    Refusal("bad credentials", Answer(401, '{"message": "Unauthenticated."}'), Deferred(Reason.BAD_CREDENTIALS)),
    Refusal("throttled", Answer(429, '{"message": "Too Many Attempts."}'), Deferred(Reason.THROTTLED)),
]
CLASSIC = {"type": "aql", "url": "{url}/sms/sms_gw.php", "username": "account", "password": "t0psecret password"}
CALLED = {"callback_url": "https://hub.example", "callback_secret": "t0psecret/& secret"}
V2 = {"type": "aql", "api": "v2", "url": "{url}/v2/sms/send", "token": "t0psecret-token"}

# The classic gateway gives no id: the message's own is told, which differs from trial to trial.
CASES = [
    HttpCase(
        "aql",
        {**CLASSIC, **CALLED},
        Answer(200, "0:1 Message successfully queued"),
        None,
        REFUSALS,
        {"refused content": "AQL has no code for it", "throttled": "AQL has no code for it"},
    ),
    HttpCase(
        "aql v2",
        V2,
        Answer(200, json.dumps({"data": [{"id": 7710, "state": "queued"}], "meta": {}})),
        ("7710",),
        V2_REFUSALS,
        dict.fromkeys(("refused recipient", "refused content", "no credit"), "AQL publishes no errors"),
    ),
]
