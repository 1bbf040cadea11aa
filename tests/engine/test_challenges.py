"""Codes requested, sent again and verified, over a real database and connectors that answer as the test says."""

import asyncio
import re

import msgspec
import pytest

from smshub.domain.accounts import Account
from smshub.domain.challenges import Leave, RequestOtp, ResendOtp, Verdict, VerifyOtp
from smshub.domain.commands import Refusal, Refused, SendTexts
from smshub.domain.delivery import Reason, Rejected
from smshub.domain.message import MessageClass, State
from smshub.domain.otp import OtpPolicy, otp_key
from smshub.engine.challenges import Challenges

KEY = otp_key(b"k" * 32)
PARAMS = ("login", "", "", "")


class Desk:
    """Asks for codes and checks them, in few words; its clock is the test's."""

    def __init__(self, rig, policy=None, **options):
        self.rig = rig
        self.account = Account("shop", otp=policy or OtpPolicy(), country="DE")
        self.challenges = Challenges(
            rig.hub.send, rig.committer, rig.outbox, rig.privacy, keys=(KEY,), clock=rig.hub._clock, **options
        )
        rig.hub.serve(self.challenges.handlers)

    async def request(self, reference="r", to="+491701234567", **members):
        """Ask for a code."""
        return await self.rig.hub.handle(self.account, RequestOtp(to, reference, PARAMS, **members))

    async def verify(self, code, reference="r", to="+491701234567", params=PARAMS):
        """Check a code; gives what it came to."""
        return (await self.rig.hub.handle(self.account, VerifyOtp(to, reference, code, params))).verdict

    async def resend(self, challenge):
        """Ask for the same code again."""
        return await self.rig.hub.handle(self.account, ResendOtp(challenge))

    async def code(self, count=1):
        """Wait for so many texts in all, and give the code in the last one."""
        await self.rig.until(lambda: len(self.rig.connectors["a"].sent) == count)
        return re.search(r"[0-9]{6}", self.rig.connectors["a"].sent[-1].text)[0]

    def stored(self):
        """Tell how many messages and challenges there are."""
        return self.rig.outbox.read(
            lambda connection: tuple(
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                for table in ("messages", "challenges", "submissions")
            )
        )


@pytest.fixture
async def desk(rig_factory):
    """Give a desk of a hub with one connector."""
    rig = await rig_factory()
    # Whatever the machine's clock does, the test's goes on by its word only.
    now = rig.hub._clock()
    made = Desk(rig)
    made.now = now
    made.challenges._clock = lambda: made.now
    rig.hub._clock = lambda: made.now
    return made


async def refusal(awaitable):
    """Give the refusal that is awaited."""
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.refusal, caught.value.error, caught.value.member


async def test_a_code_that_was_sent_matches_once(desk):
    """It is on its way as an otp message, matches, and is consumed after that; the answer does not have its text."""
    requested = await desk.request()

    code = await desk.code()

    sent = desk.rig.connectors["a"].sent[0]
    assert (requested.id, MessageClass.OTP, requested.expires_at) == (sent.id, sent.message_class, sent.expires_at)
    assert (300.0, 30.0) == (requested.expires_at - desk.now, requested.resend_after - desk.now)
    assert "" == requested.message.text
    assert code not in repr(requested)
    assert Verdict.MATCH is await desk.verify(code)
    assert Verdict.CONSUMED is await desk.verify(code)
    assert Verdict.CONSUMED is await desk.verify("000000")


async def test_a_wrong_code_recipient_or_param_is_charged(desk):
    """Each is a mismatch and takes one of the five tries; then not even the right code is looked at."""
    await desk.request()
    code = await desk.code()

    verdicts = [
        await desk.verify(wrong(code)),
        await desk.verify(code, to="+491701234568"),
        await desk.verify(code, params=("logout", "", "", "")),
        await desk.verify(code, params=("", "login", "", "")),
        await desk.verify(wrong(code)),
        await desk.verify(code),
    ]

    assert [Verdict.MISMATCH] * 5 + [Verdict.EXHAUSTED] == verdicts


async def test_an_unknown_and_an_expired_reference(desk):
    """Nobody's reference is unknown; past its end a code is expired, right or wrong."""
    await desk.request(valid_for=60)
    code = await desk.code()

    assert Verdict.UNKNOWN is await desk.verify(code, reference="other")
    desk.now += 60
    assert Verdict.EXPIRED is await desk.verify(code)
    desk.now -= 10_000
    assert Verdict.EXPIRED is await desk.verify(code), "the clock was put back"


async def test_a_live_reference_is_taken_until_its_code_matched(desk):
    """A second request under it is a conflict and sends nothing; after the match it is free."""
    await desk.request()
    code = await desk.code()

    assert (Refusal.CONFLICT, "OtpLive", "reference") == await refusal(desk.request())
    assert (1, 1, 0) == desk.stored()
    await desk.verify(code)
    await desk.request()
    assert Verdict.MATCH is await desk.verify(await desk.code(2))


async def test_a_reference_is_free_after_its_end(desk):
    """The new code counts, the old one does not."""
    await desk.request(valid_for=30)
    old = await desk.code()
    desk.now += 31
    await desk.request()
    new = await desk.code(2)

    assert [Verdict.MISMATCH] * (old != new) == [await desk.verify(old)] * (old != new)
    assert Verdict.MATCH is await desk.verify(new)


async def test_a_failed_send_frees_the_reference(desk):
    """A text that the provider refused leaves nothing to verify, and the reference may be asked for again at once."""
    desk.rig.connectors["a"].answer = lambda message: Rejected(Reason.INVALID_RECIPIENT)
    first = await desk.request()
    code = await desk.code()
    await desk.rig.until(lambda: desk.rig.outbox.message(first.message.id).state is State.REJECTED)

    assert Verdict.UNKNOWN is await desk.verify(code)
    second = await desk.request()
    assert first.id != second.id


async def test_the_same_request_under_a_key_gets_the_first_answer(desk):
    """It sends nothing; another request under the key is a conflict, and the key is not spent by a refused one."""
    first = await desk.request(key="k1")
    again = await desk.request(key="k1")

    assert (first.id, first.expires_at, True) == (again.id, again.expires_at, again.replayed)
    assert (Refusal.CONFLICT, "ReferenceConflict", "Idempotency-Key") == await refusal(
        desk.request(key="k1", language="de")
    )
    assert (Refusal.CONFLICT, "OtpLive", "reference") == await refusal(desk.request(key="k2"))
    assert (1, 1, 1) == desk.stored()


@pytest.mark.parametrize("subject", ["Your code is qwerty77", "Your code is %s", "{code} is your code"])
async def test_a_code_does_not_stand_in_a_subject(desk, subject):
    """Neither the caller's own, in whatever case, nor a place for one of the hub's."""
    desk.account = msgspec.structs.replace(desk.account, otp=OtpPolicy(custom_code=True))

    refused = await refusal(desk.request(to="anna@example.org", subject=subject, code="QWERTY77"))

    assert (Refusal.MALFORMED, "BadSubject", "subject") == refused
    assert (0, 0, 0) == desk.stored()


async def test_two_requests_at_once_under_one_reference_open_one(desk):
    """In one transaction or in two, one of them is refused."""
    outcomes = await asyncio.gather(*(desk.request() for _ in range(10)), return_exceptions=True)

    assert 1 == sum(not isinstance(one, Refused) for one in outcomes)
    assert (1, 1, 0) == desk.stored()


async def test_a_resend_is_the_same_code_later_and_not_for_longer(desk):
    """Thirty seconds must pass, then sixty; the code and its end stay; each repeat is a message of its own."""
    first = await desk.request()
    code = await desk.code()

    assert (Refusal.LIMITED, "ResendEarly", None) == await refusal(desk.resend(first.id))
    desk.now += 30
    second = await desk.resend(first.id)
    assert code == await desk.code(2)
    assert (first.id, first.expires_at, 60.0) == (second.id, second.expires_at, second.resend_after - desk.now)
    assert first.message.id != second.message.id
    assert "" == second.message.text
    desk.now += 59
    assert (Refusal.LIMITED, "ResendEarly", None) == await refusal(desk.resend(first.id))
    assert Verdict.MATCH is await desk.verify(code)
    desk.now += 60
    assert (Refusal.CONFLICT, "OtpOver", None) == await refusal(desk.resend(first.id))


async def test_resends_at_once_send_one(desk):
    """Of those that see the same moment one goes out."""
    first = await desk.request()
    desk.now += 30

    outcomes = await asyncio.gather(*(desk.resend(first.id) for _ in range(5)), return_exceptions=True)

    assert 1 == sum(not isinstance(one, Refused) for one in outcomes)
    assert (2, 1, 0) == desk.stored()


async def test_another_accounts_code_is_not_there(desk):
    """Neither to be sent again nor to be verified."""
    first = await desk.request()
    code = await desk.code()
    desk.account = msgspec.structs.replace(desk.account, name="other")
    desk.now += 30

    assert (Refusal.NOT_FOUND, "NotFound", None) == await refusal(desk.resend(first.id))
    assert Verdict.UNKNOWN is await desk.verify(code)


async def test_failures_of_a_recipient_survive_resend_and_reference(desk):
    """Fifteen wrong codes within an hour, over any references, end all checks of the recipient for that hour."""
    for reference in ("r1", "r2", "r3"):
        first = await desk.request(reference)
        assert [Verdict.MISMATCH] * 5 == [await desk.verify("x", reference) for _ in range(5)]
        desk.now += 30
        assert (Refusal.CONFLICT, "OtpOver", None) == await refusal(desk.resend(first.id))

    assert (Refusal.LIMITED, "OtpSlowed", "to") == await refusal(desk.request("r4"))
    desk.now += 3_600 - 90
    await desk.request("r4")
    assert Verdict.MATCH is await desk.verify(await desk.code(4), "r4")


async def test_codes_under_an_older_key_still_match(desk):
    """After a rotation the newest key signs and the one before still verifies; without it the code is worth nothing."""
    await desk.request("r1")
    first = await desk.code()
    desk.challenges.keys = (otp_key(b"n" * 32), KEY)
    await desk.request("r2")
    second = await desk.code(2)

    assert Verdict.MATCH is await desk.verify(first, "r1")
    desk.challenges.keys = (otp_key(b"o" * 32),)
    assert Verdict.MISMATCH is await desk.verify(second, "r2")


async def test_the_life_is_clipped_and_says_so(desk):
    """A century becomes ten minutes, by either way of saying it; what is shorter stays."""
    century = 100 * 365 * 86_400.0

    asked = [
        await desk.request("a", valid_for=century),
        await desk.request("b", expires_at=desk.now + century),
        await desk.request("c", valid_for=60),
    ]

    assert [(600.0, True), (600.0, True), (60.0, False)] == [(one.expires_at - desk.now, one.clipped) for one in asked]


BAD = {
    "no place": ({"template": "no code"}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "two places": ({"template": "%s %s"}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "%n": ({"template": "%s %n"}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "an attribute": ({"template": "%s {0.__class__}"}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "an empty text": ({"template": ""}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "a long text": ({"template": "%s" + "x" * 5_000}, (Refusal.MALFORMED, "BadTemplate", "template")),
    "half a pair": ({"template": "%s \ud800"}, (Refusal.MALFORMED, "BadText", "template")),
    "no life": ({"valid_for": 0}, (Refusal.MALFORMED, "BadValidity", "valid_for")),
    "a negative life": ({"valid_for": -1}, (Refusal.MALFORMED, "BadValidity", "valid_for")),
    "no number": ({"valid_for": float("nan")}, (Refusal.MALFORMED, "BadValidity", "valid_for")),
    "over already": ({"expires_at": 1.0}, (Refusal.EXPIRED, "ExpiredOnArrival", "expires_at")),
    "no reference": ({"reference": ""}, (Refusal.MALFORMED, "BadReference", "reference")),
    "a long reference": ({"reference": "r" * 256}, (Refusal.MALFORMED, "BadReference", "reference")),
    "a control character": ({"reference": "r\n"}, (Refusal.MALFORMED, "BadReference", "reference")),
    "neither": ({"to": "nobody"}, (Refusal.MALFORMED, "BadNumber", "to")),
    "half an address": ({"to": "nobody@"}, (Refusal.MALFORMED, "BadAddress", "to")),
    "an address in two lines": ({"to": "a@b\r\nBcc: c@d"}, (Refusal.MALFORMED, "BadAddress", "to")),
    "a subject in two lines": ({"subject": "a\r\nBcc: b@c"}, (Refusal.MALFORMED, "BadSubject", "subject")),
    "an own code": ({"code": "123456"}, (Refusal.FORBIDDEN, "OwnCodeNotAllowed", "code")),
    "a foreign host": ({"host": "evil.example"}, (Refusal.FORBIDDEN, "HostNotAllowed", "host")),
    "a foreign app": ({"app_hash": "FA+9qCX9VSu"}, (Refusal.FORBIDDEN, "AppHashNotAllowed", "app_hash")),
}


@pytest.mark.parametrize(("members", "expected"), BAD.values(), ids=BAD)
async def test_bad_input_is_refused_and_nothing_is_stored(desk, members, expected):
    """The refusal names the member; neither message nor challenge nor key is there."""
    members = {"key": "k", **members}

    assert expected == await refusal(desk.request(**members))
    assert (0, 0, 0) == desk.stored()


async def test_a_large_param_is_refused(desk):
    """Ten kilobytes are more than a code is bound to."""
    command = RequestOtp("+491701234567", "r", ("", "x" * 10_240, "", ""))

    assert (Refusal.MALFORMED, "BadParam", "param2") == await refusal(desk.rig.hub.handle(desk.account, command))
    assert (0, 0, 0) == desk.stored()


async def test_what_an_account_may_do(desk):
    """Its own code, where it may bring one; the last line of a site and of an app that are its own."""
    policy = OtpPolicy(
        custom_code=True, hosts=frozenset({"login.example"}), app_hashes=frozenset({"FA+9qCX9VSu"}), generic=True
    )
    desk.account = msgspec.structs.replace(desk.account, otp=policy)

    await desk.request("a", code="aB3456", template="Code %s", host="Login.example")
    await desk.request("b", code="654321", template="Code %s", app_hash="FA+9qCX9VSu")
    assert (Refusal.MALFORMED, "BadCode", "code") == await refusal(desk.request("c", code="12345"))

    await desk.rig.until(lambda: len(desk.rig.connectors["a"].sent) == 2)
    texts = [message.text for message in desk.rig.connectors["a"].sent]
    assert ["Code aB3456\n@login.example #aB3456", "<#> Code 654321\nFA+9qCX9VSu"] == texts
    assert Verdict.MATCH is await desk.verify("AB3456", "a")
    answer = await desk.rig.hub.handle(desk.account, VerifyOtp("+491701234567", "b", "1", PARAMS))
    assert (Verdict.MISMATCH, 4, True) == (answer.verdict, answer.tries_left, answer.generic)


async def test_the_guard_is_asked_before_anything_is_stored_and_told_what_became_of_it(rig_factory):
    """It sees the recipient as it is stored and the address of the person behind; a repeat needs no leave."""
    seen = []

    class Guarding:
        """Refuses one source; what it gives back tells which leave it was."""

        async def check(self, account, to, source, now):
            """Note it; refuse."""
            seen.append(("check", account.name, to, source))
            if source == "192.0.2.1":
                raise Refused(Refusal.LIMITED, "Limited", retry_after=1.0)
            return Leave(before=len(seen))

        def unsent(self, leave):
            """Note it."""
            seen.append(("unsent", leave.before))

        def typed(self, account, to, now):
            """Have nothing to write."""

        async def verified(self, account, to, now):
            """Note it; fail."""
            seen.append(("verified", account.name, to))
            raise RuntimeError("the guard is ill")

    desk = Desk(await rig_factory(), guard=Guarding())
    assert (Refusal.LIMITED, "Limited", None) == await refusal(desk.request(source="192.0.2.1", key="k"))
    assert (0, 0, 0) == desk.stored()
    first = await desk.request(source="192.0.2.2", key="k")
    assert first.id == (await desk.request(source="192.0.2.1", key="k")).id
    assert first.id == (await desk.request(source="192.0.2.2", key="k")).id
    assert (Refusal.CONFLICT, "OtpLive", "reference") == await refusal(desk.request(source="192.0.2.2"))
    assert Verdict.MATCH is await desk.verify(await desk.code())
    assert [
        ("check", "shop", "491701234567", "192.0.2.1"),
        ("check", "shop", "491701234567", "192.0.2.2"),
        ("check", "shop", "491701234567", "192.0.2.1"),
        ("unsent", None),
        ("check", "shop", "491701234567", "192.0.2.2"),
        ("unsent", 5),
        ("check", "shop", "491701234567", "192.0.2.2"),
        ("unsent", 7),
        ("verified", "shop", "491701234567"),
    ] == seen


async def test_a_text_of_the_same_key_is_another_request(desk):
    """The idempotency keys of texts and codes are one: a text under a code's key is a conflict."""
    await desk.request(key="k")

    text = SendTexts(("+491701234567",), "Hello", reference="k")
    assert (Refusal.CONFLICT, "ReferenceConflict", "reference") == await refusal(
        desk.rig.hub.handle(desk.account, text)
    )


def wrong(code):
    """Give another code than this one."""
    return str((int(code) + 1) % 1_000_000).zfill(6)


async def test_a_check_that_a_broker_delivers_again_gets_its_answer_again(desk):
    """Under its key the right code matches again; another one under the same key, and the right one under none, not."""
    await desk.request()
    code = await desk.code()

    async def verify(typed, key):
        command = VerifyOtp("+491701234567", "r", typed, PARAMS, key=key)
        return (await desk.rig.hub.handle(desk.account, command)).verdict

    assert Verdict.MATCH is await verify(code, "m-1\0")
    assert Verdict.MATCH is await verify(code, "m-1\0")
    assert [Verdict.CONSUMED] * 3 == [
        await verify(wrong(code), "m-1\0"),
        await verify(code, "m-2"),
        await verify(code, None),
    ]
