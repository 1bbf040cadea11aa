"""
How the codes to one prefix fare: how many receivers have typed theirs, and which numbers follow each other.

Somebody who pumps texts to numbers of his own types no code. A receiver who asks twice counts once. A code that
nobody has typed yet counts only when it is `ripe`: old enough, or followed by many others.
"""

from enum import StrEnum

import msgspec

from smshub.domain.counting import DAY

# What is remembered of one prefix: receivers who have not typed their code, and times of codes that were typed.
MOST_OPEN = 200
# So many newer ones make one that was not typed ripe, however young it is.
RIPE_BEHIND = 100
# The conversion is that of so many times the least number of receivers, the latest ones.
WINDOW = 2
RUN_WINDOW = 600.0
# After a block that ended by itself: so many may be open at once, and so many are enough to judge.
TRIAL = 5


class ConversionRules(msgspec.Struct, frozen=True):
    """When a prefix is judged, and by what: shares of receivers who type their code, times in seconds."""

    least: int = 20
    ripe_after: float = 120.0
    alarm_below: float = 0.25
    block_below: float = 0.05
    block_for: float = 3_600.0


class Judged(StrEnum):
    """What a look at a prefix has found, when it is new."""

    FINE = "fine"
    ALARM = "alarm"
    BLOCK = "block"


class Prefix:
    """What is remembered of one prefix. `since` is from when on; times are in seconds since 1970."""

    __slots__ = ("alarmed_at", "blocked_until", "country", "matched", "open", "since", "trial")

    def __init__(self, country: str) -> None:
        self.country = country
        self.open: dict[str, float] = {}
        self.matched: list[float] = []
        self.since = 0.0
        self.blocked_until = 0.0
        self.alarmed_at = 0.0
        self.trial = False

    def sent(self, to: str, at: float) -> float | None:
        """Count a code to a number; gives when it was sent one before that is still open."""
        if at < self.since:
            return None
        before = self.open.pop(to, None)
        self.open[to] = at
        if len(self.open) > MOST_OPEN:
            del self.open[next(iter(self.open))]
        return before

    def unsent(self, to: str, at: float, before: float | None) -> None:
        """Take back what `sent` has counted."""
        if self.open.get(to) == at:
            del self.open[to]
            if before is not None:
                self.open[to] = before

    def typed(self, to: str) -> None:
        """Count that the code of a number was right; a second time changes nothing."""
        at = self.open.pop(to, None)
        if at is not None:
            self.matched.append(at)
            if len(self.matched) > MOST_OPEN:
                del self.matched[: MOST_OPEN // 2]

    def begin_anew(self, now: float, *, trial: bool) -> None:
        """Forget how codes fared; on `trial` the prefix is judged sooner."""
        self.open.clear()
        self.matched.clear()
        self.since = now
        self.blocked_until = 0.0
        self.alarmed_at = 0.0
        self.trial = trial

    def look(self, rules: ConversionRules, now: float) -> Judged:
        """Judge the prefix; a block begins, or one that is over ends. An alarm is told once."""
        if self.blocked_until:
            if now < self.blocked_until:
                return Judged.FINE
            self.begin_anew(self.blocked_until, trial=True)
        least = min(TRIAL, rules.least) if self.trial else rules.least
        # No share is below the alarm while so few are open: nearly every look ends here.
        if len(self.open) <= least * (1.0 - max(rules.alarm_below, rules.block_below)) and not self.trial:
            self.alarmed_at = 0.0
            return Judged.FINE
        requested, verified, _ = self.counts(rules, now)
        if requested < least:
            return Judged.FINE
        share = verified / requested
        if share < rules.block_below:
            self.blocked_until = now + rules.block_for
            return Judged.BLOCK
        self.trial = False
        if requested >= rules.least and share < rules.alarm_below:
            if not self.alarmed_at:
                self.alarmed_at = now
                return Judged.ALARM
        elif share >= rules.alarm_below:
            self.alarmed_at = 0.0
        return Judged.FINE

    def counts(self, rules: ConversionRules, now: float) -> tuple[int, int, float]:
        """Tell how many receivers are judged, how many of them have typed their code, and since when."""
        young = max(0, len(self.open) - RIPE_BEHIND)
        ripe = [(at, 0) for place, at in enumerate(self.open.values()) if place < young or now - at >= rules.ripe_after]
        both = [*ripe, *((at, 1) for at in self.matched)]
        latest = sorted(one for one in both if one[0] > now - DAY)[-WINDOW * rules.least :]
        return len(latest), sum(typed for _, typed in latest), latest[0][0] if latest else max(self.since, now - DAY)

    def waiting(self, rules: ConversionRules, now: float) -> float:
        """On trial, tell in how many seconds another code may be sent; 0 for now."""
        if not self.trial or len(self.open) < TRIAL:
            return 0.0
        young = [at for at in self.open.values() if now - at < rules.ripe_after]
        return 0.0 if len(young) < TRIAL else young[-TRIAL] + rules.ripe_after - now

    def run(self, to: str, now: float, most: int) -> int:
        """Tell how many numbers would follow each other with this one, `most` at most: all asked for, none typed."""
        number, length = int(to), len(to)
        found = 1
        for step in (-1, 1):
            other = number + step
            while found < most and now - self.open.get(str(other).zfill(length), -DAY) < RUN_WINDOW:
                found += 1
                other += step
        return found
