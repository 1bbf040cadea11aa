"""Ten thousand passwords: whoever guesses is slowed until it pays no more, and nobody is locked out by it."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from smshub.domain.commands import Refusal, Refused
from smshub.engine.people import Sessions
from smshub.engine.setup import SetupSecret
from smshub.frontends.slowing import LONGEST_DELAY, MOST_WAITING, Slowing

PASSWORD = "correct horse battery"
GUESSES = 10_000
DAY = 24 * 3_600.0
EVIL, HERE = "192.0.2.66", "127.0.0.1"


class Time:
    """The time of a test: it goes on only where somebody waits; with a gate, they wait until it opens."""

    def __init__(self):
        self.now = time.time()
        self.gate = None

    async def sleep(self, seconds):
        """Wait."""
        if self.gate is not None:
            await self.gate.wait()
        self.now += seconds


@pytest.fixture
async def clock():
    """Give the time of the test."""
    return Time()


@pytest.fixture
async def sessions(rig_factory, tmp_path, clock):
    """Give the sessions of a hub with one administrator, ada."""
    rig = await rig_factory("a")

    async def note(*words, **more):
        """Be the audit log."""

    sessions = Sessions(
        rig.outbox,
        rig.committer,
        bytes(32),
        slowing=Slowing(now=lambda: clock.now, sleep=clock.sleep),
        setup=SetupSecret(tmp_path / "hub.setup"),
        account_of=lambda _: None,
        note=note,
        clock=lambda: clock.now,
    )
    # As it is done for good, ten thousand would keep a core busy for a quarter of an hour.
    sessions.passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    await sessions.set_up(sessions._setup.make(), "ada", PASSWORD, HERE)
    return sessions


async def refused(sessions, name, password, source=EVIL):
    """Try a password; give the refusal."""
    with pytest.raises(Refused) as found:
        await sessions.sign_in(name, password, "", source)
    return found.value


async def test_ten_thousand_passwords_take_more_than_a_day(sessions, clock):
    """From one place on one name; the owner signs in at once from elsewhere, all the while, and from there too."""
    began = clock.now
    for number in range(GUESSES):
        assert "SignInFailed" == (await refused(sessions, "ada", f"guess {number}")).error
        if number % 1_000 == 0:
            before = clock.now
            assert await sessions.sign_in("ada", PASSWORD, "", HERE)
            assert before == clock.now

    assert clock.now - began > DAY
    before = clock.now
    assert await sessions.sign_in("ada", PASSWORD, "", EVIL)
    assert clock.now - before <= LONGEST_DELAY


async def test_one_password_on_many_names_is_slowed_too(sessions, clock):
    """The place is slowed as a whole, whoever it claims to be; those who belong there are not."""
    assert await sessions.sign_in("ada", PASSWORD, "", EVIL)
    began = clock.now
    for number in range(200):
        await refused(sessions, f"name{number}", PASSWORD)
    assert clock.now - began > 1_000

    before = clock.now
    assert await sessions.sign_in("ada", PASSWORD, "", EVIL)
    assert before == clock.now


async def test_many_at_once_gain_nothing(sessions, clock):
    """So many wait and no more: the others are told when to come again, and no password of theirs is looked at."""
    await refused(sessions, "ada", "guess")
    clock.gate = asyncio.Event()
    tries = [asyncio.create_task(refused(sessions, "ada", f"guess {number}")) for number in range(300)]
    done, waiting = await asyncio.wait(tries, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 300 - MOST_WAITING:
        more, waiting = await asyncio.wait(waiting, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
        assert more
        done |= more

    assert {(Refusal.LIMITED, "AuthSlowed")} == {(one.result().refusal, one.result().error) for one in done}
    assert all(one.result().retry_after > 0 for one in done)
    assert MOST_WAITING == len(waiting)
    # The owner, from elsewhere, is not among those who wait.
    assert await sessions.sign_in("ada", PASSWORD, "", HERE)
    clock.gate.set()
    assert {"SignInFailed"} == {one.error for one in await asyncio.gather(*waiting)}


async def test_the_one_time_secret_cannot_be_guessed_either(sessions, clock):
    """Its tries are slowed like those of a password."""
    began = clock.now
    for number in range(100):
        with pytest.raises(Refused) as found:
            await sessions.set_up(f"guess {number}", "eve", PASSWORD, EVIL)
        assert "SetupSecretWrong" == found.value.error

    assert clock.now - began > 500
