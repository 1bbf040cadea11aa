"""sipgate: XML-RPC (samurai) under `/RPC2`, REST under `/v2`."""

import json
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

from smshub.simulators.providers.values import JSON, Answer, Desk, Seen, Text, retry_in

PATH = r"(?:/sipgate)?/v2/(?:sessions/sms|balance)"
RPC_PATH = r"/RPC2"
XML = "text/xml"
BALANCE = 42.5

# `StatusCode`; a fault script may ask for any of them, or `fault` for a fault of XML-RPC.
ERRORS: Mapping[int, str] = {
    400: "Method not supported",
    401: "Request denied (no reason specified)",
    402: "Internal error",
    403: "Invalid arguments",
    404: "Resources exceeded",
    405: "Invalid parameter name",
    407: "Invalid parameter value",
    410: "Parameter exceeds maximum size",
    412: "Too many requests",
    501: "URI does not belong to user",
    502: "Unknown type of service",
    505: "Amount exceeds limit",
    506: "Malformed SIP URI",
    508: "Format is not valid E.164",
    520: "Parameter includes invalid characters",
    525: "Requested TOS not available",
}


def rest(seen: Seen, desk: Desk) -> Answer:
    """Answer as the REST interface does: 204 for a text, else a status and little besides."""
    if not desk.knows(*seen.basic()):
        return Answer(401, "", JSON)
    if desk.throttled:
        return Answer(429, "", JSON, retry_in(1))
    if seen.path.endswith("/balance"):
        return Answer(200, json.dumps({"amount": int(BALANCE * 10_000), "currency": "EUR"}), JSON)
    if desk.refuse is not None:
        status = int(desk.refuse) if desk.refuse.isdigit() and 400 <= int(desk.refuse) < 600 else 400
        return Answer(status, json.dumps({"message": "refused"}), JSON)
    number, text = seen.get("recipient"), seen.get("message")
    if seen.method != "POST" or not seen.get("smsId") or not text or not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        return Answer(400, json.dumps({"message": "invalid request"}), JSON)
    return Answer(204, "", JSON, taken=(Text(number.lstrip("+"), text, f"sim-{desk.serial()}", seen.get("smsId")),))


def xmlrpc(seen: Seen, desk: Desk) -> Answer:
    """Answer as samurai does: status 200 with a struct whose StatusCode tells, or a fault."""
    if not desk.knows(*seen.basic()):
        return Answer(401, "Authorization Required")
    try:
        root = fromstring(seen.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError):
        return _fault(-32700, "Parse error. Not well formed.")
    if desk.refuse == "fault":
        return _fault(-32500, "Application error")
    if desk.throttled or desk.refuse is not None:
        code = "412" if desk.throttled else desk.refuse or ""
        return _status(int(code) if code.isdigit() else 403)
    method = root.findtext("./methodName", "")
    if method == "samurai.BalanceGet":
        return _answer(200, "Method success", _balance())
    if method != "samurai.SessionInitiate":
        return _status(400)
    members = {
        member.findtext("./name", ""): "".join("".join(value.itertext()) for value in member.findall("./value"))
        for member in root.findall("./params/param/value/struct/member")
    }
    return _session(members, desk)


def _session(members: Mapping[str, str], desk: Desk) -> Answer:
    """Take a text."""
    if set(members) - {"RemoteUri", "LocalUri", "TOS", "Content", "Schedule"}:
        return _status(405)
    if not members.get("Content") or not members.get("RemoteUri"):
        return _status(403)
    if members.get("TOS") != "text":
        return _status(502)
    uri = re.fullmatch(r"sip:([^@]*)@[\w.-]+", members["RemoteUri"])
    if uri is None:
        return _status(506)
    if not re.fullmatch(r"[1-9]\d{6,14}", uri[1]):
        return _status(508)
    taken = Text(uri[1], members["Content"], f"SIM{desk.serial():029X}", members.get("LocalUri", ""))
    return _answer(200, "Method success", _member("SessionID", taken.ref), (taken,))


def _status(code: int) -> Answer:
    return _answer(code, ERRORS.get(code, "Unknown error"))


def _answer(code: int, words: str, more: str = "", taken: tuple[Text, ...] = ()) -> Answer:
    members = f"{_member('StatusCode', code)}{_member('StatusString', words)}{more}"
    value = f"<value><struct>{members}</struct></value>"
    body = f"<methodResponse><params><param>{value}</param></params></methodResponse>"
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', XML, taken=taken)


def _fault(code: int, words: str) -> Answer:
    members = f"{_member('faultCode', code)}{_member('faultString', words)}"
    body = f"<methodResponse><fault><value><struct>{members}</struct></value></fault></methodResponse>"
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', XML)


def _balance() -> str:
    total = f"<member><name>TotalIncludingVat</name><value><double>{BALANCE}</double></value></member>"
    inner = f"{_member('Currency', 'EUR')}{total}"
    return f"<member><name>CurrentBalance</name><value><struct>{inner}</struct></value></member>"


def _member(name: str, value: int | str) -> str:
    kind = "int" if isinstance(value, int) else "string"
    return f"<member><name>{name}</name><value><{kind}>{escape(str(value))}</{kind}></value></member>"
