"""The simulated AQL, Clickatell and Twilio: what they refuse, and what they report."""

import base64
import itertools
import json
from urllib.parse import parse_qs

import pytest

from smshub.simulators.providers import REPORTERS, aql, clickatell, clickatelljson, provider_of, twilio
from smshub.simulators.providers.values import Desk, Fate, Seen, Text

ID = "0" * 31 + "1"
FATE = Fate(ID, "491701234567", "ACME")


@pytest.fixture
def desk():
    """Make desks: each counts its ids from one."""

    def make(**fields):
        numbers = itertools.count(1)
        return Desk(**{"serial": lambda: next(numbers), "now": 1_700_000_000.0, **fields})

    return make


def posted(path, headers, **fields):
    """Make a request with JSON."""
    return Seen("POST", path, headers, json.dumps(fields).encode(), fields)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/sms/sms_gw.php", "aql"),
        ("/sms/postmsg.php", "aql"),
        ("/v2/sms/send", "aql v2"),
        ("/v2/sms/credit", "aql v2"),
        ("/rest/message", "clickatell rest"),
        ("/rest/account/balance", "clickatell rest"),
        ("/messages", "clickatell platform"),
        ("/public-client/balance", "clickatell platform"),
        ("/v1/message", "clickatell one"),
        ("/2010-04-01/Accounts/AC1/Balance.json", "twilio"),
    ],
)
def test_each_path_has_its_provider(path, name):
    """And each that is called back has its reporter."""
    assert name == provider_of(path)[0]
    assert (name != "aql v2") == (name in REPORTERS)


CLASSIC = {"username": "u", "password": "p", "destination": "491701234567", "message": "Hello"}


@pytest.mark.parametrize(
    ("fields", "desk_fields", "body"),
    [
        ({}, {}, "0:1 Message successfully queued"),
        ({"destination": "491701234567,12"}, {}, "1:1 Partially queued"),
        ({"password": ""}, {}, "2:0 Authentication error"),
        ({}, {"users": {"u": "x"}}, "2:0 Authentication error"),
        ({"destination": "+491701234567"}, {}, "3:0 Destination number(s) error"),
        ({"message": ""}, {}, "9:0 Undefined error"),
        ({}, {"refuse": "5"}, "5:0 Insufficient credit"),
        ({}, {"throttled": True}, "9:0 Undefined error"),
    ],
)
def test_aql_answers_in_a_line(desk, fields, desk_fields, body):
    """Status, credits used, words; always 200."""
    answer = aql.answer(Seen("POST", "/sms/sms_gw.php", fields={**CLASSIC, **fields}), desk(**desk_fields))

    assert (200, body) == (answer.status, answer.body)
    assert body[:1] in {"0", "1"} or () == answer.taken


def test_aql_tells_its_credit(desk):
    """At both addresses, to who may ask."""
    known, unknown = CLASSIC, {}
    v2 = aql.v2(Seen("GET", "/v2/sms/credit", {"x-auth-token": "t"}), desk())

    assert ["AQSMS-CREDIT=1000", "AQSMS-AUTHERROR"] == [
        aql.answer(Seen("POST", "/sms/postmsg.php", fields=fields), desk()).body for fields in (known, unknown)
    ]
    assert {"data": {"credit": 1000}} == json.loads(v2.body)


@pytest.mark.parametrize(
    ("fields", "headers", "desk_fields", "status"),
    [
        ({}, {"x-auth-token": "t"}, {}, 200),
        ({}, {}, {}, 401),
        ({}, {"x-auth-token": "t"}, {"users": {"any": "other"}}, 401),
        ({"destinations": "49170"}, {"x-auth-token": "t"}, {}, 422),
        ({"destinations": ["x"]}, {"x-auth-token": "t"}, {}, 422),
        ({"message": ""}, {"x-auth-token": "t"}, {}, 422),
        ({}, {"x-auth-token": "t"}, {"throttled": True}, 429),
        ({}, {"x-auth-token": "t"}, {"refuse": "402"}, 402),
        ({}, {"x-auth-token": "t"}, {"refuse": "5"}, 422),
    ],
)
def test_aqls_second_version_answers_in_json(desk, fields, headers, desk_fields, status):
    """By a status to match; only 200 has taken it."""
    complete = {"destinations": ["491701234567"], "message": "Hello", "originator": "ACME", **fields}

    answer = aql.v2(posted("/v2/sms/send", headers, **complete), desk(**desk_fields))

    assert status == answer.status
    assert ((Text("491701234567", "Hello", "1", "ACME"),) if status == 200 else ()) == answer.taken


def test_aql_reports_to_the_address_of_the_request(desk):
    """With code and number where their names stand; nowhere without."""
    seen = Seen("POST", "/sms/sms_gw.php", fields={"dlr_url": "http://hub/r?key=k&id=7&code=%code&dest=%dest"})

    good, bad = aql.report(seen, desk(), FATE), aql.report(seen, desk(), Fate(ID, "49", good=False))

    assert "http://hub/r?key=k&id=7&code=1&dest=491701234567" == good.url
    assert "http://hub/r?key=k&id=7&code=2&dest=49" == bad.url
    assert None is aql.report(Seen("POST", "/"), desk(), FATE)


def test_clickatells_old_api_reads_latin(desk):
    """What is not said to be Unicode."""
    fields = {"user": "u", "password": "p", "api_id": "1", "to": "491701234567", "text": "\ufffd"}
    seen = Seen("POST", "/http/sendmsg", body=b"user=u&text=Gr%FC%DFe", fields=fields)

    assert "Grüße" == clickatell.answer(seen, desk()).taken[0].text


def test_clickatells_old_api_reports_where_it_was_asked_to(desk):
    """By GET at the account's address, if the mask asks for final states."""
    seen = Seen("POST", "/http/sendmsg", fields={"callback": "7", "climsgid": "m1", "api_id": "9"})

    call = clickatell.report(seen, desk(callback="http://hub/r?key=k"), FATE)

    assert {
        "key": ["k"],
        "api_id": ["9"],
        "apiMsgId": [ID],
        "cliMsgId": ["m1"],
        "to": ["491701234567"],
        "timestamp": ["1700000000"],
        "from": ["ACME"],
        "status": ["004"],
        "charge": ["1.000000"],
    } == parse_qs(call.url.partition("?")[2])
    assert None is clickatell.report(seen, desk(), FATE)
    assert None is clickatell.report(Seen("POST", "/", fields={"callback": "1"}), desk(callback="http://hub"), FATE)


BEARER = {"authorization": "Bearer t", "x-version": "1"}
TO = {"to": ["491701234567"], "text": "Hello"}


@pytest.mark.parametrize(
    ("headers", "fields", "desk_fields", "status", "code"),
    [
        (BEARER, TO, {}, 202, None),
        ({"authorization": "t", "x-version": "1"}, TO, {}, 401, "001"),
        ({"authorization": "Bearer t"}, TO, {}, 400, "101"),
        (BEARER, {"text": "x"}, {}, 400, "101"),
        (BEARER, {"to": ["49"]}, {}, 400, "107"),
        (BEARER, {**TO, "unicode": "1", "text": "x"}, {}, 400, "116"),
        (BEARER, TO, {"throttled": True}, 429, "130"),
        (BEARER, TO, {"users": {"a": "b"}}, 401, "001"),
    ],
)
def test_clickatells_old_rest_api_needs_a_version_and_a_word(desk, headers, fields, desk_fields, status, code):
    """Errors of the whole have a code; a text is taken in a list."""
    answer = clickatelljson.rest(posted("/rest/message", headers, **fields), desk(**desk_fields))

    told = json.loads(answer.body)
    assert (status, code) == (answer.status, told.get("error", {}).get("code"))
    assert (code is None) == bool(answer.taken)


def test_clickatells_old_rest_api_refuses_one_of_several(desk):
    """Each has its own end."""
    answer = clickatelljson.rest(posted("/rest/message", BEARER, to=["491701234567", "12"], text="Hi"), desk())

    first, second = json.loads(answer.body)["data"]["message"]
    assert [(True, ID), (False, "105")] == [
        (first["accepted"], first["apiMessageId"]),
        (second["accepted"], second["error"]["code"]),
    ]


KEY = {"authorization": "k"}
CONTENT = {"to": ["491701234567"], "content": "Hello"}


@pytest.mark.parametrize(
    ("headers", "fields", "desk_fields", "status", "code"),
    [
        (KEY, CONTENT, {}, 202, None),
        ({}, CONTENT, {}, 401, 1),
        (KEY, {**CONTENT, "unknown": 1}, {}, 400, 101),
        (KEY, {"to": "49", "content": "x"}, {}, 400, 101),
        (KEY, {"to": [], "content": "x"}, {}, 400, 105),
        (KEY, {**CONTENT, "content": ""}, {}, 400, 107),
        (KEY, CONTENT, {"throttled": True}, 429, 130),
    ],
)
def test_clickatells_platform_refuses_what_it_does_not_know(desk, headers, fields, desk_fields, status, code):
    """Fields of other interfaces, too."""
    answer = clickatelljson.platform(posted("/messages", headers, **fields), desk(**desk_fields))

    told = json.loads(answer.body)
    assert (status, code, code is None) == (answer.status, told["errorCode"], bool(answer.taken))


def one_of(**fields):
    """Make a request to the One API."""
    return {"messages": [{"channel": "sms", "to": "491701234567", "content": "Hello", **fields}]}


@pytest.mark.parametrize(
    ("headers", "fields", "desk_fields", "status", "code"),
    [
        (KEY, one_of(), {}, 202, None),
        ({}, one_of(), {}, 401, 1),
        (KEY, {}, {}, 400, 21),
        (KEY, {**one_of(), "more": 1}, {}, 400, 21),
        (KEY, one_of(validityPeriod=5), {}, 400, 21),
        (KEY, {"messages": one_of()["messages"] * 201}, {}, 400, 22),
        (KEY, one_of(channel="fax"), {}, 207, 23),
        (KEY, one_of(to="12"), {}, 207, 25),
        (KEY, one_of(), {"refuse": "26"}, 207, 26),
        (KEY, one_of(), {"refuse": "20"}, 402, 20),
        (KEY, one_of(), {"refuse": "18"}, 500, 18),
        (KEY, one_of(), {"throttled": True}, 400, 43),
    ],
)
def test_clickatells_one_api_refuses_one_or_all(desk, headers, fields, desk_fields, status, code):
    """207 where one was not taken, another status where none was looked at."""
    answer = clickatelljson.one(posted("/v1/message", headers, **fields), desk(**desk_fields))

    told = json.loads(answer.body)
    error = told["error"] or told["messages"][0]["error"] or {}
    assert (status, code, code is None) == (answer.status, error.get("code"), bool(answer.taken))


def test_clickatells_newer_interfaces_report_in_json(desk):
    """At the address of the integration; nowhere without one."""
    seen = posted("/messages", KEY, clientMessageId="m1")
    here = desk(callback="http://hub/r?key=k")

    platform, one = clickatelljson.platform_report(seen, here, FATE), clickatelljson.one_report(seen, here, FATE)

    assert ("POST", "http://hub/r?key=k", ID, "m1", 4) == (
        platform.method,
        platform.url,
        *(json.loads(platform.body)[name] for name in ("messageId", "clientMessageId", "statusCode")),
    )
    (update,) = json.loads(one.body)["event"]["messageStatusUpdate"]
    assert (ID, 5, 1_700_000_000_000) == (update["messageId"], update["statusCode"], update["timestamp"])
    assert None is clickatelljson.one_report(seen, desk(), FATE)


def test_twilio_signs_its_reports(desk):
    """With the token of the request; the vector of a call is Twilio's own."""
    account = "AC" + "0" * 32
    basic = "Basic " + base64.b64encode(f"{account}:12345".encode()).decode()
    fields = {"StatusCallback": "https://hub/r", "From": "ACME"}
    seen = Seen("POST", f"/2010-04-01/Accounts/{account}/Messages.json", {"authorization": basic}, fields=fields)

    call = twilio.report(seen, desk(), Fate(ID, "+49", "ACME", good=False))

    told = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
    assert ("undelivered", "30003", account) == (told["MessageStatus"], told["ErrorCode"], told["AccountSid"])
    assert twilio.sign("12345", "https://hub/r", told) == call.headers["X-Twilio-Signature"]
    vector = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234"}
    more = {"From": "+14158675309", "To": "+18005551212"}
    assert "RSOYDt4T1cUTdK1PDd93/VVr8B8=" == twilio.sign(
        "12345", "https://mycompany.com/myapp.php?foo=1&bar=2", {**vector, **more}
    )


@pytest.mark.parametrize("fields", [{}, {"StatusCallback": "https://hub/r", "From": "+15005550006"}])
def test_twilio_calls_nobody_without_an_address_or_in_its_test_mode(desk, fields):
    """The magic sender is that of the test mode."""
    assert None is twilio.report(Seen("POST", "/2010-04-01/Accounts/AC1/Messages", fields=fields), desk(), FATE)


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"ValidityPeriod": "0"}, 20001), ({"ValidityPeriod": "36001"}, 20001), ({"StatusCallback": "x"}, 21609)],
)
def test_twilio_looks_at_validity_and_callback(desk, fields, code):
    """Out of bounds, or no address."""
    basic = {"authorization": "Basic " + base64.b64encode(b"AC1:x").decode()}
    complete = {"To": "+491701234567", "From": "ACME", "Body": "Hi", **fields}

    answer = twilio.answer(Seen("POST", "/2010-04-01/Accounts/AC1/Messages.json", basic, fields=complete), desk())

    assert (400, code) == (answer.status, json.loads(answer.body)["code"])
