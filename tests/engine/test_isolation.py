"""A provider's bad day is not the others': what it may take of the hub is bounded, and its messages wait alone."""

import asyncio
import contextlib
import time

import pytest

from smshub.connectors import redaction
from smshub.connectors.base import connector_class
from smshub.connectors.httpbase import MAX_BODY
from smshub.domain.delivery import Accepted, Reason, Uncertain
from smshub.domain.message import Message, MessageClass, State
from smshub.domain.routing import Route, Target
from smshub.engine.lanes import BOUND
from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator

ROUTES = [Route("one", ("491",), (Target("sick"),)), Route("other", ("492",), (Target("well"),))]


async def test_messages_of_a_connector_that_hangs_hold_up_no_other(rig_factory):
    """It has as many as it has room for, its lane holds so many more, the rest is on disk; the other one's leave."""
    rig = await rig_factory("sick", "well", routes=ROUTES)
    sick, well = rig.connectors["sick"], rig.connectors["well"]
    sick.answer = None
    for first in range(0, BOUND + 200, 100):
        await rig.send([f"+4917012{number:05d}" for number in range(first, first + 100)])
    begun = len(sick.sent)
    (message,) = await rig.send("+4927012345")
    await rig.ended(message.id)

    outlet = rig.dispatcher.outlets["sick"]
    assert (10, 10, 1) == (begun, len(outlet.in_flight), len(well.sent))
    assert BOUND >= len(outlet.lanes)
    # The message of the other one waited for its own commit alone: not one of the sick one's was begun for it.
    assert begun == len(sick.sent)


async def test_within_a_connector_a_class_does_not_wait_for_another(rig_factory):
    """A code leaves before the thousand of a campaign that wait for the same connector."""
    rig = await rig_factory("sick", routes=ROUTES[:1])
    sick = rig.connectors["sick"]
    sick.answer = None
    await rig.send([f"+4917012{number:05d}" for number in range(1_000)], message_class=MessageClass.BULK)
    (code,) = await rig.send("+4917099999", message_class=MessageClass.OTP)
    before = {message.id for message in sick.sent}
    for message_id in list(sick.waiting)[:2]:
        sick.reply(message_id, Uncertain())
    await rig.until(lambda: len(sick.sent) > 10)

    assert code.id not in before
    assert code.id in {message.id for message in sick.sent[10:12]}


def text(message_id):
    """Make a message for a connector."""
    given = {"submission": "1", "account": "shop", "to": "491701234567", "to_written": "+491701234567", "text": "Hello"}
    return Message(id=message_id, **given, originator="ACME", created_at=0.0, due_at=0.0, expires_at=9e9)


class Events:
    """Hears of a connector (domain.contracts.Events)."""

    def __init__(self):
        self.said = []
        self.ready = asyncio.Event()

    def changed(self):
        """It lives."""
        self.ready.set()

    def exchanged(self, message, request, answer):
        """Keep what was said."""
        self.said.append((request, answer))


@contextlib.asynccontextmanager
async def living(url, **settings):
    """Run a connector over HTTP that has four connections and a second's patience."""
    found = connector_class("http")
    table = {"type": "http", "url": f"{url}/send", "connections": 4, "timeout": 1, "return_success": "OK", **settings}
    connector = found(
        "sick", found.settings_class.model_validate({**table, "options": {"text": "{otp}", "to": "{phone}"}})
    )
    events = Events()
    life = asyncio.create_task(connector.run(events))
    await asyncio.wait_for(events.ready.wait(), 5)
    try:
        yield connector, events
    finally:
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life


@pytest.mark.parametrize("fault", ["hang", "drip", "huge", "garbage", "truncate", "drop"])
async def test_whatever_a_provider_does_its_workers_are_few_and_free_again_in_time(fault):
    """Four at once, free again a second after the timeout at the latest, no more than 64 KiB of an answer read."""
    provider = HttpSimulator(Script.parse(fault))
    async with provider.running() as url, living(url) as (connector, events):
        outcomes = asyncio.Queue()
        began = time.monotonic()
        for number in range(4):
            connector.submit(text(f"{number:032x}"), outcomes.put_nowait)
        assert 0 == connector.room()
        came = [await asyncio.wait_for(outcomes.get(), 3) for _ in range(4)]
        took = time.monotonic() - began

        assert [Reason.NO_ANSWER] * 4 == [outcome.reason for outcome in came]
        assert all(isinstance(outcome, Uncertain) for outcome in came)
        assert took < 2.0
        await asyncio.sleep(0)
        assert 4 == connector.room()
        assert max(len(answer) for _, answer in events.said) < MAX_BODY
        assert 4 == len(provider.received)


async def test_pages_of_refusals_do_not_hold_up_the_loop(monkeypatch):
    """Of 64 KiB with which each text is refused only the beginning is looked through for what is secret."""
    looked = []
    masked = redaction._masked
    monkeypatch.setattr(
        redaction, "_masked", lambda words, private: looked.append(len(words)) or masked(words, private)
    )

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        page = b"1 2 3 " * 10_000
        writer.write(b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with living(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as (connector, events):
        outcomes = asyncio.Queue()
        connector.submit(text("1"), outcomes.put_nowait)
        outcome = await asyncio.wait_for(outcomes.get(), 5)
    server.close()
    await server.wait_closed()

    assert ("400", 200) == (outcome.code, len(outcome.detail))
    assert max(looked) < 8_192
    assert 1 == len(events.said)


async def test_a_breaker_opens_and_lets_one_through_to_try(rig_factory):
    """After five failures nothing leaves until its rest is over; then one, and with its success all the others."""
    rig = await rig_factory("sick", routes=ROUTES[:1])
    sick = rig.connectors["sick"]
    outlet = rig.dispatcher.outlets["sick"]
    sick.answer = lambda _: Uncertain()
    await rig.send([f"+4917012{number:05d}" for number in range(30)], message_class=MessageClass.BULK)
    await rig.until(lambda: not sick.waiting and outlet.condition(time.monotonic()) == "open")
    tried = len(sick.sent)
    await rig.turn()
    assert tried == len(sick.sent) <= 10

    sick.answer = None
    outlet.breaker._open_until = 0.0  # its rest is over
    outlet.pump_soon()
    await rig.until(lambda: len(sick.sent) > tried)
    await rig.turn()
    assert tried + 1 == len(sick.sent)

    sick.answer = lambda _: Accepted()
    (probe,) = sick.waiting
    sick.reply(probe, Accepted())
    await rig.until(lambda: len(sick.sent) == 30)
    states = [rig.outbox.message(message.id).state for message in sick.sent[tried:]]
    assert {State.SENT} >= set(states) - {State.SENDING}
