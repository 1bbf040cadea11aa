"""Clients that break the rules, or keep them and mean no good: each costs a bounded amount, and the others go on."""

import asyncio
import struct

import pytest

from smshub.broker.server import MOST_FRAGMENTS, WAITING_ROOM

LIMIT = 65_536


async def goes_on(broker, join):
    """Show that two ordinary clients still reach each other."""
    one, other = await join(broker, "check"), await join(broker, "check")
    await one.send("still here")
    assert "still here" == await asyncio.wait_for(other.recv(), 10)


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        ("gigabyte", 1009),
        ("largest", 1009),
        ("one too many", 1009),
        ("fragments", 1009),
        ("unmasked", 1002),
        ("compressed", 1002),
        ("unknown opcode", 1002),
        ("long ping", 1002),
        ("fragmented ping", 1002),
        ("stray continuation", 1002),
        ("bad text", 1007),
        ("cut text", 1007),
        ("surrogate", 1007),
        ("close of one byte", 1002),
        ("close with a bad code", 1002),
    ],
)
async def test_what_breaks_the_rules_is_closed_with_its_code(broker, join, raw, ws, attack, code):
    """A frame that is too large or wrong ends its connection (RFC 6455 §7.4.1), reaches nobody, and costs no memory."""
    text, more = ws.text, ws.continuation
    sent = {
        "gigabyte": b"\x81\xff" + struct.pack("!Q", 1 << 30) + b"\0\0\0\0xxxx",
        "largest": b"\x82\xff" + struct.pack("!Q", (1 << 63) - 1) + b"\0\0\0\0",
        "one too many": ws.frame(text, b"x" * (LIMIT + 1)),
        "fragments": ws.frame(text, b"x" * LIMIT, fin=False) + ws.frame(more, b"x", fin=False),
        "unmasked": ws.frame(text, b"Hello", mask=False),
        "compressed": ws.frame(text, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=0x40),
        "unknown opcode": ws.frame(0x3, b""),
        "long ping": ws.frame(ws.ping, b"x" * 126),
        "fragmented ping": ws.frame(ws.ping, b"x", fin=False),
        "stray continuation": ws.frame(more, b"x"),
        "bad text": ws.frame(text, b"Hello \xff"),
        "cut text": ws.frame(text, "ö".encode()[:1]),
        "surrogate": ws.frame(text, b"\xed\xa0\x80"),
        "close of one byte": ws.frame(ws.close, b"x"),
        "close with a bad code": ws.frame(ws.close, struct.pack("!H", 1005)),
    }[attack]
    witness = await join(broker)
    client = await raw(broker)
    await client.ask()

    client.writer.write(sent)

    assert code == await client.closed_with()
    await asyncio.wait_for(await witness.ping(), 10)
    assert not witness.recv_messages.frames
    await goes_on(broker, join)


async def test_a_message_of_empty_fragments_without_end_is_closed(broker, join, raw, ws):
    """It never grows past the size limit, but each piece costs something: after a thousand it is no message."""
    client = await raw(broker)
    await client.ask()

    client.writer.write(ws.frame(ws.text, b"", fin=False))
    client.writer.write(ws.frame(ws.continuation, b"", fin=False) * (MOST_FRAGMENTS + 10))

    assert 1008 == await client.closed_with()
    await goes_on(broker, join)


async def test_compression_is_not_agreed_to(broker, raw):
    """A client that offers it is answered without it, so a small frame is never a large message."""
    client = await raw(broker)

    answer = await client.ask("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")

    assert b"101" == answer.split()[1]
    assert b"extensions" not in answer.lower()


async def test_a_client_that_does_not_answer_pings_is_disconnected(make_broker, raw, ws):
    """Half-open: the peer is gone without a word, so its ping stays unanswered and its place is free again."""
    broker = await make_broker(ping=0.2)
    client = await raw(broker)
    await client.ask()

    assert ws.ping == (await client.receive())[0]
    assert 1011 == await client.closed_with()
    assert await client.is_cut()
    await ws.until(lambda: not broker._connections)
    assert 0 == broker._clients


async def test_a_client_that_answers_pings_stays(make_broker, join):
    """Three times the patience later it is still there."""
    broker = await make_broker(ping=0.1)
    client = await join(broker)
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.6, done.set_result, None)
    await done

    await goes_on(broker, join)
    assert client.close_code is None


async def test_a_client_that_answers_pings_with_nothing_in_them_stays(make_broker, raw, ws):
    """PHP's client sends an empty pong whatever the ping held; five rounds later it is still there."""
    broker = await make_broker(ping=0.1)
    client = await raw(broker)
    await client.ask()

    for _ in range(5):
        assert (ws.ping, b"") == await client.receive()
        client.writer.write(ws.frame(ws.pong))


async def test_a_slow_reader_is_dropped_and_slows_nobody(make_broker, join, raw):
    """A client that reads nothing is cut when its queue is full; one that reads gets all, in order."""
    broker = await make_broker(send_queue=262_144)
    slow = await raw(broker, receive_buffer=4_096)
    await slow.ask()
    sender, quick = await join(broker), await join(broker)
    messages = [b"%06d" % number + b"x" * 60_000 for number in range(200)]

    async def send():
        for message in messages:
            await sender.send(message)
            # What a subscriber acknowledges by reading is what a publisher of this size waits for.
            assert message == await asyncio.wait_for(quick.recv(), 10)

    await send()

    assert 2 == broker._clients
    assert await slow.is_cut()


async def test_pings_whose_answers_are_not_read_do_not_pile_up(make_broker, join, raw, ws):
    """Each ping costs an answer: a client that sends them and reads nothing is cut at the same bound."""
    broker = await make_broker(send_queue=65_536)
    client = await raw(broker, receive_buffer=4_096)
    await client.ask()
    burst = ws.frame(ws.ping, b"x" * 125) * 500

    async def flood():
        while True:
            client.writer.write(burst)
            await client.writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(flood(), 20)

    assert 0 == broker._clients
    await goes_on(broker, join)


async def test_connections_that_never_ask_are_bounded(make_broker, raw, ws):
    """Past the clients and a waiting room a connection is cut at once, before it has sent a byte."""
    broker = await make_broker(max_connections=1)
    silent = [await raw(broker) for _ in range(WAITING_ROOM + 1)]
    await ws.until(lambda: len(broker._connections) == len(silent))

    assert await (await raw(broker)).is_cut()
    assert WAITING_ROOM + 1 == len(broker._connections)


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n",
        b"POST /?topic=sms HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        b"GET /?topic=sms HTTP/1.1\r\n" + b"X-Header: x\r\n" * 10_000 + b"\r\n",
        b"GET /?topic=" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /?topic=sms HTTP/1.1\r\nAuthorization: Basic " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_no_opening_request_gets_no_upgrade(broker, join, raw, request_):
    """Another protocol, another method, headers without end: a refusal or nothing, and the connection ends."""
    client = await raw(broker)
    client.writer.write(request_)

    answer = b""
    async with asyncio.timeout(10):
        try:
            while part := await client.reader.read(65_536):
                answer += part
        except ConnectionError:
            pass

    assert b" 101 " not in answer[:20]
    await goes_on(broker, join)


async def test_a_plain_request_with_credentials_is_told_to_upgrade(broker, raw, ws):
    """A plain client such as curl reads 426, not a page and not an error of ours."""
    client = await raw(broker)
    client.writer.write(
        b"GET /?topic=sms HTTP/1.1\r\nHost: x\r\nAuthorization: " + ws.basic("alice:secret").encode() + b"\r\n\r\n"
    )

    assert b"HTTP/1.1 426 " in await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)
