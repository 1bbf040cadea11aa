"""A SMSC whose every answer the test decides, and what the engine would note of a connector."""

import asyncio
import contextlib
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import settings

from smshub.connectors.smpp import Connector, SmppSettings
from smshub.protocols.smpp.events import Limits, Requested, Side, Unbound
from smshub.protocols.smpp.pdus import BINDS, Command, Pdu
from smshub.protocols.smpp.session import Session

# A busy machine is slow now and then; that is no fault of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

PATIENCE = 5.0  # seconds after which a test gives up waiting


class Wire(asyncio.Protocol):
    """One connection that the SMSC has taken."""

    def __init__(self, smsc):
        self.smsc = smsc
        self.session = Session(Side.SMSC, Limits(enquire_link=None, session_init=None), 0.0)
        self.ended = asyncio.Event()
        self.reads = 0
        self.responses = asyncio.Queue()

    def connection_made(self, transport):
        """Keep the transport."""
        self.transport = transport
        self.smsc.wires.append(self)

    def data_received(self, data):
        """Take binds as the test has set, and put the rest into the queue."""
        self.reads += 1
        for event in self.session.receive_data(data, 0.0):
            match event:
                case Requested(pdu) if pdu.command in BINDS:
                    self.smsc.binds.append(pdu)
                    if self.smsc.bind_status is not None:
                        self.session.respond(pdu, self.smsc.bind_status)
                        self.smsc.bound.put_nowait(pdu)
                case Requested(pdu):
                    self.smsc.submits.put_nowait((self, pdu))
                case Unbound():
                    self.flush()
                    self.transport.close()
                case _:
                    self.responses.put_nowait(event)
        self.flush()

    def connection_lost(self, exc):
        """Note it."""
        self.session.receive_eof(0.0)
        self.ended.set()

    def flush(self):
        """Write what the session has to say."""
        if data := self.session.data_to_send():
            self.transport.write(data)


class Smsc:
    """A SMSC that answers binds with `bind_status` (None: not at all) and leaves every submit_sm to the test."""

    def __init__(self):
        self.wires = []
        self.binds = []
        self.submits = asyncio.Queue()
        self.bind_status = 0
        self.bound = asyncio.Queue()

    async def start(self, context=None):
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Wire(self), "127.0.0.1", 0, ssl=context)
        self.port = self.server.sockets[0].getsockname()[1]

    async def next(self):
        """Give the next submit_sm."""
        _, pdu = await asyncio.wait_for(self.submits.get(), PATIENCE)
        return pdu

    def answer(self, pdu, status=0, **fields):
        """Answer a submit_sm on the newest connection."""
        wire = self.wires[-1]
        wire.session.respond(pdu, status, **fields)
        wire.flush()

    def deliver(self, command=Command.DELIVER_SM, **fields):
        """Send a deliver_sm on the newest connection."""
        wire = self.wires[-1]
        wire.session.request(Pdu(command, fields), 0.0)
        wire.flush()

    async def response(self):
        """Give the next answer to what was delivered."""
        event = await asyncio.wait_for(self.wires[-1].responses.get(), PATIENCE)
        return event.pdu

    async def stop(self):
        """Cut everything."""
        self.server.close()
        for wire in self.wires:
            wire.transport.abort()
        await self.server.wait_closed()


class Engine:
    """What a connector tells and what its messages come to."""

    def __init__(self, connector):
        self.connector = connector
        self.changes = 0
        self.receipts = asyncio.Queue()
        self.texts = asyncio.Queue()
        self.outcomes = {}
        self.settled = asyncio.Queue()
        self._changed = asyncio.Event()
        self.life = None

    def changed(self):
        """Count."""
        self.changes += 1
        self._changed.set()

    def exchanged(self, message, request, answer):
        """Hear what was said."""

    def receipt(self, receipt, stored):
        """Keep the receipt and the way to say that it is on disk."""
        self.receipts.put_nowait((receipt, stored))

    def incoming(self, text, stored):
        """Keep the text and the way to say that it is on disk."""
        self.texts.put_nowait((text, stored))

    def submit(self, message):
        """Give a message to the connector."""

        def settle(outcome):
            assert message.id not in self.outcomes, "settled twice"
            self.outcomes[message.id] = outcome
            self.settled.put_nowait(outcome)

        self.connector.submit(message, settle)
        assert message.id not in self.outcomes, "settled at once"

    async def outcome(self):
        """Give the next outcome."""
        return await asyncio.wait_for(self.settled.get(), PATIENCE)

    async def until(self, condition):
        """Wait until the connector's state is as it should be."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self.connector.state()):
                self._changed.clear()
                await self._changed.wait()
        return self.connector.state()

    async def up(self):
        """Wait until it can send."""
        return await self.until(lambda state: state.up)

    def run(self):
        """Begin its life."""
        self.life = asyncio.create_task(self.connector.run(self))

    async def stop(self):
        """End its life as the engine does."""
        if self.life is not None:
            self.life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(self.life, 2 * PATIENCE)
            self.life = None


@pytest.fixture
async def smsc():
    """Give a SMSC that listens."""
    centre = Smsc()
    await centre.start()
    yield centre
    await centre.stop()


@pytest.fixture
async def engine(smsc):
    """Give a starter of connectors to the SMSC; it takes settings and waits for the bind unless `wait=False`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, wait=True, **settings):
            base = {"type": "smpp", "host": "127.0.0.1", "port": smsc.port, "system_id": "hub", "password": "secret"}
            quick = {"backoff_initial": 0.01, "backoff_max": 0.05, "grace": 0.3, "response_timeout": 5}
            connector = Connector("carrier", SmppSettings(**{**base, **quick, **settings}))
            made = Engine(connector)
            stack.push_async_callback(made.stop)
            made.run()
            if wait:
                await made.up()
            return made

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Make a certificate for localhost that is its own authority: give the path of its PEM with the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "smsc.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
async def tls_smsc(certificate):
    """Give a SMSC that listens with TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    centre = Smsc()
    await centre.start(context)
    yield centre
    await centre.stop()
