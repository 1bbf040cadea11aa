"""The limits of a request's head, met over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from smshub.frontends.carriers import gathering
from smshub.frontends.carriers.gathering import HEAD_LIMIT, GatheringProtocol

OK = b"HTTP/1.1 200 OK\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


async def app(scope, receive, send):
    """Answer with the size of the body."""
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve on a free port and connect once."""
    config = uvicorn.Config(app, http=GatheringProtocol, lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: GatheringProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        for connection in list(state.connections):
            connection.transport.abort()
        server.close()
        await server.wait_closed()


async def answered(reader) -> tuple[bytes, bytes]:
    """Read one response: its first line and its body."""
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length"))
        return head[: len(first) + 2], await reader.readexactly(length)


async def drip(writer, data: bytes, size: int = 8192) -> None:
    """Write in pieces, as a slow or a malicious caller does."""
    for place in range(0, len(data), size):
        if writer.transport.is_closing():
            return
        writer.write(data[place : place + size])
        try:
            await writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 4_000_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 500_000,
        b"GET /" + b"x" * 4_000_000,
    ],
    ids=["one header", "many headers", "the path"],
)
async def test_a_head_without_end_is_cut_off(head):
    """After the limit the connection ends, however much more would come."""
    async with served() as (reader, writer):
        writing = asyncio.create_task(drip(writer, head))
        async with asyncio.timeout(10):
            try:
                said = await reader.read()
            except ConnectionError:  # the answer is lost where the system resets what it did not read
                said = b""
            await writing

        assert said[: len(TOO_LARGE)] in {b"", TOO_LARGE}


async def test_a_head_within_the_limit_comes_in_pieces():
    """A request whose head comes byte by byte is answered, and so is the one after it on the same connection."""
    async with served() as (reader, writer):
        for _ in range(2):
            await drip(writer, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (HEAD_LIMIT // 2) + b"\r\n\r\n", 4096)
            assert (OK, b"0") == await answered(reader)


async def test_a_body_may_be_larger_than_a_head():
    """Only the head counts; a head that begins in the piece that ends a body is counted anew."""
    body = b"x" * (HEAD_LIMIT * 3)
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with served() as (reader, writer):
        for _ in range(3):
            await drip(writer, request)
            assert (OK, str(len(body)).encode()) == await answered(reader)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"])
async def test_a_head_that_does_not_come_ends_the_connection(monkeypatch, begun):
    """Nothing, half a head, or half a second one: the connection ends after the time for a head."""
    monkeypatch.setattr(gathering, "HEAD_TIMEOUT", 0.1)
    async with served() as (reader, writer):
        writer.write(begun)
        async with asyncio.timeout(5):
            said = await reader.read()

    assert [OK] if b"\r\n\r\n" in begun else [] == [line for line in (said[: len(OK)],) if line]


async def test_a_slow_answer_is_waited_for(monkeypatch):
    """The time is for heads: a request that is whole is not cut off while its body comes."""
    monkeypatch.setattr(gathering, "HEAD_TIMEOUT", 0.05)
    async with served() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1")
        await writer.drain()
        await asyncio.sleep(0.15)  # three times what a head is given
        writer.write(b"2")

        assert (OK, b"2") == await answered(reader)
