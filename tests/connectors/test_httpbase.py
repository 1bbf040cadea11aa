"""The base of ways out over HTTP: what surely was not sent, what may have been, and what never leaks."""

import asyncio
import contextlib
import logging
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smshub.connectors.exchange import Request
from smshub.connectors.http import Connector, HttpSettings
from smshub.connectors.httpbase import HttpSender, ProviderSettings
from smshub.domain.delivery import Accepted, Deferred, Reason, Uncertain
from smshub.settings import SecretMissing
from smshub.simulators.faults import Script

OPTIONS = {"text": "{otp}", "to": "{phone}"}


@pytest.fixture
async def server():
    """Run servers of a few lines, and stop them after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(handle):
            async def handled(reader, writer):
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await handle(reader, writer)
                writer.close()

            running = await asyncio.start_server(handled, "127.0.0.1", 0)
            stack.push_async_callback(running.wait_closed)
            stack.callback(running.close)
            return running.sockets[0].getsockname()[1]

        yield make


def answer(body):
    """Write an answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def test_a_refused_connection_sends_nothing(gateway, server, message):
    """Nobody listens there: the message may go elsewhere."""
    connector = await gateway(url="http://127.0.0.1:1/", options=OPTIONS)

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: ClientConnectorError") == outcome


async def test_a_host_without_an_address_sends_nothing(gateway, message):
    """Its name cannot be resolved (RFC 6761 §6.4)."""
    connector = await gateway(url="http://gateway.invalid/", options=OPTIONS)

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to gateway.invalid: ClientConnectorDNSError") == outcome


async def test_a_connection_that_takes_too_long_sends_nothing(gateway, server, message):
    """TLS that never answers is cut by the time to connect; no byte of the request has left."""

    async def silent(reader, writer):
        await reader.read(-1)

    port = await server(silent)
    connector = await gateway(url=f"https://127.0.0.1:{port}/", options=OPTIONS, connect_timeout=0.1)

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: timeout") == outcome


async def test_the_whole_time_may_run_out_before_a_byte_is_written(gateway, server, message):
    """The time of the request is up while TLS still waits: nothing was sent all the same."""

    async def silent(reader, writer):
        await reader.read(-1)

    port = await server(silent)
    connector = await gateway(url=f"https://127.0.0.1:{port}/", options=OPTIONS, timeout=0.1)

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: timeout") == outcome


async def test_a_get_whose_kept_connection_breaks_is_not_written_again(gateway, server, message):
    """A GET sends a text: the library's repetition would send it twice."""
    seen = []

    async def close_on_second(reader, writer):
        for _ in range(2):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            if len(seen) == 2:
                return
            writer.write(answer(b"OK"))

    port = await server(close_on_second)
    connector = await gateway(url=f"http://127.0.0.1:{port}/", options=OPTIONS)

    outcomes = [await connector.send(message()), await connector.send(message())]

    assert [Accepted(), Uncertain(detail="127.0.0.1 did not answer: ServerDisconnectedError")] == outcomes
    assert 2 == len(seen)


async def test_a_late_second_answer_is_not_taken_for_the_next_message(gateway, server, message):
    """It comes while the connection is idle: that connection is given up before anything is written."""
    idle = asyncio.Event()
    told = asyncio.Event()
    served = []

    async def answer_twice(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            served.append(writer)
            writer.write(answer(b"id=%d" % len(served)))
            if len(served) == 1:
                await idle.wait()
                writer.write(answer(b"id=999"))
                await writer.drain()
                told.set()

    port = await server(answer_twice)
    connector = await gateway(url=f"http://127.0.0.1:{port}/", options=OPTIONS, id_pattern=r"id=(\d+)")

    first = await connector.send(message())
    idle.set()
    await asyncio.wait_for(told.wait(), 5)
    pooled = next(iter(connector._session.connector._conns.values()))[0][0]
    async with asyncio.timeout(5):
        while not pooled.should_close:  # noqa: ASYNC110 - the library tells nobody when it has read
            await asyncio.sleep(0)
    second = await connector.send(message())

    assert [Accepted(("1",)), Accepted(("2",))] == [first, second]
    assert served[0] is not served[1]


async def test_a_server_that_speaks_first_is_not_asked_for_ever(gateway, server, message):
    """It is no HTTP: after a few connections the message is handed back, whatever was understood of the banner."""
    connections = []

    async def banner(reader, writer):
        connections.append(writer)
        writer.write(b"220 mail.example.com ESMTP\r\n" * 3)
        await reader.read(-1)

    port = await server(banner)
    connector = await gateway(url=f"http://127.0.0.1:{port}/", options=OPTIONS, timeout=1)

    outcome = await connector.send(message())

    assert isinstance(outcome, Deferred | Uncertain)
    assert 1 <= len(connections) <= 4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "simulator.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate):
    """Make the server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ("ours", Accepted()),
        ("none", Accepted()),
        (
            "system",
            Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: ClientConnectorCertificateError"),
        ),
    ],
)
async def test_a_certificate_is_verified_unless_told_otherwise(
    gateway, providers, message, certificate, tls, trust, expected
):
    """By the given authority, by nobody, or by the system's; a failure there is before the first byte."""
    _, url = await providers(tls=tls)
    settings = {"ours": {"ca_file": str(certificate)}, "none": {"check_ssl": False}, "system": {}}[trust]
    connector = await gateway(url=url, options=OPTIONS, **settings)

    assert expected == await connector.send(message())


async def test_plain_http_on_a_tls_port_sends_nothing(gateway, providers, message):
    """The handshake fails before the request."""
    simulator, url = await providers()
    connector = await gateway(url=url.replace("http:", "https:"), options=OPTIONS)

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: ClientConnectorSSLError") == outcome
    assert [] == simulator.texts


PROXIES = [
    ("safe", {"proxy": "P"}, True),
    ("safe", {"http_proxy": "P"}, True),
    ("safe", {"https_proxy": "P"}, False),
    ("safe", {"proxy": "http://127.0.0.1:1", "http_proxy": "P"}, True),
    ("exact", {"proxy": "P"}, True),
    ("exact", {"proxy": "P", "https_proxy": "http://127.0.0.1:1"}, False),
]


@pytest.mark.parametrize(("mode", "settings", "through"), PROXIES)
async def test_a_proxy_is_chosen_by_scheme(gateway, providers, message, mode, settings, through):
    """The one for the scheme, else the general one, which privacyIDEA forgets as soon as another is set."""
    proxy, proxy_url = await providers()
    simulator, url = await providers()
    connector = await gateway(
        url=f"{url}/send",
        mode=mode,
        options=OPTIONS,
        **{name: proxy_url if value == "P" else value for name, value in settings.items()},
    )

    outcome = await connector.send(message())

    assert (Accepted(), through, not through) == (outcome, bool(proxy.received), bool(simulator.received))


async def test_a_proxy_that_does_not_connect_sends_nothing(gateway, server, message):
    """It answers CONNECT with 407 and has not seen the request; its password does not show."""

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")

    port = await server(refuse)
    connector = await gateway(
        url="https://gateway.invalid/", options=OPTIONS, proxy=f"http://u:l34k@127.0.0.1:{port}", connect_timeout=2
    )

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, "407", "the proxy did not connect to gateway.invalid") == outcome


async def test_a_missing_secret_keeps_the_connector_from_opening(monkeypatch):
    """The error names the place."""
    monkeypatch.delenv("GW_NONE", raising=False)
    connector = Connector("gw", HttpSettings(type="http", url="http://127.0.0.1/", options={"a": "env:GW_NONE"}))

    with pytest.raises(SecretMissing, match="GW_NONE is not set"):
        await connector.open()


async def test_a_connector_that_is_not_open_sends_nothing(message):
    """Whoever calls it too early gets the message back."""
    connector = Connector("gw", HttpSettings(type="http", url="http://127.0.0.1/"))

    outcome = await connector.send(message())

    assert Deferred(Reason.UNREACHABLE, detail="no connection to 127.0.0.1: ClientConnectionError") == outcome


async def test_a_provider_is_two_pure_functions(providers, message):
    """A way out of its own needs no more than a request and an outcome."""

    class Tiny(HttpSender):
        def request(self, message):
            return Request("POST", f"{url}/send?to={message.to}&text=hi", body=b"")

        def outcome(self, message, response):
            return Accepted((response.text,))

    _, url = await providers()
    tiny = Tiny("tiny", ProviderSettings(type="tiny", connections=3))
    await tiny.open()

    outcome = await tiny.send(message())
    await tiny.close()

    assert (3, Accepted(("OK sim-1",))) == (tiny.concurrency, outcome)


class Engine:
    """An engine that waits for a connector to be ready."""

    def __init__(self):
        self.told = asyncio.Event()

    def changed(self):
        """Hear that there is room."""
        self.told.set()

    def exchanged(self, message, request, answer):
        """Hear what was said."""

    def receipt(self, receipt, stored):
        """Hear of a receipt."""


async def test_messages_go_out_side_by_side_over_a_shared_pool(providers, message):
    """As many at once as there are connections, and one outcome for each."""
    simulator, url = await providers()
    settings = HttpSettings(type="http", url=f"{url}/send", connections=4, options=OPTIONS)
    connector = Connector("gw", settings)
    engine = Engine()
    running = asyncio.create_task(connector.run(engine))
    await asyncio.wait_for(engine.told.wait(), 5)
    outcomes = asyncio.Queue()
    for number in range(4):
        connector.submit(message(id=f"m{number}", text=f"text {number}"), outcomes.put_nowait)

    assert 0 == connector.room()
    assert [Accepted()] * 4 == [await asyncio.wait_for(outcomes.get(), 5) for _ in range(4)]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {f"text {number}" for number in range(4)} == {text.text for text in simulator.texts}


async def test_no_secret_is_ever_logged(gateway, providers, message, caplog, monkeypatch, tmp_path):
    """A secret of its own in every place, every logger at DEBUG, good and bad answers: not one of them in the log."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(enabled=True)
    monkeypatch.setenv("GW_OPTION", "l34k-option&1")
    (tmp_path / "token").write_text("l34k-token\n")
    faults = Script.parse("accept; refuse 401; throttle; drop; garbage; truncate; redirect; hang")
    _, url = await providers(faults)
    connector = await gateway(
        url=f"{url.replace('//', '//u:l34k-url@')}/send?apikey=l34k%20query",
        method="POST",
        username="u",
        password="l34k-päss",
        timeout=0.1,
        options={"text": "{otp}", "to": "{phone}", "pass": "l34k-literal", "user": "env:GW_OPTION"},
        parameters={"token": f"file:{tmp_path}/token"},
        headers={"X-Auth": "l34k-header"},
    )

    outcomes = [await connector.send(message(text="l34k-text 987654")) for _ in range(8)]
    nowhere = await gateway(url="http://u:l34k-url@127.0.0.1:1/?key=l34k-query", options={"pass": "l34k-literal"})
    outcomes.append(await nowhere.send(message(text="l34k-text 987654")))

    told = caplog.text + repr(outcomes) + repr(connector.settings) + repr(connector.redaction)
    assert "POST" in caplog.text
    assert [] == [secret for secret in ("l34k", "987654", "491701234567", "bDM0ay1w") if secret in told]
