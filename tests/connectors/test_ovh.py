"""OVHcloud: what is signed and sent, by whose clock, and what its reports and its balance say."""

import json
import time
from urllib.parse import parse_qsl

import pytest

from smshub.connectors import ovh
from smshub.connectors.callbacks import Callback, Forged
from smshub.connectors.exchange import Response
from smshub.connectors.ovhwords import STATES
from smshub.domain.delivery import Accepted, Balance, Deferred, Reason, Receipt, ReceiptState, Rejected
from smshub.domain.message import MessageClass
from smshub.simulators.faults import Script

SECRET, CONSUMER = "EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"
REST = {
    "service_name": "sms-ab12345-1",
    "application_key": "7kbG7Bk7S9Nt7ZSV",
    "application_secret": SECRET,
    "consumer_key": CONSUMER,
}
USER = {"account": "sms-ab12345-1", "login": "user", "password": "pass&word"}
JOB = (
    b'{"charset":"UTF-8","message":"Your code is 123456","noStopClause":true,"priority":"high",'
    b'"receivers":["+33601020304"],"sender":"ACME"}'
)


@pytest.fixture
def account():
    """Make connectors of the REST interface that are not open, by a clock that stands still."""

    def make(**settings):
        table = {"type": "ovh", "url": "https://eu.api.ovh.com/1.0/", **REST, **settings}
        return ovh.Connector("ovh", ovh.Settings.model_validate(table), clock=lambda: 1_366_560_945.2)

    return make


@pytest.mark.parametrize(
    ("method", "url", "body", "expected"),
    [
        ("GET", "https://eu.api.ovh.com/1.0/domains/", b"", "$1$d3705e8afb27a0d2970a322b96550abfc67bb798"),
        (
            "POST",
            "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/jobs",
            JOB,
            "$1$75da599fefebba4bcb454865cfd326dedc97941a",
        ),
    ],
)
def test_a_signature_is_over_the_very_bytes(method, url, body, expected):
    """OVH's own example, and one of a job."""
    assert expected == ovh.signature(SECRET, CONSUMER, method, url, body, 1_366_560_945)


def test_a_job_is_signed_as_it_is_written(account, message):
    """The whole request: sorted JSON in UTF-8, and a signature over that body and that address."""
    request = account().request(message(text="Grüße €", started_at=100.0, expires_at=100.0 + 600))

    assert (
        '{"charset":"UTF-8","message":"Grüße €","noStopClause":true,"priority":"high","receivers":["+491701234567"],'
        '"sender":"ACME","tag":"01HZX","validityPeriod":10}'
    ).encode() == request.body
    url = "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/jobs"
    assert ("POST", url) == (request.method, request.url)
    assert {
        "X-Ovh-Application": "7kbG7Bk7S9Nt7ZSV",
        "X-Ovh-Consumer": CONSUMER,
        "X-Ovh-Timestamp": "1366560945",
        "X-Ovh-Signature": ovh.signature(SECRET, CONSUMER, "POST", url, request.body, 1_366_560_945),
        "Content-Type": "application/json",
    } == request.headers


@pytest.mark.parametrize(
    ("settings", "fields", "expected"),
    [
        ({}, {"flash": True}, {"class": "flash"}),
        ({}, {"message_class": MessageClass.BULK}, {"priority": "low"}),
        ({"priority": "veryLow"}, {}, {"priority": "veryLow"}),
        ({"no_stop_clause": False}, {}, {"noStopClause": False}),
        ({"sender": "Bank"}, {"originator": ""}, {"sender": "Bank"}),
        ({"sender": "Bank"}, {}, {"sender": "ACME"}),
        ({"sender_for_response": True}, {}, {"senderForResponse": True, "sender": None}),
        ({}, {"id": "01a200739f106d19ea3b373c74e31ff1"}, {"tag": "9f106d19ea3b373c74e31ff1"[-20:]}),
        ({}, {"started_at": 0.0, "expires_at": 59.0}, {"validityPeriod": 1}),
        ({}, {"started_at": 0.0, "expires_at": 119.0}, {"validityPeriod": 1}),
        ({}, {"started_at": 0.0, "expires_at": 1e6}, {"validityPeriod": 2880}),
    ],
)
def test_a_job_says_how_it_is_to_be_sent(account, message, settings, fields, expected):
    """Class, priority, sender, our id, and no longer than the text is of use."""
    job = json.loads(account(**settings).request(message(**fields)).body)

    assert expected == {name: job.get(name) for name in expected}


async def test_no_request_is_made_for_an_address_of_mail(account, message):
    """Nothing left, so another connector can have it."""
    with pytest.raises(ValueError, match="no number"):
        account().request(message(to="someone@example.org"))


async def test_requests_are_signed_by_the_time_of_ovh(way_out, providers, message):
    """Two hours ahead of us: the time is asked when the connector opens, once, and the signature is verified."""
    simulator, url = await providers(users={REST["application_key"]: SECRET}, clock=lambda: time.time() + 7_200)
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)

    outcomes = [await connector.send(message()), await connector.send(message())]

    assert [Accepted((simulator.texts[0].ref,)), Accepted((simulator.texts[1].ref,))] == outcomes
    assert ["/1.0/auth/time", *["/1.0/sms/sms-ab12345-1/jobs"] * 2] == [one.seen.path for one in simulator.received]


async def test_a_clock_that_was_put_right_is_asked_again(way_out, providers, message):
    """The try whose time was refused was not taken; the next one has asked for the time."""
    simulator, url = await providers(users={REST["application_key"]: SECRET})
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)
    simulator.clock = lambda: time.time() - 86_400

    refused, taken = await connector.send(message()), await connector.send(message())

    assert Deferred(Reason.TEMPORARY, "QUERY_TIME_OUT", "Query out of time", 1.0) == refused
    assert Accepted((simulator.texts[0].ref,)) == taken


async def test_the_time_is_asked_every_hour(providers, message):
    """By the connector's own clock."""
    now = [1_000_000.0]
    simulator, url = await providers(clock=lambda: now[0] + 40)
    settings = ovh.Settings.model_validate({"type": "ovh", "url": f"{url}/1.0", **REST})
    connector = ovh.Connector("ovh", settings, clock=lambda: now[0])
    await connector.open()
    try:
        for later in (0.0, 3_599.0, 3_600.0):
            now[0] = 1_000_000.0 + later
            assert isinstance(await connector.send(message()), Accepted)
    finally:
        await connector.close()

    asked = [one.seen.path.endswith("/auth/time") for one in simulator.received]
    assert [True, False, False, True, False] == asked
    assert "1003640" == simulator.received[-1].seen.headers["x-ovh-timestamp"]


async def test_without_the_time_nothing_is_sent(way_out, providers, message):
    """A signature of another hour would be refused; the text can go elsewhere."""
    simulator, url = await providers(Script.parse("drop"))
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)

    outcome = await connector.send(message())

    assert (Deferred, Reason.UNREACHABLE) == (type(outcome), outcome.reason)
    assert ["/1.0/auth/time"] * 2 == [one.seen.path for one in simulator.received]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("accept; refuse receivers", Rejected(Reason.INVALID_RECIPIENT, "invalidReceivers", None)),
        ("accept; refuse INVALID_SIGNATURE", Deferred(Reason.BAD_CREDENTIALS, "INVALID_SIGNATURE")),
        ("accept; refuse CREDIT", Deferred(Reason.NO_CREDIT, "CREDIT")),
        ("accept; throttle", Deferred(Reason.THROTTLED, "CLIENT_ERROR", None, 1.0)),
    ],
)
async def test_the_simulator_refuses_as_ovh_does(way_out, providers, message, script, expected):
    """A fault script plays OVH's refusals."""
    _, url = await providers(Script.parse(script))
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)

    outcome = await connector.send(message())

    assert (type(expected), expected.reason, expected.code) == (type(outcome), outcome.reason, outcome.code)
    assert getattr(expected, "retry_after", None) == getattr(outcome, "retry_after", None)


@pytest.mark.parametrize("users", [{"other": SECRET}, {REST["application_key"]: "another secret"}])
async def test_the_simulator_knows_a_wrong_key_and_a_wrong_signature(way_out, providers, message, users):
    """Neither takes the text."""
    simulator, url = await providers(users=users)
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)

    assert Reason.BAD_CREDENTIALS is (await connector.send(message())).reason
    assert [] == simulator.texts


async def test_the_credits_that_are_left_are_asked_for(way_out, providers):
    """Of the account, with a signature."""
    _, url = await providers(users={REST["application_key"]: SECRET})
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)

    assert Balance(1987.0, "credits") == await connector.fetch_balance()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("receipt good", (ReceiptState.DELIVERED, None)),
        ("receipt bad", (ReceiptState.UNDELIVERABLE, "5")),
        ("receipt none", (ReceiptState.ACCEPTED, None)),
    ],
)
async def test_ovh_can_be_asked_what_became_of_a_text(way_out, providers, message, script, expected):
    """By its id; OVH keeps an answer that is not final for later."""
    _, url = await providers(Script.parse(script), users={REST["application_key"]: SECRET})
    connector = await way_out("ovh", url=f"{url}/1.0", **REST)
    (ref,) = (await connector.send(message())).refs

    receipt = await connector.fetch_receipt(ref)

    assert (ref, *expected) == (receipt.ref, receipt.state, receipt.code)
    assert await connector.fetch_receipt("99999") is None
    assert connector.receipt_request("../../me") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": 7, "ptt": 4, "deliveryReceipt": 1}, Receipt("7", ReceiptState.DELIVERED, 50.0)),
        ({"id": 7, "ptt": 0, "deliveryReceipt": 1}, Receipt("7", ReceiptState.DELIVERED, 50.0)),
        ({"id": 7, "ptt": 0, "deliveryReceipt": 0}, Receipt("7", ReceiptState.ENROUTE, 50.0)),
        ({"id": 7, "ptt": 99, "deliveryReceipt": 16}, Receipt("7", ReceiptState.UNDELIVERABLE, 50.0, code="99")),
        ({"id": 7, "ptt": 1001}, Receipt("7", ReceiptState.UNKNOWN, 50.0, code="1001")),
        ({"id": 7, "ptt": 7}, Receipt("7", ReceiptState.UNKNOWN, 50.0, code="7")),
        ({"id": 8, "ptt": 4}, None),
        ({"id": 7}, None),
    ],
)
def test_what_ovh_answers_is_read(account, body, expected):
    """Both of its numbers; of another id or without any number nothing."""
    response = Response(200, {}, json.dumps(body).encode(), 50.0)

    assert expected == account().receipt_of("7", response)


def call(**fields):
    """Make a call as OVH makes it."""
    return Callback("GET", "https://hub.example/receipts/ovh", query=tuple(fields.items()), at=77.0)


@pytest.mark.parametrize(("ptt", "state"), STATES.items())
def test_every_ptt_has_its_state(account, ptt, state):
    """As OVH's table says."""
    connector = account(callback_secret="key of the address")
    called = connector.called(call(key="key of the address", id="123", ptt=str(ptt), date="x", description="0"))

    code = str(ptt) if ptt > 4 else None
    assert ((Receipt("123", state, 77.0, code=code),), 204) == (called.receipts, called.status)


@pytest.mark.parametrize(
    ("secret", "fields"),
    [
        (None, {"id": "1", "ptt": "4"}),
        (None, {"id": "1", "ptt": "4", "key": ""}),
        ("right", {"id": "1", "ptt": "4"}),
        ("right", {"id": "1", "ptt": "4", "key": "wrong"}),
        ("right", {"id": "1", "ptt": "4", "key": "rightx"}),
    ],
)
@pytest.mark.parametrize("kind", ["ovh", "ovh_http2sms"])
async def test_a_call_without_the_secret_is_forged(way_out, providers, kind, secret, fields):
    """Also where the connector has none: anybody could report what he likes."""
    _, url = await providers()
    settings = {"ovh": {**REST, "url": f"{url}/1.0"}, "ovh_http2sms": USER}[kind]
    connector = await way_out(kind, **settings, **({"callback_secret": secret} if secret else {}))

    with pytest.raises(Forged):
        connector.called(call(**fields))


@pytest.mark.parametrize("fields", [{}, {"id": "x"}, {"id": "1" * 21}, {"id": "1/2", "ptt": "4"}])
def test_a_call_without_an_id_cannot_be_read(account, fields):
    """It is no report on anything."""
    with pytest.raises(ValueError, match="without an id"):
        account(callback_secret="k").called(call(key="k", **fields))


def test_the_secrets_are_not_shown(account):
    """Neither in the settings nor in what they are written to."""
    connector = account(callback_secret="callback key")

    shown = f"{connector.settings!r} {connector.settings.model_dump_json()}"

    assert not any(secret in shown for secret in (SECRET, CONSUMER, "callback key"))


# --- http2sms ---------------------------------------------------------------------------------------------------------


async def test_http2sms_puts_everything_into_the_address(way_out, message):
    """The exact bytes: a plus, a line end as OVH writes it, the coding, and the class of a flash text."""
    connector = await way_out("ovh_http2sms", **USER)

    request = connector.request(message(text="Grüße\n1 & 2", encoding="UCS2", flash=True))

    assert (
        "https://www.ovh.com/cgi-bin/sms/http2sms.cgi?account=sms-ab12345-1&login=user&password=pass%26word&from=ACME"
        "&to=%2B491701234567&message=Gr%C3%BC%C3%9Fe%0D1+%26+2&contentType=text%2Fjson&smsCoding=2&tag=01HZX"
        "&noStop=1&class=0"
    ) == request.url
    assert ("GET", b"", {}) == (request.method, request.body, request.headers)


async def test_http2sms_can_keep_the_password_out_of_the_address(way_out, message):
    """The same fields as a form."""
    connector = await way_out("ovh_http2sms", method="POST", sender_for_response=True, no_stop=False, **USER)

    request = connector.request(message())

    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    assert ("https://www.ovh.com/cgi-bin/sms/http2sms.cgi", "pass&word") == (request.url, fields["password"])
    assert ("", "1", "1", False) == (
        fields["from"],
        fields["senderForResponse"],
        fields["smsCoding"],
        "noStop" in fields,
    )


async def test_http2sms_needs_a_sender(way_out, message):
    """Where neither the text nor the settings name one, no request is made."""
    connector = await way_out("ovh_http2sms", **USER)

    assert Deferred(Reason.MISCONFIGURED, detail="no request can be made of it (ValueError)") == await connector.send(
        message(originator="")
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_http2sms_is_taken_by_the_simulator(way_out, providers, message, method):
    """A text with line ends arrives with line ends, for the right user only."""
    simulator, url = await providers(users={"user": "pass&word"})
    settings = {**USER, "url": f"{url}/cgi-bin/sms/http2sms.cgi", "method": method}
    connector = await way_out("ovh_http2sms", **settings)
    stranger = await way_out("ovh_http2sms", **{**settings, "password": "guessed"})

    taken, refused = await connector.send(message(text="one\r\ntwo\n✓")), await stranger.send(message())

    assert Accepted((simulator.texts[0].ref,)) == taken
    assert [("491701234567", "one\ntwo\n✓", "ACME")] == [(t.to, t.text, t.sender) for t in simulator.texts]
    assert Deferred(Reason.BAD_CREDENTIALS, "202", "Invalid login or password") == refused


@pytest.mark.parametrize(
    ("body", "refs"),
    [
        (b'{"status":100,"smsIds":["5"]}', ("5",)),
        (b'{"status":"101","SmsIds":[5,6]}', ("5", "6")),
        (b'{"status":100}', ()),
        (b"OK\n1987\n10867690", ("10867690",)),
        (b"OK\r\n1987\r\n10867690\r\n", ("10867690",)),
    ],
)
async def test_both_forms_of_a_yes_are_read(way_out, message, body, refs):
    """JSON in both spellings of its key, and lines where it was not heeded."""
    connector = await way_out("ovh_http2sms", **USER)

    assert Accepted(refs) == connector.outcome(message(), Response(200, {}, body))
