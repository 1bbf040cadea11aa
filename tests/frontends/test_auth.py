"""Who gets in, how fast, and what a stranger can learn or hold up."""

import asyncio
import hashlib

import argon2
import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.frontends.auth import REMEMBER, Gatekeeper, Login
from smshub.frontends.slowing import FORGIVEN_AFTER, FREE_FAILURES, LONGEST_DELAY, MOST_WAITING, WATCHED, place_of

SHOP = Account(name="shop")
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """A clock that a test moves; sleeping moves it too, and is written down."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        """Tell the time."""
        return self.now

    async def sleep(self, seconds):
        """Move on without waiting."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock():
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def gate(clock):
    """A gate with one account in clear."""
    made = Gatekeeper([Login(SHOP, username="shop", password="right")], now=clock, sleep=clock.sleep)
    yield made
    made.close()


async def refused(gate, username, password, source="192.0.2.1"):
    """Try credentials that must be refused; give the refusal."""
    with pytest.raises(Refused) as caught:
        await gate.authenticate(username, password, source=source)
    return caught.value.refusal


async def test_each_failure_of_a_name_doubles_the_wait(gate, clock):
    """A quarter of a second, a half, and so on, ten at most; the right password ends it."""
    for _ in range(9):
        assert Refusal.UNAUTHENTICATED == await refused(gate, "shop", "wrong")
    assert [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_DELAY, LONGEST_DELAY] == clock.slept

    clock.slept.clear()
    assert SHOP == await gate.authenticate("shop", "right", source="192.0.2.1")
    assert [LONGEST_DELAY] == clock.slept
    gate.forget()
    assert SHOP == await gate.authenticate("shop", "right", source="192.0.2.1")
    assert [LONGEST_DELAY] == clock.slept


async def test_failures_are_forgiven_in_time(gate, clock):
    """After five minutes of peace the next try waits for nothing."""
    await refused(gate, "shop", "wrong")
    clock.now += FORGIVEN_AFTER + 1
    await refused(gate, "shop", "wrong")

    assert [] == clock.slept


async def test_one_password_tried_on_many_names_is_slowed(gate, clock):
    """Names change from try to try, the place does not: after some failures all of its tries wait."""
    for number in range(FREE_FAILURES + 10):
        await refused(gate, f"name-{number}", "Summer2024")

    assert clock.slept[-1] >= 2.0
    assert clock.slept == sorted(clock.slept)


async def test_who_belongs_to_a_place_is_not_slowed_with_it(gate, clock):
    """A stranger behind the same proxy fails without end; who has signed in from there before does not wait."""
    await gate.authenticate("shop", "right", source="192.0.2.1")
    for number in range(FREE_FAILURES + 20):
        await refused(gate, f"name-{number}", "Summer2024")
    clock.slept.clear()
    gate.forget()

    assert SHOP == await gate.authenticate("shop", "right", source="192.0.2.1")
    assert [] == clock.slept


async def test_credentials_that_were_right_are_not_locked_out(gate, clock):
    """Guesses at the very name from the very place do not slow the one who knows the password, minutes later too."""
    await gate.authenticate("shop", "right", source="192.0.2.1")
    for _ in range(10):
        await refused(gate, "shop", "wrong")
    clock.slept.clear()
    clock.now += REMEMBER + 1

    assert SHOP == await gate.authenticate("shop", "right", source="192.0.2.1")
    assert [] == clock.slept


async def test_many_guesses_at_once_gain_nothing(clock):
    """Guesses that are sent together wait as if each had failed before the next; past a bound they are refused."""
    kept = CHEAP.hash("right")
    gate = Gatekeeper([Login(SHOP, username="shop", password=kept)], now=clock, sleep=clock.sleep)

    guesses = [gate.authenticate("shop", f"guess-{n}", source="192.0.2.1") for n in range(MOST_WAITING + 9)]
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)

    gate.close()
    assert {Refusal.UNAUTHENTICATED: 1 + MOST_WAITING, Refusal.LIMITED: 8} == {
        kind: [outcome.refusal for outcome in outcomes].count(kind)
        for kind in (Refusal.UNAUTHENTICATED, Refusal.LIMITED)
    }
    assert [0.25, 0.5, 1.0, 2.0, 4.0, 8.0] == clock.slept[:6]


async def test_the_same_credentials_at_once_are_verified_once(clock):
    """A client that opens fifty connections with its password waits for one hash, and none of them is slowed."""
    gate = Gatekeeper([Login(SHOP, username="shop", password=CHEAP.hash("right"))], now=clock, sleep=clock.sleep)

    found = await asyncio.gather(*(gate.authenticate("shop", "right", source="192.0.2.1") for _ in range(50)))

    gate.close()
    assert ([SHOP] * 50, []) == (found, clock.slept)


async def test_a_changed_account_is_forgotten_at_once(gate):
    """With the password changed the old one fails, though it was right a moment ago."""
    await gate.authenticate("shop", "right", source="192.0.2.1")

    gate.load([Login(SHOP, username="shop", password="new")])

    assert Refusal.UNAUTHENTICATED == await refused(gate, "shop", "right")
    assert SHOP == await gate.authenticate("shop", "new", source="192.0.2.1")


async def test_what_is_verified_during_a_change_is_not_remembered(clock):
    """A verification that began with the old accounts does not outlive them."""
    gate = Gatekeeper([Login(SHOP, username="shop", password=CHEAP.hash("right"))], now=clock, sleep=clock.sleep)
    verifying = asyncio.create_task(gate.authenticate("shop", "right", source="192.0.2.1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    gate.load([])

    await verifying
    assert Refusal.UNAUTHENTICATED == await refused(gate, "shop", "right")
    gate.close()


async def test_what_is_remembered_of_strangers_is_bounded(gate, clock):
    """Names without end leave no more behind than there is room for."""
    for number in range(WATCHED + 50):
        gate._slowing.failed(("192.0.2.1", f"name-{number}"))

    assert WATCHED == len(gate._slowing._names)
    assert 1 == len(gate._slowing._places)


async def test_a_long_password_is_refused_unread(gate):
    """A megabyte is no password."""
    assert Refusal.UNAUTHENTICATED == await refused(gate, "shop", "x" * 1_000_000)


async def test_an_api_key_is_kept_as_its_digest():
    """The digest in the file lets the key in, and is no key itself."""
    digest = "sha256:" + hashlib.sha256(b"a-key-of-the-shop").hexdigest()
    gate = Gatekeeper([Login(SHOP, api_keys=(digest,))])

    assert SHOP == await gate.authenticate_key("a-key-of-the-shop", source="192.0.2.1")
    with pytest.raises(Refused):
        await gate.authenticate_key(digest, source="192.0.2.1")
    gate.close()


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("", ""),
        ("nonsense:", "nonsense:"),
    ],
)
def test_an_ipv6_network_is_one_place(source, place):
    """Whoever has one address of a /64 has all of them."""
    assert place == place_of(source)
