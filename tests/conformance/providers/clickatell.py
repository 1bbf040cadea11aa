"""Clickatell: its four interfaces."""

import json
from urllib.parse import parse_qs

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

ID = "0123456789abcdef" * 2
SECRET = "t0psecret/key"

OLD = (
    ("refused recipient", "105", Rejected(Reason.INVALID_RECIPIENT, "105")),
    ("refused content", "113", Rejected(Reason.CONTENT, "113")),
    ("no credit", "301", Deferred(Reason.NO_CREDIT, "301")),
    ("bad credentials", "001", Deferred(Reason.BAD_CREDENTIALS, "001")),
    ("throttled", "130", Deferred(Reason.THROTTLED, "130")),
    ("opted out", "122", Rejected(Reason.OPTED_OUT, "122")),
    ("internal", "901", Deferred(Reason.TEMPORARY, "901")),
    ("an unknown code", "555", Deferred(Reason.UNKNOWN, "555")),
)
ONE = (
    ("refused recipient", 207, 25, Rejected(Reason.INVALID_RECIPIENT, "25")),
    ("refused content", 207, 100, Rejected(Reason.CONTENT, "100")),
    ("no credit", 402, 20, Deferred(Reason.NO_CREDIT, "20")),
    ("bad credentials", 401, 1, Deferred(Reason.BAD_CREDENTIALS, "1")),
    ("throttled", 400, 43, Deferred(Reason.THROTTLED, "43")),
    ("opted out", 207, 26, Rejected(Reason.OPTED_OUT, "26")),
    ("internal, try again", 503, 19, Deferred(Reason.TEMPORARY, "19")),
    ("internal", 500, 18, Uncertain()),
    ("an unknown code", 400, 99, Deferred(Reason.UNKNOWN, "99")),
)


def answer(status, body):
    """Answer in JSON."""
    return Answer(status, json.dumps(body), {"Content-Type": "application/json"})


def carries(seen, text):
    """Find a text among the values, in Latin-1 or in hexadecimal UCS-2."""
    values = [value for found in parse_qs(seen.body.decode("latin-1"), encoding="latin-1").values() for value in found]
    hexadecimal = text.encode("utf-16-be").hex().upper()
    return any(text in value or hexadecimal in value for value in [*values, *seen.values])


def one_refusal(what, status, code, outcome):
    """Make a refusal of one text, or of the whole."""
    error = {"code": code, "description": "No."}
    entry = {"apiMessageId": None, "accepted": False, "to": "491701234567", "error": error}
    of_one = {"messages": [entry], "error": None}
    return Refusal(what, answer(status, of_one if status == 207 else {"messages": [], "error": error}), outcome)


def rest_refusal(code):
    """Refuse as the old REST API does."""
    error = {"code": code, "description": "No.", "documentation": "https://www.clickatell.com"}
    return answer(202, {"data": {"message": [{"accepted": False, "to": "491701234567", "error": error}]}})


def platform_refusal(code):
    """Refuse as the Platform does."""
    entry = {"apiMessageId": None, "accepted": False, "to": "491701234567", "errorCode": int(code), "error": "No."}
    return answer(202, {"messages": [entry], "errorCode": None, "error": None})


CASES = [
    HttpCase(
        "clickatell http",
        {
            "type": "clickatell",
            "api": "http",
            "url": "{url}/http/sendmsg",
            "username": "account",
            "password": SECRET,
            "api_id": "3442105",
        },
        Answer(200, f"ID: {ID}"),
        (ID,),
        [Refusal(what, Answer(200, f"ERR: {code}, No"), outcome) for what, code, outcome in OLD],
        carries=carries,
    ),
    HttpCase(
        "clickatell rest",
        {"type": "clickatell", "api": "rest", "url": "{url}/rest/message", "api_key": SECRET},
        answer(202, {"data": {"message": [{"accepted": True, "to": "491701234567", "apiMessageId": ID}]}}),
        (ID,),
        [Refusal(what, rest_refusal(code), outcome) for what, code, outcome in OLD],
        carries=carries,
    ),
    HttpCase(
        "clickatell platform",
        {"type": "clickatell", "api": "platform", "url": "{url}/messages", "api_key": SECRET},
        answer(202, {"messages": [{"apiMessageId": ID, "accepted": True, "to": "491701234567", "errorCode": None}]}),
        (ID,),
        [Refusal(what, platform_refusal(code), outcome) for what, code, outcome in OLD],
    ),
    HttpCase(
        "clickatell one",
        {"type": "clickatell", "url": "{url}/v1/message", "api_key": SECRET},
        answer(202, {"messages": [{"apiMessageId": ID, "accepted": True, "to": "491701234567", "error": None}]}),
        (ID,),
        [one_refusal(*row) for row in ONE],
    ),
]
