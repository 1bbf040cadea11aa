"""POST /v1/messages: bodies to commands, and submissions to answers."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smshub.domain.commands import Refusal, Refused, SendTexts, Submitted
from smshub.domain.message import Message, MessageClass, State
from smshub.frontends.dialects import native

PLAIN = b'{"to":"+491701234567","text":"Hello"}'


def decode(body: bytes, key: str | None = None) -> SendTexts:
    """Read a body as the carrier does."""
    return native.decode_send(body, idempotency_key=key, client="shop", source="127.0.0.1")


def with_member(member: str) -> bytes:
    """Add a member to the plain request."""
    return PLAIN[:-1] + b"," + member.encode() + b"}"


def refused(body: bytes, key: str | None = None) -> tuple[str, str | None, str]:
    """Tell the error, member and words with which a body is refused."""
    with pytest.raises(Refused) as caught:
        decode(body, key)
    assert Refusal.MALFORMED is caught.value.refusal
    return caught.value.error, caught.value.member, str(caught.value)


def test_the_smallest_request_leaves_the_rest_to_the_account():
    """A recipient and a text are enough; what is not said is None."""
    wanted = SendTexts(to=("+491701234567",), text="Hello", client="shop", source="127.0.0.1")

    assert wanted == decode(PLAIN)


def test_every_member_is_read():
    """Each documented member arrives in the command."""
    body = json.dumps(
        {
            "to": ["+491701234567", "0170 1"],
            "text": 'He said "hi" \u20ac \U0001f600',
            "from": "ACME",
            "class": "otp",
            "type": "flash",
            "reference": "order 7",
            "valid_for": 90,
            "send_at": "2030-01-01T02:00:00+02:00",
            "client": "till 3",
        }
    ).encode()

    wanted = SendTexts(
        to=("+491701234567", "0170 1"),
        text='He said "hi" \u20ac \U0001f600',
        originator="ACME",
        message_class=MessageClass.OTP,
        flash=True,
        reference="order 7",
        valid_for=90.0,
        send_at=datetime(2030, 1, 1, tzinfo=UTC).timestamp(),
        client="till 3",
        source="127.0.0.1",
    )
    assert wanted == decode(body)


@pytest.mark.parametrize(
    "member", ['"from":null', '"class":null', '"send_at":null', '"type":"normal"', '"client":null']
)
def test_a_null_or_default_member_is_as_if_it_were_missing(member: str):
    """Serialisers that write every field of a record are understood."""
    assert decode(PLAIN) == decode(with_member(member))


@pytest.mark.parametrize(
    ("what", "body", "error", "member", "words"),
    [
        ("nothing", b"", "MalformedBody", None, "it is empty"),
        ("blanks", b" \r\n", "MalformedBody", None, "it is empty"),
        ("a byte order mark", b"\xef\xbb\xbf" + PLAIN, "MalformedBody", None, "it begins with a byte order mark"),
        ("an array", b"[]", "MalformedBody", None, "it is an array, not an object"),
        ("null", b"null", "MalformedBody", None, "it is null, not an object"),
        ("no recipient", b'{"text":"a"}', "MalformedBody", "to", "the member 'to' is missing"),
        ("no text", b'{"to":"1"}', "MalformedBody", "text", "the member 'text' is missing"),
        ("a number as recipient", b'{"to":49,"text":"a"}', "MalformedBody", "to", "to is a number, not a string or an"),
        (
            "a number among recipients",
            b'{"to":["1",2],"text":"a"}',
            "MalformedBody",
            "to",
            "to[1] is a number, not a s",
        ),
        ("a null recipient", b'{"to":null,"text":"a"}', "MalformedBody", "to", "to is null, not a string or an array"),
        ("an object as text", b'{"to":"1","text":{}}', "MalformedBody", "text", "text is an object, not a string"),
        ("half a pair at the end", b'{"to":"1","text":"\\ud800"}', "MalformedBody", "text", "holds a lone surrogate"),
        ("half a pair within", b'{"to":"1","text":"a\\udc00b"}', "MalformedBody", "text", "holds a lone surrogate"),
        ("half a pair in a name", with_member('"\\ud800":1'), "MalformedBody", "\\ud800", "holds a lone surrogate"),
        ("bytes that are no UTF-8", b'{"to":"1","text":"\xff"}', "MalformedBody", None, "not UTF-8"),
        ("a raw NUL", b'{"to":"1","text":"a\0"}', "MalformedBody", None, "at character 19"),
        ("NUL in a sender", with_member('"from":"\\u0000"'), "MalformedBody", "from", "holds a NUL"),
        ("NUL in a recipient", b'{"to":["1","\\u0000"],"text":"a"}', "MalformedBody", "to", "holds a NUL"),
        ("an unknown member", with_member('"priority":1'), "UnknownMember", "priority", "There are to, text, from,"),
        ("a misspelt member", with_member('"form":"x"'), "UnknownMember", "form", "Did you mean 'from'?"),
        ("a format string", with_member('"__class__":"{0.__class__}%s%n"'), "UnknownMember", "__class__", "'class'?"),
        ("a long name", with_member(f'"{"x" * 9000}":1'), "UnknownMember", "x" * 40, "There is no member"),
        ("a member twice", with_member('"to":"2"'), "MalformedBody", "to", "'to' is named twice"),
        ("a member twice, escaped", with_member('"t\\u006f":"2"'), "MalformedBody", "to", "'to' is named twice"),
        ("nulls twice", with_member('"from":null,"from":null'), "MalformedBody", "from", "'from' is named twice"),
        ("a repeat below", with_member('"x":{"a":1,"a":2}'), "MalformedBody", "a", "'a' is named twice"),
        ("NaN", with_member('"valid_for":NaN'), "MalformedBody", None, "NaN is not JSON"),
        ("Infinity", with_member('"valid_for":-Infinity'), "MalformedBody", None, "-Infinity is not JSON"),
        ("1e999", with_member('"valid_for":1e999'), "MalformedBody", "valid_for", "valid_for is out of range"),
        ("5000 digits", with_member('"valid_for":' + "9" * 5000), "MalformedBody", "valid_for", "out of range"),
        ("seconds as text", with_member('"valid_for":"60"'), "MalformedBody", "valid_for", "is a string, not a number"),
        ("true seconds", with_member('"valid_for":true'), "MalformedBody", "valid_for", "true or false, not a number"),
        ("an unknown type", with_member('"type":"Flash"'), "BadType", "type", "'Flash'; it must be normal or flash"),
        ("an unknown class", with_member('"class":"vip"'), "BadClass", "class", "'vip'; it must be otp,"),
        ("a class of digits", with_member('"class":7'), "MalformedBody", "class", "class is a number, not a string"),
        ("a time of nowhere", with_member('"send_at":"2030-01-01T00:00:00"'), "BadSchedule", "send_at", "no offset"),
        ("no time", with_member('"send_at":"tomorrow"'), "BadSchedule", "send_at", "tomorrow: it is no time of RFC 33"),
        ("seconds as a time", with_member('"send_at":1'), "MalformedBody", "send_at", "is a number, not a time as a s"),
        ("two lines of client", with_member('"client":"a\\nb"'), "MalformedBody", "client", "255 printable"),
        ("a long client", with_member(f'"client":"{"x" * 256}"'), "MalformedBody", "client", "255 printable"),
        ("deep arrays", b"[" * 100_000, "MalformedBody", None, "it is an array"),
        ("deep objects", b'{"a":' * 50_000, "UnknownMember", "a", "no member 'a'"),
        ("deep recipients", b'{"to":' + b"[" * 100_000, "MalformedBody", "to", "to[0] is an array, not a string"),
        ("two documents", PLAIN + PLAIN, "MalformedBody", None, "at character 37"),
        ("half a document", PLAIN[:-1], "MalformedBody", None, "at character 36"),
        ("single quotes", b"{'to':'1'}", "MalformedBody", None, "at character 1"),
    ],
)
def test_a_bad_body_is_refused_and_named(what: str, body: bytes, error: str, member: str | None, words: str):
    """Each bad input gets its own error, the member at fault and words that say what is wrong."""
    found = refused(body)

    assert (error, member) == found[:2]
    assert words in found[2]


@pytest.mark.parametrize("text", ['\\"to\\":', '{\\"to\\":\\"1\\",\\"to\\":\\"2\\"}', "\\u0022to\\u0022:", "to to"])
def test_a_text_that_looks_like_members_is_only_a_text(text: str):
    """Quotation marks within a text repeat no member."""
    assert json.loads(f'"{text}"') == decode(f'{{"to":"1","text":"{text}"}}'.encode()).text


@pytest.mark.parametrize(
    ("header", "reference"),
    [("k7", "k7"), ('"k7"', "k7"), ('"a\\"b\\\\"', 'a"b\\'), ("  k7 ", "k7"), ("x" * 255, "x" * 255)],
)
def test_the_idempotency_key_is_taken_raw_or_quoted(header: str, reference: str):
    """The header is a string of RFC 8941, and many clients send it without quotation marks."""
    assert reference == decode(PLAIN, header).reference


def test_the_header_and_the_member_may_say_the_same():
    """A client that sends the key in both places is understood, whatever the spelling of the header."""
    assert "k7" == decode(with_member('"reference":"k7"'), '"k7"').reference


def test_a_header_that_contradicts_the_member_is_refused():
    """The hub does not guess which of two keys was meant."""
    error, member, words = refused(with_member('"reference":"k7"'), "k8")

    assert ("MalformedBody", "reference") == (error, member)
    assert "header Idempotency-Key differ" in words


@pytest.mark.parametrize("header", ["", '"', '"a', '"a"b"', '""', "a\x01", "x" * 256])
def test_a_bad_idempotency_key_is_refused(header: str):
    """An empty, unended, unprintable or overlong key is not a key."""
    assert ("BadReference", "Idempotency-Key") == refused(PLAIN, header)[:2]


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["to", "text", "from", "valid_for", "send_at", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.none() | st.text(max_size=5),
)
@example(PLAIN, '"')
def test_any_bytes_give_a_command_or_a_refusal(body: bytes, key: str | None):
    """No body raises anything but Refused, and every refusal can be written as a problem document."""
    try:
        outcome: SendTexts | Refused = decode(body, key)
    except Refused as error:
        outcome = error

    if isinstance(outcome, SendTexts):
        assert json.loads(body)["text"] == outcome.text
    else:
        status, _, document = native.problem(outcome, {})
        assert (400, outcome.error) == (status, json.loads(document)["error"])


@given(
    st.dictionaries(st.sampled_from(["from", "reference", "client"]), st.text("ab\"\\'\u00e9", max_size=5)),
    st.booleans(),
)
def test_what_a_standard_writer_wrote_is_read_as_it_was(members: dict[str, str], escaped: bool):
    """The cheap test for repeated members refuses no good request, escaped or not."""
    document = {"to": ["1", '"'], "text": '""', "valid_for": 5, **members}
    read = decode(json.dumps(document, ensure_ascii=escaped).encode())

    assert (
        ("1", '"'),
        '""',
        members.get("from"),
        members.get("reference"),
        members.get("client", "shop"),
    ) == (read.to, read.text, read.originator, read.reference, read.client)


def test_the_answer_repeats_the_recipient_as_written():
    """A submission is answered with one line for each message, in order."""
    made = Message(
        id="01A",
        submission="01A",
        account="shop",
        to="491701234567",
        to_written="0170 1234567",
        text="Hello",
        created_at=1.0,
        due_at=1.0,
        expires_at=2.0,
        state=State.SENDING,
    )

    wanted = {"id": "01A", "to": "0170 1234567", "state": "SENDING", "segments": 1, "encoding": "GSM7"}
    assert {"messages": [wanted]} == json.loads(native.encode_submitted(Submitted((made,))))
