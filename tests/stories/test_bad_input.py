"""Bad input through the doors of the running hub: each is refused by its name, and nothing of it is kept."""

import base64
import contextlib
import gzip
import json
import socket
import time
import zlib

import pytest

TO = "+491701234567"
KEY = "narrow-key-of-32-letters-and-more"
NUMBERS = [f"+4917{number:08d}" for number in range(10_001)]


def basic(pair):
    """Encode a name and a password for Basic authentication."""
    return base64.b64encode(pair.encode()).decode()


def body(**members):
    """Make a body that is sound but for the members given; None leaves one out."""
    made = {"to": TO, "text": "never to be sent", **members}
    return {name: value for name, value in made.items() if value is not None}


# What is sent; the status, the error's name and the member at fault that come back.
REFUSED = {
    "empty text": (body(text=""), 400, "EmptyText", "text"),
    "no text": (body(text=None), 400, "MalformedBody", "text"),
    "no recipient": (body(to=[]), 400, "NoRecipient", "to"),
    "empty recipient": (body(to=""), 400, "NoRecipient", "to"),
    "no member to": (body(to=None), 400, "MalformedBody", "to"),
    "letters in a number": (body(to="+49170CALLME"), 400, "BadNumber", "to"),
    "a format string for a number": (body(to="%s%s%n{0.__class__}"), 400, "BadNumber", "to"),
    "a name of Python's": (body(__class__="x"), 400, "UnknownMember", "__class__"),
    "a number too short": (body(to="+4917"), 400, "BadNumber", "to"),
    "a number too long": (body(to="+4917" + "0" * 20), 400, "BadNumber", "to"),
    "one bad number among good ones": (body(to=[TO, "nobody"]), 400, "BadNumber", "to"),
    "a number that is no text": (body(to=491701234567), 400, "MalformedBody", "to"),
    "10,001 recipients": (body(to=NUMBERS), 400, "TooManyRecipients", "to"),
    "eleven segments": (body(text="x" * 1531), 400, "TextTooLong", "text"),
    "eleven segments of UCS-2": (body(text="\N{GRINNING FACE}" * 336), 400, "TextTooLong", "text"),
    "unknown type": (body(type="loud"), 400, "BadType", "type"),
    "unknown class": (body(**{"class": "urgent"}), 400, "BadClass", "class"),
    "already expired": (body(send_at="2020-01-01T00:00:00Z", valid_for=60), 422, "ExpiredOnArrival", "send_at"),
    "no validity": (body(valid_for=0), 400, "BadValidity", "valid_for"),
    "a negative validity": (body(valid_for=-60), 400, "BadValidity", "valid_for"),
    "a validity beyond a week": (body(valid_for=1e9), 400, "BadValidity", "valid_for"),
    "a time without an offset": (body(send_at="2030-01-01T00:00:00"), 400, "BadSchedule", "send_at"),
    "a time that is none": (body(send_at="tomorrow"), 400, "BadSchedule", "send_at"),
    "two years ahead": (body(send_at="2199-01-01T00:00:00Z"), 400, "BadSchedule", "send_at"),
    "a sender too long": (body(**{"from": "TwelveLetters"}), 400, "BadOriginator", "from"),
    "an empty reference": (body(reference=""), 400, "BadReference", "reference"),
    "a reference of 256": (body(reference="r" * 256), 400, "BadReference", "reference"),
    "an unknown member": (body(txet="?"), 400, "UnknownMember", "txet"),
    "NUL in the text": (body(text="a\0b"), 400, "BadText", "text"),
    "NUL in the number": (body(to=f"{TO}\0"), 400, "MalformedBody", "to"),
    "a lone surrogate": (b'{"to": "+491701234567", "text": "\\ud83d!"}', 400, "MalformedBody", "text"),
    "surrogates the wrong way round": (
        b'{"to": "+491701234567", "text": "\\ude00\\ud83d"}',
        400,
        "MalformedBody",
        "text",
    ),
    "a member twice": (b'{"to": "+491701234567", "text": "a", "text": "b"}', 400, "MalformedBody", "text"),
    "not a number": (b'{"to": "+491701234567", "text": "a", "valid_for": NaN}', 400, "MalformedBody", None),
    "beyond every number": (b'{"to": "+491701234567", "text": "a", "valid_for": 1e999}', 400, "MalformedBody", None),
    "not UTF-8": ('{"to": "+491701234567", "text": "ü"}'.encode("latin-1"), 400, "MalformedBody", None),
    "a byte order mark": (b'\xef\xbb\xbf{"to": "+491701234567", "text": "a"}', 400, "MalformedBody", None),
    "half a document": (b'{"to": "+491701234567", "text": "a', 400, "MalformedBody", None),
    "two documents": (b'{"to": "+491701234567", "text": "a"}{}', 400, "MalformedBody", None),
    "an array": (b"[1, 2]", 400, "MalformedBody", None),
    "nothing": (b"", 400, "MalformedBody", None),
    "deep nesting": (b"[" * 100_000, 400, "MalformedBody", None),
    "deep nesting in a member": (b'{"to": ' + b"[" * 100_000, 400, "MalformedBody", None),
    "a number of 5,000 digits": (b'{"to": ' + b"9" * 5_000 + b"}", 400, "MalformedBody", None),
    "a megabyte": (body(text="x" * 1_048_576), 413, "BodyTooLarge", None),
}


@pytest.fixture(autouse=True)
def _nothing_is_kept(shared):
    """Look that a test leaves no message behind, and the hub alive."""
    before = [message["id"] for message in shared.hub.messages()]
    yield
    assert before == [message["id"] for message in shared.hub.messages()]
    assert 200 == shared.hub.call("GET", "/livez", user=None).status
    assert "Traceback" not in shared.hub.log


@pytest.mark.parametrize("what", REFUSED)
def test_v1_refuses(shared, what):
    """Each is a problem document with the error's name and the member at fault."""
    given, status, error, member = REFUSED[what]

    answer = shared.hub.call("POST", "/v1/messages", given)

    assert (status, "application/problem+json") == (answer.status, answer.headers["content-type"])
    problem = answer.json
    assert (status, error) == (problem["status"], problem["error"])
    if member is not None:
        assert member == problem["member"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=latin-1", ""])
def test_v1_refuses_a_content_type_that_is_not_json(shared, content_type):
    """A form of another page cannot make a browser send."""
    answer = shared.hub.call("POST", "/v1/messages", body(), headers={"Content-Type": content_type})

    assert (415, "WrongContentType", "Content-Type") == (answer.status, answer.json["error"], answer.json["member"])


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        (None, {}),
        ("shop:", {}),
        (":", {}),
        ("stranger:shop-password", {}),
        (None, {"Authorization": "Basic !!!"}),
        (None, {"Authorization": "Bearer x"}),
        (None, {"X-API-Key": "k"}),
        (None, {"WA-API-Key": "\xff" * 8_000}),
        (None, {"X-API-Key": KEY[:-1]}),
        (None, {"X-API-Key": f"{KEY}\t."}),
        (None, {"X-API-Key": KEY.replace("a", "\xe4")}),
        (None, {"X-API-Key": KEY.upper()}),
        (None, {"X-API-Key": "sha256:" + "0" * 64}),
        (None, {"X-API-Key": ""}),
        (None, {"Authorization": f"Basic {basic('shop:shop-passw')}"}),
        (None, {"Authorization": f"Basic {basic('shop')}"}),
        (None, {"Authorization": f"Basic {basic('sh:op:shop-password')}"}),
        (None, {"Authorization": f"Basic {basic(chr(0) + 'shop:shop-password')}"}),
        (None, {"Authorization": f"Basic {basic('shop:shop-password' + chr(0))}"}),
        (None, {"Authorization": f"Basic {basic(chr(0x455) + 'hop:shop-password')}"}),
        (None, {"Authorization": "Basic /////w=="}),
        (None, {"Authorization": f"Basic {basic('shop:' + 'x' * 30_000)}"}),
    ],
)
def test_v1_refuses_strangers(shared, user, headers):
    """Whatever is missing, cut, bent or wrong about credentials is one and the same 401."""
    # Each from a place of its own, where nobody has failed before.
    source = f"127.{11 + zlib.crc32(repr((user, headers)).encode()) % 200}.1.1"

    answer = shared.hub.call("POST", "/v1/messages", body(), user=user, headers=headers, source=source)

    assert (401, "AuthFailed") == (answer.status, answer.json["error"])
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_guessing_gets_slower_and_does_not_lock_the_owner_out(shared):
    """Each wrong password from a place waits longer than the one before; the owner gets in from there and elsewhere."""
    took = []
    for _ in range(4):
        began = time.monotonic()
        answer = shared.hub.call("GET", "/v1/messages", user="shop:guess", source="127.0.2.1")
        took.append(time.monotonic() - began)
        assert 401 == answer.status
    assert took[1] >= 0.25
    assert took[2] >= 0.5
    assert took[3] >= 1.0

    began = time.monotonic()
    elsewhere = shared.hub.call("GET", "/v1/messages", source="127.0.2.2").status
    assert time.monotonic() - began < 1.0
    same = shared.hub.call("GET", "/v1/messages", source="127.0.2.1").status

    assert (200, 200) == (elsewhere, same)


@pytest.mark.parametrize("unit", [b"x" * 65_536, b"X-A: b\r\n" * 8_192], ids=["one header", "many headers"])
def test_a_head_without_end_costs_no_memory(shared, unit):
    """A stranger who sends headers without end is cut off, and the hub is no larger for it."""
    before = shared.hub.memory()
    sent = 0
    with socket.create_connection(("127.0.0.1", shared.hub.port), 10) as stranger:
        stranger.sendall(b"GET /livez HTTP/1.1\r\nHost: hub\r\nX: ")
        with contextlib.suppress(ConnectionError):
            while sent < 30_000_000:
                stranger.sendall(unit)
                sent += len(unit)

    assert sent < 30_000_000
    assert shared.hub.memory() - before < 20_000_000


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/messages/../../etc/passwd", "/v1/%2e%2e/%2e%2e/etc/passwd", "/x"])
def test_an_unknown_path_is_not_found(shared, path):
    """A path that is not there is a problem document too."""
    answer = shared.hub.call("GET", path)

    assert (404, "UnknownPath") == (answer.status, answer.json["error"])


@pytest.mark.parametrize("message_id", ["1", "%00", "'%20OR%20'1'='1", "x" * 4_000, "%F0%9F%98%80"])
def test_an_id_that_nobody_was_given_is_not_found(shared, message_id):
    """An id is looked up as it is, whatever it is."""
    answer = shared.hub.call("GET", f"/v1/messages/{message_id}")

    assert (404, "NotFound") == (answer.status, answer.json["error"])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("state=GONE", "state"),
        ("since=yesterday", "since"),
        ("cursor=%00", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_filter_that_is_none_is_named(shared, query, name):
    """A list with a filter that nobody knows would be a list of everything."""
    answer = shared.hub.call("GET", f"/v1/messages?{query}")

    assert (400, name) == (answer.status, answer.json["member"])


# --- the SMSHub door --------------------------------------------------------------------------------------------------

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def envelope(inner, namespace=SOAP, before=""):
    """Wrap the content of a SOAP body."""
    return f'{before}<s:Envelope xmlns:s="{namespace}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


def call(mobile=f"<String>{TO}</String>", text="never to be sent", namespace="urn:smshub", more=""):
    """Make a call of smshubSend with the right credentials."""
    return (
        f'<u:smshubSend xmlns:u="{namespace}"><username>shop</username><password>shop-password</password>'
        f"<mobile>{mobile}</mobile><text>{text}</text>{more}</u:smshubSend>"
    )


LAUGHS = (
    "<!DOCTYPE s [<!ENTITY a0 'ha'>"
    + "".join([f"<!ENTITY a{n} '" + f"&a{n - 1};" * 10 + "'>" for n in range(1, 10)])
    + "]>"
)
FAULTS = {
    "a document type": envelope(call(), before="<!DOCTYPE s>"),
    "a file as an entity": envelope(call(text="&x;"), before='<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "an address as an entity": envelope(call(), before='<!DOCTYPE s SYSTEM "http://127.0.0.1:9/dtd">'),
    "a parameter entity": envelope(call(), before='<!DOCTYPE s [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'),
    "a billion laughs": envelope(call(text="&a9;"), before=LAUGHS),
    "a quadratic bomb": envelope(call(text="&a;" * 1_000), before=f"<!DOCTYPE s [<!ENTITY a '{'x' * 50_000}'>]>"),
    "200,000 levels": b"<a>" * 60_000,
    "65 levels": envelope(call(text="<a>" * 65 + "</a>" * 65)),
    "200 attributes": envelope("<u " + " ".join([f"a{n}='1'" for n in range(200)]) + "/>"),
    "another namespace": envelope(call(namespace="urn:other")),
    "another envelope": envelope(call(), namespace="urn:other"),
    "another operation": envelope(call().replace("smshubSend", "smshubDrop")),
    "UTF-7": envelope(call(), before='<?xml version="1.0" encoding="utf-7"?>'),
    "two operations": envelope(call() + call()),
    "no operation": envelope(""),
    "no envelope": b"<hello/>",
    "a megabyte": envelope(call(text="x" * 1_048_576)),
    "10 MB of mobiles": envelope(call(mobile="<String>+491701234567</String>" * 350_000)),
    "a document of XInclude": envelope(
        call(
            text='<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"><i:fallback><i:b/>'
            "</i:fallback></i:include>"
        )
    ),
    "gzip": gzip.compress(envelope(call())),
    "a gzip bomb": gzip.compress(bytes(50_000_000)),
    "100,000 mobiles": envelope(call(mobile="<i/>" * 50_000)),
    "plain words": b"<<<>>> what?",
    "nothing": b"",
}


@pytest.mark.parametrize("what", FAULTS)
def test_soap_answers_with_a_fault(shared, what):
    """What is no call of ours is a SOAP fault, within a second, and tells nothing of the body or the machine."""
    began = time.monotonic()
    answer = shared.hub.call("POST", "/smshub/", FAULTS[what], user=None, headers={"Content-Type": "text/xml"})

    assert time.monotonic() - began < 1.0
    assert (500, "text/xml; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert b"<faultcode>SOAP-ENV:" in answer.body
    assert b"root:" not in answer.body


BAD_CALLS = {
    "no mobile": (call(mobile=""), "BadRequest"),
    "no text": (call(text=""), "BadRequest"),
    "two texts": (call(more="<text>another</text>"), "BadRequest"),
    "two usernames": (call(more="<username>admin</username>"), "AuthFailed"),
    "a text that is a list": (call(text="<String>a</String>"), "BadRequest"),
    "unknown type": (call(more="<type>Loud</type>"), "BadRequest"),
    "a setting that it may not override": (call(more="<settings>Validity=60</settings>"), "SettingNotAllowed"),
    "a source that is no address": (call(more="<source>nowhere</source>"), "ServerError"),
    "letters in a number": (call(mobile="<String>+49170CALLME</String>"), "BadNumber"),
    "eleven segments": (call(text="x" * 1531), "TextTooLong"),
}


@pytest.mark.parametrize("what", BAD_CALLS)
def test_soap_answers_a_bad_call_with_its_error(shared, what):
    """What the vendor has an error for is answered by it with code 0 and status 200; the rest by our own names."""
    inner, error = BAD_CALLS[what]

    answer = shared.hub.call("POST", "/smshub/", envelope(inner), user=None, headers={"Content-Type": "text/xml"})

    assert 200 == answer.status
    assert f"<code>0</code><error>{error}</error><message>".encode() in answer.body


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (b"[" * 100_000, -32700),
        (b'{"jsonrpc": "2.0", "id": 1}', -32600),
        (b"[]", -32600),
        (b'{"jsonrpc": "2.0", "method": "smshubSend", "params": 5, "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "smshubSend", "params": {"text": 5}, "id": 1}', -32602),
        (b'{"jsonrpc": "2.0", "method": "rm", "id": 1}', -32601),
        (b'{"jsonrpc": "2.0", "method": "smshubStatus", "id": {}}', -32600),
        (b"[" + b",".join([b'{"jsonrpc": "2.0", "method": "smshubStatus", "id": 1}'] * 200) + b"]", -32600),
        (b'{"a": "\\ud800"}', -32700),
        (b'{"jsonrpc": "2.0", "method": "smshubStatus", "method": "smshubSend", "id": 1}', -32700),
        (b'{"jsonrpc": "2.0", "method": "smshubStatus", "id": NaN}', -32700),
        (b'{"jsonrpc": "2.0", "method": "smshubStatus", "id": 1e999}', -32700),
        (b'{"jsonrpc": "2.0", "method": "__class__", "id": 1}', -32601),
        (b'{"jsonrpc": "2.0", "method": "%s%n{0.__class__}", "id": 1}', -32601),
        (b"[" + b",".join([b'{"jsonrpc": "2.0", "method": "smshubStatus"}'] * 101) + b"]", -32600),
        (b"[" + b"1," * 100_000 + b"1]", -32600),
    ],
)
def test_json_rpc_answers_with_an_error(shared, given, code):
    """What is no call is an error of JSON-RPC's own, one for all of it."""
    answer = shared.hub.call("POST", "/smshub/", given, user=None)

    found = json.loads(answer.body)
    assert [code] == sorted({one["error"]["code"] for one in (found if isinstance(found, list) else [found])})


def test_a_schema_that_is_named_is_not_fetched(shared):
    """`xsi:schemaLocation` is an attribute like any other: nobody is asked, and the call is what it is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        where = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.xsd"
        xsi = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:smshub {where}"'
        inner = call(text="").replace("<username>", f"<username {xsi}>")

        answer = shared.hub.call("POST", "/smshub/", envelope(inner), user=None, headers={"Content-Type": "text/xml"})

        assert b"<error>BadRequest</error>" in answer.body
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_flood_of_notifications_is_bounded_and_unanswered(shared):
    """A hundred calls that want no answer get none; they are no more than a batch may hold."""
    note = b'{"jsonrpc": "2.0", "method": "smshubStatus"}'

    answer = shared.hub.call("POST", "/smshub/", b"[" + b",".join([note] * 100) + b"]", user=None)

    assert (204, b"") == (answer.status, answer.body)


def test_a_header_of_a_hundred_kilobytes_is_too_large(shared):
    """It is refused before anybody looks at it."""
    with socket.create_connection(("127.0.0.1", shared.hub.port), 10) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(b"GET /v1/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic " + b"x" * 100_000)
        assert stranger.recv(1024).startswith(b"HTTP/1.1 431 ")
