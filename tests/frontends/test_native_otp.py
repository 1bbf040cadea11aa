"""The native door's documents for one-time passwords: what is read of them, what is refused, what is answered."""

import json

import pytest

from smshub.domain.challenges import OtpRequested, OtpVerified, RequestOtp, Verdict, VerifyOtp
from smshub.domain.commands import Refused
from smshub.domain.message import Message, MessageClass, State
from smshub.domain.references import DIGESTED
from smshub.frontends.dialects.native_otp import (
    decode_request,
    decode_resend,
    decode_verify,
    encode_requested,
    encode_verified,
)

ASKED = {"to": "+491701234567", "reference": "login"}


def body(**members):
    """Write a body."""
    return json.dumps({**ASKED, **members}).encode()


def test_every_member_has_its_place():
    """Nothing that a caller says is lost; params that are numbers count as they are written."""
    members = {
        "params": ["transfer", 1500, 0.5, "x"],
        "template": "%s",
        "language": "de",
        "subject": "Code",
        "from": "ACME",
        "valid_for": 60,
        "expires_at": "2030-01-01T00:00:00Z",
        "code": "123456",
        "host": "a.example",
        "app_hash": "FA+9qCX9VSu",
        "fallback": "a@b.example",
        "client": "web",
        "source": "192.0.2.1",
    }

    assert RequestOtp(
        to="+491701234567",
        reference="login",
        params=("transfer", "1500", "0.5", "x"),
        template="%s",
        language="de",
        subject="Code",
        originator="ACME",
        valid_for=60.0,
        expires_at=1_893_456_000.0,
        code="123456",
        host="a.example",
        app_hash="FA+9qCX9VSu",
        fallback="a@b.example",
        client="web",
        source="192.0.2.1",
        key="k1",
    ) == decode_request(body(**members), idempotency_key='"k1"', client="10.0.0.1")
    assert "10.0.0.1" == decode_request(body(), client="10.0.0.1").client


def test_a_check_is_read():
    """Missing params are empty ones."""
    assert VerifyOtp("+491701234567", "login", "123456", ("1", "", "", ""), "192.0.2.1") == decode_verify(
        body(code="123456", params=[1], source="192.0.2.1")
    )
    assert "192.0.2.1" == decode_resend("id", b'{"source": "192.0.2.1"}').source
    assert "" == decode_resend("id", b"").source


@pytest.mark.parametrize(
    ("members", "member"),
    [
        ({"params": [{"a": 1}]}, "params"),
        ({"params": [["a"]]}, "params"),
        ({"params": [None]}, "params"),
        ({"params": [True]}, "params"),
        ({"params": ["1", "2", "3", "4", "5"]}, "params"),
        ({"params": "1"}, "params"),
        ({"to": 491701234567}, "to"),
        ({"reference": None}, "reference"),
        ({"code": 123456}, "code"),
        ({"valid_for": "60"}, "valid_for"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"param1": "x"}, "param1"),
        ({"source": "a\nb"}, "source"),
        ({"client": "x" * 256}, "client"),
        ({"template": "\ud800"}, "template"),
    ],
    ids=str,
)
def test_another_member_is_refused_by_its_name(members, member):
    """A wrong type, too many, unknown, more than a line."""
    with pytest.raises(Refused) as caught:
        decode_request(body(**members))

    assert member == caught.value.member


def test_a_missing_or_repeated_member_is_named():
    """There is no code without a reference, and no member twice."""
    for text, member in ((b'{"to": "1"}', "reference"), (b'{"to": "1", "to": "2", "reference": "r"}', "to")):
        with pytest.raises(Refused) as caught:
            decode_request(text)
        assert member == caught.value.member


def test_a_key_of_the_hubs_own_is_refused():
    """Doors that keep digests as keys have those to themselves."""
    with pytest.raises(Refused) as caught:
        decode_request(body(), idempotency_key=f"{DIGESTED}1")
    assert "Idempotency-Key" == caught.value.member


def test_the_answer_to_a_request_has_no_text():
    """The message is shown by what can be known of it without its code."""
    message = Message(
        "m1", "m1", "shop", "491701234567", "0170", "", 1.0, 1.0, 301.0, "ACME", MessageClass.OTP, state=State.QUEUED
    )
    requested = OtpRequested("m1", "login", "0170", 301.0, 31.0, message, clipped=True)

    assert {
        "id": "m1",
        "reference": "login",
        "to": "0170",
        "expires_at": "1970-01-01T00:05:01.000Z",
        "resend_after": "1970-01-01T00:00:31.000Z",
        "clipped": True,
        "message": {"id": "m1", "state": "QUEUED", "segments": 1, "encoding": "GSM7"},
    } == json.loads(encode_requested(requested))


@pytest.mark.parametrize("generic", [None, True])
def test_every_no_is_the_same(generic):
    """Unless the account wants it told why."""
    nos = {
        encode_verified(OtpVerified(verdict, "login", "0170", left, generic))
        for left, verdict in enumerate(set(Verdict) - {Verdict.MATCH})
    }
    match = OtpVerified(Verdict.MATCH, "login", "0170", 0, generic)

    assert {b'{"verdict":"MISMATCH","match":false,"tries_left":null}'} == nos
    assert {"verdict": "MATCH", "match": True, "tries_left": None} == json.loads(encode_verified(match))


def test_an_account_may_want_it_told_why():
    """Then the verdict is whole, with what is left."""
    whole = OtpVerified(Verdict.EXPIRED, "login", "0170", 3, generic=False)

    assert {"verdict": "EXPIRED", "match": False, "tries_left": 3} == json.loads(encode_verified(whole))


def test_a_code_that_went_by_mail_says_so():
    """At the request where it is known by then, and with the match; nowhere else is there such a member."""
    match = OtpVerified(Verdict.MATCH, "login", "0170", mailed=True)
    message = Message("m1", "m1", "shop", "a@b.example", "a@b.example", "", 1.0, 1.0, 301.0)
    requested = OtpRequested("m1", "login", "0170", 301.0, 31.0, message, mailed=True)

    assert {"verdict": "MATCH", "match": True, "tries_left": None, "mailed": True} == json.loads(encode_verified(match))
    assert json.loads(encode_requested(requested))["mailed"] is True


def test_no_code_is_in_the_words_of_a_command():
    """Neither what was typed nor what the caller brought."""
    assert "RequestOtp('login')" == repr(decode_request(body(code="123456")))
    assert "VerifyOtp('login')" == repr(decode_verify(body(code="123456")))
