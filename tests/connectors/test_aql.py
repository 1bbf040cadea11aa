"""AQL: the very bytes of its requests, what its answers mean, and its reports."""

import pytest
from pydantic import ValidationError

from smshub.connectors.aql import REASONS, STATES, Connector, Settings
from smshub.connectors.callbacks import Callback, Forged
from smshub.connectors.exchange import Response
from smshub.domain.delivery import Accepted, Balance, Deferred, Reason, Receipt, ReceiptState, Rejected, Uncertain

CLASSIC = {"type": "aql", "username": "me", "password": "p&w"}
V2 = {"type": "aql", "api": "v2", "token": "t0ken"}


def aql(name="uk", **settings):
    """Make a connector."""
    return Connector(name, Settings(**settings))


HEAD = "username=me&password=p%26w&destination=491701234567"
REQUESTS = [
    ({}, {}, "&message=Your+code+is+123456&originator=ACME&max_concat=1&allow_unicode=0&flash=0"),
    ({}, {"originator": ""}, "&message=Your+code+is+123456&max_concat=1&allow_unicode=0&flash=0"),
    (
        {"source": "Bank"},
        {"originator": ""},
        "&message=Your+code+is+123456&originator=Bank&max_concat=1&allow_unicode=0&flash=0",
    ),
    (
        {},
        {"text": "Ж%code", "encoding": "UCS2", "segments": 3, "flash": True},
        "&message=%D0%96%25code&originator=ACME&max_concat=3&allow_unicode=1&flash=1",
    ),
    (
        {"callback_url": "https://hub.example/", "callback_secret": "a b&c"},
        {},
        (
            "&message=Your+code+is+123456&originator=ACME&max_concat=1&allow_unicode=0&flash=0"
            "&dlr_url=https%3A%2F%2Fhub.example%2Freceipts%2Fuk%3Fkey%3Da%2Bb%2526c%26id%3D01HZX%26code%3D%25code"
            "%26dest%3D%25dest"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "fields", "body"), REQUESTS)
def test_the_form_of_the_classic_gateway_is_exact(message, settings, fields, body):
    """Credentials in the body, never in the address; our own id in the address of the report."""
    request = aql(**CLASSIC, **settings).request(message(**fields))

    assert ("POST", "https://gw.aql.com/sms/sms_gw.php", HEAD + body) == (
        request.method,
        request.url,
        request.body.decode(),
    )


def test_the_json_of_the_second_version_is_exact(message):
    """A list of one number, the token in a header."""
    request = aql(**V2).request(message(text='ü "x"'))
    alone = aql(**V2).request(message(originator=""))

    assert '{"destinations":["491701234567"],"message":"ü \\"x\\"","originator":"ACME"}' == request.body.decode()
    assert b'{"destinations":["491701234567"],"message":"Your code is 123456"}' == alone.body
    assert {"X-Auth-Token": "t0ken", "Content-Type": "application/json"} == request.headers
    assert "https://api.aql.com/v2/sms/send" == request.url


@pytest.mark.parametrize(
    "settings",
    [
        {"type": "aql"},
        {"type": "aql", "username": "me"},
        {"type": "aql", "api": "v2", "username": "me", "password": "x"},
        {**CLASSIC, "callback_url": "https://hub.example"},
        {**CLASSIC, "api": "v3"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """No credentials, or reports that nobody could believe."""
    with pytest.raises(ValidationError):
        aql(**settings)


ANSWERS = [
    ("0:1 Message successfully queued", Accepted(("01HZX",))),
    ("0:0.5 Queued\r\n", Accepted(("01HZX",))),
    ("\n0:1", Accepted(("01HZX",))),
    ("1:1 Partially queued", Uncertain(detail="taken in part: 1:1 Partially queued")),
    ("2:0 Authentication error", Deferred(Reason.BAD_CREDENTIALS, "2", "Authentication error")),
    ("3:0 Destination error", Rejected(Reason.INVALID_RECIPIENT, "3", "Destination error")),
    ("4:0 Send time error", Deferred(Reason.MISCONFIGURED, "4", "Send time error")),
    ("5:0 Insufficient credit", Deferred(Reason.NO_CREDIT, "5", "Insufficient credit")),
    ("9:0 Undefined", Deferred(Reason.TEMPORARY, "9", "Undefined")),
    ("7:0", Deferred(Reason.UNKNOWN, "7", "7:0")),
    ("", Uncertain(detail="an unreadable answer: ")),
    ("OK 0:1", Uncertain(detail="an unreadable answer: OK 0:1")),
    ("0:", Uncertain(detail="an unreadable answer: 0:")),
    ("0:1x", Uncertain(detail="an unreadable answer: 0:1x")),
    ("<html>0:1</html>", Uncertain(detail="an unreadable answer: <html>0:1</html>")),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS)
def test_each_answer_of_the_classic_gateway_has_its_outcome(message, text, expected):
    """It gives no id, so the message's own is the one of its report."""
    assert expected == aql(**CLASSIC).outcome(message(), Response(200, body=text.encode()))


def test_every_code_is_among_the_answers():
    """Each of the documents, and each with its reason."""
    assert REASONS.keys() | {"7"} == {one.code for _, one in ANSWERS if isinstance(one, Deferred | Rejected)}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"data": [{"id": 77, "state": "queued"}], "meta": {}}', Accepted(("77",))),
        (200, '{"data": [{"id": "a-1"}]}', Accepted(("a-1",))),
        (200, '{"data": []}', Uncertain(detail='an answer without an id: {"data": []}')),
        (200, "[]", Uncertain(detail="an answer without an id: []")),
        (200, '{"data": [{"id": true}]}', Uncertain(detail='an answer without an id: {"data": [{"id": true}]}')),
        (401, "who", Deferred(Reason.BAD_CREDENTIALS, "401", "who")),
        (402, "pay", Deferred(Reason.NO_CREDIT, "402", "pay")),
        (422, "no", Rejected(Reason.UNKNOWN, "422", "no")),
        (500, "oops", Uncertain(detail="status 500: oops")),
    ],
)
def test_each_answer_of_the_second_version_has_its_outcome(message, status, body, expected):
    """Its errors are not published, so the status says what they mean."""
    assert expected == aql(**V2).outcome(message(), Response(status, body=body.encode()))


def test_the_credit_is_asked_for_and_read():
    """Beside the address of either version."""
    classic, v2 = aql(**CLASSIC, url="http://127.0.0.1:1/sms/sms_gw.php").balance_request(), aql(**V2).balance_request()

    assert ("POST", "http://127.0.0.1:1/sms/postmsg.php", b"username=me&password=p%26w&cmd=credit") == (
        classic.method,
        classic.url,
        classic.body,
    )
    assert ("GET", "https://api.aql.com/v2/sms/credit") == (v2.method, v2.url)
    assert Balance(501.0, "credits") == aql(**CLASSIC).balance(Response(200, body=b"AQSMS-CREDIT=501\n"))
    assert Balance(7.0, "credits") == aql(**CLASSIC).balance(Response(200, body=b"7"))
    assert None is aql(**CLASSIC).balance(Response(200, body=b"AQSMS-AUTHERROR"))
    assert Balance(12.5, "credits") == aql(**V2).balance(Response(200, body=b'{"data": {"credit": 12.5}}'))
    assert None is aql(**V2).balance(Response(200, body=b'{"data": 3}'))


def report(**fields):
    """Make a call."""
    pairs = {"key": "s3cret", "id": "m1", "code": "1", "dest": "49", **fields}
    return Callback("GET", "https://hub/", tuple((name, value) for name, value in pairs.items() if value), at=9.0)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("1", ReceiptState.DELIVERED),
        ("2", ReceiptState.UNDELIVERABLE),
        ("4", ReceiptState.ENROUTE),
        ("8", ReceiptState.ACCEPTED),
        ("16", ReceiptState.REJECTED),
        ("3", ReceiptState.UNKNOWN),
        ("%code", ReceiptState.UNKNOWN),
    ],
)
def test_each_code_of_a_report_has_its_state(code, state):
    """By the id that we gave it; what no table knows changes nothing."""
    called = aql(**CLASSIC, callback_secret="s3cret").called(report(code=code))

    assert (Receipt("m1", state, 9.0, code),) == called.receipts
    assert {"1", "2", "4", "8", "16"} == STATES.keys()


def test_a_report_without_the_secret_is_forged():
    """Anybody may guess an address."""
    with pytest.raises(Forged):
        aql(**CLASSIC, callback_secret="s3cret").called(report(key="other"))
    with pytest.raises(Forged):
        aql(**CLASSIC).called(report())


@pytest.mark.parametrize("missing", ["id", "code"])
def test_a_report_that_lacks_something_cannot_be_read(missing):
    """What it is about, or what became of it."""
    with pytest.raises(ValueError, match="without id or code"):
        aql(**CLASSIC, callback_secret="s3cret").called(report(**{missing: ""}))


async def test_the_secret_of_the_reports_is_masked_in_every_spelling(message):
    """It stands in an address that stands in a form."""
    connector = aql(**CLASSIC, callback_url="https://hub", callback_secret="a b/&c", url="http://127.0.0.1:1/")
    await connector.open()
    body = connector.request(message()).body.decode()
    shown = connector.redaction.mask(body)
    await connector.close()

    assert "a%2Bb%252F%2526c" in body
    assert "a%2Bb%252F%2526c" not in shown
