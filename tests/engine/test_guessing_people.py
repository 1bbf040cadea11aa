"""How many guesses count, at most, and what an attacker gains by sending them at once: by a clock that is moved."""

import asyncio
import heapq
import threading
import time
from collections import Counter
from functools import partial
from itertools import count

import pytest
from argon2 import PasswordHasher

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Refused
from smshub.domain.users import IDLE, LONGEST_PASSWORD, LONGEST_SESSION, PutUser
from smshub.engine import totp
from smshub.engine.people import MOST_HASHES, Sessions
from smshub.engine.setup import SetupSecret
from smshub.engine.users import UserRoom
from smshub.frontends.slowing import LONGEST_DELAY, MOST_WAITING, Slowing
from smshub.store.users import read_user

PASSWORD, OTHER = "correct horse battery", "another horse battery"
EVIL, HERE = "192.0.2.66", "127.0.0.1"
DAY = 24 * 3_600.0


class Scheduler:
    """A clock on which many wait at once: when nobody can go on, it is the time at which the next one wakes."""

    def __init__(self):
        self.now = 1_000.0
        self._waking = []
        self._numbers = count()

    async def sleep(self, seconds):
        """Wait."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waking, (self.now + seconds, next(self._numbers), woken))
        await woken

    async def run(self, until):
        """Let time go by."""
        while self._waking and self._waking[0][0] <= until:
            self.now, _, woken = heapq.heappop(self._waking)
            woken.set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)
        self.now = until


async def guess(slowing, clock, source, name, guesses):
    """Guess for ever, as fast as one is let: each try that is let through is written down with its moment."""
    while True:
        try:
            trying = await slowing.begin(source, name)
        except Refused as refused:
            await clock.sleep(refused.retry_after)
        else:
            guesses.append(clock.now)
            trying.fail()


async def guessed(seconds, *callers):
    """Let callers (addresses and names) guess for so many seconds; give the moments of the guesses."""
    clock = Scheduler()
    slowing = Slowing(now=lambda: clock.now, sleep=clock.sleep)
    guesses = []
    tasks = [asyncio.create_task(guess(slowing, clock, source, name, guesses)) for source, name in callers]
    await asyncio.sleep(0)
    await clock.run(clock.now + seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return guesses


@pytest.mark.parametrize("connections", [1, 8, 100])
async def test_one_address_has_one_guess_in_ten_seconds_however_many_connections_it_opens(connections):
    """That is 8,640 a day on one name, and a handful besides before it is slowed."""
    hour = 3_600.0

    guesses = await guessed(hour, *[(EVIL, "ada")] * connections)

    assert hour / LONGEST_DELAY - 1 <= len(guesses) <= hour / LONGEST_DELAY + 8
    assert len(guesses) * 24 <= DAY / LONGEST_DELAY + 8 * 24


async def test_one_address_has_a_guess_a_second_whatever_names_it_tries():
    """One password on a thousand names: the place as a whole is slowed, after some that are free."""
    minutes = 600.0

    guesses = await guessed(minutes, *[(EVIL, f"name{number}") for number in range(1_000)])

    late = [at for at in guesses if at > guesses[0] + 60.0]
    assert 0.9 * (minutes - 60.0) < len(late) <= minutes - 60.0 + 1


async def test_a_thousand_addresses_have_a_thousand_times_as_many_and_no_more():
    """Each has its own count, so that none holds up the rightful user, who comes from another one."""
    addresses = [f"192.0.{number // 250}.{number % 250}" for number in range(1_000)]
    minutes = 300.0

    guesses = await guessed(minutes, *[(address, "ada") for address in addresses for _ in range(2)])

    assert len(guesses) <= 1_000 * (minutes / LONGEST_DELAY + 8)
    slowing = Slowing(now=lambda: 0.0, sleep=_never)
    for address in addresses:
        for _ in range(10):
            slowing.failed((address, "ada"))
    assert not (await slowing.begin(HERE, "ada")).belongs


async def _never(seconds):
    """Fail: whoever comes for the first time waits for nothing."""
    raise AssertionError(seconds)


# --- what a guess costs -----------------------------------------------------------------------------------------------


class Counting(PasswordHasher):
    """A cheap hasher that counts what it verifies, and is held up where a test says so (`verify` or `hash`)."""

    def __init__(self):
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0
        self.held = ""
        self.began, self.gate = threading.Event(), threading.Event()

    def verify(self, hash, password):  # noqa: A002 - argon2's own name
        """Verify."""
        self.verified += 1
        self._wait("verify")
        return super().verify(hash, password)

    def hash(self, password, **more):
        """Hash."""
        self._wait("hash")
        return super().hash(password, **more)

    def _wait(self, what):
        if self.held == what:
            self.began.set()
            assert self.gate.wait(10.0)


class World:
    """The people of a hub, with a clock of their own, real slowing and a hasher that counts."""

    def __init__(self, rig, folder):
        self.now = time.time()
        self.slept = []
        self.gate = None
        self.accounts = {"shop": Account("shop"), "boss": Account("boss", role=Role.ADMINISTRATOR)}
        self.sessions = self._sessions(rig, folder)
        self.hasher = self.sessions.passwords._hasher
        # Administrators are on another node, whose passwords have turns of their own.
        self.room = UserRoom(self._sessions(rig, folder), self.accounts.get)

    def _sessions(self, rig, folder):
        sessions = Sessions(
            rig.outbox,
            rig.committer,
            bytes(32),
            slowing=Slowing(now=lambda: self.now, sleep=self.sleep),
            setup=SetupSecret(folder / "hub.setup"),
            account_of=self.accounts.get,
            note=self.note,
            clock=lambda: self.now,
        )
        sessions.passwords._hasher = Counting()
        return sessions

    async def sleep(self, seconds):
        """Wait: the time has come at once, or when a gate is opened."""
        if self.gate is not None:
            await self.gate.wait()
        self.slept.append(seconds)
        self.now += seconds

    async def note(self, *words, **more):
        """Be the audit log."""

    async def put(self, name, **changed):
        """Make a user or change one, as an administrator."""
        self.now += 1.0
        await self.room.handlers[PutUser](Account("x", role=Role.ADMINISTRATOR), PutUser(name, **changed))

    def bob(self):
        """Give the row of bob."""
        return self.sessions.outbox.read(partial(read_user, name="bob"))

    async def refused(self, name, password, code="", source=EVIL):
        """Try to sign in; give the name of the refusal."""
        with pytest.raises(Refused) as found:
            await self.sessions.sign_in(name, password, code, source)
        return found.value.error

    async def authenticator(self, name, source=HERE):
        """Give somebody an authenticator; give its secret, and go on to where its codes are new."""
        session = await self.sessions.session(await self.sessions.sign_in(name, PASSWORD, "", source))
        secret, _ = await self.sessions.begin_totp(session)
        await self.sessions.confirm_totp(session, secret, self.code(secret), PASSWORD, source)
        self.now += 3 * totp.STEP
        return secret

    def code(self, secret):
        """Give the code of the moment."""
        return totp.code_of(secret, int(self.now / totp.STEP))


@pytest.fixture
async def world(rig_factory, tmp_path):
    """Give a hub with an administrator, ada."""
    made = World(await rig_factory("a"), tmp_path)
    await made.sessions.set_up(made.sessions._setup.make(), "ada", PASSWORD, HERE)
    return made


@pytest.mark.parametrize(
    ("name", "password", "verified"),
    [
        ("ada", "wrong", 1),
        ("nobody", "wrong", 1),
        ("gone", PASSWORD, 1),
        ("n\0ul", "wrong", 1),
        ("ada" * 10_000, "wrong", 1),
        ("ada", "x" * (LONGEST_PASSWORD + 1), 0),
        ("nobody", "x" * (LONGEST_PASSWORD + 1), 0),
        ("nobody", "x" * 2**20, 0),
    ],
)
async def test_an_unknown_name_costs_as_much_as_a_known_one(world, name, password, verified):
    """One verification each, so that the time tells nothing; none for what is too long to be a password."""
    await world.put("gone", role=Role.OPERATOR, password=PASSWORD, disabled=True)

    assert "SignInFailed" == await world.refused(name, password)
    assert verified == world.hasher.verified


async def test_hundreds_of_first_tries_at_once_are_not_all_looked_at(world):
    """Not before the first has failed either: one is, some wait for their turns, and the rest is refused unseen."""
    world.gate = asyncio.Event()
    tries = [asyncio.create_task(world.refused("ada", f"guess {number}")) for number in range(300)]

    done = await most(tries, MOST_WAITING)

    assert Counter({"AuthSlowed": 299 - MOST_WAITING, "SignInFailed": 1}) == Counter(one.result() for one in done)
    assert 1 == world.hasher.verified
    world.gate.set()
    await asyncio.gather(*tries)
    assert 1 + MOST_WAITING == world.hasher.verified


async def most(tasks, but):
    """Wait until all but so many tasks are done; give those."""
    done, left = set(), set(tasks)
    while len(left) > but:
        more, left = await asyncio.wait(left, timeout=10.0, return_when=asyncio.FIRST_COMPLETED)
        assert more
        done |= more
    return done


async def test_strangers_fill_their_own_queue_only(world):
    """A thousand addresses at once: some of their passwords are verified, and whoever is known goes past them."""
    await world.sessions.sign_in("ada", PASSWORD, "", HERE)
    async with world.sessions.passwords._strangers:  # one that takes its time
        addresses = [f"192.0.{number // 250}.{number % 250}" for number in range(1_000)]
        tries = [asyncio.create_task(world.refused("ada", "guess", source=one)) for one in addresses]
        done = await most(tries, MOST_HASHES)

        assert {"AuthSlowed"} == {one.result() for one in done}
        assert await world.sessions.sign_in("ada", PASSWORD, "", HERE)

    assert ["SignInFailed"] * MOST_HASHES == await asyncio.gather(*(one for one in tries if one not in done))
    assert [] == world.slept


# --- codes of an authenticator ----------------------------------------------------------------------------------------


async def test_a_code_signs_in_once(world):
    """Not a second time, not at the same time from elsewhere, and not the one before it."""
    secret = await world.authenticator("ada")
    before, code = totp.code_of(secret, int(world.now / totp.STEP) - 1), world.code(secret)
    sign_in = world.sessions.sign_in

    found = await asyncio.gather(
        *(sign_in("ada", PASSWORD, code, source) for source in (HERE, "127.0.0.2", "127.0.0.3")),
        return_exceptions=True,
    )

    assert ["Refused", "Refused", "str"] == sorted(type(one).__name__ for one in found)
    assert ["SignInFailed"] * 2 == [await world.refused("ada", PASSWORD, one, HERE) for one in (code, before)]


async def test_codes_cannot_be_guessed_by_a_thousand_addresses(world):
    """Whoever knows the password has a code in ten seconds, wherever they come from; the owner then gets in."""
    secret = await world.authenticator("ada")
    began, guesses = world.now, 300
    for number in range(guesses):
        good = {totp.code_of(secret, int(world.now / totp.STEP) + step) for step in range(-2, 4)}
        wrong = next(f"{code:06d}" for code in range(10) if f"{code:06d}" not in good)
        assert "SignInFailed" == await world.refused("ada", PASSWORD, wrong, f"192.0.{number // 250}.{number % 250}")

    took = world.now - began
    assert took > (guesses - 10) * LONGEST_DELAY
    # Three codes count at a time: in a day fewer than three of a hundred attackers have found one.
    assert DAY / (took / guesses) * 3 / 1_000_000 < 0.03
    world.slept.clear()
    assert await world.sessions.sign_in("ada", PASSWORD, world.code(secret), HERE)
    assert sum(world.slept) <= LONGEST_DELAY


# --- sessions and changes in their midst ------------------------------------------------------------------------------


async def test_a_session_ends_after_twelve_hours_however_much_it_is_used(world):
    """It was used a moment ago, and every few minutes before."""
    token = await world.sessions.sign_in("ada", PASSWORD, "", HERE)
    begun, often = world.now, 0.5 * IDLE
    while world.now + often < begun + LONGEST_SESSION:
        world.now += often
        assert await world.sessions.session(token)
    world.now = begun + LONGEST_SESSION - 1.0
    assert await world.sessions.session(token)
    world.now += 2.0

    assert await world.sessions.session(token) is None


CHANGES = [{"disabled": True}, {"role": Role.AUDITOR}, {"password": OTHER}, {"reset_totp": True}]


async def meanwhile(world, held, asked, change):
    """Change bob while what he has asked for waits for his password to be hashed or verified; give what came of it."""
    world.hasher.held = held
    task = asyncio.create_task(asked)
    assert await asyncio.to_thread(world.hasher.began.wait, 10.0)
    await world.put("bob", **change)
    changed = world.bob()
    world.hasher.gate.set()
    [outcome] = await asyncio.gather(task, return_exceptions=True)
    assert changed == world.bob()
    return outcome


@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_undoes_by_a_new_password_what_an_administrator_does_meanwhile(world, change):
    """Their new password was being hashed while they were changed: it is refused, and the change stays."""
    await world.put("bob", role=Role.OPERATOR, password=PASSWORD)
    token = await world.sessions.sign_in("bob", PASSWORD, "", HERE)
    session = await world.sessions.session(token)

    outcome = await meanwhile(world, "hash", world.sessions.change_password(session, PASSWORD, OTHER, HERE), change)

    assert ("SignInFailed", None) == (outcome.error, await world.sessions.session(token))


@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_signs_in_as_who_they_were_before_a_change(world, change):
    """Their password was being verified while they were changed: the session that the change would end never begins."""
    await world.put("bob", role=Role.OPERATOR, password=PASSWORD)

    outcome = await meanwhile(world, "verify", world.sessions.sign_in("bob", PASSWORD, "", HERE), change)

    assert "SignInFailed" == outcome.error


async def test_a_new_password_makes_no_code_good_again(world):
    """The code was used while the new password was being hashed; it is used up all the same."""
    await world.put("bob", role=Role.OPERATOR, password=PASSWORD)
    secret = await world.authenticator("bob")
    session = await world.sessions.session(await world.sessions.sign_in("bob", PASSWORD, world.code(secret), HERE))
    world.now += 2 * totp.STEP
    code = world.code(secret)
    world.hasher.held = "hash"
    new = asyncio.create_task(world.sessions.change_password(session, PASSWORD, OTHER, HERE))
    assert await asyncio.to_thread(world.hasher.began.wait, 10.0)
    await world.sessions.sign_in("bob", PASSWORD, code, EVIL)

    world.hasher.gate.set()
    await new

    assert "SignInFailed" == await world.refused("bob", OTHER, code, HERE)


async def test_the_people_of_an_account_are_no_administrators_whatever_their_account_is(world):
    """Its programs may change everything; who looks at its messages in the console may not."""
    await world.put("carl", role=Role.ACCOUNT, account="boss", password=PASSWORD)

    session = await world.sessions.session(await world.sessions.sign_in("carl", PASSWORD, "", HERE))

    assert ("boss", Role.ACCOUNT) == (session.account.name, session.account.role)
    assert Role.ADMINISTRATOR is world.accounts["boss"].role
