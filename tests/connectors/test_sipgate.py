"""sipgate: XML that no text can break, answers that are read, and both of its interfaces."""

import json
from xmlrpc.client import loads

import pytest
from pydantic import ValidationError

from smshub.connectors import samurai, sipgate
from smshub.connectors.exchange import Response
from smshub.domain.delivery import Accepted, Balance, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script

RPC = {"api": "xmlrpc", "username": "account", "password": "pass word"}
REST = {"api": "rest", "username": "token-1", "password": "token"}
TEXTS = [
    "a & b < c > d ]]> e",
    "</string></value></member><member><name>TOS</name><value><string>fax</string></value>",
    "<![CDATA[x]]>",
    '<!DOCTYPE a [<!ENTITY b "c">]>&b;',
    "&amp; &#10; &lt;",
    "\"quotes\" and 'quotes'",
    "one\ntwo\r\nthree\rfour\tfive",
    " blanks at both ends ",
    "Grüße €, 你好, 🎉 %s {otp}",
]


async def test_a_call_is_written_as_xml_rpc(way_out, message):
    """The exact bytes of the call, and its headers."""
    connector = await way_out("sipgate", **RPC)

    request = connector.request(message(text="1 < 2 & ü"))

    def member(name, value):
        return f"<member>\n<name>{name}</name>\n<value><string>{value}</string></value>\n</member>\n"

    members = member("RemoteUri", "sip:491701234567@sipgate.de") + member("TOS", "text")
    members += member("Content", "1 &lt; 2 &amp; ü")
    expected = (
        "<?xml version='1.0' encoding='UTF-8'?>\n<methodCall>\n<methodName>samurai.SessionInitiate</methodName>\n"
        f"<params>\n<param>\n<value><struct>\n{members}</struct></value>\n</param>\n</params>\n</methodCall>\n"
    )
    assert expected == request.body.decode()
    assert ("POST", "https://samurai.sipgate.net/RPC2") == (request.method, request.url)
    assert {"Authorization": "Basic YWNjb3VudDpwYXNzIHdvcmQ=", "Content-Type": "text/xml"} == request.headers


@pytest.mark.parametrize("text", TEXTS)
async def test_no_text_can_change_a_call(way_out, providers, message, text):
    """What arrives is the text, to the character, and nothing besides."""
    simulator, url = await providers(users={"account": "pass word"})
    connector = await way_out("sipgate", url=f"{url}/RPC2", **RPC)

    outcome = await connector.send(message(text=text))

    assert Accepted((simulator.texts[0].ref,)) == outcome
    assert [("491701234567", text)] == [(one.to, one.text) for one in simulator.texts]
    (members,), method = loads(simulator.received[0].seen.body)
    assert ("samurai.SessionInitiate", ["Content", "RemoteUri", "TOS"]) == (method, sorted(members))


@pytest.mark.parametrize(
    "character", ["\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\ufffe", "\uffff", "\ud800"]
)
async def test_a_character_that_xml_cannot_hold_leaves_the_text_to_others(way_out, providers, message, character):
    """Nothing is sent, least of all half of it."""
    simulator, url = await providers()
    connector = await way_out("sipgate", url=f"{url}/RPC2", **RPC)

    outcome = await connector.send(message(text=f"a{character}b"))

    assert Deferred(Reason.CONTENT, detail="it holds a character that XML cannot") == outcome
    assert [] == list(simulator.received)
    with pytest.raises(ValueError, match="XML cannot"):
        samurai.call("m", {"a": character})


async def test_a_text_is_json_by_rest(way_out, message):
    """The exact bytes."""
    connector = await way_out("sipgate", sms_id="s1", **REST)

    request = connector.request(message(text='"ü"\n'))

    assert '{"smsId":"s1","recipient":"+491701234567","message":"\\"ü\\"\\n"}'.encode() == request.body
    assert ("POST", "https://api.sipgate.com/v2/sessions/sms") == (request.method, request.url)
    assert {"Authorization": "Basic dG9rZW4tMTp0b2tlbg==", "Content-Type": "application/json"} == request.headers


@pytest.mark.parametrize(
    ("rule", "number"), [(None, "491701234567"), ("/^49/0049/", "00491701234567"), ("/^/+/", "491701234567")]
)
async def test_the_number_can_be_rewritten(way_out, message, rule, number):
    """By privacyIDEA's REGEXP, which that gateway of its own passes over; a plus is the interface's business."""
    rpc, rest = await way_out("sipgate", REGEXP=rule, **RPC), await way_out("sipgate", regexp=rule, **REST)

    assert f"sip:{number}@sipgate.de" == loads(rpc.request(message()).body)[0][0]["RemoteUri"]
    assert f"+{number}" == json.loads(rest.request(message()).body)["recipient"]


async def test_an_address_of_the_account_can_send(way_out, message):
    """LocalUri, where there is one."""
    connector = await way_out("sipgate", local_uri="sip:1234567e0@sipgate.de", **RPC)

    assert "sip:1234567e0@sipgate.de" == loads(connector.request(message()).body)[0][0]["LocalUri"]


async def test_privacyideas_names_are_taken():
    """USERNAME, PASSWORD, PROXY and REGEXP; each once."""
    table = {"type": "sipgate", "USERNAME": "u", "PASSWORD": "p", "PROXY": "http://127.0.0.1:3128", "REGEXP": "/a//"}
    settings = sipgate.Settings.model_validate(table)

    assert ("u", "p", "http://127.0.0.1:3128", "/a//") == (
        settings.username,
        settings.password.reveal(),
        settings.proxy,
        settings.regexp,
    )
    for wrong in ({"username": "again"}, {"REGEXP": "s/a/b/"}, {"api": "soap"}, {"url": "nowhere"}):
        with pytest.raises(ValidationError):
            sipgate.Settings.model_validate({**table, **wrong})


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("refuse 508", Rejected(Reason.INVALID_RECIPIENT, "508", "Format is not valid E.164")),
        ("refuse 505", Deferred(Reason.NO_CREDIT, "505", "Amount exceeds limit")),
        ("refuse 402", Uncertain(detail="StatusCode 402: Internal error")),
        ("refuse fault", Deferred(Reason.UNKNOWN, "fault -32500", "Application error")),
        ("throttle", Deferred(Reason.THROTTLED, "412", "Too many requests")),
        ("garbage", Uncertain),
        ("truncate", Uncertain),
    ],
)
async def test_what_samurai_answers_is_read(way_out, providers, message, script, expected):
    """Its StatusCode and its faults, under status 200."""
    simulator, url = await providers(Script.parse(script))
    connector = await way_out("sipgate", url=f"{url}/RPC2", **RPC)

    outcome = await connector.send(message())

    assert expected == (type(outcome) if isinstance(expected, type) else outcome)
    assert 1 == len(simulator.received)


STATUS = (
    "<methodResponse><params><param><value><struct><member><name>StatusCode</name><value>{}</value></member>"
    "</struct></value></param></params></methodResponse>"
)


@pytest.mark.parametrize(("value", "status"), [("200", 200), ("<i4> 412 </i4>", 412), ("<int>two</int>", 0)])
def test_a_status_is_read_with_and_without_a_type(value, status):
    """As XML-RPC allows."""
    assert status == samurai.read(STATUS.format(value).encode()).status


BROKEN = [
    b"",
    b"OK",
    b"<methodResponse/>",
    b"<other><params><param><value><struct/></value></param></params></other>",
    b"<methodResponse><params><param><value>200</value></param></params></methodResponse>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><methodResponse>&b;</methodResponse>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><methodResponse/>',
    b'<?xml version="1.0" encoding="no-such"?><methodResponse/>',
    b"<a>" * 900,
    b"<a/>" * 2_000,
    b"\x00\xff",
]


@pytest.mark.parametrize("body", BROKEN)
async def test_an_answer_that_is_none_leaves_it_open(way_out, message, body):
    """Entities and document types are not read, nor what is too large."""
    connector = await way_out("sipgate", **RPC)

    assert Uncertain is type(connector.outcome(message(), Response(200, {}, body)))
    with pytest.raises(ValueError):  # noqa: PT011 - the words say what was wrong, each its own
        samurai.read(body)


@pytest.mark.parametrize(("settings", "path"), [(RPC, "/RPC2"), (REST, "/v2")])
async def test_the_balance_is_asked_for(way_out, providers, settings, path):
    """In euros by both; REST counts in ten-thousandths."""
    _, url = await providers(users={settings["username"]: settings["password"]})
    connector = await way_out("sipgate", url=url + path, **settings)
    stranger = await way_out("sipgate", url=url + path, **{**settings, "password": "guessed"})

    assert Balance(42.5, "EUR") == await connector.fetch_balance()
    assert await stranger.fetch_balance() is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("accept", Accepted()),
        ("refuse 402", Deferred(Reason.NO_CREDIT, "402", '{"message": "refused"}')),
        ("throttle", Deferred(Reason.THROTTLED, "429", None, 1.0)),
    ],
)
async def test_what_rest_answers_is_a_status(way_out, providers, message, script, expected):
    """204 is its yes; it gives no id."""
    _, url = await providers(Script.parse(script), users={"token-1": "token"})
    connector = await way_out("sipgate", url=f"{url}/v2", **REST)

    assert expected == await connector.send(message())
