"""What an opening request says, read without a socket."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.broker.handshake import FOREIGN, UNAUTHENTICATED, Basic, No, check_origin, credentials_of, topic_of


@pytest.mark.parametrize(
    ("target", "topic"),
    [
        ("/?topic=sms", "sms"),
        ("/any/path/at/all?topic=sms", "sms"),
        ("?topic=sms", "sms"),
        ("/?x=1&topic=sms&y=2", "sms"),
        ("/?topic=a%20b%2Fc%C3%BC", "a b/cü"),
        ("/?topic=modem-list-123456", "modem-list-123456"),
        ("//host?topic=sms", "sms"),
        ("/?topic=" + "x" * 255, "x" * 255),
    ],
)
def test_the_topic_is_a_parameter_of_any_path(target, topic):
    """The path and other parameters do not matter."""
    assert topic == topic_of(target)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "",
        "/?",
        "/?topic",
        "/?topic=",
        "/?Topic=sms",
        "/?channel=sms",
        "/?topic=a&topic=b",
        "/?topic=a&topic=",
        "/?topic=" + "x" * 256,
        "/?topic=a%00b",
        "/?topic=a%0Ab",
        "/?topic=%FF",
        "/?topic=%ED%A0%80",
        "/?topic=sms" + "&x=1" * 40,
        "http://[::1?topic=sms",
    ],
)
def test_a_request_without_one_clear_topic_is_a_bad_one(target):
    """None, an empty one, two, one that cannot be read: 400."""
    answer = topic_of(target)

    assert isinstance(answer, No)
    assert 400 == answer.status


@given(target=st.text(max_size=300))
def test_no_target_is_too_odd(target):
    """Whatever is asked for, the answer is a topic or a refusal."""
    answer = topic_of(target)

    assert isinstance(answer, No) or 0 < len(answer) <= 255


@pytest.mark.parametrize(
    ("origins", "refused"),
    [
        ([], None),
        (["https://shop.example"], None),
        (["HTTPS://Shop.Example"], None),
        (["https://evil.example"], FOREIGN),
        (["https://shop.example.evil.example"], FOREIGN),
        (["http://shop.example"], FOREIGN),
        (["https://shop.example:8443"], FOREIGN),
        (["null"], FOREIGN),
        ([""], FOREIGN),
        (["https://shop.example", "https://evil.example"], FOREIGN),
    ],
)
def test_an_origin_has_to_be_listed(origins, refused):
    """Programs send none; a page's must be one of the list, as a whole."""
    assert refused == check_origin(origins, ["https://shop.example"])


def header(credentials: bytes, scheme: str = "Basic") -> list[str]:
    """Write the Authorization headers of a request."""
    return [f"{scheme} {base64.b64encode(credentials).decode()}"]


@pytest.mark.parametrize(
    ("headers", "name", "password"),
    [
        (header(b"alice:secret"), b"alice", b"secret"),
        (header(b"alice:a:b::c"), b"alice", b"a:b::c"),
        (header(b"alice:"), b"alice", b""),
        (header(b"alice:secret", "basic"), b"alice", b"secret"),
        (header(b"alice:secret", "BASIC "), b"alice", b"secret"),
        (header("müller:größe".encode()), "müller".encode(), "größe".encode()),
        (header(b"alice:" + b"x" * 1024), b"alice", b"x" * 1024),
    ],
)
def test_a_name_and_a_password_are_read(headers, name, password):
    """The password may contain colons, be empty, be in any encoding."""
    assert Basic(name, password) == credentials_of(headers)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Basic"],
        ["Basic "],
        ["Basic !!!!"],
        ["Basic YWxpY2U"],
        ["Bearer YWxpY2U6c2VjcmV0"],
        ["YWxpY2U6c2VjcmV0"],
        ["Basic YWxpY2U6c2VjcmV0 x"],
        ["Basic ü"],
        header(b"alice"),
        header(b":secret"),
        header(b""),
        header(b"alice\n:secret"),
        header(b"alice:sec\0ret"),
        header(b"alice\x7f:secret"),
        header(b"x" * 1025 + b":secret"),
        header(b"alice:" + b"x" * 1025),
        [*header(b"alice:secret"), *header(b"alice:secret")],
    ],
)
def test_anything_else_is_nobody(headers):
    """No header, two, another scheme, what cannot be decoded, control characters, too long."""
    assert UNAUTHENTICATED == credentials_of(headers)


@given(value=st.text(max_size=200))
def test_no_header_is_too_odd(value):
    """Whatever is sent, the answer is credentials or a refusal."""
    assert isinstance(credentials_of([value]), Basic | No)


def test_credentials_do_not_show_their_password():
    """A repr tells the name only, and that with escapes."""
    assert "Basic(m\\xfcller\\x1b)" == repr(Basic("müller\x1b".encode("latin-1"), b"secret"))
