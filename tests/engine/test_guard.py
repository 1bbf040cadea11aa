"""The guard of codes over a real database: what it refuses, records, remembers and shares."""

import msgspec
import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.audit import ListAudit
from smshub.domain.challenges import (
    ListDecisions,
    ListPrefixes,
    OpenPrefix,
    RequestOtp,
    ResendOtp,
    Verdict,
    VerifyOtp,
)
from smshub.domain.commands import Refusal, Refused
from smshub.domain.guard import GuardMode, GuardPolicy
from smshub.domain.otp import OtpPolicy, otp_key
from smshub.engine.audit import Audit
from smshub.engine.challenges import Challenges
from smshub.engine.guard import MOST_WAITING, Guarding

ENFORCE = GuardPolicy(mode=GuardMode.ENFORCE)
TO = "+491701234567"


class Post:
    """Asks for codes and checks them at a hub with a guard; its clock is the test's."""

    def __init__(self, rig, policy=ENFORCE, *, node="one", shared=False, now=None):
        self.rig = rig
        self.now = now or rig.hub._clock()
        self.audit = Audit(rig.outbox, rig.committer, b"k" * 32, None, lambda: self.now)
        self.guard = Guarding(
            rig.outbox, rig.committer, node=node, shared=shared, note=self.audit.note, clock=lambda: self.now
        )
        self.account = Account("shop", country="DE", otp=OtpPolicy(guard=policy, custom_code=True, resend_after=1.0))
        self.operator = Account("op", role=Role.OPERATOR)
        self.count = 0
        self.challenges = Challenges(
            rig.hub.send,
            rig.committer,
            rig.outbox,
            rig.privacy,
            keys=(otp_key(b"k" * 32),),
            guard=self.guard,
            clock=lambda: self.now,
        )
        rig.hub._clock = lambda: self.now
        rig.hub.serve(self.challenges.handlers)
        rig.hub.serve(self.guard.handlers)
        rig.hub.serve({**self.audit.handlers, **self.audit.watch(rig.hub.handlers)})

    async def request(self, to=TO, reference=None, **members):
        """Ask for a code under a reference of its own."""
        self.count += 1
        command = RequestOtp(to, reference or f"{self.now}-{self.count}", code="123456", **members)
        return await self.rig.hub.handle(self.account, command)

    async def verify(self, asked, to=TO, code="123456"):
        """Check a code that was asked for."""
        command = VerifyOtp(to, asked.reference, code)
        return (await self.rig.hub.handle(self.account, command)).verdict

    async def decisions(self, **wanted):
        """Give the decisions, oldest first: rule, whether allowed, whether enforced."""
        page = await self.rig.hub.handle(self.operator, ListDecisions(**wanted))
        return [(one.rule, one.allowed, one.enforced) for one in reversed(page.decisions)]

    async def prefixes(self):
        """Give the prefixes that are watched."""
        return (await self.rig.hub.handle(self.operator, ListPrefixes())).prefixes

    async def refused(self, to=TO, **members):
        """Ask for a code that is refused; gives the error's name."""
        with pytest.raises(Refused) as caught:
            await self.request(to, **members)
        return caught.value.error

    async def pump(self, count, prefix="49155512"):
        """Ask for codes to numbers of a prefix that nobody types, a second apart, none following another."""
        for number in range(count):
            await self.request(f"+{prefix}{number * 3:04d}")
            self.now += 1.0

    def messages(self):
        """Tell how many messages there are."""
        count = "SELECT count(*) FROM messages"
        return self.rig.outbox.read(lambda connection: connection.exec_driver_sql(count).scalar_one())


@pytest.fixture
async def post(rig_factory):
    """Give a hub whose guard enforces its defaults."""
    return Post(await rig_factory())


async def test_a_refused_code_is_not_stored_and_says_why(post):
    """The sixth to one receiver within ten minutes; whoever calls is told how long to wait."""
    for _ in range(5):
        await post.request()
        post.now += 10.0

    with pytest.raises(Refused) as caught:
        await post.request(source="192.0.2.1")

    refused = caught.value
    assert (Refusal.LIMITED, "GuardRecipient", "to", 550.0) == (
        refused.refusal,
        refused.error,
        refused.member,
        round(refused.retry_after, 3),
    )
    assert "Too many codes were asked for this receiver; try again in 550 s." == str(refused)
    assert 5 == post.messages()
    (decision,) = (await post.rig.hub.handle(post.operator, ListDecisions())).decisions
    assert ("shop", "491701234567", False, True, "recipient_10_minutes", "DE", "49170123", "192.0.2.1") == (
        decision.account,
        decision.to,
        decision.allowed,
        decision.enforced,
        decision.rule,
        decision.country,
        decision.prefix,
        decision.source,
    )
    assert "5 codes to one receiver in 10 minutes are the limit" == decision.why
    post.now += 551.0
    await post.request()


async def test_a_repeat_counts_as_a_code(post):
    """What is sent again is asked of the guard too."""
    asked = await post.request()
    for _ in range(4):
        post.now += 40.0
        await post.rig.hub.handle(post.account, ResendOtp(asked.id))

    post.now += 40.0
    with pytest.raises(Refused) as caught:
        await post.rig.hub.handle(post.account, ResendOtp(asked.id))
    assert "GuardRecipient" == caught.value.error


async def test_what_is_not_sent_does_not_count(post):
    """A live reference, a repeat under an idempotency key, a text that cannot be sent."""
    for _ in range(3):
        asked = await post.request(reference="r", key="k")
        assert "OtpLive" == await post.refused(reference="r")
        assert "BadTemplate" == await post.refused(template="no place")
    assert asked.replayed

    for _ in range(4):
        await post.request()
    assert "GuardRecipient" == await post.refused()
    assert (await post.request(reference="r", key="k")).replayed  # sends nothing, so it needs no leave


async def test_codes_go_abroad_only_where_that_is_configured(post):
    """403; and a caller's address is counted only where the request names it."""
    assert "GuardCountry" == await post.refused("+436641234567")
    post.account = msgspec.structs.replace(
        post.account, otp=OtpPolicy(guard=msgspec.structs.replace(ENFORCE, countries=frozenset({"AT"}), source_hour=1))
    )
    asked = RequestOtp("+436641234567", "at", source="192.0.2.1")
    await post.rig.hub.handle(post.account, asked)
    for number in range(5):
        await post.rig.hub.handle(post.account, RequestOtp(f"+436641234{number}00", f"at{number}"))
    with pytest.raises(Refused) as caught:
        await post.rig.hub.handle(post.account, RequestOtp("+436641234599", "x", source="192.0.2.1"))
    assert (Refusal.LIMITED, "GuardLimited") == (caught.value.refusal, caught.value.error)
    assert [("countries", False, True), ("source_hour", False, True)] == await post.decisions()


async def test_recording_changes_nothing_but_records(rig_factory):
    """All that enforcing would refuse is sent, and every reason is written down, block and all."""
    rig = await rig_factory()
    post = Post(rig, GuardPolicy(countries=frozenset({"AT"}), prefix_10_minutes=25))
    assert GuardMode.RECORD is post.account.otp.guard.mode

    await post.pump(30)
    post.now += 200.0
    await post.request("+491555129999")
    await post.guard.tick()
    await post.request("+491555129996")

    assert 32 == post.messages()
    decisions = await post.decisions(limit=200)
    assert {"countries", "prefix_10_minutes", "block", "blocked"} == {rule for rule, _, _ in decisions}
    assert {(False, False)} == {(allowed, enforced) for _, allowed, enforced in decisions}
    rules = [rule for rule, _, _ in decisions]
    assert (32, 7, 1, 2) == tuple(rules.count(rule) for rule in ("countries", "prefix_10_minutes", "block", "blocked"))


async def test_without_a_guard_nothing_is_counted_or_written(rig_factory):
    """Mode off."""
    post = Post(await rig_factory(), GuardPolicy(mode=GuardMode.OFF, recipient_10_minutes=1))
    for _ in range(3):
        asked = await post.request("+8821651234567")
    assert Verdict.MATCH is await post.verify(asked, "+8821651234567")
    assert [] == await post.decisions()
    assert () == await post.prefixes()
    assert () == tuple(post.rig.outbox.read(lambda c: c.exec_driver_sql("SELECT * FROM guard_counted")))


async def test_a_prefix_is_blocked_told_and_opened(post):
    """By itself for an hour, with an entry of the audit log; an operator lifts it at once, and that is one too."""
    await post.pump(20)
    post.now += 200.0
    assert "GuardPrefix" == await post.refused("+491555129999")
    await post.guard.tick()

    (view,) = await post.prefixes()
    assert ("49155512", "DE", 20, 0, post.now + 3_600) == (
        view.prefix,
        view.country,
        view.requested,
        view.verified,
        view.blocked_until,
    )
    await post.request("+491701234567")  # the rest of the country is open
    assert [("blocked", False, True), ("block", False, True)] == await post.decisions()
    with pytest.raises(Refused) as caught:
        await post.rig.hub.handle(post.account, OpenPrefix("49155512"))
    assert Refusal.FORBIDDEN is caught.value.refusal

    await post.rig.hub.handle(post.operator, OpenPrefix("49155512"))

    await post.request("+491555129999")
    with pytest.raises(Refused) as caught:
        await post.rig.hub.handle(post.operator, OpenPrefix("49155512"))
    assert Refusal.NOT_FOUND is caught.value.refusal
    auditor = Account("una", role=Role.AUDITOR)
    entries = (await post.rig.hub.handle(auditor, ListAudit())).entries
    assert [("op", "OpenPrefix", "49155512"), ("guard", "BlockPrefix", "49155512")] == [
        (one.actor, one.action, one.object) for one in entries
    ]
    assert "0 of the last 20 receivers have typed their code" == entries[1].after["why"]


async def test_a_prefix_that_converts_badly_is_told_once(post):
    """An alarm is a decision and refuses nothing; those who type their code are seen."""
    for number in range(24):
        asked = await post.request(f"+4915551200{number * 3:02d}")
        if number < 4:
            assert Verdict.MATCH is await post.verify(asked, f"+4915551200{number * 3:02d}")
        post.now += 1.0
    post.now += 200.0
    for number in range(3):
        await post.request(f"+49155512{9 - number}000")
        await post.guard.tick()

    assert [("alarm", True, False)] == await post.decisions()
    (view,) = await post.prefixes()
    assert (24, 4, None) == (view.requested, view.verified, view.blocked_until)


async def test_a_restart_keeps_limits_and_blocks(rig_factory):
    """As after a kill: what was counted was written with the codes, and a block with its decision."""
    rig = await rig_factory()
    post = Post(rig)
    for number in range(5):
        asked = await post.request(source="2001:db8::1")
        await post.request(f"+49160123{number}000")
    await post.verify(asked)
    await post.pump(20)
    post.now += 200.0
    assert "GuardPrefix" == await post.refused("+491555129999")
    await post.guard.tick()
    remembered = await post.prefixes()
    now, account = post.now, post.account
    await rig_factory.crash(rig)

    post = Post(await rig_factory(), now=now)
    post.account = msgspec.structs.replace(
        account, otp=OtpPolicy(guard=msgspec.structs.replace(ENFORCE, source_hour=5), custom_code=True)
    )
    await post.guard.load()

    assert "GuardRecipient" == await post.refused()
    assert "GuardLimited" == await post.refused("+491761234567", source="2001:db8::2")
    assert "GuardPrefix" == await post.refused("+491555129999")
    by_name = {one.prefix: one for one in await post.prefixes()}
    assert {one.prefix: (one.requested, one.verified, one.blocked_until) for one in remembered} == {
        name: (one.requested, one.verified, one.blocked_until) for name, one in by_name.items()
    }
    assert (1, 1) == (by_name["49170123"].requested, by_name["49170123"].verified)
    post.now += 401.0
    await post.request()


async def test_a_restart_does_not_block_anew_what_an_operator_opened(rig_factory):
    """What was counted before it was opened says nothing about it any more."""
    rig = await rig_factory()
    post = Post(rig)
    await post.pump(20)
    post.now += 200.0
    await post.refused("+491555129999")
    await post.rig.hub.handle(post.operator, OpenPrefix("49155512"))
    now = post.now + 1.0
    await rig_factory.crash(rig)

    post = Post(await rig_factory(), now=now)
    await post.guard.load()

    await post.request("+491555129999")


async def test_old_things_are_forgotten(post):
    """What was counted after a day, decisions after thirty."""
    await post.request()
    await post.refused("+436641234567")
    await post.guard.tick()
    post.now += 2 * 86_400.0
    await post.guard.tick()
    counted = "SELECT count(*) FROM guard_counted"
    assert 0 == post.rig.outbox.read(lambda c: c.exec_driver_sql(counted).scalar_one())
    assert 1 == len(await post.decisions())
    post.now += 30 * 86_400.0
    await post.guard.tick()
    assert [] == await post.decisions()


async def test_a_flood_of_refusals_is_kept_up_to_a_bound(post):
    """Memory and disk are not the attacker's; the rest is counted in the log."""
    for _ in range(MOST_WAITING + 5):
        with pytest.raises(Refused):
            await post.guard.check(post.account, "436641234567", "", post.now)

    await post.guard.stop()

    kept = "SELECT count(*) FROM guard_decisions"
    assert MOST_WAITING == post.rig.outbox.read(lambda c: c.exec_driver_sql(kept).scalar_one())


async def test_decisions_are_paged_and_narrowed(post):
    """Newest first; by account, and without warnings."""
    for _ in range(5):
        await post.refused("+436641234567")
        post.now += 1.0
    first = await post.rig.hub.handle(post.operator, ListDecisions(limit=2))
    rest = await post.rig.hub.handle(post.operator, ListDecisions(limit=10, cursor=first.cursor, refused=True))

    assert (2, 3, None) == (len(first.decisions), len(rest.decisions), rest.cursor)
    assert first.decisions[0].at > first.decisions[1].at > rest.decisions[0].at
    assert [] == await post.decisions(account="other")
    assert [] == await post.decisions(account="\0")
    with pytest.raises(Refused) as caught:
        await post.rig.hub.handle(post.account, ListDecisions())
    assert Refusal.FORBIDDEN is caught.value.refusal
