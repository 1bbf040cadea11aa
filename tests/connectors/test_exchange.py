"""What an HTTP answer means on its own, and how requests are encoded."""

import pytest

from smshub.connectors.exchange import (
    Request,
    Response,
    basic,
    by_status,
    checked_address,
    form,
    refusal,
    retry_after,
    with_query,
)
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain

STATUSES = [
    (301, Deferred(Reason.MISCONFIGURED, "301", "the provider redirects, which is not followed")),
    (400, Rejected(Reason.UNKNOWN, "400", "no")),
    (401, Deferred(Reason.BAD_CREDENTIALS, "401", "no")),
    (402, Deferred(Reason.NO_CREDIT, "402", "no")),
    (403, Deferred(Reason.BAD_CREDENTIALS, "403", "no")),
    (404, Deferred(Reason.MISCONFIGURED, "404", "no")),
    (407, Deferred(Reason.MISCONFIGURED, "407", "no")),
    (408, Deferred(Reason.TEMPORARY, "408", "no")),
    (409, Uncertain(detail="status 409: no")),
    (413, Rejected(Reason.CONTENT, "413", "no")),
    (415, Deferred(Reason.MISCONFIGURED, "415", "no")),
    (422, Rejected(Reason.UNKNOWN, "422", "no")),
    (429, Deferred(Reason.THROTTLED, "429", "no", retry_after=7.0)),
    (451, Rejected(Reason.BARRED, "451", "no")),
    (500, Uncertain(detail="status 500: no")),
    (501, Deferred(Reason.MISCONFIGURED, "501", "no")),
    (502, Uncertain(detail="status 502: no")),
    (503, Deferred(Reason.TEMPORARY, "503", "no", retry_after=7.0)),
    (504, Uncertain(detail="status 504: no")),
    (520, Uncertain(detail="status 520: no")),
    (999, Uncertain(detail="status 999: no")),
    (204, Uncertain(detail="status 204: no")),
]


@pytest.mark.parametrize(
    ("status", "expected"), STATUSES, ids=lambda value: str(value) if isinstance(value, int) else ""
)
def test_a_status_means_an_outcome(status, expected):
    """Only what surely was not taken is Deferred or Rejected; a server that broke may have taken it."""
    assert expected == by_status(Response(status, {"retry-after": "7"}), "no")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999", 86_400.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:30", 30.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header, expected):
    """RFC 9110 §10.2.3; what is neither says nothing, and nobody makes us wait for more than a day."""
    now = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT

    assert expected == retry_after(Response(429, {"retry-after": header}, at=now))


def test_no_retry_after_is_none():
    """Without the header the hub's own backoff decides."""
    assert retry_after(Response(429)) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_a_plain_no_is_final_only_where_no_provider_could_do_better(reason):
    """A number that does not exist exists nowhere; bad credentials are one provider's affair."""
    final = {"INVALID_RECIPIENT", "OPTED_OUT", "BARRED", "CONTENT", "EXPIRED"}

    expected = Rejected(reason, "1", "no") if reason in final else Deferred(reason, "1", "no")

    assert expected == refusal(reason, "1", "no")


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/plain; charset=utf-8", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=ISO-8859-1", "Grüße".encode("latin-1"), "Grüße"),
        ("text/plain", "Grüße".encode(), "Grüße"),
        ("text/plain", b"\xff\xfe\x00", "ÿþ\x00"),
        ("text/plain; charset=none-such", b"ok", "ok"),
        ("text/plain; charset=utf-8", b"\xff", "ÿ"),
        ("text/plain; charset=rot13", b"ok", "ok"),
    ],
)
def test_any_body_reads_as_text(content_type, body, expected):
    """The declared charset, else UTF-8, else Latin-1: reading never fails."""
    assert expected == Response(200, {"content-type": content_type}, body).text


@pytest.mark.parametrize(
    ("body", "expected"), [(b'{"id": 1}', {"id": 1}), (b"OK", None), (b"[" * 60_000, None), (b"\xff", None)]
)
def test_a_body_reads_as_json_or_none(body, expected):
    """A body that is no JSON, or nested too deep, is None."""
    assert expected == Response(200, body=body).json()


def test_fields_are_encoded_as_a_form():
    """UTF-8, a plus for a space, the rest escaped."""
    assert "a=1+2&b=%26%3D%C3%BC" == form({"a": "1 2", "b": "&=ü"})


def test_a_query_is_added_to_an_address():
    """After the query that is there already, if there is one."""
    added = [with_query("http://h/p", "a=1"), with_query("http://h/p?x=0", "a=1"), with_query("http://h/p", "")]

    assert ["http://h/p?a=1", "http://h/p?x=0&a=1", "http://h/p"] == added


def test_basic_credentials_are_encoded():
    """RFC 7617 §2, its own example."""
    assert "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" == basic("Aladdin", "open sesame")


def test_the_repr_of_a_request_tells_nothing():
    """Addresses, headers and bodies hold passwords and codes."""
    request = Request("GET", "http://h/?password=s3cret", {"Authorization": "s3cret"}, b"s3cret")

    assert "Request(method='GET')" == repr(request)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://host/", "must begin with http"),
        ("host/path", "must begin with http"),
        ("http://", "name a host"),
        ("http://ho st/", "spaces"),
        ("http://host/\r\nX: 1", "control characters"),
        ("http://host:0/", "port 0"),
        ("http://host:99999/", "ort"),
        ("http://[::1/", "IPv6"),
    ],
)
def test_what_is_no_address_is_refused(url, why):
    """The error names what is wrong."""
    with pytest.raises(ValueError, match=why):
        checked_address(url)


@pytest.mark.parametrize("url", ["https://u:p@host:8080/p?q=1#f", "http://[::1]:80/", "env:URL", "file:/etc/url", None])
def test_an_address_or_a_reference_to_one_is_kept(url):
    """A reference is looked up when the connector opens."""
    assert url == checked_address(url)
