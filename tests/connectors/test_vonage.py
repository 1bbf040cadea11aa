"""Vonage: what is sent and signed, what its answers for parts come to, and how fast a number may send."""

import itertools
import json
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from smshub.connectors import vonage, vonagesign
from smshub.connectors.exchange import Response
from smshub.domain.delivery import Accepted, Balance, Deferred, Reason, Rejected, Uncertain
from smshub.domain.limits import Bucket
from smshub.simulators.faults import Script

KEY = {"api_key": "abcd1234"}
SECRET = {**KEY, "api_secret": "api+secret"}
SIGNED = {**KEY, "auth": "signature", "signature_secret": "my_secret_key_for_testing"}
FIELDS = {
    "api_key": "abcd1234",
    "from": "ACME",
    "text": "a&b=c",
    "timestamp": "1461605396",
    "to": "447700900000",
}
SIGNATURES = {
    "md5hash": "c1e9fa55774c1337099739cdec73dd9f",
    "md5": "3cdab420d3affaeff24706a85f012cdb",
    "sha1": "da266e3ebd3211d798b8e9a375290d8e97e92817",
    "sha256": "d90d23ac1dab67c327c52eeb362a4baab455bc7f70b74f0966387ec5d2309986",
}


def fields_of(request):
    """Read the form of a request."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


@pytest.mark.parametrize(("method", "expected"), SIGNATURES.items())
def test_a_signature_is_as_the_provider_makes_it(method, expected):
    """Each method; in capitals it is as good, and a changed field is not."""
    assert expected == vonagesign.sign(FIELDS, "my_secret_key_for_testing", method)
    assert vonagesign.is_signed({**FIELDS, "sig": expected.upper()}, "my_secret_key_for_testing", method)
    assert not vonagesign.is_signed({**FIELDS, "sig": expected, "to": "1"}, "my_secret_key_for_testing", method)
    assert not vonagesign.is_signed(FIELDS, "my_secret_key_for_testing", method)


def test_what_is_signed_is_sorted_and_parted():
    """The string of the provider's example, and 128 digits of the longest method."""
    expected = "&api_key=abcd1234&from=ACME&text=a_b_c&timestamp=1461605396&to=447700900000"

    assert expected == vonagesign.signed_text({**dict(reversed(FIELDS.items())), "sig": "x"})
    assert 128 == len(vonagesign.sign(FIELDS, "s", "sha512"))


async def test_a_text_is_a_form(way_out, message):
    """The exact bytes with a secret, and where they go."""
    connector = await way_out("vonage", **SECRET)

    request = connector.request(message(text="50 % & more", started_at=100.0, expires_at=400.0))

    assert (
        b"from=ACME&to=491701234567&text=50+%25+%26+more&type=text&ttl=300000&client-ref=01HZX&status-report-req=1"
        b"&api_key=abcd1234&api_secret=api%2Bsecret"
    ) == request.body
    assert ("POST", "https://rest.nexmo.com/sms/json") == (request.method, request.url)
    assert {"Content-Type": "application/x-www-form-urlencoded"} == request.headers


async def test_a_secret_can_stand_in_the_header(way_out, message):
    """Basic authentication, and nothing of it in the form."""
    connector = await way_out("vonage", auth="basic", **SECRET)

    request = connector.request(message())

    assert "Basic YWJjZDEyMzQ6YXBpK3NlY3JldA==" == request.headers["Authorization"]
    assert not {"api_key", "api_secret", "sig"} & fields_of(request).keys()


@pytest.mark.parametrize("method", [*SIGNATURES, "sha512"])
async def test_a_request_can_be_signed(way_out, providers, message, method):
    """The simulator verifies it; with another secret it is refused, and the secret itself is never sent."""
    simulator, url = await providers(signing="my_secret_key_for_testing")
    connector = await way_out("vonage", url=url, signature_method=method, **SIGNED)
    other = await way_out("vonage", url=url, **{**SIGNED, "signature_secret": "another"})

    text = message(text="a&b=c ü", started_at=1_461_605_396.7)
    taken, refused = await connector.send(text), await other.send(text)

    assert (Accepted, Deferred(Reason.BAD_CREDENTIALS, "14", "Invalid Signature")) == (type(taken), refused)
    fields = simulator.received[0].seen.fields
    assert ("1461605396", False) == (fields["timestamp"], "api_secret" in fields)
    assert b"my_secret" not in simulator.received[0].seen.body


@pytest.mark.parametrize(
    ("settings", "fields", "expected"),
    [
        ({}, {"encoding": "UCS2", "text": "✓"}, {"type": "unicode", "text": "✓"}),
        ({}, {"flash": True}, {"message-class": "0"}),
        ({"sender": "Bank"}, {"originator": ""}, {"from": "Bank"}),
        ({}, {"started_at": 0.0, "expires_at": 1.0}, {"ttl": "20000"}),
        ({}, {"started_at": 0.0, "expires_at": 1e9}, {"ttl": "604800000"}),
        ({"receipts": False, "callback_url": "https://h.example"}, {}, {"status-report-req": "0", "callback": None}),
        (
            {"account_ref": "a", "entity_id": "b", "content_id": "c"},
            {},
            {"account-ref": "a", "entity-id": "b", "content-id": "c"},
        ),
        ({"callback_url": "https://h.example/"}, {}, {"callback": "https://h.example/receipts/out"}),
        (
            {"callback_url": "https://h.example", "callback_secret": "k&k"},
            {},
            {"callback": "https://h.example/receipts/out?key=k%26k"},
        ),
        (
            {"callback_url": "https://h.example", "callback_secret": "kk", "signature_secret": "s"},
            {},
            {"callback": "https://h.example/receipts/out"},
        ),
    ],
)
async def test_a_request_says_how_it_is_to_be_sent(way_out, message, settings, fields, expected):
    """Alphabet, class, sender, how long it is of use, and where reports go; the key only where nothing is signed."""
    connector = await way_out("vonage", **{**SECRET, **settings})

    found = fields_of(connector.request(message(**fields)))

    assert expected == {name: found.get(name) for name in expected}


async def test_an_address_that_is_too_long_is_left_out_and_told(way_out, message, caplog):
    """Vonage would refuse every text for it."""
    connector = await way_out("vonage", callback_url=f"https://{'h' * 60}.example/{'p' * 40}", **SECRET)

    assert "callback" not in fields_of(connector.request(message()))
    assert "more than 100 characters" in caplog.text


async def test_a_text_needs_a_sender(way_out, message):
    """Without one no request is made."""
    connector = await way_out("vonage", **SECRET)

    assert Reason.MISCONFIGURED is (await connector.send(message(originator=""))).reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({**KEY}, "needs an api_secret"),
        ({**KEY, "auth": "basic"}, "needs an api_secret"),
        ({**KEY, "auth": "signature", "api_secret": "x"}, "needs a signature_secret"),
        ({**SECRET, "url": "ftp://h"}, "must begin with http"),
        ({**SECRET, "signature_method": "crc32"}, "signature_method"),
    ],
)
def test_settings_that_cannot_send_are_refused(settings, words):
    """Before the first customer finds out."""
    with pytest.raises(ValidationError, match=words):
        vonage.Settings.model_validate({"type": "vonage", **settings})


async def test_every_part_has_an_id(way_out, providers, message):
    """A long text is taken whole; its ids are those of the parts, in order."""
    simulator, url = await providers(users={"abcd1234": "api+secret"})
    connector = await way_out("vonage", url=url, **SECRET)

    outcome = await connector.send(message(text="Long. " * 60))

    assert Accepted(("0A00000000000001", "0A00000000000002", "0A00000000000003")) == outcome
    assert ["Long. " * 60] == [text.text for text in simulator.texts]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("refuse 1@2", Uncertain),
        ("refuse 7@3", Rejected),
        ("refuse 9", Deferred),
        ("refuse 12", Rejected),
        ("throttle", Deferred),
    ],
)
async def test_parts_may_fail_singly(way_out, providers, message, script, expected):
    """Part of a text is neither sent nor surely not taken, unless the rest will never be."""
    simulator, url = await providers(Script.parse(script))
    connector = await way_out("vonage", url=url, **SECRET)

    outcome = await connector.send(message(text="Long. " * 60))

    assert expected is type(outcome)
    assert [] == simulator.texts


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Invalid value for param: to", Reason.INVALID_RECIPIENT),
        ("to address is not numeric", Reason.INVALID_RECIPIENT),
        ("Invalid value for parameter: type", Reason.MISCONFIGURED),
        ("Failed to parse", Reason.MISCONFIGURED),
    ],
)
async def test_a_wrong_parameter_may_be_the_number(way_out, message, words, reason):
    """Then no other provider will do better."""
    connector = await way_out("vonage", **SECRET)
    body = json.dumps({"message-count": "1", "messages": [{"status": 3, "error-text": words}]}).encode()

    assert reason is connector.outcome(message(), Response(200, {}, body)).reason


async def test_what_was_taken_is_told_beside_what_was_not(way_out, message):
    """The operator finds the ids of the parts that are on their way."""
    connector = await way_out("vonage", **SECRET)
    parts = [{"status": "0", "message-id": "0A1"}, {"status": "1", "error-text": "Throttled"}]
    body = json.dumps({"message-count": "2", "messages": parts}).encode()

    outcome = connector.outcome(message(), Response(200, {}, body))

    assert Uncertain(detail="1 of 2 parts were taken (0A1), then: 1 Throttled") == outcome


@pytest.mark.parametrize(("settings", "expected"), [(SECRET, Balance(31.41, "EUR")), (SIGNED, None)])
async def test_the_balance_is_asked_for_with_the_secret(way_out, providers, settings, expected):
    """A signature is not taken there."""
    _, url = await providers(users={"abcd1234": "api+secret"})
    connector = await way_out("vonage", url=url, **settings)

    assert expected == await connector.fetch_balance()


def test_thirty_segments_a_second_are_the_default():
    """What Vonage takes for a key; what a number may send is for the operator to say."""
    settings = vonage.Settings.model_validate({"type": "vonage", **SECRET})

    assert (30.0, None) == (settings.throughput, settings.throughput_originator)


def test_one_text_a_second_for_a_number_and_never_two(message):
    """Ten minutes of a long code in the United States, beside another number and within the thirty of the key."""
    table = {"type": "vonage", **SECRET, "throughput_originator": 1}
    settings = vonage.Settings.model_validate(table)
    key = Bucket(settings.throughput, 0.0)
    numbers = {name: Bucket(settings.throughput_originator, 0.0) for name in ("12015550001", "12015550002")}
    sent = {name: [] for name in numbers}
    now = 0.0
    while now < 600.0:
        for name, bucket in numbers.items():
            if bucket.delay(now) <= 0 and key.delay(now) <= 0:
                assert key.take(1, now)
                assert bucket.take(1, now)
                sent[name].append(now)
        now += max(0.001, min(bucket.delay(now) for bucket in numbers.values()))

    for times in sent.values():
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert (True, True) == (min(gaps) > 1 - 1e-6, 590 <= len(times) <= 600)
