"""The simulated providers answer in the words of the real ones."""

import base64
import itertools
import json

import pytest
from lxml import etree

from smshub.simulators.providers import clickatell, generic, gtx, provider_of, twilio
from smshub.simulators.providers.values import Desk, Seen, Text

ACCOUNT = "AC" + "0" * 32
BASIC = {"authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:token".encode()).decode()}


@pytest.fixture
def desk():
    """Make desks: each counts its ids from one."""

    def make(**fields):
        numbers = itertools.count(1)
        return Desk(serial=lambda: next(numbers), **fields)

    return make


def clickatell_seen(**fields):
    """Make a request to Clickatell."""
    complete = {"user": "u", "password": "p", "api_id": "1", "to": "491701234567", "text": "Hello", **fields}
    return Seen("GET", "/http/sendmsg", fields={name: value for name, value in complete.items() if value is not None})


ID = "0" * 31

CLICKATELL = [
    ({}, f"ID: {ID}1"),
    ({"to": "491701234567,123,491701234568"}, None),
    ({"unicode": "1", "text": "00480069"}, f"ID: {ID}1"),
    ({"unicode": "1", "text": "0048 no"}, "ERR: 116, Invalid Unicode Data"),
    ({"password": None}, "ERR: 001, Authentication failed"),
    ({"api_id": None}, "ERR: 108, Invalid or missing API ID"),
    ({"user": None, "password": None, "api_id": None, "session_id": "5"}, f"ID: {ID}1"),
    ({"to": "123"}, "ERR: 105, Invalid Destination Address"),
    ({"to": "+491701234567"}, "ERR: 105, Invalid Destination Address"),
    ({"to": None}, "ERR: 105, Invalid Destination Address"),
    ({"text": ""}, "ERR: 107, Empty message"),
]


@pytest.mark.parametrize(("fields", "body"), CLICKATELL)
def test_clickatell_always_answers_200_and_tells_in_the_text(desk, fields, body):
    """An id, or the number and name of an error; one line for each number."""
    answer = clickatell.answer(clickatell_seen(**fields), desk())

    lines = f"ID: {ID}1 To: 491701234567\nERR: 105, Invalid Destination Address To: 123\nID: {ID}2 To: 491701234568"
    assert (200, body or lines) == (answer.status, answer.body)


def test_clickatell_takes_a_text(desk):
    """Under the id that it answers, decoded where it came as UCS-2."""
    seen = clickatell_seen(unicode="1", text="00480069", **{"from": "ACME"})

    assert (Text("491701234567", "Hi", f"{ID}1", "ACME"),) == clickatell.answer(seen, desk()).taken


@pytest.mark.parametrize(
    ("command", "fields", "body"),
    [
        ("auth", {}, f"OK: {ID}1"),
        ("ping", {"session_id": "5"}, "OK:"),
        ("getbalance", {}, "Credit: 1000.000"),
        ("querymsg", {"apimsgid": "77"}, "ID: 77 Status: 004"),
    ],
)
def test_clickatell_has_its_other_commands(desk, command, fields, body):
    """Session, balance and status."""
    seen = Seen("GET", f"/http/{command}?x=1", fields=clickatell_seen(**fields).fields)

    assert body == clickatell.answer(seen, desk()).body


@pytest.mark.parametrize(
    ("fields", "desk_fields", "status", "body"),
    [
        ({}, {}, 200, "200 OK"),
        ({"to": "+491701234567"}, {}, 200, "200 OK"),
        ({"pass": ""}, {}, 401, "401 Unauthorized"),
        ({}, {"users": {"u": "other"}}, 401, "401 Unauthorized"),
        ({"to": "x"}, {}, 400, "400 Bad Request"),
        ({}, {"throttled": True}, 429, "429 Too Many Requests"),
        ({}, {"refuse": "402"}, 402, "402 Payment Required"),
        ({}, {"refuse": "105"}, 400, "400 Bad Request"),
    ],
)
def test_gtx_answers_its_status_in_words(desk, fields, desk_fields, status, body):
    """The body says what the status line says."""
    complete = {"user": "u", "pass": "p", "to": "491701234567", "text": "Hello", **fields}

    answer = gtx.answer(Seen("GET", "/smsc.php", fields=complete), desk(**desk_fields))

    assert (status, body) == (answer.status, answer.body)


def twilio_seen(suffix=".json", headers=BASIC, method="POST", **fields):
    """Make a request to Twilio."""
    complete = {"From": "+15005550006", "To": "+491701234567", "Body": "Hello", **fields}
    return Seen(method, f"/2010-04-01/Accounts/{ACCOUNT}/Messages{suffix}", headers, fields=complete)


def test_twilio_takes_a_text_in_json(desk):
    """Status 201 and the resource."""
    answer = twilio.answer(twilio_seen(), desk())

    resource = json.loads(answer.body)
    assert (201, "application/json") == (answer.status, answer.content_type)
    assert (f"SM{ID}1", "queued", "+491701234567", "Hello", None) == tuple(
        resource[name] for name in ("sid", "status", "to", "body", "error_code")
    )
    assert (Text("+491701234567", "Hello", f"SM{ID}1", "+15005550006"),) == answer.taken


def test_twilio_takes_a_text_in_xml(desk):
    """Without `.json` the same resource comes as XML, its text escaped."""
    answer = twilio.answer(twilio_seen(suffix="", Body="a < b & c"), desk())

    message = etree.fromstring(answer.body.encode())[0]
    assert (201, "Message", f"SM{ID}1", "a < b & c") == (
        answer.status,
        message.tag,
        message.findtext("Sid"),
        message.findtext("Body"),
    )


TWILIO = [
    ({"headers": {}}, 401, 20003),
    ({"headers": {"authorization": "Basic !!"}}, 401, 20003),
    ({"headers": {"authorization": "Bearer x"}}, 401, 20003),
    ({"method": "GET"}, 405, 20004),
    ({"To": ""}, 400, 21604),
    ({"From": ""}, 400, 21603),
    ({"Body": ""}, 400, 21602),
    ({"Body": "x" * 1601}, 400, 21617),
    ({"To": "ACME"}, 400, 21211),
    ({"From": "+15005550001"}, 400, 21212),
    ({"From": "+15005550007"}, 400, 21606),
    ({"From": "+15005550008"}, 400, 21611),
    ({"To": "+15005550001"}, 400, 21211),
    ({"To": "15005550002"}, 400, 21612),
    ({"To": "+15005550003"}, 403, 21408),
    ({"To": "+15005550004"}, 400, 21610),
    ({"To": "+15005550009"}, 400, 21614),
]


@pytest.mark.parametrize(("fields", "status", "code"), TWILIO)
def test_twilio_tells_what_is_wrong_in_json_and_xml(desk, fields, status, code):
    """The code, its words and where to read more; nothing is taken."""
    in_json = twilio.answer(twilio_seen(**fields), desk())
    in_xml = twilio.answer(twilio_seen(suffix="", **fields), desk())

    error = json.loads(in_json.body)
    element = etree.fromstring(in_xml.body.encode())[0]
    assert (status, code, status, f"https://www.twilio.com/docs/errors/{code}") == (
        in_json.status,
        error["code"],
        error["status"],
        error["more_info"],
    )
    assert (status, "RestException", str(code), error["message"]) == (
        in_xml.status,
        element.tag,
        element.findtext("Code"),
        element.findtext("Message"),
    )
    assert () == in_json.taken + in_xml.taken


def test_twilio_takes_an_api_key_for_the_account(desk):
    """An `SK…` key may act for any account; another account's credentials may not."""
    key = {"authorization": "Basic " + base64.b64encode(b"SK1:secret").decode()}
    other = {"authorization": "Basic " + base64.b64encode(b"AC1:secret").decode()}

    assert [201, 401] == [twilio.answer(twilio_seen(headers=headers), desk()).status for headers in (key, other)]


def test_twilio_says_when_to_come_again(desk):
    """Code 20429 with Retry-After."""
    answer = twilio.answer(twilio_seen(), desk(throttled=True))

    assert (429, 20429, {"Retry-After": "1"}) == (answer.status, json.loads(answer.body)["code"], answer.headers)


@pytest.mark.parametrize(
    ("fields", "desk_fields", "status", "body"),
    [
        ({"to": "49170", "text": "Hi"}, {}, 200, "OK sim-1"),
        ({"phone": "49170", "otp": 123456}, {}, 200, "OK sim-1"),
        ({"recipients": ["49170"], "message": "Hi"}, {}, 200, "OK sim-1"),
        ({"text": "Hi"}, {}, 400, "ERROR 400 no number"),
        ({"to": "49170"}, {}, 400, "ERROR 400 no text"),
        ({"to": "49170", "text": "Hi"}, {"users": {"u": "p"}}, 401, "ERROR 401 unauthorized"),
        ({"to": "49170", "text": "Hi", "user": "u", "password": "p"}, {"users": {"u": "p"}}, 200, "OK sim-1"),
        ({"to": "49170", "text": "Hi"}, {"throttled": True}, 429, "ERROR 429 too many requests"),
        ({"to": "49170", "text": "Hi"}, {"refuse": "E17"}, 400, "ERROR E17 refused"),
        ({"to": "49170", "text": "Hi"}, {"refuse": "503"}, 503, "ERROR 503 refused"),
    ],
)
def test_a_plain_gateway_takes_the_usual_names(desk, fields, desk_fields, status, body):
    """It says OK and an id, or what is wrong."""
    answer = generic.answer(Seen("GET", "/send", fields=fields), desk(**desk_fields))

    assert (status, body) == (answer.status, answer.body)


def test_a_plain_gateway_answers_json_in_json(desk):
    """A yes and a no."""
    headers = {"content-type": "application/json"}
    yes = generic.answer(Seen("POST", "/", headers, fields={"to": "49170", "text": "Hi"}), desk())
    no = generic.answer(Seen("POST", "/", headers), desk())

    assert [{"status": "accepted", "id": "sim-1"}, {"status": "error", "code": "400", "error": "no number"}] == [
        json.loads(yes.body),
        json.loads(no.body),
    ]


@pytest.mark.parametrize(
    ("target", "path", "name"),
    [
        ("/http/sendmsg?to=1", "/http/sendmsg", "clickatell"),
        ("/smsc.php", "/smsc.php", "gtx"),
        ("/2010-04-01/Accounts/AC1/Messages", "/2010-04-01/Accounts/AC1/Messages", "twilio"),
        ("/2010-04-01/Accounts/AC1/Messages.json", "/2010-04-01/Accounts/AC1/Messages.json", "twilio"),
        ("/2010-04-01/Accounts/AC1/Calls.json", "/2010-04-01/Accounts/AC1/Calls.json", "generic"),
        ("/", "/", "generic"),
        ("http://host:1/smsc.php?to=1", "/smsc.php", "gtx"),
        ("http://host", "/", "generic"),
        ("*", "/", "generic"),
    ],
)
def test_the_path_tells_who_answers(target, path, name):
    """Also the absolute address that a proxy is given."""
    seen = Seen("GET", target)

    assert (path, name) == (seen.path, provider_of(seen.path)[0])
