"""Twilio: the very bytes of its requests, what its answers mean, and who its callers are."""

import hashlib
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from smshub.connectors.callbacks import Callback, Forged
from smshub.connectors.exchange import Response
from smshub.connectors.twilio import REASONS, Connector, Settings
from smshub.connectors.twiliocallbacks import signature
from smshub.domain.delivery import Accepted, Balance, Deferred, Reason, Receipt, ReceiptState, Rejected, Uncertain
from smshub.domain.incoming import Incoming

ACCOUNT = "AC" + "0" * 32
SID = "SM" + "b" * 32
COMMON = {"type": "twilio", "account_sid": ACCOUNT, "auth_token": "12345"}


def twilio(name="us", **settings):
    """Make a connector."""
    return Connector(name, Settings(**{**COMMON, **settings}))


REQUESTS = [
    ({}, {}, "From=ACME&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({"number": "+15017250604"}, {}, "From=%2B15017250604&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({"number": "15017250604"}, {}, "From=%2B15017250604&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({"number": "72345"}, {}, "From=72345&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({}, {"originator": "+4915112345678"}, "From=%2B4915112345678&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({}, {"originator": ""}, "Body=Your+code+is+123456&ValidityPeriod=300"),
    ({"messaging_service_sid": "MG1"}, {}, "MessagingServiceSid=MG1&Body=Your+code+is+123456&ValidityPeriod=300"),
    ({}, {"text": "ü & 你\n"}, "From=ACME&Body=%C3%BC+%26+%E4%BD%A0%0A&ValidityPeriod=300"),
    ({}, {"flash": True, "expires_at": 9e9}, "From=ACME&Body=Your+code+is+123456&ValidityPeriod=36000"),
    ({}, {"expires_at": 100.9, "started_at": 100.0}, "From=ACME&Body=Your+code+is+123456&ValidityPeriod=1"),
    (
        {"callback_url": "https://hub.example/sms"},
        {},
        (
            "From=ACME&Body=Your+code+is+123456&ValidityPeriod=300"
            "&StatusCallback=https%3A%2F%2Fhub.example%2Fsms%2Freceipts%2Fus"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "fields", "body"), REQUESTS)
def test_the_form_is_exact(message, settings, fields, body):
    """Sender or service, text, what is left of its validity, and where the report goes."""
    request = twilio(**settings).request(message(**{"expires_at": 300.0, **fields}))

    assert f"To=%2B491701234567&{body}" == request.body.decode()


def test_the_account_signs_in_by_basic_authentication(message):
    """With its token, or with an API key in its place; the address names the account in both."""
    by_token = twilio(answers="xml").request(message())
    by_key = twilio(api_key="SK1", api_secret="secret").request(message())

    assert [
        ("POST", f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages", "Basic " + BASIC),
        ("POST", f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json", "Basic U0sxOnNlY3JldA=="),
    ] == [(request.method, request.url, request.headers["Authorization"]) for request in (by_token, by_key)]
    assert "application/x-www-form-urlencoded" == by_token.headers["Content-Type"]


BASIC = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDoxMjM0NQ=="


def test_a_mail_address_cannot_be_put_into_a_request(message):
    """The base makes a Deferred of it."""
    with pytest.raises(ValueError, match="no number"):
        twilio().request(message(to="a@b.example"))


@pytest.mark.parametrize(
    "settings",
    [
        {"auth_token": None},
        {"api_key": "SK1"},
        {"auth_token": None, "api_secret": "x"},
        {"number": "+1501", "messaging_service_sid": "MG1"},
        {"account_sid": "AC1/../AC2"},
        {"account_sid": "XX1"},
        {"number": "ACME"},
        {"url": "api.twilio.com"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """No credentials, half a key, two senders, no address."""
    with pytest.raises(ValidationError):
        twilio(**settings)


def error(code, words="No."):
    """Write an error as Twilio does."""
    return f'{{"code": {code}, "message": "{words}", "more_info": "https://www.twilio.com/docs/errors/{code}"}}'


ANSWERS = [
    (201, f'{{"sid": "{SID}", "status": "queued", "error_code": null}}', Accepted((SID,))),
    (201, f'{{"sid": "MM{"b" * 32}", "status": "accepted"}}', Accepted(("MM" + "b" * 32,))),
    (201, '{"sid": null}', Uncertain(detail="status 201 without a sid")),
    (201, '{"sid": "x"}', Uncertain(detail="status 201 without a sid")),
    (201, "[]", Uncertain(detail="status 201 without a sid")),
    (200, f'{{"sid": "{SID}"}}', Uncertain(detail="status 200 without a sid")),
    (401, error(20003), Deferred(Reason.BAD_CREDENTIALS, "20003", "No.")),
    (404, error(20404), Deferred(Reason.MISCONFIGURED, "20404", "No.")),
    (429, error(20429), Deferred(Reason.THROTTLED, "20429", "No.")),
    (400, error(21211), Rejected(Reason.INVALID_RECIPIENT, "21211", "No.")),
    (400, error(21212), Deferred(Reason.INVALID_ORIGINATOR, "21212", "No.")),
    (403, error(21408), Deferred(Reason.UNROUTABLE, "21408", "No.")),
    (400, error(21606), Deferred(Reason.INVALID_ORIGINATOR, "21606", "No.")),
    (400, error(21608), Deferred(Reason.UNROUTABLE, "21608", "No.")),
    (400, error(21610), Rejected(Reason.OPTED_OUT, "21610", "No.")),
    (400, error(21611), Deferred(Reason.THROTTLED, "21611", "No.")),
    (400, error(21612), Deferred(Reason.UNROUTABLE, "21612", "No.")),
    (400, error(21614), Rejected(Reason.INVALID_RECIPIENT, "21614", "No.")),
    (400, error(21617), Rejected(Reason.CONTENT, "21617", "No.")),
    (400, error(29999), Deferred(Reason.UNKNOWN, "29999", "No.")),
    (401, error(29999), Deferred(Reason.BAD_CREDENTIALS, "401", "29999 No.")),
    (500, error(20500), Uncertain(detail="status 500: 20500 No.")),
    (500, error(20429), Uncertain(detail="status 500: 20429 No.")),
    (503, error(20503), Deferred(Reason.TEMPORARY, "503", "20503 No.")),
    (400, "<html>", Rejected(Reason.UNKNOWN, "400", "<html>")),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_each_answer_comes_to_the_outcome_beside_it(message, status, body, expected):
    """Only 201 with a sid has taken the text; every code of its documents has its reason."""
    response = Response(status, {"content-type": "application/json"}, body.encode())

    assert expected == twilio().outcome(message(), response)


def test_every_code_is_among_the_answers():
    """The table of the answers is complete but for codes of our own making (no text, no sender, no recipient)."""
    tried = {outcome.code for _, _, outcome in ANSWERS if isinstance(outcome, Deferred | Rejected)}

    assert {"21602", "21603", "21604"} == REASONS.keys() - tried


def test_a_throttle_says_when_to_come_again(message):
    """By Retry-After, where Twilio gives one."""
    response = Response(429, {"content-type": "application/json", "retry-after": "4"}, error(20429).encode())

    assert Deferred(Reason.THROTTLED, "20429", "No.", 4.0) == twilio().outcome(message(), response)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (201, f"<Message><Sid>{SID}</Sid><Body>&lt;Sid&gt;SM0&lt;/Sid&gt;</Body></Message>", Accepted((SID,))),
        (
            400,
            "<RestException><Code>21610</Code><Message>a &amp; b</Message></RestException>",
            Rejected(Reason.OPTED_OUT, "21610", "a & b"),
        ),
        (
            201,
            "<Message><Body>&lt;Sid&gt;SM0&lt;/Sid&gt;</Body></Message>",
            Uncertain(detail="status 201 without a sid"),
        ),
    ],
)
def test_an_answer_in_xml_means_the_same(message, status, body, expected):
    """A text in it that looks like a sid is none."""
    whole = f"<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse>{body}</TwilioResponse>"
    response = Response(status, {"content-type": "application/xml"}, whole.encode())

    assert expected == twilio(answers="xml").outcome(message(), response)


def test_the_balance_is_in_the_accounts_currency():
    """Its own resource."""
    request = twilio().balance_request()

    assert f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Balance.json" == request.url
    answer = Response(200, {}, b'{"account_sid": "AC", "balance": "-1.51", "currency": "EUR"}')
    assert Balance(-1.51, "EUR") == twilio().balance(answer)
    assert None is twilio().balance(Response(200, {}, b'{"balance": "nan"}'))
    assert None is twilio().balance(Response(401, {}, b'{"balance": "1"}'))


# --- its calls -------------------------------------------------------------------------------------------------------

VECTOR = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
DLR = {
    "AccountSid": "AC" + "a" * 32,
    "ApiVersion": "2010-04-01",
    "From": "+15017250604",
    "MessageSid": SID,
    "MessageStatus": "delivered",
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "To": "+15558675310",
    "RawDlrDoneDate": "2001011400",
}
DLR_URL = "https://hub.example/dlr/twilio/1"
DLR_SIGNATURE = "LdSJjaZs0fw2SSiEN9TQ4xR6MZk="


def called(fields, sign, url=DLR_URL, **connector):
    """Let a connector read a call by POST."""
    headers = {"x-twilio-signature": sign, "content-type": "application/x-www-form-urlencoded"}
    query = tuple(parse_qsl(url.partition("?")[2]))
    callback = Callback("POST", url, query, tuple(fields), headers, b"x=y", at=1000.0)
    return twilio(**connector).called(callback)


def test_signatures_are_those_of_the_documents():
    """Their vector, that of a report, and one with a name twice: sorted and each value once."""
    assert "RSOYDt4T1cUTdK1PDd93/VVr8B8=" == signature("12345", VECTOR, CALL.items())
    assert DLR_SIGNATURE == signature("12345", DLR_URL, DLR.items())
    twice = [("b", "2"), ("a", "z"), ("a", "y"), ("a", "z")]
    assert signature("12345", f"{DLR_URL}ayazb2") == signature("12345", DLR_URL, twice)


def test_a_signed_report_is_a_receipt():
    """By the sid, at the time of the call."""
    found = called(DLR.items(), DLR_SIGNATURE)

    assert ((Receipt(SID, ReceiptState.DELIVERED, 1000.0),), (), 204) == (found.receipts, found.texts, found.status)


@pytest.mark.parametrize(
    ("given", "signed"),
    [
        ("https://hub.example/r", "https://hub.example:443/r"),
        ("https://hub.example:443/r", "https://hub.example/r"),
        ("http://hub.example/r?a=1", "http://hub.example:80/r?a=1"),
        ("https://hub.example:8443/r", "https://hub.example/r"),
        ("https://hub.example:8443/r", "https://hub.example:8443/r"),
        ("https://[::1]/r", "https://[::1]:443/r"),
    ],
)
def test_the_port_may_be_signed_or_not(given, signed):
    """As Twilio's own libraries take both."""
    assert 1 == len(called(DLR.items(), signature("12345", signed, DLR.items()), given).receipts)


def test_the_address_that_twilio_was_told_counts():
    """Where a proxy before the hub changed the one that it called."""
    sign = signature("12345", "https://hub.example/sms/receipts/us?a=1", DLR.items())

    found = called(DLR.items(), sign, "http://10.0.0.1/receipts/us?a=1", callback_url="https://hub.example/sms")

    assert 1 == len(found.receipts)


@pytest.mark.parametrize(
    ("fields", "sign", "url"),
    [
        (DLR, "", DLR_URL),
        (DLR, "ß", DLR_URL),
        (DLR, DLR_SIGNATURE.lower(), DLR_URL),
        (DLR, signature("other", DLR_URL, DLR.items()), DLR_URL),
        (DLR, DLR_SIGNATURE, DLR_URL + "?a=1"),
        (DLR, DLR_SIGNATURE, DLR_URL.replace("https", "http")),
        ({**DLR, "MessageStatus": "failed"}, DLR_SIGNATURE, DLR_URL),
        ({**DLR, "More": "1"}, DLR_SIGNATURE, DLR_URL),
        ({name: value for name, value in DLR.items() if name != "To"}, DLR_SIGNATURE, DLR_URL),
    ],
)
def test_a_call_that_is_not_signed_so_is_forged(fields, sign, url):
    """No signature, another token, another address, another field."""
    with pytest.raises(Forged):
        called(fields.items(), sign, url)


def test_without_the_auth_token_nobody_is_believed():
    """An API key signs nothing."""
    with pytest.raises(Forged):
        called(DLR.items(), DLR_SIGNATURE, auth_token=None, api_key="SK1", api_secret="12345")


@pytest.mark.parametrize("right", [True, False])
def test_a_body_in_json_is_signed_by_its_digest(right):
    """`bodySHA256` in the address, itself signed."""
    body = b'{"MessageSid": "x"}'
    digest = hashlib.sha256(body if right else b"other").hexdigest()
    url = f"https://hub.example/receipts/us?bodySHA256={digest}"
    headers = {"x-twilio-signature": signature("12345", url), "content-type": "application/json"}
    callback = Callback("POST", url, (("bodySHA256", digest),), (), headers, body, 1000.0)

    if right:
        assert () == twilio().called(callback).receipts
    else:
        with pytest.raises(Forged):
            twilio().called(callback)


STATUSES = [
    ("accepted", ReceiptState.ACCEPTED),
    ("scheduled", ReceiptState.ACCEPTED),
    ("queued", ReceiptState.ACCEPTED),
    ("sending", ReceiptState.ENROUTE),
    ("sent", ReceiptState.ENROUTE),
    ("delivered", ReceiptState.DELIVERED),
    ("read", ReceiptState.DELIVERED),
    ("undelivered", ReceiptState.UNDELIVERABLE),
    ("failed", ReceiptState.UNDELIVERABLE),
    ("canceled", ReceiptState.DELETED),
    ("partially_delivered", ReceiptState.UNKNOWN),
    ("of next year", ReceiptState.UNKNOWN),
]


@pytest.mark.parametrize(("status", "state"), STATUSES)
def test_each_status_has_its_state(status, state):
    """Words that no table knows change nothing."""
    fields = {**DLR, "MessageStatus": status, "ErrorCode": "30003"}

    found = called(fields.items(), signature("12345", DLR_URL, fields.items()))

    assert (Receipt(SID, state, 1000.0, "30003"),) == found.receipts


def test_a_text_that_ran_out_of_time_is_expired():
    """Twilio says undelivered, and why."""
    fields = {**DLR, "MessageStatus": "undelivered", "ErrorCode": "30036"}

    found = called(fields.items(), signature("12345", DLR_URL, fields.items()))

    assert (Receipt(SID, ReceiptState.EXPIRED, 1000.0, "30036"),) == found.receipts


def test_a_text_of_somebody_comes_in():
    """It is answered with XML that says nothing, so that nothing is sent back."""
    fields = {"MessageSid": SID, "SmsStatus": "received", "From": "+4917012345", "To": "+1501", "Body": "STOP ü"}

    found = called(fields.items(), signature("12345", DLR_URL, fields.items()))

    text = Incoming("", "us", "4917012345", "1501", "STOP ü", 1000.0, SID)
    assert ((text,), 200, "text/xml") == (found.texts, found.status, found.content_type)
    assert b"<Response/>" in found.body


@pytest.mark.parametrize("fields", [{"MessageStatus": "sent"}, {"Body": "Hi", "From": "+49"}])
def test_a_call_without_a_sid_cannot_be_read(fields):
    """Nobody could tell what it is about."""
    with pytest.raises(ValueError, match="without a sid"):
        called(fields.items(), signature("12345", DLR_URL, fields.items()))


def test_what_is_neither_report_nor_text_says_nothing():
    """Parameters may grow, and so may kinds of calls."""
    assert ((), ()) == (
        (found := called(CALL.items(), signature("12345", DLR_URL, CALL.items()))).receipts,
        found.texts,
    )
