"""What a request must show before it is believed."""

import pytest

from smshub.console.guarding import Transport, is_form, is_from_here, local_path, read_form, same, transport_of

HERE = {"host": "hub.example"}


@pytest.mark.parametrize(
    ("scheme", "headers", "expected"),
    [
        ("https", {"host": "hub.example"}, Transport.HTTPS),
        ("https", {"host": "hub.example", "x-forwarded-for": "10.0.0.1"}, Transport.HTTPS),
        ("http", {"host": "localhost:8080"}, Transport.LOOPBACK),
        ("http", {"host": "LOCALHOST"}, Transport.LOOPBACK),
        ("http", {"host": "hub.localhost"}, Transport.LOOPBACK),
        ("http", {"host": "127.0.0.1:8080"}, Transport.LOOPBACK),
        ("http", {"host": "127.9.9.9"}, Transport.LOOPBACK),
        ("http", {"host": "[::1]:8080"}, Transport.LOOPBACK),
        ("http", {"host": "hub.example"}, Transport.PLAIN),
        ("http", {"host": "192.168.1.4:8080"}, Transport.PLAIN),
        ("http", {"host": "localhost.evil.example"}, Transport.PLAIN),
        ("http", {"host": "127.0.0.1.evil.example"}, Transport.PLAIN),
        ("http", {"host": "evillocalhost"}, Transport.PLAIN),
        ("http", {}, Transport.PLAIN),
        # Behind a proxy that nobody has named as ours, the browser is elsewhere.
        ("http", {"host": "127.0.0.1:8080", "x-forwarded-for": "10.0.0.1"}, Transport.PLAIN),
        ("http", {"host": "127.0.0.1:8080", "x-forwarded-proto": "https"}, Transport.PLAIN),
        ("http", {"host": "localhost", "via": "1.1 proxy"}, Transport.PLAIN),
        ("http", {"host": "localhost", "forwarded": "for=10.0.0.1"}, Transport.PLAIN),
    ],
)
def test_over_what_a_browser_speaks(scheme, headers, expected):
    """Plain http counts only where it does not leave the browser's machine."""
    assert expected is transport_of(scheme, headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),  # what Chromium says under no-referrer
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://hub.example"}, False),
        ({"origin": "https://hub.example"}, True),
        ({"origin": "HTTPS://HUB.example"}, True),
        ({"origin": "http://hub.example"}, False),
        ({"origin": "https://hub.example:8443"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://hub.example.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_are_believed(headers, expected):
    """What comes from elsewhere, or does not say where it comes from, changes nothing."""
    assert expected == is_from_here("https", {**HERE, **headers})


def test_a_request_without_a_host_is_from_nowhere():
    """An empty host makes no origin that could be the same."""
    assert not is_from_here("https", {"origin": "https://"})


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", True),
        ("text/plain", False),
        ("application/json", False),
        ("multipart/form-data; boundary=x", False),
        ("text/plain; application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_only_a_form_is_a_form(content_type, expected):
    """JSON hidden in text/plain, which another site's page may send without being asked, is refused."""
    assert expected == is_form(content_type)


def test_a_form_is_read():
    """Values keep their order, their spaces and their letters; line ends become one character."""
    assert {"a": ("1", "2"), "t": (" Grüße\n👋 ",), "e": ("",)} == read_form(
        b"a=1&t=+Gr%C3%BC%C3%9Fe%0D%0A%F0%9F%91%8B+&a=2&e="
    )
    assert {} == read_form(b"")


@pytest.mark.parametrize(
    "body", [b"a=%FF", b"a", b"\xff=1", b"a=1&&b=2", b"&".join(b"a=1" for _ in range(501)), b'{"a": "b"}']
)
def test_what_is_no_form_is_refused(body):
    """Other encodings, other grammars and too many fields raise ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds of it
        read_form(body)


def test_tokens_are_compared_whole():
    """Nothing is right where nothing is expected."""
    assert same("abc", "abc")
    assert not any([same("abc", "abd"), same("abc", ""), same("", ""), same("", "abc"), same("abc", "abc\udcff")])


@pytest.mark.parametrize("wanted", ["/x/console/", "/x/console/messages?state=UNCERTAIN&a=%20", "/x/console/try"])
def test_one_is_sent_back_to_the_page_that_was_asked_for(wanted):
    """A path of the console is kept, with its query."""
    assert wanted == local_path(wanted, "/x/console")


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "//evil.example",
        "///evil.example",
        "https://evil.example/x/console/",
        "/\\evil.example",
        "\\\\evil.example",
        "/x/console",
        "/x/consoleevil/",
        "/x/console/../../evil",
        "/x/console//evil.example",
        "/x/console/\\evil",
        "/x/console/\r\nSet-Cookie: a=b",
        "/x/console/\tx",
        "/x/console/ x",
        "javascript:alert(1)",
        "/x/console/" + "a" * 1_000,
        "/v1/messages",
    ],
)
def test_nobody_is_sent_elsewhere(wanted):
    """Whatever is not plainly a page of the console becomes its first page."""
    assert "/x/console/" == local_path(wanted, "/x/console")
