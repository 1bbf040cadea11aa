"""
The whole hub as its users have it: a process of its own, a file, real sockets on loopback.

A story writes a configuration, starts the hub, and talks to it through its doors only. The message centres run in this
process, on a thread of their own, so that a story can look at what arrived. What a story started it ends by its id.
"""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures_hub import ACCOUNTS, ADMIN, COMMAND, Hub, free_port, route, smpp, wait_for
from smshub.simulators.faults import Script
from smshub.simulators.smsc import Received, SmscSimulator

# What the shared hub has besides: narrow accounts, words of the operator's own, a TLS listener.
MORE = """\
[accounts.narrow]
password = "narrow-password"
api_keys = ["narrow-key-of-32-letters-and-more"]
originator = "ACME"
originators = ["ACME", "Bank"]
doors = ["native"]
max_recipients = 2
max_segments = 2
country = "DE"

[accounts.soapy]
# bcrypt of "soapy-password"
password = "{bcrypt}"
doors = ["smshub"]

[errors]
TextTooLong = "Zu lang: {{segments}} Teile, erlaubt sind {{limit}}."
"""
TLS = 'tls = {{ listen = "127.0.0.1:{port}", certificate = "{folder}/hub.crt", key = "{folder}/hub.key" }}'


@dataclass
class Smsc:
    """A message centre on a thread of its own; `texts` are the whole texts as the handsets show them, in order."""

    loop: asyncio.AbstractEventLoop
    simulator: SmscSimulator
    port: int = 0
    texts: list[str] = field(default_factory=list)

    def do(self, coroutine: Any) -> Any:
        """Run something on its thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def start(self) -> None:
        """Listen, again on the port of before."""
        self.port = self.do(self.simulator.start(port=self.port))

    def stop(self) -> None:
        """Cut every link and stop listening."""
        self.do(self.simulator.stop())

    def play(self, script: str) -> None:
        """Change what it does to the next requests."""
        self.simulator.script = Script.parse(script)

    @property
    def received(self) -> list[Received]:
        """Every submit_sm."""
        return self.simulator.received

    def arrived(self, count: int, within: float = 15.0) -> list[str]:
        """Wait for so many whole texts, and give them."""
        wait_for(lambda: len(self.texts) >= count, within)
        return list(self.texts)

    def arrives(self, text: str, within: float = 15.0) -> None:
        """Wait for a whole text, as it is shown with its sender and recipient; fails when it comes more than once."""
        wait_for(lambda: text in self.texts, within)
        assert 1 == self.texts.count(text)


@pytest.fixture(scope="session")
def smsc_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give the event loop of the message centres, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextlib.contextmanager
def smscs(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Smsc]]:
    """Make message centres; in the end all are stopped."""
    made: list[Smsc] = []

    def make(script: str = "", **options: Any) -> Smsc:
        smsc = Smsc(loop, SmscSimulator(Script.parse(script), **options))
        # "ACME -> 491701234567: the text"
        smsc.simulator.show = smsc.texts.append
        smsc.start()
        made.append(smsc)
        return smsc

    yield make
    for smsc in made:
        smsc.stop()


@contextlib.contextmanager
def hubs(folder: Path) -> Iterator[Callable[..., Hub]]:
    """Make hubs; in the end all are ended, and none has shown a traceback in its log."""
    made: list[Hub] = []

    def make(tables: str = "", *, server: str = "", start: bool = True, **options: Any) -> Hub:
        place = folder / f"hub{len(made)}"
        place.mkdir(mode=0o700)
        hub = Hub(place, free_port(), **options)
        hub.configure(tables, server)
        made.append(hub)
        if start:
            hub.start()
        return hub

    try:
        yield make
    finally:
        for hub in made:
            hub.end()
    for hub in made:
        assert "Traceback" not in hub.log


@pytest.fixture
def make_smsc(smsc_loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Smsc]]:
    """Give the maker of message centres."""
    with smscs(smsc_loop) as make:
        yield make


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Give the maker of hubs: `make_hub(tables, server=..., env=...)` starts one."""
    with hubs(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_smsc(smsc_loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Smsc]]:
    """Give a maker of message centres for all tests of a file."""
    with smscs(smsc_loop) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Hub]]:
    """Give a maker of hubs for all tests of a file."""
    with hubs(tmp_path_factory.mktemp("hubs")) as make:
        yield make


@dataclass(frozen=True, slots=True)
class Pair:
    """A hub and the message centre behind it."""

    hub: Hub
    smsc: Smsc
    tls_port: int = 0
    certificate: Path = Path()


@pytest.fixture
def pair(make_smsc: Callable[..., Smsc], make_hub: Callable[..., Hub]) -> Pair:
    """Give a hub with the two accounts, bound to a message centre that delivers everything."""
    smsc = make_smsc()
    hub = make_hub(ACCOUNTS + smpp("smsc", smsc.port) + route("smsc"))
    hub.bound("smsc")
    return Pair(hub, smsc)


@pytest.fixture(scope="session")
def shared(smsc_loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give a pair to all stories that change nothing about it: a start takes longer than most of them."""
    folder = tmp_path_factory.mktemp("shared")
    self_signed(folder)
    tls_port = free_port()
    more = MORE.format(bcrypt=bcrypt.hashpw(b"soapy-password", bcrypt.gensalt(4)).decode())
    with smscs(smsc_loop) as make_smsc, hubs(folder) as make_hub:
        smsc = make_smsc()
        tables = ACCOUNTS + more + smpp("smsc", smsc.port) + route("smsc")
        hub = make_hub(tables, server=TLS.format(port=tls_port, folder=folder))
        hub.bound("smsc")
        yield Pair(hub, smsc, tls_port, folder / "hub.crt")
        assert 0 == hub.stop()


def self_signed(folder: Path) -> None:
    """Make a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "hub.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "hub.key").touch(mode=0o600)
    (folder / "hub.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def on_loop(loop: asyncio.AbstractEventLoop) -> Callable[[Any], Any]:
    """Give what runs something on another thread's loop and waits for it."""
    return lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)


@pytest.fixture(scope="session")
def words() -> SimpleNamespace:
    """Give the words with which stories write configurations and wait."""
    return SimpleNamespace(
        accounts=ACCOUNTS, smpp=smpp, route=route, wait_for=wait_for, on_loop=on_loop, admin=ADMIN, command=COMMAND
    )
