"""People sign in: with a password and a code of their authenticator, into sessions that end."""

import time
from contextlib import nullcontext

import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Refused
from smshub.domain.users import IDLE, LONGEST_SESSION, DeleteUser, ListUsers, PutUser
from smshub.engine import totp
from smshub.engine.people import Sessions
from smshub.engine.setup import SetupSecret
from smshub.engine.users import UserRoom

PASSWORD = "correct horse battery"
HERE = "127.0.0.1"


class Slow:
    """Slows nobody down, and counts."""

    belongs = False

    def __init__(self):
        self.failed = 0

    async def begin(self, source, name):
        """Begin."""
        return self

    def pending(self, source, name):
        """Count nothing."""
        return nullcontext()

    def fail(self, *, known=False):
        """Count."""
        self.failed += 1

    def succeed(self):
        """Forget."""
        self.failed = 0


class People:
    """The people of a hub, and what drives them."""

    def __init__(self, rig, folder):
        self.now = time.time()
        self.notes = []
        self.slowing = Slow()
        self.setup = SetupSecret(folder / "hub.setup")
        self.accounts = {"shop": Account("shop")}
        self.sessions = Sessions(
            rig.outbox,
            rig.committer,
            bytes(32),
            slowing=self.slowing,
            setup=self.setup,
            account_of=self.accounts.get,
            note=self.note,
            clock=lambda: self.now,
        )
        self.room = UserRoom(self.sessions, self.accounts.get)

    async def note(self, actor, action, thing, before=None, after=None):
        """Be the audit log."""
        self.notes.append((actor, action))

    async def first(self):
        """Make the first administrator; give the token and the session."""
        token = await self.sessions.set_up(self.setup.make(), "ada", PASSWORD, HERE)
        return token, await self.sessions.session(token)

    async def ask(self, command, account=None):
        """Ask as an administrator."""
        return await self.room.handlers[type(command)](account or Account("x", role=Role.ADMINISTRATOR), command)


@pytest.fixture
async def people(rig_factory, tmp_path):
    """Give a hub without users."""
    return People(await rig_factory("a"), tmp_path)


async def refused(awaitable):
    """Tell the name of the refusal."""
    with pytest.raises(Refused) as found:
        await awaitable
    assert PASSWORD not in str(found.value)
    return found.value.error


async def test_the_first_user_is_made_once_by_the_secret(people):
    """A wrong secret makes nobody; the right one makes an administrator, and then counts no more."""
    secret = people.setup.make()
    wrong = [await refused(people.sessions.set_up(one, "eve", PASSWORD, HERE)) for one in ("", "x", secret + "x")]
    _, session = await people.first()

    assert ["SetupSecretWrong"] * 3 == wrong
    assert ("ada", Role.ADMINISTRATOR, "console:ada") == (session.user.name, session.user.role, session.account.name)
    assert not people.setup.file.exists()
    assert "SetupSecretWrong" == await refused(people.sessions.set_up(secret, "eve", PASSWORD, HERE))
    assert not await people.sessions.needs_setup()
    people.setup.make()
    assert 0o600 == people.setup.file.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("eve", PASSWORD), ("ada", "x" * 1_048_576), ("", "")]
)
async def test_a_wrong_name_and_a_wrong_password_are_told_alike(people, name, password):
    """And count as a failure."""
    await people.first()

    assert "SignInFailed" == await refused(people.sessions.sign_in(name, password, "", HERE))
    assert 1 == people.slowing.failed


async def test_a_session_ends_by_idleness_by_age_and_by_signing_out(people):
    """Each use holds it open, but not for ever."""
    token, _ = await people.first()
    for _ in range(int(LONGEST_SESSION / (IDLE - 60)) - 1):
        people.now += IDLE - 60
        assert await people.sessions.session(token)
    people.now += IDLE + 1
    assert await people.sessions.session(token) is None
    again = await people.sessions.sign_in("ada", PASSWORD, "", HERE)
    assert await people.sessions.session(again)
    await people.sessions.sign_out(again)
    assert await people.sessions.session(again) is None
    assert [None] * 3 == [await people.sessions.session(bad) for bad in ("", "x" * 100, "\u00e9")]


async def test_what_a_page_asks_of_its_own_accord_holds_no_session_open(people):
    """A page that asks every two seconds and is looked at by nobody ends its session like any other."""
    token, _ = await people.first()
    people.now += IDLE - 60
    assert await people.sessions.session(token, used=False)
    people.now += 61
    assert await people.sessions.session(token, used=False) is None


async def test_a_code_of_the_authenticator_is_asked_for_and_counts_once(people):
    """Not without it, not with a wrong one, not twice with the same, not with that of an hour ago."""
    _, session = await people.first()
    secret, address = await people.sessions.begin_totp(session)
    code = totp.code_of(secret, int(people.now / totp.STEP))
    assert "CodeWrong" == await refused(people.sessions.confirm_totp(session, secret, "000000", PASSWORD, HERE))
    assert "SignInFailed" == await refused(people.sessions.confirm_totp(session, secret, code, "not it", HERE))
    await people.sessions.confirm_totp(session, secret, code, PASSWORD, HERE)
    tried = [await refused(people.sessions.sign_in("ada", PASSWORD, one, HERE)) for one in ("", "000000", code)]
    people.now += 2 * totp.STEP
    old = totp.code_of(secret, int(people.now / totp.STEP) - 120)
    tried.append(await refused(people.sessions.sign_in("ada", PASSWORD, old, HERE)))
    token = await people.sessions.sign_in("ada", PASSWORD, totp.code_of(secret, int(people.now / totp.STEP)), HERE)

    assert ["CodeNeeded", "SignInFailed", "SignInFailed", "SignInFailed"] == tried
    assert (await people.sessions.session(token)).user.totp
    assert address.startswith("otpauth://totp/smshub%3Aada?secret=")


async def test_a_change_of_a_user_ends_their_sessions(people):
    """A role changed in mid-session, a new password, a disabled user, a removed one."""
    await people.first()
    await people.ask(PutUser("bob", role=Role.OPERATOR, password=PASSWORD))
    for change in (PutUser("bob", role=Role.AUDITOR), PutUser("bob", password=PASSWORD + "!"), PutUser("bob")):
        password = PASSWORD + "!" if change == PutUser("bob") else PASSWORD
        token = await people.sessions.sign_in("bob", password, "", HERE)
        assert await people.sessions.session(token)
        await people.ask(change)
        assert await people.sessions.session(token) is None
    await people.ask(PutUser("bob", disabled=True))
    assert "SignInFailed" == await refused(people.sessions.sign_in("bob", PASSWORD + "!", "", HERE))
    await people.ask(DeleteUser("bob"))
    assert ["ada"] == [one.name for one in (await people.ask(ListUsers())).users]


async def test_the_owner_of_an_account_acts_as_it(people):
    """What they see is the account's; where the account is gone, so is the session."""
    await people.first()
    await people.ask(PutUser("owner", role=Role.ACCOUNT, account="shop", password=PASSWORD))
    token = await people.sessions.sign_in("owner", PASSWORD, "", HERE)
    session = await people.sessions.session(token)
    people.accounts.clear()

    assert ("shop", Role.ACCOUNT) == (session.account.name, session.account.role)
    assert await people.sessions.session(token) is None


REFUSALS = [
    (PutUser("Bad Name", password=PASSWORD), "BadUserName"),
    (PutUser("bob", role=Role.OPERATOR), "NoPassword"),
    (PutUser("bob", role=Role.OPERATOR, password="short"), "BadPassword"),
    (PutUser("bob", role=Role.OPERATOR, password="x" * 257), "BadPassword"),
    (PutUser("bob", role=Role.ACCOUNT, account="nobody", password=PASSWORD), "NoSuchAccount"),
    (PutUser("ada", role=Role.AUDITOR), "LastAdministrator"),
    (PutUser("ada", disabled=True), "LastAdministrator"),
    (DeleteUser("ada"), "LastAdministrator"),
    (DeleteUser("bob"), "NotFound"),
]


@pytest.mark.parametrize(("command", "error"), REFUSALS)
async def test_what_cannot_be_is_refused(people, command, error):
    """And nothing has changed."""
    await people.first()
    before = await people.ask(ListUsers())

    assert error == await refused(people.ask(command))
    assert before == await people.ask(ListUsers())


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR, Role.ACCOUNT])
async def test_only_administrators_change_users(people, role):
    """Whatever the change."""
    await people.first()
    asked = [PutUser("bob", role=Role.ADMINISTRATOR, password=PASSWORD), DeleteUser("ada")]

    assert ["Forbidden"] * 2 == [await refused(people.ask(one, Account("x", role=role))) for one in asked]


# RFC 6238 appendix B, the last six of its eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_codes_are_those_of_the_standard(at, code):
    """The vectors of RFC 6238."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    assert (code, int(at / 30)) == (totp.code_of(secret, int(at / 30)), totp.step_of(secret, code, at))
