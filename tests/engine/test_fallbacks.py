"""Codes that go by mail where their texts cannot: when, how often, and never beside the text."""

import re
import time

import msgspec
import pytest

from smshub.domain.accounts import Account
from smshub.domain.challenges import RequestOtp, ResendOtp, Verdict, VerifyOtp
from smshub.domain.commands import Block, Refusal, Refused
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Deferred, Reason, Rejected, Uncertain
from smshub.domain.message import State
from smshub.domain.otp import OtpPolicy, otp_key
from smshub.domain.routing import Route, Target
from smshub.engine.challenges import Challenges
from smshub.engine.fallbacks import Fallbacks

ROUTES = [Route("texts", ("49",), (Target("a"),)), Route("mail", ("@",), (Target("b"),))]
NUMBER, READER = "+491701234567", "Anna@shop.example"
KEY = otp_key(b"k" * 32)


class Desk:
    """Asks for codes with a mail address to fall back to; its clock is the test's."""

    def __init__(self, rig, now):
        self.now = now
        self.account = Account("shop", otp=OtpPolicy(fallback=True), country="DE", subject="Your code")
        self.work(rig)

    def work(self, rig):
        """Do it at this hub from now on."""
        self.rig = rig
        rig.hub._clock = lambda: self.now
        rig.connectors["b"].capabilities = Capabilities(texts=False, mail=True)
        self.challenges = Challenges(
            rig.hub.send, rig.committer, rig.outbox, rig.privacy, keys=(KEY,), clock=lambda: self.now
        )
        rig.hub.serve(self.challenges.handlers)
        self.fallbacks = Fallbacks(
            rig.hub.send,
            rig.committer,
            rig.outbox,
            rig.privacy,
            accounts={"shop": self.account}.get,
            outlets=lambda: rig.dispatcher.outlets,
            clock=lambda: self.now,
        )

    async def request(self, reference="r", to=NUMBER, fallback=READER, **members):
        """Ask for a code."""
        return await self.rig.hub.handle(self.account, RequestOtp(to, reference, fallback=fallback, **members))

    async def verify(self, code, reference="r", to=NUMBER):
        """Check a code; gives what it came to and whether it went by mail."""
        verified = await self.rig.hub.handle(self.account, VerifyOtp(to, reference, code))
        return verified.verdict, verified.mailed

    async def look(self, after=0.0):
        """Let time pass, and the hub look for what is due."""
        self.now += after
        await self.fallbacks.tick()
        await self.rig.turn()

    @property
    def texts(self):
        """What the way out for texts was given."""
        return self.rig.connectors["a"].sent

    @property
    def mails(self):
        """What the way out for mail was given."""
        return self.rig.connectors["b"].sent

    def kept(self, message_id):
        """Give a message as it is on disk."""
        return self.rig.outbox.message(message_id)


def code_in(message):
    """Read the code in a text."""
    return re.search(r"[0-9]{6}", message.text)[0]


@pytest.fixture
async def desk(rig_factory):
    """Give a desk of a hub with a way out for texts to Germany, and one for mail."""
    rig = await rig_factory("a", "b", routes=ROUTES)
    return Desk(rig, rig.hub._clock())


async def test_a_text_that_is_refused_goes_by_mail_at_once(desk):
    """The same code, bound to the number, no longer valid than it was; the match says how it went."""
    desk.rig.connectors["a"].answer = lambda _: Rejected(Reason.UNROUTABLE, "11", "no way there")
    asked = await desk.request()
    await desk.rig.ended(asked.id)

    await desk.look(after=5.0)

    (text,), (mail,) = desk.texts, desk.mails
    assert (READER, "Your code", asked.expires_at) == (mail.to, mail.subject, mail.expires_at)
    assert text.text == mail.text
    assert asked.id == mail.submission
    kept = desk.kept(asked.id)
    assert (State.REJECTED, f"its code went by mail instead, with the message {mail.id}") == (kept.state, kept.detail)
    assert "no way there" == desk.rig.outbox.attempts(asked.id)[0].detail
    assert (Verdict.MISMATCH, False) == await desk.verify(code_in(mail), to=READER)
    assert (Verdict.MATCH, True) == await desk.verify(code_in(mail))
    await desk.look(after=60.0)
    assert (1, 1) == (len(desk.texts), len(desk.mails))


async def test_a_text_that_has_not_left_in_time_is_cancelled_for_the_mail(desk):
    """Not a second before the policy's thirty; the text never leaves after that."""
    desk.rig.connectors["a"].go(up=False)
    await desk.rig.turn()
    asked = await desk.request(subject="Log in")

    await desk.look(after=29.9)
    assert ([], State.QUEUED) == (desk.mails, desk.kept(asked.id).state)
    await desk.look(after=0.1)
    desk.rig.connectors["a"].go(up=True)
    await desk.rig.turn()

    (mail,) = desk.mails
    assert (State.CANCELLED, "Log in") == (desk.kept(asked.id).state, mail.subject)
    assert [] == desk.texts
    assert (Verdict.MATCH, True) == await desk.verify(code_in(mail))


async def test_where_no_route_leads_to_the_number_it_is_a_mail_from_the_start(desk):
    """The answer says so and repeats the number; without an address it is refused as before."""
    asked = await desk.request(to="+33612345678", key="k")
    again = await desk.request(to="+33612345678", key="k")
    await desk.rig.turn()

    (mail,) = desk.mails
    assert ("+33612345678", True, mail.id) == (asked.to, asked.mailed, asked.id)
    assert (asked.id, True, True) == (again.id, again.mailed, again.replayed)
    assert (Verdict.MATCH, True) == await desk.verify(code_in(mail), to="+33612345678")
    assert (Refusal.NO_ROUTE, "NoRoute") == await refusal(desk.request("other", to="+33612345678", fallback=None))


async def test_what_was_sent_never_goes_by_mail(desk):
    """Delivered or not: it left."""
    asked = await desk.request()
    await desk.rig.ended(asked.id)

    await desk.look(after=31.0)

    assert [] == desk.mails
    assert (Verdict.MATCH, False) == await desk.verify(code_in(desk.texts[0]))


async def test_what_is_unclear_never_goes_by_mail(desk):
    """Not while its one repeat waits, and not when that is refused."""
    answers = [Uncertain(Reason.NO_ANSWER), Deferred(Reason.TEMPORARY), Rejected(Reason.UNROUTABLE)]
    desk.rig.connectors["a"].answer = lambda _: answers.pop(0) if answers else Rejected(Reason.UNROUTABLE)
    asked = await desk.request()
    await desk.rig.until(lambda: len(desk.texts) == 2)

    await desk.look(after=31.0)

    assert [] == desk.mails
    assert State.CANCELLED is not desk.kept(asked.id).state
    await desk.look(after=31.0)
    assert [] == desk.mails


async def test_a_text_that_is_being_sent_is_waited_for(desk):
    """Whatever the time is; then the answer decides."""
    desk.rig.connectors["a"].answer = None
    asked = await desk.request()
    await desk.look(after=31.0)
    assert ([], State.SENDING) == (desk.mails, desk.kept(asked.id).state)

    desk.rig.connectors["a"].reply(asked.id, Rejected(Reason.CONTENT))
    await desk.rig.ended(asked.id)
    await desk.look()

    assert 1 == len(desk.mails)


async def test_a_blocked_number_stays_blocked(desk):
    """Refused at the door; where it was blocked meanwhile its code goes nowhere, nor to a blocked address."""
    await desk.rig.hub.handle(desk.rig.account, Block(NUMBER))
    assert (Refusal.BLOCKED, "Blocked") == await refusal(desk.request())

    desk.rig.connectors["a"].go(up=False)
    await desk.rig.turn()
    other = await desk.request("other", to="+491701234568")
    await desk.rig.hub.handle(desk.rig.account, Block("+491701234568"))
    await desk.rig.until(lambda: desk.kept(other.id).state is State.REJECTED)
    third = await desk.request("third", to="+491701234569")
    await desk.rig.hub.handle(desk.rig.account, Block(READER))
    await desk.look(after=31.0)

    assert [] == desk.mails
    assert State.QUEUED is desk.kept(third.id).state, "it may still go to the number"


async def test_it_survives_a_crash(desk, rig_factory):
    """What was due while no hub ran goes by mail when one does."""
    desk.rig.connectors["a"].go(up=False)
    await desk.rig.turn()
    asked = await desk.request()
    await rig_factory.crash(desk.rig)
    desk.now += 40.0

    rig = await rig_factory("a", "b", routes=ROUTES, begin=False)
    rig.connectors["a"].up = False
    await rig.housekeeping.own(time.time())
    await rig.until(lambda: all(connector.events for connector in rig.connectors.values()))
    desk.work(rig)
    await desk.look()

    await desk.rig.until(lambda: len(desk.mails) == 1)
    assert State.CANCELLED is desk.kept(asked.id).state
    assert (Verdict.MATCH, True) == await desk.verify(code_in(desk.mails[0]))


async def test_once_mailed_it_is_sent_again_by_mail(desk):
    """To the same address, with the same code."""
    desk.rig.connectors["a"].answer = lambda _: Rejected(Reason.UNROUTABLE)
    asked = await desk.request()
    await desk.rig.ended(asked.id)
    await desk.look(after=5.0)
    desk.now += 61.0

    again = await desk.rig.hub.handle(desk.account, ResendOtp(asked.id))
    await desk.rig.until(lambda: len(desk.mails) == 2)

    first, second = desk.mails
    assert (True, first.text, first.to, first.subject) == (again.mailed, second.text, second.to, second.subject)
    assert 1 == len(desk.texts)


async def test_nothing_goes_by_mail_after_its_end_or_without_leave(desk):
    """Nor where the account lost the leave meanwhile."""
    desk.rig.connectors["a"].go(up=False)
    await desk.rig.turn()
    await desk.request(valid_for=10)
    await desk.look(after=31.0)
    await desk.request("second")
    desk.account = msgspec.structs.replace(desk.account, otp=OtpPolicy())
    desk.work(desk.rig)
    await desk.look(after=31.0)

    assert [] == desk.mails


async def test_a_mail_that_has_no_way_leaves_the_text_as_it_is(desk):
    """It goes on waiting for its own."""
    desk.rig.connectors["a"].go(up=False)
    desk.rig.dispatcher.traffic = msgspec.structs.replace(
        desk.rig.dispatcher.traffic, routes=type(desk.rig.dispatcher.traffic.routes)(ROUTES[:1])
    )
    await desk.rig.turn()
    asked = await desk.request()

    await desk.look(after=31.0)
    desk.rig.connectors["a"].go(up=True)
    await desk.rig.until(lambda: len(desk.texts) == 1)

    assert State.SENT is await desk.rig.ended(asked.id)


async def test_what_a_fallback_must_be(desk):
    """An address, for a number, where the account allows it; nothing is stored."""
    bad = (
        await refusal(desk.request(fallback="nobody")),
        await refusal(desk.request(to=READER)),
    )
    desk.account = msgspec.structs.replace(desk.account, channels=frozenset({"sms"}))
    closed = await refusal(desk.request())
    desk.account = msgspec.structs.replace(desk.account, channels=frozenset(), otp=OtpPolicy())

    assert ((Refusal.MALFORMED, "BadAddress"), (Refusal.MALFORMED, "FallbackOfMail")) == bad
    assert (Refusal.FORBIDDEN, "ChannelClosed") == closed
    assert (Refusal.FORBIDDEN, "FallbackNotAllowed") == await refusal(desk.request())


async def refusal(awaitable):
    """Give the refusal that is awaited."""
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.refusal, caught.value.error
