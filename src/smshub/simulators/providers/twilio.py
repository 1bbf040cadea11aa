"""Twilio's Messages resource, `/2010-04-01/Accounts/{sid}/Messages`, with and without `.json`, and its balance."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import escape

from smshub.simulators.providers.values import JSON, XML, Answer, Call, Desk, Fate, Seen, Text, retry_in

PATH = r"/2010-04-01/Accounts/[^/]+/(?:Messages(?:\.json)?|Balance\.json)"

FORM = "application/x-www-form-urlencoded"

# The sender of Twilio's test mode, in which nobody is called.
TEST_SENDER = "+15005550006"
VALIDITY = range(1, 36_001)

# Twilio's codes: their HTTP status and words.
ERRORS: Mapping[str, tuple[int, str]] = {
    "20001": (400, "A parameter is not valid."),
    "20003": (401, "Authenticate"),
    "20004": (405, "Method not allowed"),
    "20404": (404, "The requested resource was not found"),
    "20429": (429, "Too Many Requests"),
    "20500": (500, "Internal Server Error"),
    "21211": (400, "The 'To' number is not a valid phone number."),
    "21212": (400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."),
    "21408": (403, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."),
    "21602": (400, "Message body is required."),
    "21603": (400, "A 'From' phone number is required."),
    "21604": (400, "A 'To' phone number is required."),
    "21606": (400, "The 'From' phone number is not a valid, SMS-capable inbound phone number for your account."),
    "21608": (400, "The number is unverified. Trial accounts cannot send messages to unverified numbers."),
    "21609": (400, "The 'StatusCallback' URL is not a valid URL."),
    "21610": (400, "Attempt to send to unsubscribed recipient"),
    "21611": (400, "This 'From' number has exceeded the maximum number of queued messages"),
    "21612": (400, "The 'To' phone number is not currently reachable using the 'From' phone number via SMS."),
    "21614": (400, "'To' number is not a valid mobile number"),
    "21617": (400, "The concatenated message body exceeds the 1600 character limit"),
}

MAGIC: Mapping[tuple[str, str], str] = {
    ("from", "15005550001"): "21212",
    ("from", "15005550007"): "21606",
    ("from", "15005550008"): "21611",
    ("to", "15005550001"): "21211",
    ("to", "15005550002"): "21612",
    ("to", "15005550003"): "21408",
    ("to", "15005550004"): "21610",
    ("to", "15005550009"): "21614",
}


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer as Twilio's Messages resource does: JSON with `.json`, else XML."""
    as_json = seen.path.endswith(".json")
    account = seen.path.split("/")[3]
    user, password = seen.basic()
    if not desk.knows(user, password) or (user != account and not user.startswith("SK")):
        return _error("20003", as_json=as_json)
    if seen.path.endswith("Balance.json"):
        return Answer(200, json.dumps({"account_sid": account, "balance": "1000.00", "currency": "USD"}), JSON)
    if error := _fault(seen, desk):
        return _error(error, as_json=as_json)
    taken = Text(seen.get("To"), seen.get("Body"), f"SM{desk.serial():032x}", seen.get("From", "MessagingServiceSid"))
    resource = {
        "sid": taken.ref,
        "account_sid": account,
        "messaging_service_sid": seen.get("MessagingServiceSid") or None,
        "from": seen.get("From") or None,
        "to": taken.to,
        "body": taken.text,
        "status": "accepted" if seen.get("MessagingServiceSid") else "queued",
        "num_segments": "1",
        "num_media": "0",
        "direction": "outbound-api",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{taken.ref}{'.json' if as_json else ''}",
    }
    if as_json:
        return Answer(201, json.dumps(resource), JSON, taken=(taken,))
    return Answer(201, _xml("Message", resource), XML, taken=(taken,))


def _fault(seen: Seen, desk: Desk) -> str | None:
    """Find what Twilio would complain of."""
    sender = seen.get("From", "MessagingServiceSid")
    magic = [MAGIC.get((side, number.lstrip("+"))) for side, number in (("from", sender), ("to", seen.get("To")))]
    faults = (
        (desk.throttled, "20429"),
        (desk.refuse is not None, desk.refuse if desk.refuse in ERRORS else "21211"),
        (seen.method != "POST", "20004"),
        (not seen.get("To"), "21604"),
        (not sender, "21603"),
        (not seen.get("Body", "MediaUrl", "ContentSid"), "21602"),
        (len(seen.get("Body")) > 1600, "21617"),
        (not _callback_is_fine(seen.get("StatusCallback")), "21609"),
        (not _is_validity(seen.get("ValidityPeriod")), "20001"),
        (magic[0] is not None, magic[0]),
        (magic[1] is not None, magic[1]),
        (not re.fullmatch(r"\+?[1-9]\d{6,14}", seen.get("To")), "21211"),
    )
    return next((code for wrong, code in faults if wrong), None)


def report(seen: Seen, desk: Desk, fate: Fate) -> Call | None:
    """Call the StatusCallback of the request, signed with the auth token, as Twilio does outside its test mode."""
    url = seen.get("StatusCallback")
    if not url or seen.get("From") == TEST_SENDER:
        return None
    account = seen.path.split("/")[3]
    status = "delivered" if fate.good else "undelivered"
    fields = {
        "AccountSid": account,
        "ApiVersion": "2010-04-01",
        "From": fate.sender,
        "To": fate.to,
        "MessageSid": fate.ref,
        "MessageStatus": status,
        "SmsSid": fate.ref,
        "SmsStatus": status,
    }
    if fate.good:
        fields["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(desk.now))
    else:
        fields["ErrorCode"] = "30003"
    signature = sign(desk.signing or seen.basic()[1], url, fields)
    return Call("POST", url, {"Content-Type": FORM, "X-Twilio-Signature": signature}, urlencode(fields).encode())


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """Sign a call as Twilio does: HMAC-SHA1 of the address and the fields in the order of their names."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _callback_is_fine(url: str) -> bool:
    return not url or urlsplit(url).scheme in {"http", "https"}


def _is_validity(seconds: str) -> bool:
    return not seconds or (seconds.isdigit() and int(seconds) in VALIDITY)


def _error(code: str, *, as_json: bool) -> Answer:
    status, message = ERRORS[code]
    headers = retry_in(1) if status == 429 else {}
    info = f"https://www.twilio.com/docs/errors/{code}"
    if as_json:
        error = {"code": int(code), "message": message, "more_info": info, "status": status}
        return Answer(status, json.dumps(error), JSON, headers)
    parts = {"code": code, "detail": None, "message": message, "more_info": info, "status": status}
    return Answer(status, _xml("RestException", parts), XML, headers)


def _xml(name: str, members: Mapping[str, Any]) -> str:
    """Write a resource as Twilio's XML: `error_code` becomes `ErrorCode`."""
    inner = "".join(
        f"<{tag}/>" if value is None else f"<{tag}>{escape(str(value))}</{tag}>"
        for tag, value in (("".join(part.title() for part in key.split("_")), value) for key, value in members.items())
    )
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><{name}>{inner}</{name}></TwilioResponse>"
