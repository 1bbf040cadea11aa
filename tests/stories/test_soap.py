"""The SMSHub door of the running hub, met by SOAP clients of others and by the vendor's raw bytes."""

import json
import re
import subprocess

import pytest
import zeep
import zeep.exceptions

MOBILES = ["+491701234567", "+43 660 1234567", "+352621123456"]
SHOWN = ["491701234567", "436601234567", "352621123456"]

# The envelope as the vendor's own Python client writes it.
ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:smshub">'
    "<soapenv:Header/><soapenv:Body><urn:smshubSend><username>shop</username><password>{password}</password>"
    "<mobile><String>+491701234567</String></mobile><text>{text}</text><type>Normal</type><sender>Bank</sender>"
    "<client>portal</client><source>127.0.0.1</source></urn:smshubSend></soapenv:Body></soapenv:Envelope>"
)
STATUS = re.compile(
    r"Server:.*System:.*Listener:.*Uptime:.*Cluster Node:.*Local Memory:.*Shared Memory:.*Connectors:.*", re.DOTALL
)

PHP = """<?php
[, $url, $mobiles, $text] = $argv;
$client = new SoapClient($url . "/smshub/?wsdl", ["cache_wsdl" => WSDL_CACHE_NONE]);
$sent = $client->smshubSend("shop", "shop-password", json_decode($mobiles), $text, "Flash", "Bank", "php", "::1", "");
echo json_encode([$sent, $client->smshubStatus(), $client->smssendStatus()]);
"""


@pytest.fixture
def client(shared):
    """A zeep client that knows nothing but the address of the hub's WSDL."""
    with zeep.Client(f"{shared.hub.url}/smshub/?wsdl") as made:
        yield made


def post(hub, body, content_type="application/xml", source="127.0.0.1"):
    """Send raw bytes to the SMSHub door."""
    return hub.call("POST", "/smshub/", body.encode(), user=None, headers={"Content-Type": content_type}, source=source)


def test_zeep_sends_to_several_mobiles(shared, client):
    """Made from the WSDL alone, the call reaches every mobile with every letter, and its answer is read."""
    text = "Grüße & Küsse <aus> „Zürich“ 你好 😀"

    answer = client.service.smshubSend("shop", "shop-password", {"String": MOBILES}, text, "", "", "", "", "")

    assert (1, None, "SMS send success") == (answer.code, answer.error, answer.message)
    for mobile in SHOWN:
        shared.smsc.arrives(f"ACME -> {mobile}: {text}")


def test_zeep_reads_a_wrong_password_as_an_answer(client):
    """The vendor's code 0 and AuthFailed, and no exception."""
    answer = client.service.smshubSend("shop", "wrong", {"String": MOBILES}, "Hello", "", "", "", "", "")

    assert (0, "AuthFailed", "Invalid username or password") == (answer.code, answer.error, answer.message)


@pytest.mark.parametrize("operation", ["smshubStatus", "smssendStatus"])
def test_the_status_needs_no_credentials(client, operation):
    """Either name of the operation tells the vendor's eight lines in their order."""
    answer = client.service[operation]()

    assert 1 == answer.status
    assert STATUS.fullmatch(answer.message)


@pytest.mark.needs("php")
def test_php_sends_to_several_mobiles_and_reads_the_status(shared, tmp_path):
    """PHP's SoapClient, from the WSDL: a list of mobiles, flash, a sender, letters from everywhere."""
    script = tmp_path / "client.php"
    script.write_text(PHP)
    text = "PHP grüßt Łódź & Ωμέγα"

    done = subprocess.run(
        ["php", str(script), shared.hub.url, json.dumps(MOBILES), text],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert 0 == done.returncode, done.stdout
    sent, *statuses = json.loads(done.stdout)
    assert {"code": 1, "error": "", "message": "SMS send success"} == sent
    assert [1, 1] == [one["status"] for one in statuses]
    for mobile in SHOWN:
        shared.smsc.arrives(f"Bank -> {mobile} flash: {text}")


def test_the_vendors_envelope_is_answered_with_its_literal_prefixes(shared):
    """Its clients look for SOAP-ENV and ns1 as text, so these are the bytes."""
    answer = post(shared.hub, ENVELOPE.format(password="shop-password", text="Dein Code ist 482911"))

    assert (200, "text/xml; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:smshub">'
        b"<SOAP-ENV:Body><ns1:smshubSendResponse><code>1</code><error/><message>SMS send success</message>"
        b"</ns1:smshubSendResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
    ) == answer.body
    shared.smsc.arrives("Bank -> 491701234567: Dein Code ist 482911")


def test_an_ampersand_that_is_not_escaped_is_a_bad_request(shared):
    """The vendor's client does not escape its texts; it reads code 0 and not a broken connection."""
    answer = post(shared.hub, ENVELOPE.format(password="shop-password", text="Tom & Jerry"))

    assert 200 == answer.status
    assert b"<code>0</code><error>BadRequest</error><message>Invalid SMS request</message>" in answer.body


def test_a_wrong_password_in_the_vendors_envelope_is_code_0(shared):
    """The status stays 200: the client looks at the code."""
    answer = post(shared.hub, ENVELOPE.format(password="guessed", text="Hello"), source="127.0.0.7")

    assert 200 == answer.status
    assert b"<code>0</code><error>AuthFailed</error><message>Invalid username or password</message>" in answer.body


def test_json_rpc_on_the_same_path(shared):
    """The same call as JSON-RPC 2.0: a text, the status under both names, and a wrong password."""
    params = {"username": "shop", "password": "shop-password", "mobile": MOBILES[:1], "text": "JSON grüßt"}
    calls = [
        {"jsonrpc": "2.0", "method": "smshubSend", "params": params, "id": 1},
        {"jsonrpc": "2.0", "method": "smshubStatus", "id": "two"},
        {"jsonrpc": "2.0", "method": "smssendStatus", "id": 3},
        {"jsonrpc": "2.0", "method": "smshubSend", "params": {**params, "password": "wrong"}, "id": 4},
        {"jsonrpc": "2.0", "method": "smshubDrop", "id": 5},
    ]

    answers = shared.hub.call("POST", "/smshub/", calls, user=None, source="127.0.0.8").json

    assert {"code": 1, "error": "", "message": "SMS send success"} == answers[0]["result"]
    assert [1, "two", 3, 4, 5] == [answer["id"] for answer in answers]
    assert [1, 1] == [answer["result"]["status"] for answer in answers[1:3]]
    assert (0, "AuthFailed") == (answers[3]["result"]["code"], answers[3]["result"]["error"])
    assert -32601 == answers[4]["error"]["code"]
    shared.smsc.arrives("ACME -> 491701234567: JSON grüßt")
