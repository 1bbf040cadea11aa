"""OVHcloud: the signed REST interface and http2sms, in their own words."""

import json
import re
import time

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

JSON = {"Content-Type": "application/json"}
REST = {
    "type": "ovh",
    "url": "{url}/1.0",
    "service_name": "sms-ab12345-1",
    "application_key": "application-key",
    "application_secret": "t0psecret-application",
    "consumer_key": "t0psecret-consumer",
}
HTTP2SMS = {
    "type": "ovh_http2sms",
    "url": "{url}/cgi-bin/sms/http2sms.cgi",
    "account": "sms-ab12345-1",
    "login": "user",
    "password": "t0psecret password",
}


def error(status, code, words=""):
    """Give an error as the REST interface writes it."""
    return Answer(status, json.dumps({"errorCode": code, "httpCode": f"{status} Error", "message": words}), JSON)


def report(valid, invalid, ids):
    """Give the report on a job."""
    fields = {"totalCreditsRemoved": len(ids), "invalidReceivers": invalid, "ids": ids, "validReceivers": valid}
    return Answer(200, json.dumps(fields), JSON)


def said(status, words):
    """Give a refusal of http2sms."""
    return Answer(200, json.dumps({"status": status, "message": words}), JSON)


def clock(seen):
    """Tell the time to whoever asks."""
    return Answer(200, str(int(time.time())), JSON) if seen.target.endswith("/auth/time") else None


def lines_as_ovh(seen, text):
    """Look for a text whose line ends are OVH's."""
    return any(re.sub(r"\r\n|\n", "\r", text) in value for value in seen.values)


REFUSALS = [
    Refusal(
        "refused recipient", report([], ["+491701234567"], []), Rejected(Reason.INVALID_RECIPIENT, "invalidReceivers")
    ),
    Refusal("nobody and no reason", report([], [], []), Deferred(Reason.UNKNOWN)),
    Refusal("nobody and yet an id", report([], [], [7]), Uncertain()),
    Refusal("no credit", error(402, "PAYMENT", "You have no more credits"), Deferred(Reason.NO_CREDIT, "PAYMENT")),
    Refusal("no credit, forbidden", error(403, "FORBIDDEN", "Not enough credits"), Deferred(Reason.NO_CREDIT)),
    Refusal("expired service", error(460, "", "This service is expired"), Deferred(Reason.NO_CREDIT, "460")),
    *(
        Refusal(f"bad credentials{more}", error(status, code), Deferred(Reason.BAD_CREDENTIALS, code))
        for more, status, code in (
            ("", 403, "INVALID_CREDENTIAL"),
            (": signature", 400, "INVALID_SIGNATURE"),
            (": key", 403, "INVALID_KEY"),
            (": none", 403, "NOT_CREDENTIAL"),
            (": call", 403, "NOT_GRANTED_CALL"),
            (": forbidden", 403, "FORBIDDEN"),
        )
    ),
    Refusal("sender", error(403, "FORBIDDEN", "The sender ACME does not exist"), Deferred(Reason.INVALID_ORIGINATOR)),
    Refusal("clock", error(400, "QUERY_TIME_OUT", "Query out of time"), Deferred(Reason.TEMPORARY, "QUERY_TIME_OUT")),
    Refusal("no such account", error(404, "NOT_FOUND"), Deferred(Reason.MISCONFIGURED, "NOT_FOUND")),
    Refusal("an unknown 400", error(400, "WHATEVER", "Whatever"), Deferred(Reason.UNKNOWN, "WHATEVER")),
    Refusal("conflict", error(409, "CONFLICT"), Uncertain()),
    Refusal("broken server", error(500, "INTERNAL"), Uncertain()),
    Refusal("throttled, in other words", error(429, "X", "Quota exceeded"), Deferred(Reason.THROTTLED, "X")),
    Refusal("conflict, in other words", error(409, "X", "No credits"), Uncertain()),
    Refusal("throttled", error(429, "TOO_MANY"), Deferred(Reason.THROTTLED, "TOO_MANY")),
    Refusal(
        "later",
        Answer(503, '{"errorCode":"DOWN"}', {"Retry-After": "9"}),
        Deferred(Reason.TEMPORARY, "DOWN", None, 9.0),
    ),
]

CASES = [
    HttpCase(
        "ovh",
        REST,
        report(["+491701234567"], [], [12345]),
        ("12345",),
        REFUSALS,
        lacks={"refused content": "OVH has no words for it"},
        aside=clock,
    ),
    *(
        HttpCase(
            f"ovh_http2sms {method}",
            {**HTTP2SMS, "method": method},
            Answer(200, '{"status":100,"creditLeft":"1987","SmsIds":["10867690"]}', JSON),
            ("10867690",),
            [
                Refusal("no credit", said(202, "Not enough credit"), Deferred(Reason.NO_CREDIT, "202")),
                Refusal("bad credentials", said(202, "Invalid password"), Deferred(Reason.BAD_CREDENTIALS, "202")),
                Refusal("address", said(401, "IP not authorized"), Deferred(Reason.BAD_CREDENTIALS, "401")),
                Refusal("missing", said(201, "Missing message."), Deferred(Reason.MISCONFIGURED, "201")),
                Refusal("sender", said(202, "Invalid sender"), Deferred(Reason.INVALID_ORIGINATOR, "202")),
                Refusal("invalid", said(202, "Invalid receiver"), Deferred(Reason.UNKNOWN, "202")),
                Refusal("lines", Answer(200, "KO\nSomething"), Deferred(Reason.UNKNOWN, "KO")),
            ],
            lacks={
                "refused recipient": "202 says that something is wrong, not what",
                "refused content": "202 says that something is wrong, not what",
                "throttled": "it has no words for it",
            },
            carries=lines_as_ovh,
        )
        for method in ("GET", "POST")
    ),
]
