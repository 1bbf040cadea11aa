"""A broker on loopback, ordinary clients of it, and a client that sends whatever bytes a test wants."""

import asyncio
import base64
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import bcrypt
import pytest
from websockets.asyncio.client import ClientConnection, connect

from smshub.broker.server import Server
from smshub.config.broker import BrokerSettings

WITHIN = 10.0
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0


def basic(user: str) -> str:
    """Write the value of an Authorization header."""
    return "Basic " + base64.b64encode(user.encode()).decode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bool = True, rsv: int = 0) -> bytes:
    """Write a frame (RFC 6455 §5.2), masked as a client must."""
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", len(payload))
    if not mask:
        return head + payload
    key = b"\x37\xfa\x21\x3d"
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))


class Raw:
    """A client of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, server: Server, *, receive_buffer: int = 0) -> "Raw":
        """Open a TCP connection; a small receive buffer makes it a slow reader."""
        port = int(server.address.rpartition(":")[2])
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock, limit=2**16))

    async def ask(self, *lines: str, target: str = "/?topic=sms", user: str | None = "alice:secret") -> bytes:
        """Send an opening request, with these header lines besides, and give the answer's head."""
        head = [
            f"GET {target} HTTP/1.1",
            "Host: broker",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([] if user is None else [f"Authorization: {basic(user)}"]),
            *lines,
        ]
        self.writer.write("\r\n".join([*head, "", ""]).encode())
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WITHIN)

    async def receive(self) -> tuple[int, bytes]:
        """Read a frame: its opcode and payload."""
        async with asyncio.timeout(WITHIN):
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(length)

    async def closed_with(self) -> int:
        """Read until the close frame and give its code."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int(struct.unpack("!H", payload[:2])[0])

    async def is_cut(self) -> bool:
        """Wait for the end of the connection, whatever still comes before it."""
        async with asyncio.timeout(WITHIN):
            try:
                while await self.reader.read(65_536):
                    pass
            except ConnectionError:
                pass
        return True

    async def close(self) -> None:
        """Drop the TCP connection."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@pytest.fixture
def htpasswd(tmp_path):
    """A password file with alice (secret) and bob (also:secret)."""
    path = tmp_path / "brokers.htpasswd"
    alice, bob = (bcrypt.hashpw(password, bcrypt.gensalt(4)).decode() for password in (b"secret", b"also:secret"))
    path.write_text(f"alice:{alice}\nbob:{bob.replace('$2b$', '$2y$')}\n")
    return path


@pytest.fixture
async def make_broker(htpasswd) -> AsyncIterator[Callable[..., Any]]:
    """Make brokers on free ports; in the end all are stopped."""
    made: list[Server] = []

    async def make(**settings: Any) -> Server:
        server = Server(BrokerSettings(**{"listen": "127.0.0.1:0", "htpasswd": str(htpasswd), **settings}))
        await server.start()
        made.append(server)
        return server

    yield make
    for server in made:
        await server.stop()


@pytest.fixture
async def broker(make_broker) -> Server:
    """A broker with its defaults."""
    return await make_broker()


@pytest.fixture
async def join() -> AsyncIterator[Callable[..., Any]]:
    """Connect ordinary clients: `join(broker, topic)`; in the end all are closed."""
    async with contextlib.AsyncExitStack() as stack:

        async def connected(
            server: Server, topic: str = "sms", *, user: str = "alice:secret", path: str = "/", **more: Any
        ) -> ClientConnection:
            headers = {"Authorization": basic(user), **more.pop("headers", {})}
            uri = f"{server.address}{path}?topic={topic}"
            options = {"additional_headers": headers, "proxy": None, "close_timeout": 2, **more}
            return await stack.enter_async_context(connect(uri, **options))

        yield connected


@pytest.fixture
async def raw() -> AsyncIterator[Callable[..., Any]]:
    """Connect clients of bytes: `raw(broker)`; in the end all are dropped."""
    made: list[Raw] = []

    async def make(server: Server, **options: Any) -> Raw:
        made.append(await Raw.connect(server, **options))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def until(look: Callable[[], bool]) -> None:
    """Let the event loop run until something is so."""
    async with asyncio.timeout(WITHIN):
        while not look():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0)


@pytest.fixture
def ws():
    """The words of the wire."""
    return SimpleNamespace(
        until=until,
        frame=frame,
        basic=basic,
        text=TEXT,
        binary=BINARY,
        close=CLOSE,
        ping=PING,
        pong=PONG,
        continuation=CONTINUATION,
    )
