"""sipgate by XML-RPC and by REST."""

from xmlrpc.client import loads

from smshub.conformance import Answer, HttpCase, Refusal
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

XML = {"Content-Type": "text/xml"}
COMMON = {"type": "sipgate", "username": "account", "password": "t0psecret password"}

STATUSES = {
    401: ("bad credentials", Deferred(Reason.BAD_CREDENTIALS, "401")),
    402: ("internal error", Uncertain()),
    403: ("arguments", Deferred(Reason.MISCONFIGURED, "403")),
    404: ("resources", Deferred(Reason.TEMPORARY, "404")),
    410: ("refused content", Rejected(Reason.CONTENT, "410")),
    412: ("throttled", Deferred(Reason.THROTTLED, "412")),
    501: ("sender", Deferred(Reason.INVALID_ORIGINATOR, "501")),
    502: ("type of service", Deferred(Reason.MISCONFIGURED, "502")),
    505: ("no credit", Deferred(Reason.NO_CREDIT, "505")),
    506: ("no SIP address", Rejected(Reason.INVALID_RECIPIENT, "506")),
    508: ("refused recipient", Rejected(Reason.INVALID_RECIPIENT, "508")),
    520: ("characters", Rejected(Reason.CONTENT, "520")),
    525: ("no texts", Deferred(Reason.MISCONFIGURED, "525")),
    901: ("of the vendor", Deferred(Reason.UNKNOWN, "901")),
}
FAULT = "<fault><value><struct><member><name>faultCode</name><value><int>{}</int></value></member>{}</struct></value>"
WORDS = "<member><name>faultString</name><value><string>No such method</string></value></member>"


def answered(code, more=""):
    """Give an answer of samurai."""
    status = f"<member><name>StatusCode</name><value><int>{code}</int></value></member>"
    words = "<member><name>StatusString</name><value>Words of sipgate</value></member>"
    return rpc(f"<params><param><value><struct>{status}{words}{more}</struct></value></param></params>")


def rpc(inner):
    """Give an answer of XML-RPC."""
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse>{inner}</methodResponse>', XML)


def content(seen, text):
    """Look for a text in a call, read by the standard library; there the end of a line is a line feed."""
    (members,), method = loads(seen.body)
    return ("samurai.SessionInitiate", "text") == (method, members["TOS"]) and text in members["Content"]


SESSION = "<member><name>SessionID</name><value><string>S1234</string></value></member>"
BOMB = '<!DOCTYPE a [<!ENTITY b "c">]>'

CASES = [
    HttpCase(
        "sipgate xmlrpc",
        {**COMMON, "api": "xmlrpc", "url": "{url}/RPC2"},
        answered(200, SESSION),
        ("S1234",),
        [
            *(Refusal(what, answered(code), outcome) for code, (what, outcome) in STATUSES.items()),
            Refusal("fault", rpc(FAULT.format(4, WORDS) + "</fault>"), Deferred(Reason.UNKNOWN, "fault 4")),
            Refusal("no status", rpc("<params><param><value><struct/></value></param></params>"), Uncertain()),
            Refusal("no struct", rpc("<params><param><value>OK</value></param></params>"), Uncertain()),
            Refusal("a document type", Answer(200, BOMB + answered(200, SESSION).body, XML), Uncertain()),
            Refusal("broken XML", Answer(200, answered(200, SESSION).body[:-9], XML), Uncertain()),
            Refusal("too many tags", rpc("<a/>" * 1_001), Uncertain()),
        ],
        carries=content,
    ),
    HttpCase(
        "sipgate rest",
        {**COMMON, "api": "rest", "url": "{url}/v2"},
        Answer(204),
        (),
        [
            Refusal("bad credentials", Answer(401), Deferred(Reason.BAD_CREDENTIALS, "401")),
            Refusal("no credit", Answer(402), Deferred(Reason.NO_CREDIT, "402")),
            Refusal("forbidden", Answer(403), Deferred(Reason.BAD_CREDENTIALS, "403")),
            Refusal("no such extension", Answer(404), Deferred(Reason.MISCONFIGURED, "404")),
            Refusal("throttled", Answer(429), Deferred(Reason.THROTTLED, "429")),
            Refusal("invalid", Answer(400, '{"message":"x"}'), Rejected(Reason.UNKNOWN, "400")),
        ],
        lacks={
            "refused recipient": "400 does not say what is invalid",
            "refused content": "400 does not say what is invalid",
            "an empty yes": "that is its yes",
        },
    ),
]
