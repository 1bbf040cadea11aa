"""A hub over a real database, with connectors whose every answer the test gives."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import SendTexts, ShowMessage
from smshub.domain.contracts import Capabilities, ConnectorState
from smshub.domain.delivery import Accepted
from smshub.domain.message import FINAL, State
from smshub.domain.retry import POLICIES
from smshub.domain.routing import Route, Routes, Target
from smshub.engine.committer import Committer
from smshub.engine.dispatcher import Dispatcher, Traffic
from smshub.engine.housekeeping import Housekeeping
from smshub.engine.hub import Hub
from smshub.engine.outlet import Outlet
from smshub.engine.privacy import Privacy
from smshub.store.outbox import Outbox

KEY = bytes(range(32))


class ScriptedConnector:
    """A way out that answers what the test says, when the test says it (domain.contracts.Connector)."""

    def __init__(self, name, *, room=10, idempotent=False):
        self.name = name
        self.capabilities = Capabilities(receipts=True, idempotent=idempotent)
        self.up = True
        self.size = room
        self.answer: Callable | None = lambda message: Accepted((f"{name}-{message.id[-6:]}-{message.attempt}",))
        self.sent = []
        self.waiting = {}
        self.events = None

    def room(self):
        """How many more it takes."""
        return self.size - len(self.waiting) if self.up and self.events else 0

    def state(self):
        """Up, as the test says."""
        return ConnectorState(up=self.up and self.events is not None)

    def submit(self, message, settle):
        """Note the message; answer it as the test says."""
        assert self.room() > 0, "submitted beyond its room"
        self.sent.append(message)
        self.waiting[message.id] = settle
        if self.answer is not None:
            asyncio.get_running_loop().call_soon(self.reply, message.id, self.answer(message))

    def reply(self, message_id, outcome):
        """Answer one message."""
        self.waiting.pop(message_id)(outcome)
        self.events.changed()

    def go(self, *, up):
        """Go up or down."""
        self.up = up
        self.events.changed()

    async def run(self, events):
        """Live until cancelled."""
        self.events = events
        events.changed()
        try:
            await asyncio.Event().wait()
        finally:
            self.events = None


@dataclass
class Rig:
    """A hub, its parts, and words to drive it with."""

    hub: Hub
    outbox: Outbox
    committer: Committer
    dispatcher: Dispatcher
    housekeeping: Housekeeping
    connectors: dict[str, ScriptedConnector]
    privacy: Privacy
    account: Account = field(default_factory=lambda: Account("shop", role=Role.ADMINISTRATOR, country="DE"))

    async def send(self, to="+491701234567", text="Hello", **fields):
        """Send to one or many; give the messages."""
        recipients = (to,) if isinstance(to, str) else tuple(to)
        return (await self.hub.handle(self.account, SendTexts(recipients, text, **fields))).messages

    async def show(self, message_id):
        """Give a message with its attempts."""
        return await self.hub.handle(self.account, ShowMessage(message_id))

    async def state(self, message_id):
        """Give a message's state on disk."""
        return self.outbox.message(message_id).state

    async def until(self, condition, seconds=5.0):
        """Let the hub work until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true in time"
            await self.turn()

    async def turn(self):
        """Let everything that can happen now happen, and be written."""
        for _ in range(3):
            await asyncio.sleep(0)
        await self.committer.drain()

    async def ended(self, message_id):
        """Wait for a message's final state and give it."""
        await self.until(lambda: self.outbox.message(message_id).state in FINAL | {State.SENT})
        return self.outbox.message(message_id).state


def start(outbox, names=("a",), routes=None, policies=POLICIES, **options):
    """Build a hub over an outbox."""
    committer = Committer(outbox)
    privacy = Privacy(options.pop("key", KEY))
    routes = routes or [Route("default", ("",), tuple(Target(name, place) for place, name in enumerate(names)))]
    dispatcher = Dispatcher(committer, outbox, Traffic(Routes(routes), policies), privacy)
    hub = Hub(
        outbox=outbox,
        committer=committer,
        dispatcher=dispatcher,
        node="test",
        queue_limit=options.pop("queue_limit", 1_000_000),
        privacy=privacy,
    )
    housekeeping = Housekeeping(
        outbox=outbox, committer=committer, dispatcher=dispatcher, hub=hub, owner="test", shared=False
    )
    connectors = {name: ScriptedConnector(name, **options) for name in names}
    for connector in connectors.values():
        dispatcher.outlets[connector.name] = Outlet(
            connector,
            kind="scripted",
            origin="file",
            throughput=None,
            throughput_originator=None,
            committer=committer,
            outbox=outbox,
            plan=dispatcher,
        )
    return Rig(hub, outbox, committer, dispatcher, housekeeping, connectors, privacy)


async def stop(rig):
    """End a hub in good order."""
    await asyncio.gather(*(outlet.stop() for outlet in rig.dispatcher.outlets.values()))
    await rig.committer.drain()
    rig.committer.close()


@pytest.fixture
async def rig_factory(tmp_path):
    """Make hubs over one SQLite file; each call starts another one, the one before having been `abandoned`."""
    rigs = []
    url = f"sqlite:///{tmp_path}/hub.db"

    async def make(*names, begin=True, **options):
        rig = start(Outbox.open(url), names or ("a",), **options)
        rigs.append(rig)
        if begin:
            await rig.housekeeping.own(time.time())
            await rig.until(lambda: all(connector.events for connector in rig.connectors.values()))
        return rig

    async def crash(rig):
        """Die: nothing more is settled or written, as after a kill; the database is as it was."""
        rigs.remove(rig)
        rig.committer.close()
        for outlet in rig.dispatcher.outlets.values():
            outlet._stopping = True
            outlet._life.cancel()
        rig.outbox.close()

    make.crash = crash
    yield make
    for rig in rigs:
        await stop(rig)
        rig.outbox.close()
