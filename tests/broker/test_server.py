"""The broker over real sockets: who gets in, and what goes to whom."""

import asyncio
import logging
import ssl
import subprocess

import bcrypt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


async def got(client, within=10):
    """Give the next message of a client."""
    return await asyncio.wait_for(client.recv(), within)


async def has_nothing(client):
    """Tell that nothing waits for a client: what it sends to itself through a ping has overtaken nothing."""
    await asyncio.wait_for(await client.ping(), 10)
    return not client.recv_messages.frames


# --- messages -----------------------------------------------------------------------------------------------------


async def test_a_message_goes_to_the_others_of_its_topic(broker, join):
    """Not to its sender, not to another topic; whatever the path and the user."""
    sender, one, other = await join(broker), await join(broker), await join(broker, user="bob:also:secret", path="/x/y")
    stranger = await join(broker, "email")

    await sender.send("Hello")

    assert ["Hello", "Hello"] == [await got(one), await got(other)]
    assert [True, True] == [await has_nothing(sender), await has_nothing(stranger)]


@pytest.mark.parametrize("message", ["", "größe 🙂", b"", b"\x00\xff\xfe", "x" * 65_536, b"x" * 65_536])
async def test_text_stays_text_and_binary_binary(broker, join, message):
    """Any message up to the limit arrives as it was sent, in its kind."""
    sender, receiver = await join(broker), await join(broker)

    await sender.send(message)

    assert message == await got(receiver)


async def test_fragments_arrive_as_one_message(broker, join):
    """A message in pieces, cut within a letter, is whole at the other end."""
    sender, receiver = await join(broker), await join(broker)

    await sender.send([b"gr\xc3", b"\xb6", b"", b"\xc3\x9fe"], text=True)

    assert "größe" == await got(receiver)


async def test_nothing_is_stored(broker, join, ws):
    """Who comes later gets what is sent later; a topic that everybody left is forgotten."""
    sender = await join(broker)
    await sender.send("early")
    await asyncio.wait_for(await sender.ping(), 10)

    receiver = await join(broker)
    await sender.send("late")
    assert "late" == await got(receiver)

    await sender.close()
    await receiver.close()
    await ws.until(lambda: not broker._connections)
    assert ({}, 0) == (broker._topics, broker._clients)


async def test_each_subscriber_gets_each_message_once_in_order(broker, join):
    """Three publishers of 40, 25 subscribers: 3000 arrive in each publisher's order, and 80 at each publisher."""
    publishers = [await join(broker) for _ in range(3)]
    subscribers = [await join(broker) for _ in range(25)]

    async def publish(number):
        for count in range(40):
            await publishers[number].send(f"{number}:{count}")

    async def subscribe(client, count):
        return [await got(client) for _ in range(count)]

    *_, received, echoes = await asyncio.gather(
        *(publish(number) for number in range(3)),
        asyncio.gather(*(subscribe(client, 120) for client in subscribers)),
        asyncio.gather(*(subscribe(client, 80) for client in publishers)),
    )

    expected = [[f"{number}:{count}" for count in range(40)] for number in range(3)]
    whole = [message for messages in expected for message in messages]
    for messages in received:
        assert expected == [[one for one in messages if one.startswith(f"{number}:")] for number in range(3)]
    for number, messages in enumerate(echoes):
        assert whole == sorted([*messages, *expected[number]], key=whole.index)
    assert all([await has_nothing(client) for client in subscribers + publishers])


async def test_two_hundred_quiet_clients_are_no_burden(broker, join):
    """They sit there, and one message reaches them all."""
    quiet = [await join(broker) for _ in range(200)]
    sender = await join(broker)

    await sender.send("all of you")

    assert ["all of you"] * 200 == [await got(client) for client in quiet]


async def test_the_publisher_of_php_is_understood(broker, join, raw, ws):
    """
    Its opening request has no port in Host and odd headers; it reads once and looks for two words; it never closes.

    OTP-Publisher's WebSocket client reads 1024 bytes, wants " 101 " and "Sec-WebSocket-Accept: " in them, sends one
    masked text frame and drops the connection.
    """
    subscriber = await join(broker)
    client = await raw(broker)
    client.writer.write(
        b"GET /?topic=sms HTTP/1.1\r\nHost: 127.0.0.1\r\npragma: no-cache\r\nUpgrade: WebSocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: " + ws.basic("alice:secret").encode() + b"\r\nContent-type: application/json\r\n\r\n"
    )

    answer = await asyncio.wait_for(client.reader.read(1024), 10)
    client.writer.write(ws.frame(ws.text, b'{"command":"send-sms"}'))
    await client.writer.drain()
    await client.close()

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert '{"command":"send-sms"}' == await got(subscriber)


# --- who gets in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        (None, []),
        ("alice:wrong", []),
        ("alice:", []),
        ("nobody:secret", []),
        ("bob:also", []),
        ("alice:secret\n", []),
        (None, ["Authorization: Bearer alice"]),
        ("alice:secret", ["Authorization: Basic x"]),
    ],
)
async def test_who_is_not_known_is_refused_before_the_upgrade(broker, join, raw, ws, user, headers):
    """The answer is 401 with a challenge, the connection ends, and a frame sent after it reaches nobody."""
    subscriber = await join(broker)
    client = await raw(broker)

    answer = await client.ask(*headers, user=user)
    client.writer.write(ws.frame(ws.text, b"from a stranger"))

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'WWW-Authenticate: Basic realm="smshub broker", charset="UTF-8"\r\n' in answer
    assert b"Sec-WebSocket-Accept" not in answer
    assert await client.is_cut()
    assert await has_nothing(subscriber)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", b"101"),
        ("https://evil.example", b"403"),
        ("null", b"403"),
        ("https://shop.example.evil.example", b"403"),
    ],
)
async def test_a_page_has_to_come_from_a_listed_origin(make_broker, raw, origin, status):
    """Credentials do not help a page of another origin."""
    client = await raw(await make_broker(origins=["https://shop.example"]))

    assert status == (await client.ask(f"Origin: {origin}")).split()[1]


async def test_without_a_list_no_page_gets_in(broker, raw):
    """Browsers always say where a page is from; programs that say nothing get in."""
    page, program = await raw(broker), await raw(broker)

    assert b"403" == (await page.ask("Origin: http://127.0.0.1:9000")).split()[1]
    assert b"101" == (await program.ask()).split()[1]


async def test_a_request_without_a_topic_is_a_bad_one(broker, raw):
    """400, but only to those who are known: a stranger learns nothing."""
    known, stranger = await raw(broker), await raw(broker)

    assert b"400" == (await known.ask(target="/?channel=sms")).split()[1]
    assert b"401" == (await stranger.ask(target="/?channel=sms", user=None)).split()[1]


async def test_one_client_too_many_is_sent_away(make_broker, join, ws):
    """503 with Retry-After until somebody leaves."""
    broker = await make_broker(max_connections=2)
    first, _ = await join(broker), await join(broker, "other")

    with pytest.raises(InvalidStatus) as refused:
        await join(broker)
    assert (503, "5") == (refused.value.response.status_code, refused.value.response.headers["Retry-After"])

    await first.close()
    await ws.until(lambda: broker._clients == 1)
    assert "?topic=sms" in (await join(broker)).request.path


async def test_many_wrong_passwords_are_slowed(broker, join, raw):
    """The eleventh is answered 429, with the time to wait, and so is the right one from there."""
    for _ in range(10):
        assert b"401" == (await (await raw(broker)).ask(user="alice:wrong")).split()[1]

    answer = await (await raw(broker)).ask(user="alice:secret")

    assert b"429" == answer.split()[1]
    assert b"Retry-After: 60\r\n" in answer


async def test_a_changed_file_is_read_without_a_restart(broker, join, htpasswd):
    """A new user gets in, one who was taken out does not, and who is connected stays."""
    alice = await join(broker)
    htpasswd.write_text(f"\r\ngarbage\r\ncarol:{bcrypt.hashpw(b'new', bcrypt.gensalt(4)).decode()}\r\n")

    carol = await join(broker, user="carol:new")
    with pytest.raises(InvalidStatus) as refused:
        await join(broker)
    await carol.send("still there?")

    assert 401 == refused.value.response.status_code
    assert "still there?" == await got(alice)


async def test_nothing_of_a_password_is_logged(broker, join, raw, caplog, capsys, ws):
    """Not at the lowest level, not for a refusal, not in base64; the refused name is there."""
    caplog.set_level(logging.DEBUG)

    await join(broker)
    await (await raw(broker)).ask(user="mallory:guessed-word")

    # The client of this test says what it sends; that is not the broker's log.
    records = [one.getMessage() for one in caplog.records if one.name != "websockets.client"]
    said = "\n".join(records) + "".join(capsys.readouterr())
    assert "mallory" in said
    assert [] == [
        word
        for word in ("guessed-word", ws.basic("mallory:guessed-word")[6:], ws.basic("alice:secret")[6:])
        if word in said
    ]


# --- life ---------------------------------------------------------------------------------------------------------


async def test_a_stop_says_goodbye(make_broker, join, raw):
    """Clients read 1001, going away; one that is in its handshake and one that does not answer hold nothing up."""
    broker = await make_broker()
    client, deaf, late = await join(broker), await raw(broker), await raw(broker)
    await deaf.ask()
    late.writer.write(b"GET /?topic=sms HTTP/1.1\r\n")
    began = asyncio.get_running_loop().time()

    await broker.stop()

    with pytest.raises(ConnectionClosed) as ended:
        await got(client)
    assert 1001 == ended.value.rcvd.code
    assert 1001 == await deaf.closed_with()
    assert await late.is_cut()
    assert asyncio.get_running_loop().time() - began < 5


async def test_who_is_silent_too_long_is_disconnected_where_that_is_wanted(make_broker, join):
    """With `idle`, a client without a message either way is closed; without it, it may stay (the default)."""
    strict, lenient = await make_broker(idle=0.2), await make_broker()
    silent, patient = await join(strict), await join(lenient)

    with pytest.raises(ConnectionClosed) as ended:
        await got(silent)

    assert (1000, "idle") == (ended.value.rcvd.code, ended.value.rcvd.reason)
    assert await has_nothing(patient)


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 and its key, in files of these names."""
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "1",
            ),
            *("-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "crt.pem")),
        ],
        check=True,
        capture_output=True,
    )


@pytest.mark.needs("openssl")
@pytest.mark.usefixtures("certificate")
async def test_over_tls(make_broker, tmp_path, ws):
    """wss:// with a certificate of one's own: in with a password, 401 without, nothing older than TLS 1.2."""
    broker = await make_broker(tls={"certificate": str(tmp_path / "crt.pem"), "key": str(tmp_path / "key.pem")})
    context = ssl.create_default_context(cafile=tmp_path / "crt.pem")
    uri = f"{broker.address}/?topic=sms"
    known = {"additional_headers": {"Authorization": ws.basic("alice:secret")}, "ssl": context, "proxy": None}

    async with connect(uri, **known) as one, connect(uri, **known) as other:
        await one.send("sealed")
        assert "sealed" == await got(other)
        assert one.transport.get_extra_info("ssl_object").version() in {"TLSv1.2", "TLSv1.3"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(uri, ssl=context, proxy=None)

    assert broker.address.startswith("wss://")
    assert 401 == refused.value.response.status_code
