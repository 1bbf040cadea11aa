"""
The guard of one-time passwords: what it counts, and what it objects to. Pure: no clock, no database.

Whoever earns by texts to numbers of his own has codes sent to them (artificially inflated traffic, MITRE T1496.003).
This module is also carried by the process that writes rows, so it imports no library of numbers.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from smshub.domain.conversion import ConversionRules, Judged, Prefix
from smshub.domain.counting import DAY, HOUR, Recent, Tallies

TEN_MINUTES = 600.0
# Most that a limit kept by exact times may be.
MOST_RECIPIENT = 100
MOST_EXACT = 1_000
# Bounds of memory: receivers (about 25 MB when full), and what else is counted by key.
RECIPIENTS = 100_000
SOURCES = 50_000
PREFIXES = 10_000
OTHERS = 10_000
ANYWHERE = "*"


class GuardMode(StrEnum):
    """What the guard does."""

    OFF = "off"  # nothing, not even counting
    RECORD = "record"  # it writes down what it would refuse, and refuses nothing
    ENFORCE = "enforce"  # it refuses


class GuardPolicy(msgspec.Struct, frozen=True):
    """
    What the guard lets an account do; a limit of 0 is none.

    `countries` are ISO codes, or `*` for all; empty is the account's own country. `sequence` is how many numbers in a
    row that nobody has typed a code of are one too many. `conversion` holds for all accounts alike.
    """

    mode: GuardMode = GuardMode.RECORD
    countries: frozenset[str] = frozenset()
    recipient_10_minutes: int = 5
    recipient_day: int = 10
    source_hour: int = 30
    source_day: int = 100
    account_hour: int = 0
    account_day: int = 0
    prefix_10_minutes: int = 30
    country_hour: int = 0
    country_day: int = 0
    domain_hour: int = 0
    sequence: int = 5
    conversion: ConversionRules = ConversionRules()


class GuardRequest(msgspec.Struct, frozen=True):
    """
    A request for a code as the guard sees it.

    Of a mail address `domain` is told, and neither `country` nor `prefix`. `country` is "" where nobody knows it;
    `home` is the account's own.
    """

    account: str
    to: str
    source: str = ""
    country: str = ""
    prefix: str = ""
    domain: str = ""
    home: str = ""


class Objection(msgspec.Struct, frozen=True):
    """Why a request should be refused: the rule, a sentence, and after how many seconds it is worth another try."""

    rule: str
    why: str
    retry_after: float | None = None


class GuardBook:
    """What the guard remembers."""

    def __init__(self, *, recipients: int = RECIPIENTS) -> None:
        self._recipients = Recent(recipients, MOST_RECIPIENT)
        self._sources = Recent(SOURCES, MOST_EXACT)
        self._prefixes = Recent(PREFIXES, MOST_EXACT)
        self._accounts = _hour_and_day()
        self._countries = _hour_and_day()
        self._domains = _hour_and_day()
        self.prefixes: dict[str, Prefix] = {}

    def prefix(self, name: str, country: str) -> Prefix:
        """Give what is remembered of a prefix, from now on if it was nothing."""
        found = self.prefixes.pop(name, None) or Prefix(country)
        self.prefixes[name] = found
        if len(self.prefixes) > PREFIXES:
            self._forget_prefixes()
        return found

    def _forget_prefixes(self) -> None:
        # Those that are blocked or on trial stay, or whoever asks for many prefixes would open them.
        quiet = [name for name, one in self.prefixes.items() if not (one.blocked_until or one.trial)]
        for name in quiet[: PREFIXES // 16 + 1]:
            del self.prefixes[name]

    def count(self, request: GuardRequest, at: float, *, lately: bool = True) -> float | None:
        """
        Count a code that is sent; gives when its receiver was sent one before that is still open.

        Without `lately` it is more than an hour ago: it counts by the day, and says nothing of its prefix.
        """
        self._recipients.add(request.to, at)
        if request.domain:
            self._domains[0].add(request.domain, at)
            return None
        if request.source:
            self._sources.add(request.source, at)
        self._accounts[1].add(request.account, at)
        self._countries[1].add(request.country, at)
        if not lately:
            return None
        self._accounts[0].add(request.account, at)
        self._countries[0].add(request.country, at)
        self._prefixes.add(request.prefix, at)
        return self.prefix(request.prefix, request.country).sent(request.to, at)

    def take_back(self, request: GuardRequest, at: float, before: float | None) -> None:
        """Forget a code that was counted and not sent after all."""
        self._recipients.take_back(request.to, at)
        if request.domain:
            self._domains[0].take_back(request.domain, at)
            return
        if request.source:
            self._sources.take_back(request.source, at)
        self._prefixes.take_back(request.prefix, at)
        for tallies, key in ((self._accounts, request.account), (self._countries, request.country)):
            tallies[0].take_back(key, at)
            tallies[1].take_back(key, at)
        self.prefix(request.prefix, request.country).unsent(request.to, at, before)

    def typed(self, prefix: str, to: str) -> None:
        """Count that a code was right."""
        found = self.prefixes.get(prefix)
        if found is not None:
            found.typed(to)

    def look(self, policy: GuardPolicy, request: GuardRequest, now: float) -> Judged:
        """Judge how the codes to a request's prefix fare; tells what is new."""
        found = self.prefixes.get(request.prefix)
        return Judged.FINE if found is None else found.look(policy.conversion, now)

    def objections(self, policy: GuardPolicy, request: GuardRequest, now: float) -> Iterator[Objection]:
        """Give what speaks against a request, the gravest first."""
        if not request.domain:
            yield from self._places(policy, request, now)
        wait = self._recipients.wait(request.to, policy.recipient_10_minutes, TEN_MINUTES, now)
        if wait:
            yield _limit("recipient_10_minutes", policy.recipient_10_minutes, "to one receiver in 10 minutes", wait)
        wait = self._recipients.wait(request.to, policy.recipient_day, DAY, now)
        if wait:
            yield _limit("recipient_day", policy.recipient_day, "to one receiver in a day", wait)
        if request.domain:
            wait = self._domains[0].wait(request.domain, policy.domain_hour, now)
            if wait:
                yield _limit("domain_hour", policy.domain_hour, "to one mail domain in an hour", wait)
            return
        yield from self._numbers(policy, request, now)
        yield from self._totals(policy, request, now)

    def _places(self, policy: GuardPolicy, request: GuardRequest, now: float) -> Iterator[Objection]:
        allowed = policy.countries
        country = request.country
        if ANYWHERE not in allowed and not (country and (country in allowed if allowed else country == request.home)):
            yield Objection("countries", f"{country or 'an unknown country'} is none of the countries for codes")
        found = self.prefixes.get(request.prefix)
        if found is None:
            return
        if now < found.blocked_until:
            yield Objection("blocked", "nearly nobody types the codes sent to this prefix", found.blocked_until - now)
        wait = found.waiting(policy.conversion, now)
        if wait:
            yield Objection("trial", "the prefix was blocked lately, and those before wait to be typed", wait)
        if policy.sequence and found.run(request.to, now, policy.sequence) >= policy.sequence:
            why = f"{policy.sequence} numbers that follow each other were asked for, and no code was typed"
            yield Objection("sequence", why, TEN_MINUTES)

    def _numbers(self, policy: GuardPolicy, request: GuardRequest, now: float) -> Iterator[Objection]:
        source = request.source
        if source and (wait := self._sources.wait(source, policy.source_hour, HOUR, now)):
            yield _limit("source_hour", policy.source_hour, "for one address in an hour", wait)
        if source and (wait := self._sources.wait(source, policy.source_day, DAY, now)):
            yield _limit("source_day", policy.source_day, "for one address in a day", wait)
        if wait := self._prefixes.wait(request.prefix, policy.prefix_10_minutes, TEN_MINUTES, now):
            yield _limit("prefix_10_minutes", policy.prefix_10_minutes, "to one prefix in 10 minutes", wait)

    def _totals(self, policy: GuardPolicy, request: GuardRequest, now: float) -> Iterator[Objection]:
        for name, whose, tallies, key, limit in (
            ("account_hour", "of the account in an hour", self._accounts[0], request.account, policy.account_hour),
            ("account_day", "of the account in a day", self._accounts[1], request.account, policy.account_day),
            ("country_hour", "to one country in an hour", self._countries[0], request.country, policy.country_hour),
            ("country_day", "to one country in a day", self._countries[1], request.country, policy.country_day),
        ):
            if limit and (wait := tallies.wait(key, limit, now)):
                yield _limit(name, limit, whose, wait)


def _hour_and_day() -> tuple[Tallies, Tallies]:
    return Tallies(OTHERS, HOUR, 60.0), Tallies(OTHERS, DAY, 900.0)


def _limit(rule: str, limit: int, whose: str, wait: float) -> Objection:
    return Objection(rule, f"{limit} codes {whose} are the limit", wait)
