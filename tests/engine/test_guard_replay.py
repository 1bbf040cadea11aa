"""A replay of pumping among honest requests: what the guard lets through, and whom it hits by mistake."""

import random
from dataclasses import dataclass, field

import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import Refused
from smshub.domain.guard import GuardMode, GuardPolicy
from smshub.domain.otp import OtpPolicy
from smshub.engine.guard import Guarding

PUMPED = "49155512"
HOUR = 3_600.0
BEGIN = 1_900_000_000.0
DEFAULTS = GuardPolicy(mode=GuardMode.ENFORCE, countries=frozenset({"DE", "AT", "CH", "FR"}))


def shop(policy=DEFAULTS):
    """Give an account under this policy of the guard."""
    return Account("shop", country="DE", otp=OtpPolicy(guard=policy))


@dataclass
class Replay:
    """What became of the requests: how many were made and refused, by kind."""

    made: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    rules: set[str] = field(default_factory=set)

    def left(self, kind):
        """Tell how many codes of a kind left."""
        return self.made[kind] - self.refused.get(kind, 0)


def requests(rng, order):
    """
    Give 10,000 pumped requests and 10,000 honest ones of an hour, by time: when, to whom, of which kind.

    The pumped ones go to 1,000 numbers of one prefix; of the honest ones 3 of 1,000 go to
    other numbers of that prefix (which is far more than its share of a country), 700 to others of the same country.
    """
    numbers = [f"{PUMPED}{number:04d}" for number in range(3_000, 4_000)]
    pumped = order(numbers, rng)
    made = [(BEGIN + number * HOUR / 10_000, to, "pumped") for number, to in enumerate(pumped)]
    for _ in range(10_000):
        kind = rng.choices(("same prefix", "same country", "elsewhere"), (3, 700, 297))[0]
        if kind == "same prefix":
            to = f"{PUMPED}{rng.randrange(5_000, 10_000):04d}"
        elif kind == "same country":
            to = f"49{rng.choice((151, 160, 170, 171, 175, 176))}{rng.randrange(1_000_000, 9_999_999)}"
        else:
            to = rng.choice(("43664", "4179", "336")) + str(rng.randrange(1_000_000, 9_999_999))
        made.append((BEGIN + rng.random() * HOUR, to, kind))
    return sorted(made)


async def replay(guard, account, made, rng, *, conversion=0.85):
    """Have the guard asked for each; those honest ones whose code left type it within a minute, 85 of 100."""
    result = Replay()
    typing = []
    for at, to, kind in made:
        while typing and typing[0][0] <= at:
            typed_at, number = typing.pop(0)
            await guard.verified(account, number, typed_at)
        result.made[kind] = result.made.get(kind, 0) + 1
        try:
            await guard.check(account, to, "", at)
        except Refused as refused:
            result.refused[kind] = result.refused.get(kind, 0) + 1
            result.rules.add(refused.error)
            continue
        if kind != "pumped" and rng.random() < conversion:
            typing.append((at + 30.0, to))
    return result


def in_turn(numbers, rng):
    """Ask for one number after the other, and again."""
    return numbers * 10


def at_random(numbers, rng):
    """Ask for them in any order."""
    return [rng.choice(numbers) for _ in range(10_000)]


def spaced(numbers, rng):
    """Ask for every seventh, so that none follows another."""
    return [numbers[place * 7 % 1_000] for place in range(10_000)]


@pytest.mark.parametrize("order", [in_turn, at_random, spaced])
async def test_pumping_ends_after_a_few_and_hits_nobody_else(rig_factory, order):
    """Of 10,000 pumped codes at most 50 leave; no honest one to another prefix is refused, in the country or abroad."""
    rig = await rig_factory(begin=False)
    rng = random.Random(7)
    guard = Guarding(rig.outbox, rig.committer, node="one", shared=False, note=None, clock=lambda: BEGIN)

    result = await replay(guard, shop(), requests(rng, order), rng)

    assert result.left("pumped") <= 50
    assert {"pumped", "same prefix"} >= set(result.refused)
    assert {"GuardPrefix", "GuardRecipient", "GuardLimited"} >= result.rules
    assert result.made["same country"] > 6_000
    honest = result.made["same country"] + result.made["same prefix"]
    assert result.refused.get("same prefix", 0) <= honest / 100
