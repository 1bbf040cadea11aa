"""Other people's SOAP clients against the SMSHub grammar and its WSDL: zeep and PHP's SoapClient."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import zeep

from smshub.domain.commands import HubStatus, Refusal, Refused, SendTexts, Status, Submitted
from smshub.frontends.dialects import smshub_soap
from smshub.protocols.soap import SoapError

MOBILES = ("+491701234567", "+436601234567", "+352621123456")
TEXT = "Grüße & Küsse <aus> „Zürich“ 你好 😀\nzweite Zeile"
STATUS = Status(
    taking=True,
    why="",
    version="0.1.0",
    node="hub-1",
    uptime=1.0,
    queued=0,
    connectors_up=1,
    connectors=1,
    listeners=("http://127.0.0.1",),
    memory=2**20,
)


@dataclass
class Hub:
    """A hub that remembers what it was asked; its one account is u with the password p."""

    url: str
    commands: list[object] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)

    def handle(self, call: smshub_soap.Call) -> Submitted | Status:
        """Carry out a call as a carrier would: check who asks, then what."""
        if not call.anonymous and (call.username, call.password) != ("u", "p"):
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        if isinstance(call.command, Refused):
            raise call.command
        self.commands.append(call.command)
        self.versions.append(call.version.name)
        return STATUS if isinstance(call.command, HubStatus) else Submitted(messages=())

    def answer(self, body: bytes, content_type: str | None, peer: str) -> smshub_soap.Answer:
        """Answer a request."""
        try:
            call = smshub_soap.decode(body, content_type, peer=peer)
        except SoapError as error:
            return smshub_soap.refuse(body, error)
        try:
            return smshub_soap.encode(call, self.handle(call))
        except Refused as refused:
            return smshub_soap.encode(call, refused)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The grammar behind a server on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, "text/xml; charset=utf-8", smshub_soap.wsdl(serving.url))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = serving.answer(body, self.headers["Content-Type"], self.client_address[0])
            self.reply(answer.status, answer.content_type, answer.body)

        def reply(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Hub(f"http://127.0.0.1:{server.server_port}/smshub/")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield serving
        server.shutdown()
        thread.join()


def sent(**members: object) -> SendTexts:
    """The command that the three mobiles and the text come to."""
    return SendTexts(**{"to": MOBILES, "text": TEXT, "client": "127.0.0.1", **members})


@pytest.fixture
def client(hub: Hub) -> Iterator[zeep.Client]:
    """A zeep client made of the WSDL alone."""
    with zeep.Client(f"{hub.url}?wsdl") as made:
        yield made


def test_zeep_sends_a_text_to_several_mobiles(hub, client):
    """Every parameter and every letter arrives, and the answer is read."""
    answer = client.service.smshubSend(
        username="u",
        password="p",
        mobile={"String": list(MOBILES)},
        text=TEXT,
        type="Flash",
        sender="ACME",
        client="zeep",
        source="10.0.0.1",
        settings="",
    )

    assert (1, None, "SMS send success") == (answer.code, answer.error, answer.message)
    assert [sent(originator="ACME", flash=True, client="zeep", source="10.0.0.1")] == hub.commands


def test_zeep_is_told_what_was_wrong(client):
    """A failure is an answer and no exception."""
    answer = client.service.smshubSend("u", "wrong", {"String": list(MOBILES)}, TEXT, "", "", "", "", "")

    assert (0, "AuthFailed", "Invalid username or password") == (answer.code, answer.error, answer.message)


def test_zeep_reads_a_fault(hub, client):
    """What is no call of ours comes back as an exception of the client's."""
    service = client.bind("smshubService", "smshubPort")
    envelope = client.create_message(service, "smshubStatus")
    envelope[0][0].tag = "{urn:other}smshubStatus"

    response = client.transport.post_xml(hub.url, envelope, {"Content-Type": "text/xml"})

    with pytest.raises(zeep.exceptions.Fault, match="there is no such operation"):
        service._binding.process_reply(client, service._binding.get("smshubStatus"), response)


@pytest.mark.parametrize("operation", ["smshubStatus", "smssendStatus"])
def test_zeep_reads_the_status(client, operation):
    """Either spelling gives a number and eight lines."""
    answer = client.service[operation]()

    assert (1, 8) == (answer.status, len(answer.message.splitlines()))


PHP = """<?php
[, $url, $how, $mobiles, $text] = $argv;
$mobiles = json_decode($mobiles);
if ($how == "no WSDL") {
    $client = new SoapClient(null, ["location" => $url, "uri" => "urn:smshub"]);
    $answer = $client->__soapCall("smshubSend", [
        new SoapParam("u", "username"), new SoapParam("p", "password"),
        new SoapParam($mobiles, "mobile"), new SoapParam($text, "text"),
    ]);
} else {
    $version = $how == "SOAP 1.2" ? SOAP_1_2 : SOAP_1_1;
    $client = new SoapClient($url . "?wsdl", ["cache_wsdl" => WSDL_CACHE_NONE, "soap_version" => $version]);
    $answer = match ($how) {
        "status" => [$client->smshubStatus(), $client->smssendStatus()],
        "a list" => $client->smshubSend("u", "p", $mobiles, $text),
        "refused" => $client->smshubSend("u", "wrong", $mobiles, $text),
        default => $client->smshubSend("u", "p", ["String" => $mobiles], $text, "Flash", "ACME", "php", "::1", ""),
    };
}
echo json_encode($answer);
"""


@pytest.fixture
def php(hub, tmp_path):
    """PHP's SoapClient against the hub; gives what it read."""
    script = tmp_path / "client.php"
    script.write_text(PHP)

    async def run(how: str) -> object:
        process = await asyncio.create_subprocess_exec(
            *("php", str(script), hub.url, how, json.dumps(MOBILES), TEXT),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(10):
            output, _ = await process.communicate()
        assert 0 == process.returncode, output.decode()
        return json.loads(output)

    return run


ALL = sent(originator="ACME", flash=True, client="php", source="::1")


@pytest.mark.needs("php")
@pytest.mark.parametrize(
    ("how", "command", "version"),
    [
        ("SOAP 1.1", ALL, "SOAP_11"),
        ("SOAP 1.2", ALL, "SOAP_12"),
        ("a list", sent(), "SOAP_11"),
        ("no WSDL", sent(), "SOAP_11"),
    ],
)
async def test_php_sends_a_text_to_several_mobiles(hub, php, how, command, version):
    """Either version, the mobiles as a list or by the item's name, and encoded without a WSDL: all arrive whole."""
    answer = await php(how)

    assert {"code": "1" if how == "no WSDL" else 1, "error": "", "message": "SMS send success"} == answer
    assert ([command], [version]) == (hub.commands, hub.versions)


@pytest.mark.needs("php")
async def test_php_is_told_what_was_wrong(hub, php):
    """A failure is an answer and no exception."""
    assert {"code": 0, "error": "AuthFailed", "message": "Invalid username or password"} == await php("refused")
    assert [] == hub.commands


@pytest.mark.needs("php")
async def test_php_reads_the_status(php):
    """Either spelling gives a number and eight lines."""
    assert [(1, 8), (1, 8)] == [(said["status"], len(said["message"].splitlines())) for said in await php("status")]
