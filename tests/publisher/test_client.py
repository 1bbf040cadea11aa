"""What a publisher writes and how it reads what comes back; peers that answer badly, or somebody else."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time

import pytest
from websockets.asyncio.server import serve
from websockets.utils import accept_key

from smshub.publisher import AsyncPublisher, BadAnswer, InvalidArgument, NoAnswer, NotSent, Publisher, Unconfirmed
from smshub.publisher.answers import LARGEST, answer_of, read


def test_nothing_heavy_is_loaded_before_it_is_used():
    """The package alone needs the standard library, and nothing of the hub."""
    program = "import sys, smshub.publisher; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    loaded = set(done.stdout.split())
    heavy = {"aiohttp", "aio_pika", "redis", "paho", "websockets", "pydantic", "msgspec", "structlog"}
    assert set() == {name.split(".")[0] for name in loaded} & heavy
    assert {"smshub", "smshub.publisher"} == {
        ".".join(name.split(".")[:2]) for name in loaded if name.split(".")[0] == "smshub"
    }


@contextlib.asynccontextmanager
async def http(*answers):
    """Answer each request with the next raw bytes, in one go; gives the settings to ask there, and what was asked."""
    asked, left = [], list(answers)

    async def serve_one(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            asked.append((head, json.loads(await reader.readexactly(length))))
            writer.write(left.pop(0))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield {"method": "REST", "url": f"http://127.0.0.1:{port}/api/otp", "username": "u", "password": "p:q"}, asked


def said(document, status="200 OK", more=""):
    """Write an answer."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n".encode() + body


YES = said({"command": "x", "response_code": "0000"})


async def test_each_method_writes_what_otp_publisher_writes():
    """The command and its data; times in whole seconds, the parameters four, and no password where it can be seen."""
    async with http(*[YES] * 9) as (settings, asked), AsyncPublisher(**settings) as publisher:
        await publisher.create_otp("0812", 7, 99, 60.9, "Code %s", ("a", 5), "S")
        await publisher.verify_otp("0812", "123456", "r", ())
        await publisher.send_sms("0812", "x", None, "ü")
        await publisher.send_email("a@b", 1, 60, "m", "s")
        await publisher.send_message("0812", 1, 60, "m")
        await publisher.block_msisdn("0812")
        await publisher.unblock_msisdn("0812")
        await publisher.request_ussd("*1#", "m1")
        await publisher.get_modem_list()

    now = time.time()
    bare = []
    for _, document in asked:
        at = document["data"].pop("date_time")
        assert now - 30 < at <= now
        if "expiration" in document["data"]:
            assert 60 == document["data"].pop("expiration") - at
        bare.append((document["command"], document["data"]))
    params = {"param1": "a", "param2": "5", "param3": "", "param4": ""}
    assert [
        (
            "request-otp",
            {"id": 7, "receiver": "0812", "message": "Code %s", "subject": "S", "reference": "99", **params},
        ),
        ("verify-otp", {"receiver": "0812", "otp": "123456", "reference": "r", **dict.fromkeys(params, "")}),
        ("send-sms", {"id": "x", "receiver": "0812", "message": "ü"}),
        ("send-email", {"id": 1, "receiver": "a@b", "message": "m", "subject": "s"}),
        ("send-message", {"id": 1, "receiver": "0812", "message": "m"}),
        ("block-msisdn", {"receiver": "0812"}),
        ("unblock-msisdn", {"receiver": "0812"}),
        ("request-ussd", {"ussd_code": "*1#", "modem_id": "m1"}),
        ("get-modem-list", {}),
    ] == bare
    head = asked[0][0]
    assert head.startswith("POST /api/otp HTTP/1.1\r\n")
    assert "Authorization: Basic dTpwOnE=\r\n" in head
    assert "Content-Type: application/json\r\n" in head


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said({"command": "send-sms", "response_code": "000", "data": None}), ("send-sms", "000", True, None)),
        (said({"response_code": 0}), ("send-sms", "0", False, None)),
        (said({"response-code": "1201", "error_message": "Duplicated"}), ("send-sms", "1201", False, "Duplicated")),
        (said({"response_code": "0000", "error": "No device connected"}), ("send-sms", "0000", False, "No device")),
        (said({"command": 5, "response_code": None, "data": []}), ("send-sms", "", False, None)),
        (said({}), ("send-sms", "", False, "the server answers nothing")),
        (said(b"", "401 Unauthorized"), ("send-sms", "1100", False, "the server does not know these")),
        (said({"response_code": "1100"}, "401 Unauthorized"), ("send-sms", "1100", False, "the server does not")),
    ],
)
async def test_an_answer_is_read(answer, expected):
    """Codes and errors of any server that speaks so."""
    async with http(answer) as (settings, _), AsyncPublisher(**settings) as publisher:
        found = await publisher.send_sms("0812", 1, 60, "x")

    command, code, ok, error = expected
    assert (command, code, ok, error is None) == (found.command, found.response_code, found.ok, found.error is None)
    assert found.error is None or found.error.startswith(error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(b"not JSON"), BadAnswer),
        (said(b"[1]"), BadAnswer),
        (said(b"[" * 100_000), BadAnswer),
        (said(b"\xff{}"), BadAnswer),
        (said(b'{"a":"' + b"x" * LARGEST + b'"}'), BadAnswer),
        (said(b"Oops", "500 Internal Server Error"), BadAnswer),
        (said(b"", "302 Found", "Location: http://127.0.0.1:9/\r\n"), NotSent),
        (said(b"", "404 Not Found"), NotSent),
        (b"SSH-2.0-OpenSSH\r\n", NoAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NoAnswer),
        (b"", NoAnswer),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_what_is_no_answer_is_told_without_its_words(answer, error):
    """Whether it may have been carried out; a redirection is not followed, since the password would go along."""
    async with http(answer) as (settings, _), AsyncPublisher(**settings) as publisher:
        with pytest.raises(error) as raised:
            await publisher.send_sms("0812", 1, 60, "the secret text")

    assert isinstance(raised.value, Unconfirmed) == (error is not NotSent)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda to: to.send_sms("0812", 1, 0, "x"),
        lambda to: to.send_sms("0812", 1, float("nan"), "x"),
        lambda to: to.send_sms("0812", 1, 60, "\ud800"),
        lambda to: to.send_sms("0812", object(), 60, "x"),
        lambda to: to.verify_otp("0812", "1", "r", ["a"] * 5),
        lambda to: to.verify_otp("0812", "1", "r", "abcd"),
        lambda to: to.request({"command": "echo", "data": {"a": float("inf")}}),
    ],
)
async def test_what_cannot_be_written_is_refused_before_anything_is_sent(ask):
    """No connection is made: nobody listens there."""
    keys = {"method": "REST", "url": "http://127.0.0.1:9/", "username": "u"}
    async with AsyncPublisher(**keys) as publisher:
        with pytest.raises(InvalidArgument):
            await ask(publisher)


@pytest.mark.parametrize("message", ["no place", "%s and %s", "100%"])
async def test_a_message_needs_one_place_for_the_code(message, tmp_path):
    """Otherwise no code is made, and its reference stays free."""
    keys = {"method": "REST", "url": "http://127.0.0.1:9/", "username": "u", "manage_otp": True}
    async with AsyncPublisher(**keys, cache_dir=str(tmp_path / "codes")) as publisher:
        with pytest.raises(InvalidArgument, match="exactly one %s"):
            await publisher.create_otp("0812", 1, "r", 60, message)
        for _ in range(2):  # not sent, so not 1201 either
            with pytest.raises(NotSent):
                await publisher.create_otp("0812", 1, "r", 60, "%s")


async def test_a_request_that_is_given_up_leaves_its_reference_free(tmp_path):
    """Cancelled while the server is silent: the code is forgotten."""
    silent = asyncio.Event()

    async def serve_one(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        silent.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    folder = tmp_path / "codes"
    keys = {"method": "REST", "url": url, "username": "u", "manage_otp": True, "cache_dir": str(folder)}
    async with server, AsyncPublisher(**keys) as publisher:
        creating = asyncio.create_task(publisher.create_otp("0812", 1, "r", 60, "%s"))
        await asyncio.wait_for(silent.wait(), 5)
        assert 1 == len(list(folder.glob("*.otp")))
        creating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creating

    assert [] == list(folder.glob("*.otp"))


def test_an_answer_shows_no_numbers():
    """Its `repr` has neither data nor the raw document."""
    answer = answer_of({"command": "verify-otp", "response_code": "0000", "data": {"receiver": "0812"}}, "")

    assert "Answer(command='verify-otp', response_code='0000', error=None)" == repr(answer)
    assert ("0812", True) == (answer.data["receiver"], answer.ok)
    assert "x" == read(b'\xef\xbb\xbf{"response_code": "0000"}', "x").command


async def test_a_broker_that_brings_everything_to_everybody_is_borne():
    """Our own request, others' requests and answers to other commands come along; ours is the one that is taken."""
    joined = set()

    async def bring(connection):
        joined.add(connection)
        async for frame in connection:
            command = json.loads(frame)["command"]
            noise = [frame, "not JSON", "[1]", json.dumps({"command": "other", "response_code": "0000"})]
            answer = json.dumps({"command": command, "response_code": "0000", "data": {"mine": True}})
            for other in joined:
                for one in (*noise, answer):
                    with contextlib.suppress(Exception):
                        await other.send(one)
        joined.discard(connection)

    async with serve(bring, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        keys = {"method": "WS", "host": "127.0.0.1", "port": port, "callback_topic": "replies-", "timeout": 5.0}
        async with AsyncPublisher(**keys) as publisher:
            answer = await publisher.send_sms("0812", 1, 60, "x")

    assert (True, {"mine": True}) == (answer.ok, answer.data)


async def test_a_websocket_that_breaks_has_not_confirmed():
    """The broker cuts the connection in place of taking its leave: nobody knows whether it has read the request."""

    async def cut(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept_key(key)}", "", ""]).encode())
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncPublisher(method="WS", host="127.0.0.1", port=port, timeout=5.0) as publisher:
            with pytest.raises(Unconfirmed, match="has not confirmed it"):
                await publisher.send_sms("0812", 1, 60, "x")


@pytest.mark.parametrize("method", ["AMQP", "REDIS", "MQTT", "WS"])
async def test_a_port_that_says_nothing_is_not_waited_for(method):
    """It takes the connection and is silent: surely not sent, within the deadline."""
    listening = socket.create_server(("127.0.0.1", 0))  # nobody accepts
    port = listening.getsockname()[1]
    with listening:
        publisher = AsyncPublisher(method=method, host="127.0.0.1", port=port, timeout=0.5)
        before = time.monotonic()
        with pytest.raises(NotSent):
            await publisher.send_sms("0812", 1, 60, "x")

        assert time.monotonic() - before < 4
        await publisher.close()


def test_a_loop_of_its_own_each_time_is_no_trouble():
    """One AsyncPublisher over several `asyncio.run`, as scripts do."""
    publisher = AsyncPublisher(method="WS", host="127.0.0.1", port=9)

    async def ask():
        with pytest.raises(NotSent):
            await publisher.send_sms("0812", 1, 60, "x")
        await publisher.close()

    for _ in range(2):
        asyncio.run(ask())


async def test_the_one_that_waits_works_within_a_loop():
    """It has its own, so that a program with asyncio may call it too; closed, it begins anew."""
    publisher = Publisher(method="WS", host="127.0.0.1", port=9)
    for _ in range(2):
        with pytest.raises(NotSent, match=r"ws://127\.0\.0\.1:9"):
            publisher.send_sms("0812", 1, 60, "x")
        publisher.close()
    publisher.close()
