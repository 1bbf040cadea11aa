"""The grammar of /api/Login and /api/TextMessages: what its deployed clients send, and what they are answered."""

import json

import pytest

from smshub.domain.commands import CATALOGUE, Refusal, Refused, SendTexts, Submitted
from smshub.domain.message import Message, State
from smshub.frontends.dialects import statuses, textmessages

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def refused(call, *arguments, **named):
    """Give the refusal of a call: its error, the member at fault, and the words."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.error, caught.value.member, str(caught.value)


def sends(**members):
    """Read a call with these members, as JSON."""
    return textmessages.decode_send(json.dumps(members).encode(), JSON, client="192.0.2.1")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{ "ProgramSID": "xxx", "ProgramKey": "yyy" }', JSON),
        (b'{"programSID": "xxx", "programKey": "yyy"}', "application/json"),
        (b'{"PROGRAMSID":"xxx","programkey":"yyy","Other":[1]}', "text/json"),
        (b'{"ProgramSID": "xxx", "ProgramKey": "yyy"}', ""),
        (b"ProgramSID=xxx&ProgramKey=yyy", FORM),
        (b"programkey=y%79y&programsid=xxx&x=", f"{FORM}; charset=utf-8"),
    ],
)
def test_a_login_is_read_in_each_form(body, content_type):
    """C# and jQuery send JSON, PHP a form, and names match without regard to case."""
    assert ("xxx", "yyy") == textmessages.decode_login(body, content_type)


def test_digits_without_quotation_marks_are_taken():
    """The original's binder reads a number where a text is meant; the sample's pair is 123 and 123."""
    assert ("123", "123") == textmessages.decode_login(b'{"ProgramSID": 123, "ProgramKey": 123}', JSON)


@pytest.mark.parametrize(
    ("body", "content_type", "member", "why"),
    [
        (b"{}", JSON, "ProgramSID", "the member 'ProgramSID' is missing"),
        (b'{"ProgramSID": "x"}', JSON, "ProgramKey", "the member 'ProgramKey' is missing"),
        (b'{"ProgramSID": "x", "ProgramKey": ""}', JSON, "ProgramKey", "the member 'ProgramKey' is missing"),
        (b'{"ProgramSID": "x", "ProgramKey": null}', JSON, "ProgramKey", "the member 'ProgramKey' is missing"),
        (b'{"ProgramSID": true, "ProgramKey": "y"}', JSON, "ProgramSID", "the member 'ProgramSID' is not a text"),
        (b'{"ProgramSID": ["x"], "ProgramKey": "y"}', JSON, "ProgramSID", "the member 'ProgramSID' is not a text"),
        (b"ProgramSID=x", FORM, "ProgramKey", "the member 'ProgramKey' is missing"),
        (b'{"ProgramSID": "x", "programsid": "z"}', JSON, "programsid", "the member 'programsid' is named twice"),
        (b"ProgramSID=x&programsid=z", FORM, "programsid", "the member 'programsid' is named twice"),
        (b"[1]", JSON, None, "it is not a JSON object"),
        (b"ProgramSID=%ff", FORM, None, "the form cannot be read"),
        (b"&".join(b"a%d=1" % n for n in range(101)), FORM, None, "the form cannot be read"),
    ],
)
def test_a_login_that_cannot_be_read_says_why(body, content_type, member, why):
    """The member at fault is named."""
    error, at, words = refused(textmessages.decode_login, body, content_type)

    assert ("MalformedBody", member, f"The body is not what this interface takes: {why}") == (error, at, words)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"ProgramSID": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff\xfe{}"]
)
def test_hostile_json_is_refused(body):
    """Nesting, NaN, infinity, half a surrogate pair and other encodings come to one refusal and no other error."""
    assert "MalformedBody" == refused(textmessages.decode_login, body, JSON)[0]


def test_another_content_type_is_refused():
    """A multipart body is told what would be taken."""
    error, member, words = refused(textmessages.decode_login, b"x", "multipart/form-data; boundary=x")

    assert ("WrongContentType", "Content-Type") == (error, member)
    assert "application/json or application/x-www-form-urlencoded" in words


def test_what_the_csharp_class_serialises_is_read():
    """Its two nulls say nothing, unknown members are ignored, and DateSent decides nothing."""
    command = sends(
        Message="hey there",
        PhoneNumber="19706904544",
        SendSuccessful=None,
        SentResult=None,
        DateSent="1970-01-01 00:00:00",
        Unknown={"x": [1]},
    )

    assert SendTexts(to=("19706904544",), text="hey there", client="192.0.2.1") == command


def test_the_program_id_names_the_calling_system():
    """A GUID is kept as the client; what is no line of text is not."""
    guid = "D2B67BE0-79A2-49DD-9476-7C793FDC3297"

    assert guid == sends(message="m", phonenumber="1", programid=guid).client
    for odd in ("", "a\nb", "x" * 256, 7, None):
        assert "192.0.2.1" == sends(message="m", phonenumber="1", programid=odd).client


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("19706904544", ("19706904544",)),
        ("9706904544", ("9706904544",)),
        ("+1 (970) 690-4544", ("+1 (970) 690-4544",)),
        ("970.690.4544 , 19706904545", ("970.690.4544", "19706904545")),
        ("1,2,", ("1", "2")),
        (",,1,,", ("1",)),
    ],
)
def test_a_list_is_taken_apart_at_its_commas(written, read):
    """Each number stays as it was written, for the answer repeats it; empty places in the list are skipped."""
    assert read == textmessages.numbers(written)


@pytest.mark.parametrize(
    "bad", ["12x", "one", "+", "()", "1/2", "1;2", "\uff11\uff12", "\u0663", "1\t2", "1\u00a02", "0x12"]
)
def test_one_bad_number_refuses_the_whole_list(bad):
    """What is not digits, once the signs of the document are out, is named."""
    error, member, words = refused(textmessages.numbers, f"19706904544,{bad},19706904545")

    assert ("BadNumber", "PhoneNumber") == (error, member)
    assert f"'{bad}' is not a number that can be reached: it is not only digits." == words


@pytest.mark.parametrize("written", [",", " , ,, "])
def test_a_list_of_nothing_is_refused(written):
    """There is no recipient in it."""
    assert ("NoRecipient", "PhoneNumber") == refused(textmessages.numbers, written)[:2]


def test_a_text_and_a_number_must_be_there():
    """Each is named where it is missing or of another kind; an empty text is the hub's to refuse."""
    assert "Message" == refused(sends, PhoneNumber="1")[1]
    assert "Message" == refused(sends, PhoneNumber="1", Message=None)[1]
    assert "Message" == refused(sends, PhoneNumber="1", Message=7)[1]
    assert "PhoneNumber" == refused(sends, Message="m")[1]
    assert "PhoneNumber" == refused(sends, Message="m", PhoneNumber=["1"])[1]
    assert "" == sends(Message="", PhoneNumber="1").text


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (b"Bearer a.b.c", "a.b.c"),
        (b"bearer  a.b.c ", "a.b.c"),
        (b"a.b.c", "a.b.c"),
        (b"NaN", "NaN"),
        (b"Bearer", "Bearer"),
    ],
)
def test_the_token_comes_with_or_without_bearer(header, token):
    """C# sends one and the other, PHP the bare token, the jQuery sample NaN."""
    assert token == textmessages.token_of(header)


@pytest.mark.parametrize("header", [None, b"", b"  ", b"Bearer \xff", b"\xe9"])
def test_without_a_token_nobody_is_known(header):
    """Nothing, and what is no ASCII, is refused at once."""
    assert "BadToken" == refused(textmessages.token_of, header)[0]


def test_the_token_is_answered_as_a_bare_json_string():
    """Exactly that: clients take the quotation marks off themselves."""
    status, headers, body = textmessages.encode_token("aaa.bbb.ccc")

    assert (200, b'"aaa.bbb.ccc"') == (status, body)
    assert (b"content-type", b"application/json") in headers
    assert (b"cache-control", b"no-store") in headers


def test_each_recipient_is_answered_with_an_id_and_a_status():
    """In the order of the list, as they were written."""
    message = Message(
        id="m1",
        submission="m1",
        account="shop",
        to="19706904544",
        to_written="(970) 690-4544",
        text="hi",
        originator="ACME",
        created_at=0.0,
        due_at=0.0,
        expires_at=1.0,
        state=State.SENDING,
    )

    status, headers, body = textmessages.encode_sent(Submitted((message,)), CATALOGUE)

    assert (200, b'{"messages":[{"id":"m1","to":"(970) 690-4544","status":"SENDING"}]}') == (status, body)
    assert (b"content-type", b"application/json") in headers


def test_every_refusal_has_a_status():
    """The table leaves none out, and only credentials are answered with 401."""
    assert set(Refusal) == set(statuses.STATUSES)
    assert [Refusal.UNAUTHENTICATED] == [one for one, status in textmessages.STATUSES.items() if status == 401]


def test_a_refusal_is_a_line_of_text():
    """In the words of the catalogue; 401 says how to come back, 429 when."""
    status, headers, body = textmessages.encode_refused(Refused(Refusal.UNAUTHENTICATED, "BadToken"), CATALOGUE)
    assert (401, b"The token is missing, wrong, expired or revoked; log in again.\n") == (status, body)
    assert (b"www-authenticate", b'Bearer realm="smshub"') in headers
    assert (b"content-type", b"text/plain; charset=utf-8") in headers

    limited = Refused(Refusal.LIMITED, "Limited", retry_after=2.4, seconds=2)
    status, headers, body = textmessages.encode_refused(limited, {**CATALOGUE, "Limited": "In {seconds}"})
    assert (429, b"In 2\n") == (status, body)
    assert (b"retry-after", b"2") in headers
