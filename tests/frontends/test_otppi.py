"""OTP-Pi's documents in, and the exact documents out; everything here is pure."""

import json

import pytest

from smshub.domain.challenges import OtpRequested, OtpVerified, RequestOtp, Verdict, VerifyOtp
from smshub.domain.commands import Block, Done, Refusal, Refused, SendTexts, Submitted, Unblock
from smshub.domain.incoming import ListModems, Modems, ModemView, RequestUssd, UssdAnswered
from smshub.domain.message import Message, State
from smshub.domain.references import DIGESTED
from smshub.frontends.dialects import otppi

SMS = {
    "command": "send-sms",
    "data": {
        "date_time": 1629685778,
        "expiration": 1629685838,
        "id": 123456,
        "receiver": "08126666666",
        "message": "Your OTP is 1234",
    },
}

MODEM = ModemView(
    id="gsm-1",
    connector="gsm",
    port="/dev/ttyUSB0",
    connected=True,
    default=True,
    manufacturer="huawei",
    model="E173",
    imei="490154203237518",
    imsi="262019876543210",
    iccid="89490200001234567890",
    smsc="+491710760000",
    operator="Net",
    signal=21,
    ber=0,
    dbm=-71,
    condition="excellent",
)
SHOWN = {
    "id": "gsm-1",
    "name": "huawei E173",
    "port": "/dev/ttyUSB0",
    "imei": "490154203237518",
    "imsi": "262019876543210",
    "iccid": "89490200001234567890",
    "smsCenter": "+491710760000",
    "copsOperator": "Net",
    "active": True,
    "connected": True,
    "defaultModem": True,
    "internetAccess": False,
    "internetConnected": False,
    "signalStrength": {"value": 21, "rssi": -71, "ber": 0, "condition": "Excellent", "class": "excellent"},
}


def decode(document, **members):
    """Read a document given as text, bytes or values; `members` change its data (None: leave out)."""
    if isinstance(document, dict):
        data = {name: value for name, value in {**document["data"], **members}.items() if value is not None}
        document = {**document, "data": data}
    raw = document if isinstance(document, bytes) else document if isinstance(document, str) else json.dumps(document)
    return otppi.decode(raw.encode() if isinstance(raw, str) else raw, client="192.0.2.1")


def refusal(document):
    """Give what is answered to a document that needs no hub."""
    call = decode(document)
    assert isinstance(call.command, Refused), call.command
    return json.loads(otppi.encode(call, call.command))


def message(**members):
    """A message as the hub answers it."""
    values = {"id": "m1", "submission": "m1", "account": "shop", "to": "628126666666", "to_written": "08126666666"}
    values |= {"text": "x", "created_at": 1.0, "due_at": 1.0, "expires_at": 2.0}
    return Message(**values | members)


def test_send_sms_of_the_source_document():
    """Every member is understood; the end of the validity is a moment and not a duration."""
    call = decode(SMS)

    assert isinstance(call.command, SendTexts)
    assert call.command.reference is not None
    assert (
        SendTexts(
            to=("08126666666",),
            text="Your OTP is 1234",
            reference=call.command.reference,
            expires_at=1629685838.0,
            client="192.0.2.1",
        )
        == call.command
    )
    assert ("send-sms", None, 0.01) == (call.name, call.callback_topic, call.callback_delay)


@pytest.mark.parametrize(
    ("data", "to", "text", "expires_at"),
    [
        ({"receiver": 628126666666, "message": "x"}, "628126666666", "x", None),
        ({"msisdn": "0812", "message": "x"}, "0812", "x", None),
        ({"receiver": "", "msisdn": "0812", "message": "x"}, "0812", "x", None),
        ({"receiver": "1", "msisdn": "2", "message": "x"}, "1", "x", None),
        ({"receiver": " 0812 ", "message": " 100 % %s "}, "0812", " 100 % %s ", None),
        ({"receiver": "1", "message": 1234}, "1", "1234", None),
        ({"receiver": "1", "message": "x", "expiration": "1629685838"}, "1", "x", 1629685838.0),
        ({"receiver": "1", "message": "x", "expiration": 1629685838.5}, "1", "x", 1629685838.5),
        ({"receiver": "1", "message": "x", "expiration": ""}, "1", "x", None),
        ({"receiver": "1", "message": "x", "expiration": None}, "1", "x", None),
        ({"receiver": "1", "message": "x", "expiration": 0}, "1", "x", 0.0),
        ({"receiver": "1", "message": "x", "subject": ["?"], "modem_id": {}}, "1", "x", None),
    ],
)
@pytest.mark.parametrize("name", ["send-sms", "send-message"])
def test_what_clients_write_differently(name, data, to, text, expires_at):
    """Numbers for texts, texts for numbers, the other name of the receiver; other members are left alone."""
    command = decode(json.dumps({"command": name, "data": data})).command

    assert SendTexts(to=(to,), text=text, expires_at=expires_at, client="192.0.2.1") == command


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ('{\n"command": "block-msisdn",\n"data": {\n"date_time": 1629685778,\n"receiver": "0812",\n}\n}', Block),
        ('{"command": "unblock-msisdn","data":{"msisdn": "0812" , \t\r\n } , }', Unblock),
        ('\ufeff{"command": "unblock-msisdn", "data": {"receiver": "0812"}}', Unblock),
    ],
)
def test_the_trailing_commas_of_the_samples_are_taken(document, command):
    """As the source document prints block and unblock; a byte order mark does no harm either."""
    assert command("0812", own=True) == decode(document).command


def test_commas_within_a_text_stay_when_trailing_ones_go():
    """A text may look like JSON itself, with quotation marks and backslashes."""
    text = 'a,} b,] \\",}\\\\'
    document = json.dumps(SMS | {"data": {"receiver": "1", "message": text}})
    command = decode(document.replace("}}", ",},}")).command

    assert isinstance(command, SendTexts)
    assert text == command.text


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"id": "123456", "date_time": "1629685778"}, True),
        ({"expiration": None}, True),
        ({"receiver": None, "msisdn": "08126666666"}, True),
        ({"id": 123457}, False),
        ({"id": None}, False),
        ({"date_time": 1629685779}, False),
        ({"receiver": "+628126666666"}, False),
        ({"message": "Your OTP is 1235"}, False),
    ],
)
def test_a_request_is_a_repeat_only_where_all_is_the_same(other, same):
    """Command, id, date_time, receiver and content, whether numbers or texts; nothing else counts."""
    first, second = decode(SMS).command, decode(SMS, **other).command

    assert isinstance(first, SendTexts)
    assert isinstance(second, SendTexts)
    assert same is (first.reference == second.reference)


def test_the_reference_has_the_form_that_is_kept_for_it():
    """It is printable and of one length, and members cannot run into each other."""
    one, other = decode(SMS, id="1", date_time="23").command, decode(SMS, id="12", date_time="3").command

    assert isinstance(one, SendTexts)
    assert isinstance(other, SendTexts)
    assert one.reference != other.reference
    assert one.reference is not None
    assert one.reference.startswith(DIGESTED)
    assert len(DIGESTED) + 64 == len(one.reference)


def test_another_command_with_the_same_data_is_another_request():
    """send-sms and send-message are told apart."""
    other = decode(SMS | {"command": "send-message"}).command

    assert isinstance(other, SendTexts)
    assert decode(SMS).command.reference != other.reference


def test_without_id_and_time_nothing_is_a_repeat():
    """There is no reference then."""
    command = decode(SMS, id=None, date_time="").command

    assert isinstance(command, SendTexts)
    assert command.reference is None


@pytest.mark.parametrize(
    ("members", "topic", "delay"),
    [
        ({"callback_topic": "answers", "callback_delay": "50"}, "answers", 0.05),
        ({"callback_topic": "answers", "callback_delay": -50}, "answers", 0.05),
        ({"callback_topic": "answers", "callback_delay": 1e15}, "answers", 10.0),
        ({"callback_topic": "answers", "callback_delay": "soon"}, "answers", 0.01),
        ({"callback_topic": "answers", "callback_delay": None}, "answers", 0.01),
        ({"callback_topic": "", "callback_delay": 1}, None, 0.001),
        ({"callback_topic": ["answers"]}, None, 0.01),
    ],
)
@pytest.mark.parametrize("command", ["echo", "send-sms", "nonsense"])
def test_where_the_answer_goes(command, members, topic, delay):
    """Every command may be answered on a topic, one that is refused too; milliseconds become seconds."""
    call = decode(json.dumps({"command": command, **members}))

    assert (topic, delay) == (call.callback_topic, call.callback_delay)


@pytest.mark.parametrize(
    ("document", "outcome", "answer"),
    [
        (
            SMS,
            Submitted((message(),)),
            {"command": "send-sms", "response_code": "0000", "data": {"modemID": "", "result": "m1"}},
        ),
        (
            SMS | {"command": "send-message"},
            Submitted((message(state=State.SENDING, connector="a", attempt=1),)),
            {"command": "send-message", "response_code": "0000", "data": {"modemID": "a", "result": "m1"}},
        ),
        (
            {"command": "block-msisdn", "data": {"receiver": "0812"}},
            Done("done"),
            {"command": "block-msisdn", "response_code": "0000"},
        ),
        (
            {"command": "unblock-msisdn", "data": {"receiver": "0812"}},
            Done("done"),
            {"command": "unblock-msisdn", "response_code": "0000"},
        ),
        (
            {"command": "get-modem-list", "callback_topic": "modem-list-123456", "data": {}},
            Modems(()),
            {"command": "get-modem-list", "response_code": "0000", "data": {"modem_list": {}}},
        ),
        (
            {"command": "get-modem-list", "data": {}},
            Modems((MODEM,)),
            {"command": "get-modem-list", "response_code": "0000", "data": {"modem_list": {"gsm-1": SHOWN}}},
        ),
        (
            {"command": "request-ussd", "data": {"ussd_code": "*101#", "modem_id": "gsm-1"}},
            UssdAnswered("1) yes", "0031", replyable=True),
            {
                "command": "request-ussd",
                "response_code": "0000",
                "data": {"ussd_content": "1) yes", "ussd_content_raw": "0031", "replyable": True},
            },
        ),
        (
            {"command": "echo", "anything": [1, "two", None, {"three": 3.5}], "data": {}},
            otppi.NOTHING,
            {"command": "echo", "anything": [1, "two", None, {"three": 3.5}], "data": {}},
        ),
    ],
)
def test_answers_that_say_yes(document, outcome, answer):
    """With exactly the keys that each command's answer has; an echo is the request itself."""
    assert answer == json.loads(otppi.encode(decode(document), outcome))


@pytest.mark.parametrize(
    ("data", "command"),
    [
        ({"ussd_code": "*100#", "modem_id": "gsm-1"}, RequestUssd("*100#", "gsm-1")),
        ({"ussd_code": " *100# ", "modem_id": ""}, RequestUssd("*100#", None)),
        ({"ussd_code": "*100#"}, RequestUssd("*100#", None)),
        ({}, RequestUssd("", None)),
    ],
)
def test_request_ussd_names_a_code_and_perhaps_a_modem(data, command):
    """Without a modem the default one is meant; a code that is none is the hub's to refuse."""
    assert command == decode({"command": "request-ussd", "data": data}).command
    assert ListModems() == decode({"command": "get-modem-list", "data": {}}).command


def test_an_account_may_ask_for_the_other_success_code():
    """The publisher's samples have 000; a no is not changed by it."""
    yes = otppi.encode(decode(SMS), Submitted((message(),)), success="000")
    no = otppi.encode(decode(SMS), Refused(Refusal.NO_ROUTE, "NoRoute", value="1"), success="000")

    assert ["000", "1101"] == [json.loads(one)["response_code"] for one in (yes, no)]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal.UNAUTHENTICATED, "1100"),
        (Refusal.NO_ROUTE, "1101"),
        (Refusal.EXPIRED, "1203"),
        *((one, "1102") for one in Refusal if one.name not in {"UNAUTHENTICATED", "NO_ROUTE", "EXPIRED"}),
    ],
)
def test_every_refusal_has_its_code(refusal, code):
    """One table, whole; the words are the catalogue's, as the operator has them."""
    answer = json.loads(otppi.encode(decode(SMS), Refused(refusal, "EmptyText"), {"EmptyText": "Leer."}))

    assert {"command": "send-sms", "response_code": code, "error": "Leer.", "data": {}} == answer
    assert set(Refusal) == set(otppi.CODES)


MAIL = {"command": "send-mail", "data": {"receiver": "a@b.example", "subject": "S", "message": "x", "id": 1}}


@pytest.mark.parametrize("name", ["send-mail", "send-email", "send-message"])
def test_an_address_is_sent_a_mail(name):
    """By either spelling, and by the command that chooses; the subject makes a difference between two requests."""
    call = decode({**MAIL, "command": name})

    assert (("a@b.example",), "x", "S") == (call.command.to, call.command.text, call.command.subject)
    assert call.command.reference != decode({**MAIL, "command": name}, subject="T").command.reference
    assert decode({**MAIL, "command": name}, subject=None).command.subject is None


def test_a_subject_for_a_number_means_nothing():
    """Clients of send-message give one with every text."""
    assert decode({**SMS, "command": "send-message"}, subject="a\nb").command.subject is None


@pytest.mark.parametrize("name", ["send-mail", "send-email"])
def test_a_mail_is_answered_in_words(name):
    """The member is OTP-Pi's; no route is no missing modem."""
    call = decode({**MAIL, "command": name})
    taken = json.loads(otppi.encode(call, Submitted((message(),))))
    refused = json.loads(otppi.encode(call, Refused(Refusal.NO_ROUTE, "NoMailRoute", value="a@b.example")))

    assert {"command": name, "response_code": "0000", "message": "The mail is accepted."} == {
        key: value for key, value in taken.items() if key != "data"
    }
    assert message().id == taken["data"]["result"]
    assert {"command", "response_code", "error"} == set(refused)
    assert "1102" == refused["response_code"]


OTP = {
    "command": "request-otp",
    "data": {
        "date_time": 1629685778,
        "expiration": 1629685838,
        "id": 123456,
        "receiver": " 08126666666 ",
        "reference": "123456789",
        "message": "Kode OTP Anda adalah %s",
        "param1": 100000,
        "param2": "x:y",
    },
}
CHECK = {"command": "verify-otp", "data": {**OTP["data"], "otp": "012345"}}
REQUESTED = OtpRequested("c" * 32, "123456789", "08126666666", 1629685838.0, 1629685808.0, message())


def test_a_request_for_a_code_is_read_as_it_is_sent():
    """Members trimmed, numbers as text; a copy of it has the same key, one that differs anywhere has not."""
    command = decode(OTP).command
    others = [{"param2": "x"}, {"reference": "2"}, {"id": 2}, {"message": "%s"}, {"receiver": "0812"}]

    assert (
        RequestOtp(
            to="08126666666",
            reference="123456789",
            params=("100000", "x:y", "", ""),
            template="Kode OTP Anda adalah %s",
            expires_at=1629685838.0,
            client="192.0.2.1",
            key=command.key,
        )
        == command
    )
    assert command.key.startswith(DIGESTED)
    assert command.key == decode(json.dumps(OTP, indent=1)).command.key
    assert command.key not in {decode(OTP, **other).command.key for other in others}
    assert decode(OTP, id=None, date_time=None).command.key is None


def test_a_request_for_a_code_may_name_where_it_goes_by_mail():
    """With the mail's subject; it is part of what is asked for, so that another address is another request."""
    plain, named = decode(OTP).command, decode(OTP, fallback=" a@b.example ", subject="Kode").command

    assert ("a@b.example", "Kode") == (named.fallback, named.subject)
    assert (None, None) == (plain.fallback, decode(OTP, subject="Kode").command.subject)
    assert 3 == len({plain.key, named.key, decode(OTP, fallback="c@b.example", subject="Kode").command.key})


def test_a_check_of_a_code_is_read_as_it_is_sent():
    """Leading zeros stay, whether it is a string or not; OTP-Pi's clients have no key for it."""
    assert VerifyOtp("08126666666", "123456789", "012345", ("100000", "x:y", "", "")) == decode(CHECK).command
    assert "12345" == decode(CHECK, otp=12345).command.code


@pytest.mark.parametrize("at", [1629685778, "1629685778"])
def test_a_code_on_its_way_is_answered_with_what_was_asked(at):
    """The time comes back in the type in which it came; nothing else of the request does."""
    answer = json.loads(otppi.encode(decode(OTP, date_time=at, receiver="0812"), REQUESTED))

    assert {
        "command": "request-otp",
        "response_code": "0000",
        "data": {"reference": "123456789", "receiver": "0812", "date_time": at},
    } == answer


VERDICTS = [
    (Verdict.MATCH, False, "0000"),
    (Verdict.MISMATCH, False, "1202"),
    (Verdict.CONSUMED, False, "1202"),
    (Verdict.EXHAUSTED, False, "1202"),
    (Verdict.UNKNOWN, False, "1202"),
    (Verdict.EXPIRED, False, "1203"),
    (Verdict.EXPIRED, None, "1203"),
    (Verdict.EXPIRED, True, "1202"),
    (Verdict.MATCH, True, "0000"),
]


@pytest.mark.parametrize(("verdict", "generic", "code"), VERDICTS)
def test_each_verdict_has_its_code(verdict, generic, code):
    """Expired is told from wrong, unless the account asks for one answer; each no has the same error but for that."""
    answer = json.loads(otppi.encode(decode(CHECK), OtpVerified(verdict, "123456789", "0812", 3, generic)))

    assert code == answer["response_code"]
    assert {"reference": "123456789", "receiver": " 08126666666 ", "date_time": 1629685778} == answer["data"]
    assert (code == "0000") is ("error" not in answer)


def test_a_live_reference_is_1201_and_a_failed_send_1102():
    """With an empty object of data, as OTP-Pi has it."""
    live = json.loads(otppi.encode(decode(OTP), Refused(Refusal.CONFLICT, "OtpLive", value="1")))
    other = json.loads(otppi.encode(decode(OTP), Refused(Refusal.LIMITED, "OtpLocked")))

    assert ("1201", {}, True) == (live["response_code"], live["data"], "still valid" in live["error"])
    assert ("1102", {}) == (other["response_code"], other["data"])


@pytest.mark.parametrize("at", [1629685778, "1629685778"])
def test_verify_otp_repeats_what_was_asked_even_when_it_says_no(at):
    """The time comes back in the type in which it came."""
    data = {"date_time": at, "receiver": "0812", "otp": "123456", "reference": "r", "param1": {"a": 1}}

    answer = refusal({"command": "verify-otp", "data": data})

    assert "1102" == answer["response_code"]
    assert {"reference": "r", "receiver": "0812", "date_time": at} == answer["data"]


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (
            {"command": "request-otp", "data": {"receiver": "1"}},
            {
                "command": "request-otp",
                "response_code": "1102",
                "error": "The body is not what this interface takes: the member 'reference' is missing",
                "data": {},
            },
        ),
        (
            {"command": "send-mail", "data": {"receiver": "0812", "message": "x"}},
            {
                "command": "send-mail",
                "response_code": "1102",
                "error": "'0812' is not a mail address: an address is name@domain.",
            },
        ),
        (
            {"command": "send-sms", "data": {"receiver": "a@b.example", "message": "x"}},
            {
                "command": "send-sms",
                "response_code": "1102",
                "error": "'a@b.example' is not a number that can be reached: it contains '@'.",
                "data": {},
            },
        ),
        (
            '{"command": "request-ussd", "data": ["*100#"]}',
            {
                "command": "request-ussd",
                "response_code": "1102",
                "error": "The body is not what this interface takes: the member 'data' is missing, or not an object",
                "data": {},
            },
        ),
    ],
)
def test_what_the_hub_does_not_offer_is_said(document, answer):
    """Never a yes to what is not done."""
    assert answer == refusal(document)


BAD = {
    "nothing": (b"", "Expecting value"),
    "blanks": (b" \n", "Expecting value"),
    "a number": (b"1", "not an object"),
    "an array": (b"[]", "not an object"),
    "null": (b"null", "not an object"),
    "no JSON": (b"command=send-sms", "Expecting value"),
    "half of it": (b'{"command": "send-sms", "data": {"receiver": "1"', "at character"),
    "two documents": (b'{"command": "echo"}{"command": "echo"}', "Extra data"),
    "only commas": (b'{"command": "echo",,}', "at character"),
    "a comma before everything": (b',{"command": "echo"}', "at character"),
    "bytes": (b"\xff\xfe\x00\x01", "not UTF-8"),
    "UTF-16": ('{"command": "echo"}'.encode("utf-16"), "not UTF-8"),
    "too deep": (b'{"command": "echo", "data": ' + b"[" * 40 + b"]" * 40 + b"}", "nested more than 32"),
    "much too deep": (b"[" * 60_000, "nested more than 32"),
    "too large": (b'{"command": "echo", "data": "' + b"x" * 65_536 + b'"}', "larger than 65536 bytes"),
    "NaN": (b'{"command": "send-sms", "data": {"expiration": NaN}}', "NaN is not JSON"),
    "Infinity": (b'{"command": "send-sms", "data": {"expiration": -Infinity}}', "Infinity is not JSON"),
    "a huge float": (b'{"command": "send-sms", "data": {"expiration": 1e999}}', "too large"),
    "5000 digits": (b'{"command": "send-sms", "data": {"id": ' + b"9" * 5_000 + b"}}", "more than 64 bits"),
    "half a surrogate pair": (b'{"command": "send-sms", "data": {"message": "\\ud800"}}', "surrogate"),
    "a receiver twice": (b'{"command": "send-sms", "data": {"receiver": "1", "receiver": "2"}}', "twice"),
    "no command": (b'{"data": {}}', "'command' is missing"),
    "a command that is no text": (b'{"command": ["send-sms"], "data": {}}', "'command' is missing"),
    "an unknown command": (b'{"command": "reboot", "data": {}}', "'command' names no command"),
    "a command in capitals": (b'{"command": "SEND-SMS", "data": {}}', "'command' names no command"),
    "no data": (b'{"command": "send-sms"}', "'data' is missing"),
    "data that is no object": (b'{"command": "send-sms", "data": "x"}', "'data' is missing"),
    "no receiver": (b'{"command": "send-sms", "data": {"message": "x"}}', "no recipient"),
    "a blank receiver": (b'{"command": "block-msisdn", "data": {"receiver": " "}}', "no recipient"),
    "a list of receivers": (b'{"command": "send-sms", "data": {"receiver": ["1"], "message": "x"}}', "'receiver'"),
    "a true receiver": (b'{"command": "unblock-msisdn", "data": {"receiver": true}}', "'receiver'"),
    "no message": (b'{"command": "send-sms", "data": {"receiver": "1"}}', "empty"),
    "an object for a message": (b'{"command": "send-sms", "data": {"receiver": "1", "message": {}}}', "'message'"),
    "an id of its own": (
        b'{"command": "send-sms", "data": {"receiver": "1", "message": "x", "id": {}}}',
        "'id' is neither",
    ),
    "an expiration in words": (
        b'{"command": "send-sms", "data": {"receiver": "1", "message": "x", "expiration": "soon"}}',
        "'expiration' is no time",
    ),
    "an expiration of NaN in a text": (
        b'{"command": "send-sms", "data": {"receiver": "1", "message": "x", "expiration": "nan"}}',
        "'expiration' is no time",
    ),
    "a true expiration": (
        b'{"command": "send-sms", "data": {"receiver": "1", "message": "x", "expiration": true}}',
        "'expiration' is no time",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered_in_the_doors_language(name):
    """1102 with an error that names what is wrong, and never an exception."""
    body, said = BAD[name]

    answer = refusal(body)

    assert "1102" == answer["response_code"]
    assert said in answer["error"]


def test_a_call_shows_nothing_of_the_document():
    """Codes are in it, and calls end up in logs."""
    verify = b'{"command": "verify-otp", "data": {"otp": "1234", "reference": "r"}}'

    assert "1234" not in repr(otppi.decode(verify)) + repr(decode(SMS))
