"""The configuration of a running hub on a database that others write to as well."""

import asyncio
import time
from functools import partial

import pytest

from smshub.config import read
from smshub.configured import Configured
from smshub.engine.committer import Committer
from smshub.store.objects import put_object
from smshub.store.outbox import Outbox

FILE = {"accounts": {"shop": {"password": "shop-password-123"}}}
THEIRS = {"text": "Theirs."}


class Node:
    """One node: what it has applied, and the hands of another one on the same database."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.committer = Committer(outbox)
        self.applied = []
        self.applies = asyncio.Event()
        self.fails = 0
        self.meanwhile = None
        self.configured = Configured(
            read(FILE), None, outbox=outbox, committer=self, key=bytes(32), apply=self.apply, take_over=None, note=None
        )

    async def apply(self, merged):
        """Take a configuration over, or fail."""
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a connector that cannot be made")
        self.applied.append(dict(merged.config.errors))
        self.applies.set()

    async def call(self, write):
        """Write; another node writes just before, where it is to."""
        if self.meanwhile is not None:
            theirs, self.meanwhile = self.meanwhile, None
            await self.committer.call(theirs)
        return await self.committer.call(write)

    async def theirs(self, name):
        """Let another node make an error text."""
        await self.committer.call(partial(put_object, kind="errors", name=name, body=THEIRS, now=time.time()))


@pytest.fixture
async def node(tmp_path):
    """Give a node that has started."""
    outbox = Outbox.open(f"sqlite:///{tmp_path}/hub.db")
    made = Node(outbox)
    await made.configured.start()
    yield made
    await made.committer.drain()
    made.committer.close()
    outbox.close()


async def test_what_another_node_has_made_is_applied_once(node):
    """And where nothing is new, nothing is."""
    await node.theirs("Blocked")
    await node.configured.refresh()
    await node.configured.refresh()

    assert [{}, {"Blocked": "Theirs."}] == node.applied


async def test_what_another_node_writes_in_the_middle_of_a_change_is_not_missed(node):
    """Our own change knew nothing of it; the next look does, once and for all."""
    node.meanwhile = partial(put_object, kind="errors", name="Blocked", body=THEIRS, now=time.time())

    await node.configured.put_object("errors", "NoRoute", {"text": "Ours."}, refers=True)
    await node.configured.refresh()
    await node.configured.refresh()

    assert [{}, {"NoRoute": "Ours."}, {"NoRoute": "Ours.", "Blocked": "Theirs."}] == node.applied


async def test_a_change_that_fails_is_tried_again(node):
    """Neither a connector that cannot be made nor anything else ends the following of others."""
    await node.theirs("Blocked")
    node.fails = 2
    node.applies.clear()
    following = asyncio.create_task(node.configured.run(every=0))

    await asyncio.wait_for(node.applies.wait(), 10)
    following.cancel()

    assert (0, {"Blocked": "Theirs."}) == (node.fails, node.applied[-1])
