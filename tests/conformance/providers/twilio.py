"""Twilio: a number, a messaging service, and the resource in XML."""

import json

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected

SID = "SM" + "0123456789abcdef" * 2
JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "application/xml"}


def refused(status, code, **headers):
    """Make an error as Twilio writes it."""
    info = f"https://www.twilio.com/docs/errors/{code}"
    error = {"code": code, "message": "No.", "more_info": info, "status": status}
    return Answer(status, json.dumps(error), {**JSON, **headers})


REFUSALS = [
    Refusal("refused recipient", refused(400, 21211), Rejected(Reason.INVALID_RECIPIENT, "21211")),
    Refusal("refused content", refused(400, 21617), Rejected(Reason.CONTENT, "21617")),
    Refusal("bad credentials", refused(401, 20003), Deferred(Reason.BAD_CREDENTIALS, "20003")),
    Refusal(
        "throttled",
        refused(429, 20429, **{"Retry-After": "3"}),
        Deferred(Reason.THROTTLED, "20429", retry_after=3.0),
    ),
    Refusal("opted out", refused(400, 21610), Rejected(Reason.OPTED_OUT, "21610")),
    Refusal("an unknown code", refused(400, 29999), Deferred(Reason.UNKNOWN, "29999")),
]
RESOURCE = {"sid": SID, "status": "queued", "error_code": None}
IN_XML = f"<?xml version='1.0' encoding='UTF-8'?><TwilioResponse><Message><Sid>{SID}</Sid></Message></TwilioResponse>"
COMMON = {"type": "twilio", "url": "{url}", "account_sid": "AC0123", "auth_token": "t0psecret-token"}
YES = Answer(201, json.dumps(RESOURCE), JSON)


def case(name, accepted=YES, **settings):
    """Make a case of these settings."""
    lacks = {"no credit": "Twilio suspends an account without credit, which reads as bad credentials"}
    return HttpCase(name, {**COMMON, **settings}, accepted, (SID,), REFUSALS, lacks)


CASES = [
    case("twilio", callback_url="https://hub.example"),
    case("twilio number", number="+15017250604"),
    case("twilio service", messaging_service_sid="MG0123", api_key="SK0123", api_secret="t0psecret/secret"),
    case("twilio XML", Answer(201, IN_XML, XML), answers="xml"),
]
