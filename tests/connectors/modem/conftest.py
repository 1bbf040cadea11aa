"""Simulated modems on pseudo-terminals, and an engine that notes what a connector tells."""

import asyncio
import contextlib

import pytest

from smshub.connectors.modem import Connector, ModemSettings
from smshub.simulators.faults import Script
from smshub.simulators.modem import FAULTS, ModemSimulator
from smshub.simulators.modem_port import ModemPort

PATIENCE = 15.0


class Engine:
    """What a connector tells and what its messages come to; `keeps` is whether texts and receipts reach the disk."""

    def __init__(self, connector):
        self.connector = connector
        self.keeps = True
        self.receipts = []
        self.texts = []
        self.outcomes = {}
        self.owed = []
        self._news = asyncio.Event()
        self.life = None

    def changed(self):
        """Look again."""
        self._news.set()

    def exchanged(self, message, request, answer):
        """Hear what was said."""

    def receipt(self, receipt, stored):
        """Note a report."""
        self.receipts.append(receipt)
        self._keep(stored)

    def incoming(self, text, stored):
        """Note a text."""
        self.texts.append(text)
        self._keep(stored)

    def _keep(self, stored):
        self._news.set()
        if self.keeps:
            stored()
        else:
            self.owed.append(stored)

    async def until(self, condition):
        """Wait until something holds, and give it."""
        async with asyncio.timeout(PATIENCE):
            while not (found := condition()):
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    # Most things that are waited for are told; what a modem hears is looked at.
                    await asyncio.wait_for(self._news.wait(), 0.02)
        return found

    async def up(self):
        """Wait until it can send."""
        await self.until(lambda: self.connector.state().up)

    def submit(self, message):
        """Give a message to the connector."""

        def settle(outcome):
            assert message.id not in self.outcomes, "settled twice"
            self.outcomes[message.id] = outcome
            self._news.set()

        self.connector.submit(message, settle)
        assert message.id not in self.outcomes, "settled at once"

    async def send(self, message):
        """Give a message to the connector and tell what it came to."""
        self.submit(message)
        return await self.until(lambda: self.outcomes.get(message.id))

    def run(self):
        """Begin its life."""
        self.life = asyncio.create_task(self.connector.run(self))

    async def stop(self):
        """End its life as the engine does."""
        if self.life is not None:
            self.life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(self.life, PATIENCE)
            self.life = None


@pytest.fixture
async def plug(tmp_path):
    """Give a maker of modems: it takes a fault script and options, and gives the port of a modem that is plugged in."""
    made = []

    def make(script="", *, plugged=True, **options):
        modem = ModemSimulator(Script.parse(script, allowed=FAULTS), **options)
        port = ModemPort(modem, tmp_path / f"modem{len(made) + 1}")
        made.append(port)
        if plugged:
            port.plug()
        return port

    yield make
    for port in made:
        port.unplug()


@pytest.fixture
async def engine():
    """Give a starter of connectors to some ports; it waits until one modem is there unless `wait=False`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*ports, wait=True, **settings):
            quick = {"retry": 0.05, "poll": 60, "command_timeout": 2, "prompt_timeout": 0.5, "send_timeout": 0.5}
            paths = [str(port.link) for port in ports]
            values = {"type": "modem", "ports": paths, **quick, "grace": 0.3, **settings}
            made = Engine(Connector("gsm", ModemSettings.model_validate(values)))
            stack.push_async_callback(made.stop)
            made.run()
            if wait:
                await made.up()
                if settings.get("inbox", True):
                    # The last of what it does at the start; from then on it is quiet until the next poll.
                    await made.until(lambda: any(b"AT+CMGL=4" in port.modem.heard for port in ports))
            return made

        yield start
