"""Clickatell: the very bytes of its four kinds of requests, what its answers mean, and its calls."""

import json

import pytest
from pydantic import ValidationError

from smshub.connectors.callbacks import Callback, Forged
from smshub.connectors.clickatell import Connector, Settings
from smshub.connectors.clickatell.callbacks import unescaped
from smshub.connectors.clickatell.codes import ONE_REASONS, ONE_STATES, REASONS, STATES
from smshub.connectors.exchange import Response
from smshub.domain.delivery import (
    Accepted,
    Balance,
    Deferred,
    Reason,
    Receipt,
    ReceiptState,
    Rejected,
    Uncertain,
)
from smshub.domain.incoming import Incoming

HTTP = {"type": "clickatell", "api": "http", "username": "me", "password": "p&w", "api_id": "344"}
REST = {"type": "clickatell", "api": "rest", "api_key": "t0ken"}
PLATFORM = {"type": "clickatell", "api": "platform", "api_key": "k3y"}
ONE = {"type": "clickatell", "api_key": "k3y"}
ID = "0123456789abcdef" * 2


def clickatell(table, **settings):
    """Make a connector."""
    return Connector("ck", Settings(**{**table, **settings}))


HEAD = "user=me&password=p%26w&api_id=344&to=491701234567"
FORMS = [
    ({}, {}, "&text=Your+code+is+123456&from=ACME&climsgid=01HZX&validity=5"),
    ({}, {"originator": ""}, "&text=Your+code+is+123456&climsgid=01HZX&validity=5"),
    ({"source": "Bank"}, {"originator": ""}, "&text=Your+code+is+123456&from=Bank&climsgid=01HZX&validity=5"),
    ({}, {"text": "Ça va, élève & Co?"}, "&text=%C7a+va%2C+%E9l%E8ve+%26+Co%3F&from=ACME&climsgid=01HZX&validity=5"),
    ({}, {"text": "5 €"}, "&text=0035002020AC&from=ACME&unicode=1&climsgid=01HZX&validity=5"),
    (
        {},
        {"text": "Ж🎉", "encoding": "UCS2"},
        "&text=0416D83CDF89&from=ACME&unicode=1&climsgid=01HZX&validity=5",
    ),
    (
        {},
        {"text": "€" * 71, "segments": 1},
        f"&text={'20AC' * 71}&from=ACME&unicode=1&concat=2&climsgid=01HZX&validity=5",
    ),
    ({}, {"segments": 2}, "&text=Your+code+is+123456&from=ACME&concat=2&climsgid=01HZX&validity=5"),
    ({}, {"segments": 7}, "&text=Your+code+is+123456&from=ACME&concat=3&climsgid=01HZX&validity=5"),
    ({}, {"flash": True}, "&text=Your+code+is+123456&from=ACME&msg_type=SMS_FLASH&climsgid=01HZX&validity=5"),
    ({}, {"expires_at": 59.0}, "&text=Your+code+is+123456&from=ACME&climsgid=01HZX&validity=1"),
    ({}, {"expires_at": 9e9, "id": "x" * 40}, f"&text=Your+code+is+123456&from=ACME&climsgid={'x' * 32}&validity=1440"),
    (
        {"callback_url": "https://hub.example"},
        {},
        "&text=Your+code+is+123456&from=ACME&callback=7&climsgid=01HZX&validity=5",
    ),
]


@pytest.mark.parametrize(("settings", "fields", "body"), FORMS)
def test_the_form_of_the_old_http_api_is_exact(message, settings, fields, body):
    """Latin-1 where that has every character, hexadecimal UCS-2 where not; credentials never in the address."""
    request = clickatell(HTTP, **settings).request(message(**{"expires_at": 300.0, **fields}))

    assert ("POST", "https://api.clickatell.com/http/sendmsg", HEAD + body) == (
        request.method,
        request.url,
        request.body.decode(),
    )
    assert {"Content-Type": "application/x-www-form-urlencoded"} == request.headers


JSONS = [
    (
        REST,
        {},
        (
            '{"text":"Your code is 123456","to":["491701234567"],"from":"ACME","clientMessageId":"01HZX",'
            '"validityPeriod":"5"}'
        ),
    ),
    (
        {**REST, "callback_url": "https://hub.example"},
        {"text": "Ж", "encoding": "UCS2", "segments": 2, "flash": True, "originator": ""},
        (
            '{"text":"0416","to":["491701234567"],"unicode":"1","maxMessageParts":"2","type":"SMS_FLASH","callback":"7",'
            '"clientMessageId":"01HZX","validityPeriod":"5"}'
        ),
    ),
    (
        PLATFORM,
        {"text": 'ü "x"'},
        (
            '{"content":"ü \\"x\\"","to":["491701234567"],"from":"ACME","charset":"UTF-8","clientMessageId":"01HZX",'
            '"validityPeriod":5}'
        ),
    ),
    (
        ONE,
        {"originator": "", "text": "Your code"},
        '{"messages":[{"channel":"sms","to":"491701234567","content":"Your code","clientMessageId":"01HZX"}]}',
    ),
    (
        {**ONE, "source": "Bank"},
        {"originator": "", "text": "Ж"},
        '{"messages":[{"channel":"sms","to":"491701234567","content":"Ж","from":"Bank","clientMessageId":"01HZX"}]}',
    ),
]


@pytest.mark.parametrize(("table", "fields", "body"), JSONS)
def test_the_json_of_the_others_is_exact(message, table, fields, body):
    """Each with its own names for the same things."""
    request = clickatell(table).request(message(**{"expires_at": 300.0, **fields}))

    assert body == request.body.decode()


def test_only_the_old_rest_api_has_a_word_before_its_token(message):
    """And a version of its own."""
    headers = [clickatell(table).request(message()).headers for table in (REST, PLATFORM, ONE)]
    common = {"Accept": "application/json", "Content-Type": "application/json"}

    assert [
        {"Authorization": "Bearer t0ken", "X-Version": "1", **common},
        {"Authorization": "k3y", **common},
        {"Authorization": "k3y", **common},
    ] == headers


@pytest.mark.parametrize(
    "table",
    [
        {"type": "clickatell"},
        {"type": "clickatell", "api": "http", "username": "me"},
        {**HTTP, "api_id": None},
        {"type": "clickatell", "api": "rest", "username": "me", "password": "x", "api_id": "1"},
        {**ONE, "api": "two"},
        {**ONE, "url": "platform.clickatell.com"},
    ],
)
def test_settings_that_cannot_work_are_refused(table):
    """No credentials of that interface, no such interface, no address."""
    with pytest.raises(ValidationError):
        clickatell(table)


def test_the_old_interfaces_go_slowly_unless_they_are_told():
    """Ten a second; the newer ones publish no bound."""
    paces = [Settings(**table).throughput for table in (HTTP, REST, {**HTTP, "throughput": 3}, PLATFORM, ONE)]

    assert [10.0, 10.0, 3.0, None, None] == paces


# --- answers ---------------------------------------------------------------------------------------------------------


def final(reason):
    """Say what a reason makes of a refusal."""
    ends = {Reason.INVALID_RECIPIENT, Reason.OPTED_OUT, Reason.BARRED, Reason.CONTENT, Reason.EXPIRED}
    return Rejected if reason in ends else Deferred


# Every code of the documents, and what it means.
OLD = {
    Reason.BAD_CREDENTIALS: ("001", "002", "003", "004", "005", "007", "108"),
    Reason.MISCONFIGURED: ("100", "101", "102", "103", "104", "109", "120", "201", "202"),
    Reason.INVALID_RECIPIENT: ("105",),
    Reason.INVALID_ORIGINATOR: ("106", "123", "607"),
    Reason.CONTENT: ("107", "113", "116"),
    Reason.UNROUTABLE: ("114",),
    Reason.EXPIRED: ("115",),
    Reason.BARRED: ("121", "128"),
    Reason.OPTED_OUT: ("122",),
    Reason.THROTTLED: ("130",),
    Reason.NO_CREDIT: ("301",),
    Reason.TEMPORARY: ("901",),
    Reason.UNKNOWN: ("555",),
}
NEW = {
    Reason.BAD_CREDENTIALS: ("1", "2", "3", "7"),
    Reason.TEMPORARY: ("18", "19"),
    Reason.NO_CREDIT: ("20",),
    Reason.MISCONFIGURED: ("21", "22", "23"),
    Reason.CONTENT: ("24", "100"),
    Reason.INVALID_RECIPIENT: ("25",),
    Reason.OPTED_OUT: ("26",),
    Reason.UNROUTABLE: ("27", "28", "101", "110", "111"),
    Reason.THROTTLED: ("43",),
    Reason.INVALID_ORIGINATOR: ("44", "45"),
    Reason.UNKNOWN: ("99",),
}


def flat(codes):
    """Give each code with its reason."""
    return [(code, reason) for reason, some in codes.items() for code in some]


@pytest.mark.parametrize(("code", "reason"), flat(OLD))
def test_each_old_code_has_its_reason(message, code, reason):
    """In a line of text, in the old JSON and in the Platform's, where it is a number without zeros."""
    error = {"code": code, "description": "No", "documentation": "https://x"}
    entry = {"accepted": False, "to": "49", "error": error}
    on_platform = {"accepted": False, "apiMessageId": None, "errorCode": int(code), "error": "No"}
    of_all = {"messages": [], "errorCode": int(code), "error": "No", "errorDescription": None}
    found = [
        clickatell(HTTP).outcome(message(), Response(200, body=f"ERR: {code}, No\n".encode())),
        answered(REST, 202, {"data": {"message": [entry]}}),
        answered(REST, 400, {"error": error}),
        answered(PLATFORM, 202, {"messages": [on_platform], "errorCode": None, "error": None}),
        answered(PLATFORM, 400, of_all),
    ]

    assert [final(reason)(reason, code, "No")] * 5 == found


@pytest.mark.parametrize(("code", "reason"), flat(NEW))
def test_each_code_of_the_one_api_has_its_reason(code, reason):
    """Of one text (207), or of the whole (400)."""
    error = {"code": int(code), "description": "No"}
    entry = {"apiMessageId": None, "accepted": False, "to": "49", "error": error}
    found = [answered(ONE, 207, {"messages": [entry], "error": None}), answered(ONE, 400, {"error": error})]

    assert [final(reason)(reason, code, "No")] * 2 == found


def test_the_tables_hold_what_is_tried_and_no_more():
    """Codes, so that none is without its reason."""
    assert REASONS == {code: reason for code, reason in flat(OLD) if reason is not Reason.UNKNOWN}
    assert ONE_REASONS == {code: reason for code, reason in flat(NEW) if reason is not Reason.UNKNOWN}


def answered(table, status, body, at=0.0, **headers):
    """Say what an answer in JSON comes to."""
    return clickatell(table).outcome(None, Response(status, headers, json.dumps(body).encode(), at))


LINES = [
    (200, f"ID: {ID}", Accepted((ID,))),
    (200, f" ID: {ID}\r\n", Accepted((ID,))),
    (200, "ERR: 7, IP lockdown", Deferred(Reason.BAD_CREDENTIALS, "007", "IP lockdown")),
    (200, f"ID: {ID} To: 49", Uncertain(detail=f"an unreadable answer: ID: {ID} To: 49")),
    (200, "", Uncertain(detail="an unreadable answer: ")),
    (200, "<html>ID: 1</html>", Uncertain(detail="an unreadable answer: <html>ID: 1</html>")),
    (401, f"ID: {ID}", Deferred(Reason.BAD_CREDENTIALS, "401", f"ID: {ID}")),
    (502, "oops", Uncertain(detail="status 502: oops")),
]


@pytest.mark.parametrize(("status", "text", "expected"), LINES)
def test_a_line_of_the_old_http_api_means(message, status, text, expected):
    """`ID:` and nothing else has taken it."""
    assert expected == clickatell(HTTP).outcome(message(), Response(status, body=text.encode()))


def test_a_throttle_that_says_until_when_is_waited_for(message):
    """130 names a time; its words, or Retry-After."""
    line = Response(200, body=b"ERR: 130, Maximum MT limit exceeded until 1700000060", at=1_700_000_000.0)
    past = Response(200, body=b"ERR: 130, Maximum MT limit exceeded until 1600000000", at=1_700_000_000.0)

    assert 60.0 == clickatell(HTTP).outcome(message(), line).retry_after
    assert 0.0 == clickatell(HTTP).outcome(message(), past).retry_after
    assert 5.0 == answered(ONE, 400, {"error": {"code": 43}}, **{"retry-after": "5"}).retry_after
    assert Deferred(Reason.THROTTLED, "429", "{}", 5.0) == answered(ONE, 429, {}, **{"retry-after": "5"})


YES = {"accepted": True, "to": "49", "apiMessageId": ID}
SHAPES = {
    "rest": (REST, lambda entry: {"data": {"message": [entry]}}),
    "platform": (PLATFORM, lambda entry: {"messages": [entry], "errorCode": None, "error": None}),
    "one": (ONE, lambda entry: {"messages": [entry], "error": None}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_only_what_is_said_to_be_accepted_is(shape):
    """A status of success and `accepted`, and nothing that only looks like it."""
    table, around = SHAPES[shape]

    def kinds(status, **fields):
        return type(answered(table, status, around({**YES, **fields})))

    assert [Accepted] * 4 == [kinds(status) for status in (200, 201, 202, 207)]
    assert Accepted((ID,)) == answered(table, 202, around(YES))
    assert Accepted() == answered(table, 202, around({**YES, "apiMessageId": None}))
    assert Deferred is kinds(202, accepted=False)
    assert [Uncertain] * 3 == [kinds(202, accepted=accepted) for accepted in ("true", 1, None)]
    assert Rejected is kinds(400)
    assert [Uncertain] * 2 == [kinds(status) for status in (204, 500)]
    assert [Uncertain] * 4 == [type(answered(table, 202, body)) for body in ({}, [], None, {"messages": [3]})]
    assert Uncertain is type(clickatell(table).outcome(None, Response(202, body=b"<html>")))


def test_an_internal_error_of_unsure_end_is_uncertain():
    """500 may have come after the text was taken, whatever its code; 503 says that it was not."""
    error = {"error": {"code": 18, "description": "Internal"}}

    assert Uncertain(detail="status 500: 18 Internal") == answered(ONE, 500, error)
    assert Deferred(Reason.TEMPORARY, "18", "Internal") == answered(ONE, 503, error)
    assert Deferred(Reason.BAD_CREDENTIALS, "401", "99") == answered(ONE, 401, {"error": {"code": 99}})


BALANCES = [
    (HTTP, "https://api.clickatell.com/http/getbalance", "Credit: 1.500", Balance(1.5, "credits")),
    (HTTP, "https://api.clickatell.com/http/getbalance", "Credits: 12", Balance(12.0, "credits")),
    (HTTP, "https://api.clickatell.com/http/getbalance", "ERR: 001, no", None),
    (REST, "https://api.clickatell.com/rest/account/balance", '{"data":{"balance":"300.50"}}', Balance(300.5)),
    (PLATFORM, "https://platform.clickatell.com/public-client/balance", '{"balance":1.25,"currency":"ZAR"}', "ZAR"),
    (ONE, "https://platform.clickatell.com/public-client/balance", '{"balance":true}', None),
]


@pytest.mark.parametrize(("table", "url", "body", "expected"), BALANCES)
def test_the_balance_is_asked_for_and_read(table, url, body, expected):
    """Beside where texts are sent to; credits, or a currency."""
    request = clickatell(table).balance_request()

    assert url == request.url
    assert ("POST" if table is HTTP else "GET") == request.method
    wanted = Balance(1.25, "ZAR") if expected == "ZAR" else expected
    assert wanted == clickatell(table).balance(Response(200, body=body.encode()))
    assert None is clickatell(table).balance(Response(500, body=body.encode()))


# --- calls -----------------------------------------------------------------------------------------------------------


def called(body=b"", query=(), form=(), key="s3cret", raw=""):
    """Let a connector read a call."""
    url = f"https://hub.example/receipts/ck?key={key}{raw}"
    callback = Callback("POST", url, (("key", key), *query), form, {}, body, 1_800_000_000.0)
    return clickatell(ONE, callback_secret="s3cret").called(callback)


@pytest.mark.parametrize(
    "states",
    [STATES.items(), [(13, ReceiptState.UNKNOWN)]],
    ids=["of the documents", "another"],
)
def test_each_old_state_is_a_receipt(states):
    """By GET and by POST, with zeros; and on the Platform in JSON, without."""
    for code, state in states:
        fields = (("apiMsgId", ID), ("cliMsgId", "m1"), ("timestamp", "1700000000"), ("status", f"{code:03}"))
        told = {"messageId": ID, "clientMessageId": "m1", "statusCode": code, "timestamp": 1_700_000_000_500}

        found = [called(query=fields), called(form=fields), called(json.dumps(told).encode())]

        old = Receipt(ID, state, 1_700_000_000.0, f"{code:03}")
        new = Receipt(ID, state, 1_700_000_000.5, str(code))
        assert [(old,), (old,), (new,)] == [one.receipts for one in found]


def test_each_state_of_the_one_api_is_a_receipt():
    """Several in one call; a code that no table knows changes nothing."""
    updates = [
        {"channel": "sms", "messageId": f"m{code}", "statusCode": code, "status": "X", "timestamp": 1_700_000_000_500}
        for code in (*ONE_STATES, 77)
    ]

    found = called(json.dumps({"integrationId": "i", "event": {"messageStatusUpdate": updates}}).encode())

    states = {**ONE_STATES, 77: ReceiptState.UNKNOWN}
    assert tuple(Receipt(f"m{code}", states[code], 1_700_000_000.5, str(code)) for code in states) == found.receipts
    assert {5, 6} == {code for code, state in ONE_STATES.items() if state is ReceiptState.DELIVERED}
    assert {4} == {code for code, state in STATES.items() if state is ReceiptState.DELIVERED}


def test_texts_of_people_come_in_from_every_interface():
    """The old one in the character set that it names, the Platform's escaped, the One API's plain."""
    raw = "&moMsgId=a&from=%2B4917&to=27&timestamp=x&charset=ISO-8859-1&text=Gr%FC%DFe+%2B"
    old = called(query=(("moMsgId", "a"), ("from", "+4917"), ("to", "27"), ("charset", "ISO-8859-1")), raw=raw)
    told = {"messageId": "b", "fromNumber": "4917", "toNumber": "27", "timestamp": 1_700_000_000_500}
    escaped = called(json.dumps({**told, "charset": "UTF-16BE", "text": "%04%16%00%20Hi"}).encode())
    plain = called(json.dumps({**told, "charset": "UTF-8", "text": "100%25+ü"}).encode())
    text = {"channel": "sms", "messageId": "c", "from": "+4917", "to": "27", "content": "Hi"}
    chat = {**text, "channel": "whatsapp"}
    new = called(json.dumps({"event": {"moText": [text, chat]}}).encode())

    assert [
        (Incoming("", "ck", "4917", "27", "Grüße +", 1_800_000_000.0, "a"),),
        (Incoming("", "ck", "4917", "27", "Ж Hi", 1_700_000_000.5, "b"),),
        (Incoming("", "ck", "4917", "27", "100%25+ü", 1_700_000_000.5, "b"),),
        (Incoming("", "ck", "4917", "27", "Hi", 1_800_000_000.0, "c"),),
    ] == [one.texts for one in (old, escaped, plain, new)]


@pytest.mark.parametrize(
    ("raw", "charset", "expected"),
    [
        ("Hi+there%21", "UTF-8", "Hi there!"),
        ("%00H%00i", "UTF-16BE", "Hi"),
        ("Hi%04%16", "UTF-16BE", "HiЖ"),
        ("%D8%3C%DF%89", "utf-16be", "🎉"),
        ("%FC", "ISO-8859-1", "ü"),
        ("%C3%BC", "rot13", "ü"),
        ("%C3", "UTF-8", "\ufffd"),
        ("100%", "UTF-8", "100%"),
    ],
)
def test_a_text_is_read_in_its_character_set(raw, charset, expected):
    """Either way in which UTF-16 is escaped; an unknown set is UTF-8, and no byte breaks it."""
    assert expected == unescaped(raw, charset)


@pytest.mark.parametrize("key", ["", "other"])
def test_a_call_without_the_secret_is_forged(key):
    """Whatever it says."""
    with pytest.raises(Forged):
        called(query=(("apiMsgId", ID), ("status", "004")), key=key)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b'{"event": {"messageStatusUpdate": 3}}',
        b'{"event": {"messageStatusUpdate": [3]}}',
        b'{"event": {"messageStatusUpdate": [{"messageId": 3, "statusCode": 5}]}}',
        b'{"event": {"messageStatusUpdate": [{"messageId": "a", "statusCode": "x"}]}}',
        b'{"messageId": "", "statusCode": 5}',
        b'{"fromNumber": "49", "text": 3}',
        b"[" * 100_000,
        b'{"event": {"moText": [' + b",".join([b"{}"] * 1_001) + b"]}}",
    ],
)
def test_what_cannot_be_read_is_told_so(body):
    """Nothing at all, no JSON, the wrong kinds, too many."""
    with pytest.raises(ValueError):  # noqa: PT011 - the door asks for no more
        called(body)
