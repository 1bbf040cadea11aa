"""
Failed sign-ins slow the next ones down.

Two counts decide how long a try waits: that of its name from its place, and that of its place whoever it claims to be,
which catches one password tried on many names. Whoever has signed in from a place before is free of the second, so that
a stranger behind the same proxy or router cannot hold up those who belong there.

Tries that wait take turns: each begins as long after the one before as if that one had failed, so that a thousand sent
at once come no further than one after the other.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TypeVar

import msgspec
import structlog

from smshub.domain.commands import Refusal, Refused

log = structlog.get_logger(__name__)

FIRST_DELAY = 0.25
LONGEST_DELAY = 10.0
FORGIVEN_AFTER = 300.0
# Failures of a place, whoever it claims to be, before it is slowed as a whole.
FREE_FAILURES = 20
# Between two tries of a place that is slowed as a whole there are at least so many seconds.
APART = 1.0
WATCHED = 10_000
# Failures of a place that the log tells one by one.
TOLD = 10
# The last of those who wait has its turn after a minute or so.
MOST_WAITING = 8
MOST_WAITING_OF_A_PLACE = 32
LONGEST_NAME = 64

Caller = tuple[str, str]
Key = TypeVar("Key", str, Caller)


class Count(msgspec.Struct):
    """How often somebody failed, when last, how many tries are under way or wait, and when the last of them begins."""

    failed: int = 0
    at: float = 0.0
    turn: float = 0.0
    pending: int = 0
    waiting: int = 0


class Try:
    """
    One try under way; `fail` it where the credentials were wrong, `succeed` where they were right.

    `belongs`: its name has succeeded from its place before.
    """

    def __init__(self, slowing: "Slowing", caller: Caller, *, belongs: bool = False) -> None:
        self._slowing = slowing
        self._caller = caller
        self.belongs = belongs

    def fail(self, *, known: bool = False) -> None:
        """
        Count it against its name and its place, and tell the log.

        `known`: somebody is called so. Other names are not told: people type passwords where names belong.
        """
        failures = self._slowing.failed(self._caller)
        # All of a few, then ever fewer: a log that anybody can fill is none.
        if failures <= TOLD or failures & (failures - 1) == 0:
            place, name = self._caller
            log.warning("auth.failed", source=place, name=name if known else None, failures=failures)

    def succeed(self) -> None:
        """Forgive its name the failures of before, here."""
        self._slowing.succeeded(self._caller)


class Slowing:
    """Counts failures. `now` is monotonic seconds; `sleep` waits. What it remembers is bounded."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._names: OrderedDict[Caller, Count] = OrderedDict()
        self._places: OrderedDict[str, Count] = OrderedDict()
        self._belong: OrderedDict[Caller, None] = OrderedDict()

    async def begin(self, source: str, name: str) -> Try:
        """Wait as long as this caller's failures ask for. Raises `Refused` (LIMITED) where too many wait already."""
        caller = (place_of(source), name[:LONGEST_NAME])
        by_name = self._count(self._names, caller)
        by_place = self._count(self._places, caller[0])
        belongs = caller in self._belong
        # Tries under way count as failures, so that many at once gain nothing.
        delay = _delay(by_name.failed + by_name.pending + by_name.waiting)
        of_place = 0.0 if belongs else _delay((by_place.failed - FREE_FAILURES) // 2)
        full = by_name.waiting >= MOST_WAITING or (of_place > 0 and by_place.waiting >= MOST_WAITING_OF_A_PLACE)
        wait = max(delay, of_place)
        if wait and full:
            raise Refused(Refusal.LIMITED, "AuthSlowed", retry_after=wait, seconds=max(1, round(wait)))
        if wait:
            now = self._now()
            begins = max(_turn(by_name, now, delay, delay), _turn(by_place, now, of_place, APART))
            with _one_more(by_name, by_place):
                await self._sleep(begins - now)
        return Try(self, caller, belongs=belongs)

    def begin_at_once(self, source: str, name: str) -> Try:
        """Begin without waiting: the credentials are known to have been right."""
        caller = (place_of(source), name[:LONGEST_NAME])
        return Try(self, caller, belongs=caller in self._belong)

    @contextmanager
    def pending(self, source: str, name: str) -> Iterator[None]:
        """Count a try as under way while it lasts."""
        count = self._count(self._names, (place_of(source), name[:LONGEST_NAME]))
        count.pending += 1
        try:
            yield
        finally:
            count.pending -= 1

    def failed(self, caller: Caller) -> int:
        """Count a failure; tells how many there were from this place in a row."""
        by_place = self._count(self._places, caller[0])
        for count in (self._count(self._names, caller), by_place):
            count.failed += 1
            count.at = self._now()
        return by_place.failed

    def succeeded(self, caller: Caller) -> None:
        """Forget the failures of a name at a place, and remember that it belongs there."""
        count = self._names.get(caller)
        if count is not None:
            count.failed = 0
        self._belong[caller] = None
        self._belong.move_to_end(caller)
        if len(self._belong) > WATCHED:
            self._belong.popitem(last=False)

    def _count(self, counts: "OrderedDict[Key, Count]", key: Key) -> Count:
        now = self._now()
        count = counts.get(key)
        if count is None:
            count = counts[key] = Count(at=now)
            if len(counts) > WATCHED:
                counts.popitem(last=False)
        elif not count.waiting and now - count.at > FORGIVEN_AFTER:
            count.failed = 0
        counts.move_to_end(key)
        return count


def place_of(source: str) -> str:
    """Tell the place of an address: an IPv6 address is one of a network of 2^64 that its holder may use at will."""
    if ":" not in source:
        return source
    try:
        return str(ip_network((source.partition("%")[0], 64), strict=False))
    except ValueError:
        return source


def _delay(failures: int) -> float:
    return min(FIRST_DELAY * 2.0 ** min(failures - 1, 10), LONGEST_DELAY) if failures > 0 else 0.0


def _turn(count: Count, now: float, delay: float, apart: float) -> float:
    """Give the next turn: after a delay of its own, and so far from the turn of those who wait; else it is now."""
    if not delay:
        return now
    count.turn = max(now + delay, count.turn + apart if count.waiting else 0.0)
    return count.turn


@contextmanager
def _one_more(*counts: Count) -> Iterator[None]:
    for count in counts:
        count.waiting += 1
    try:
        yield
    finally:
        for count in counts:
            count.waiting -= 1
