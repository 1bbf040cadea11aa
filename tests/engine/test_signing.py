"""A call that waits for the recipient's word, where the answer comes in elsewhere, and where none can be kept."""

import asyncio
import hashlib
from functools import partial

import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import Refused
from smshub.domain.signing import Answer, SignText, invitation
from smshub.engine.signing import Signing
from smshub.store.signatures import answer_signature, read_signature

SHOP = Account("shop")


def signing(rig, **options):
    """Make one over the parts of a rig."""
    return Signing(send=rig.hub.send, committer=rig.committer, outbox=rig.outbox, **options)


def token_in(rig):
    """Give the token in the last text that left."""
    return rig.connectors["a"].sent[-1].text.rpartition("/sign/")[2]


async def test_an_answer_at_another_node_is_heard(rig_factory):
    """Nodes that share a database: the answer is written there, and the call that waits here finds it."""
    rig = await rig_factory()
    asked = signing(rig, shared=True)
    waiting = asyncio.create_task(asked.ask(SHOP, SignText(("+491701234567",), "Pay?", 20.0, "http://hub")))
    await rig.until(lambda: rig.connectors["a"].sent)

    page = await signing(rig, shared=True).answer(token_in(rig), accepted=False)

    assert Answer.REFUSED is page.answer
    assert Answer.REFUSED is (await asyncio.wait_for(waiting, 5)).answer


async def test_a_text_that_is_refused_leaves_no_open_request(rig_factory):
    """Its refusal is the call's, its place is free again, and its link would be too late."""
    rig = await rig_factory()
    asked = signing(rig)
    asked.apply(1, None, {})
    digests = []
    call = rig.committer.call

    async def listen(function):
        digests.append(function.keywords["digest"])
        return await call(function)

    rig.committer.call = listen
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            await asked.ask(SHOP, SignText(("+49",), "Pay?", 20.0, "http://hub"))
        assert "BadNumber" == caught.value.error
    assert Answer.EXPIRED is rig.outbox.read(partial(read_signature, digest=digests[0], now=0.0)).answer


async def test_an_answer_in_the_last_moment_counts(rig_factory):
    """Written just before the time was up and not yet heard of: the call tells it, not the end of the time."""
    rig = await rig_factory()
    waiting = asyncio.create_task(signing(rig).ask(SHOP, SignText(("+491701234567",), "Pay?", 1.0, "http://hub")))
    await rig.until(lambda: rig.connectors["a"].sent)
    digest = hashlib.sha256(token_in(rig).encode()).hexdigest()

    await rig.committer.call(partial(answer_signature, digest=digest, answer=Answer.ACCEPTED, now=0.0))

    assert Answer.ACCEPTED is (await waiting).answer


def test_the_link_is_never_left_out():
    """An operator's own words without a place for the link get it at their end."""
    assert "Pay?\nhttp://hub/sign/x" == invitation("{text}", "Pay?", "http://hub/sign/x")
    assert "Bitte {sic}: http://hub/sign/x" == invitation("{text}: {link}", "Bitte {sic}", "http://hub/sign/x")
