"""The simulator of HTTP providers, as its clients see it."""

import asyncio
import contextlib

import aiohttp
import pytest

from smshub.simulators.faults import Action, Script
from smshub.simulators.http import GARBAGE, HttpSimulator
from smshub.simulators.providers.values import Text


@pytest.fixture
async def simulate():
    """Run simulators and give each with its port; they are stopped after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(script="", **settings):
            simulator = HttpSimulator(Script.parse(script), **settings)
            port = await simulator.start()
            stack.push_async_callback(simulator.stop)
            return simulator, port

        yield make


async def ask(port, target="/send?to=49170&text=Hi"):
    """Send a plain GET and give all that is answered until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def test_what_came_is_kept(simulate):
    """Method, raw target, headers, raw body and the fields of query and form."""
    simulator, port = await simulate()

    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/send?to=%2B49170&x=1"
        async with session.post(url, data={"text": "Grüße", "x": "2"}, headers={"X-Tag": "t"}) as answer:
            body = await answer.text()

    seen = simulator.received[0].seen
    assert "OK sim-1" == body
    assert ("POST", b"text=Gr%C3%BC%C3%9Fe&x=2", "t") == (seen.method, seen.body, seen.headers["x-tag"])
    assert {"to": "+49170", "x": "2", "text": "Grüße"} == seen.fields
    assert [Text("+49170", "Grüße", "sim-1")] == simulator.texts


async def test_a_json_object_has_fields(simulate):
    """Other JSON has none, and neither breaks the simulator."""
    simulator, port = await simulate()

    async with aiohttp.ClientSession() as session:
        for document in ({"to": "49170", "text": "Hi"}, [1], "x"):
            async with session.post(f"http://127.0.0.1:{port}/", json=document) as answer:
                await answer.read()

    assert [{"to": "49170", "text": "Hi"}, {}, {}] == [one.seen.fields for one in simulator.received]


async def test_each_text_is_told_on_one_line(simulate):
    """What it holds cannot reach the terminal."""
    lines = []
    _, port = await simulate(writer=lines.append)

    await ask(port, "/send?to=49170&text=a%1B%5B2J%0Ab&from=ACME")

    assert [r"generic: to 49170 from ACME: a\x1b[2J\nb"] == lines


async def test_credentials_may_be_given(simulate):
    """Then only those are right."""
    _, port = await simulate(users={"u": "p"})

    answers = [await ask(port, f"/smsc.php?user=u&pass={word}&to=491701234567&text=Hi") for word in ("p", "q")]

    assert [b"200 OK", b"401 Unauthorized"] == [answer.partition(b"\r\n\r\n")[2] for answer in answers]


async def test_a_script_is_played_request_by_request(simulate):
    """And what it refused is not counted as taken."""
    simulator, port = await simulate("accept; refuse 503; throttle; accept")

    heads = [(await ask(port)).partition(b" ")[2][:3] for _ in range(4)]

    assert [b"200", b"503", b"429", b"200"] == heads
    assert [Action.ACCEPT, Action.REFUSE, Action.THROTTLE, Action.ACCEPT] == [one.action for one in simulator.received]
    assert [1, 0, 0, 1] == [len(one.taken) for one in simulator.received]


FAULTS = [
    ("drop", False),
    ("garbage", False),
    ("truncate", True),
    ("redirect", False),
    ("delay 5ms", True),
    ("late 5ms", True),
    ("drip", True),
]


@pytest.mark.parametrize(("fault", "taken"), FAULTS)
async def test_a_fault_is_played(simulate, fault, taken):
    """What the client reads until the connection ends, and whether the text counts as taken."""
    simulator, port = await simulate(fault, drip=0.0001)

    answer = await ask(port) if fault != "drop" else await dropped(port)

    whole = b"Content-Length: 8\r\n" in answer and answer.endswith(b"\r\n\r\nOK sim-1")
    assert {
        "drop": answer == b"",
        "garbage": answer == GARBAGE,
        "truncate": b"Content-Length: 4096\r\n" in answer and answer.endswith(b"\r\n\r\nOK sim-1"),
        "redirect": answer.startswith(b"HTTP/1.1 302") and b"Location: /elsewhere" in answer,
    }.get(fault, whole)
    assert taken is bool(simulator.texts)


async def dropped(port):
    """Send to a server that resets the connection."""
    with contextlib.suppress(ConnectionResetError):
        return await ask(port)
    return b""


async def test_a_duplicate_is_two_whole_answers(simulate):
    """For one text."""
    simulator, port = await simulate("duplicate")

    answer = await ask(port)

    assert (2, 2, 1) == (answer.count(b"HTTP/1.1 200"), answer.count(b"OK sim-1"), len(simulator.texts))


async def test_who_hangs_is_let_go_at_the_end(simulate):
    """The text is taken and nothing is answered until the simulator stops."""
    simulator, port = await simulate("hang")
    waiting = asyncio.create_task(ask(port))
    await asyncio.wait_for(simulator.arrived.acquire(), 5)

    assert not waiting.done()
    await simulator.stop()

    assert (b"", 1) == (await waiting, len(simulator.texts))


async def test_a_huge_answer_ends_when_nobody_reads(simulate):
    """The first hundred thousand bytes come, and the simulator survives that the rest is not wanted."""
    simulator, port = await simulate("huge; accept")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /send?to=49170&text=Hi HTTP/1.1\r\nHost: x\r\n\r\n")

    assert 100_000 == len(await asyncio.wait_for(reader.readexactly(100_000), 5))
    writer.transport.abort()

    assert (await ask(port)).endswith(b"OK sim-2")
    assert 2 == len(simulator.texts)
