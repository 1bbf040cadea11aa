"""What the tests of the connectors share: messages, and HTTP connectors that are open for one test."""

import contextlib

import pytest

from smshub.connectors.base import connector_class
from smshub.connectors.http import Connector, HttpSettings
from smshub.domain.message import Message
from smshub.simulators.http import HttpSimulator


@pytest.fixture
def message():
    """Make messages that differ in what the test names."""

    def make(text="Your code is 123456", to="491701234567", **fields):
        values = {"id": "01HZX", "submission": "s1", "account": "shop", "to_written": to, "originator": "ACME"}
        times = {"created_at": 0.0, "due_at": 0.0, "expires_at": 9e9}
        return Message(to=to, text=text, **{**values, **times, **fields})

    return make


@pytest.fixture
async def gateway():
    """Open HTTP gateways by their settings, and close them after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(**settings):
            connector = Connector("gw", HttpSettings(type="http", **settings))
            await connector.open()
            stack.push_async_callback(connector.close)
            return connector

        yield make


@pytest.fixture
async def providers():
    """Run simulators of HTTP providers, each with its address, and stop them after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(script=None, *, tls=None, **settings):
            simulator = HttpSimulator(script, **settings)
            url = await stack.enter_async_context(simulator.running(tls=tls))
            return simulator, url

        yield make


@pytest.fixture
async def way_out():
    """Open connectors of any type by their settings, and close them after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(kind, name="out", **settings):
            found = connector_class(kind)
            connector = found(name, found.settings_class.model_validate({"type": kind, **settings}))
            await connector.open()
            stack.push_async_callback(connector.close)
            return connector

        yield make
