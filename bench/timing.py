"""
Whether the time of a check tells how much of a digest was right: a test in the manner of dudect.

`make timing` takes two kinds of checks in a random order, one whose digest differs from the kept one in its first byte
and one that differs in its last, and compares their times by Welch's t, the slowest tenth left out. Beyond 4.5 they are
told apart. The control is a comparison that stops at the first difference: it must be told apart, or the measurement
is worth nothing on this machine. It is no part of `make test`, since a busy machine can say anything.

Reparaz, Balasch, Verbauwhede: Dude, is my code constant time? (2017).
"""

import argparse
import gc
import math
import random
import secrets
import sys
import time
from collections.abc import Callable, Sequence

from smshub.store.batch import Check
from smshub.store.checking import Row, fits

TOLD_APART = 4.5
EACH = 20  # calls in one sample, since one takes less than the clock can tell
KEPT = 0.9
POOL = 500

Compare = Callable[[Check, Row], bool]


def leaky(check: Check, row: Row) -> bool:
    """Compare as one must not: byte by byte, until one differs."""
    return all(one == other for one, other in zip(row.digest, check.digests[row.key_id], strict=True))


def samples(compare: Compare, count: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Time a comparison, in nanoseconds: of digests that differ at once, and of such that differ at the end."""
    kept = secrets.token_bytes(32)
    row = Row("a", "r", "i", "t", kept, "k", "OPEN", 5, 0.0, 1.0, None, "m", False, False)
    # Many of each kind, made by turns, so that where one happens to lie in memory tells nothing of its kind.
    pool: tuple[list[Check], list[Check]] = ([], [])
    for place in range(2 * POOL):
        digest = bytearray(kept)
        digest[-(place % 2)] ^= 1  # the first byte, or the last
        pool[place % 2].append(Check("c", "a", "r", "t", {"k": bytes(digest)}, 0.0, 15, 50))
    found: tuple[list[int], list[int]] = ([], [])
    clock, calls = time.perf_counter_ns, range(EACH)
    for _ in range(count):
        kind = rng.getrandbits(1)
        check = rng.choice(pool[kind])
        began = clock()
        for _call in calls:
            compare(check, row)
        found[kind].append(clock() - began)
    return found


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Give Welch's t of two samples."""

    def moments(values: Sequence[float]) -> tuple[float, float]:
        mean = math.fsum(values) / len(values)
        return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)

    (first, spread), (second, wide) = moments(one), moments(other)
    return (first - second) / math.sqrt(spread / len(one) + wide / len(other) or 1.0)


def told_by(compare: Compare, count: int, rng: random.Random) -> float:
    """Give how well the two kinds are told apart by their times."""
    found = samples(compare, count, rng)
    limit = sorted(found[0] + found[1])[int(count * KEPT)]
    one, other = ([value for value in values if value <= limit] for values in found)
    return abs(welch(one, other))


def main() -> int:
    """Measure the comparison and the control; the exit status is 0 where it is as it should be."""
    parser = argparse.ArgumentParser(prog="bench.timing", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="samples of each comparison")
    count = parser.parse_args().count
    rng = random.Random(secrets.randbits(64))
    gc.disable()
    samples(fits, count // 10, rng)  # warm
    control, ours = told_by(leaky, count, rng), told_by(fits, count, rng)
    print(f"{count} samples of {EACH} checks each; beyond t = {TOLD_APART} the two kinds are told apart")
    print(f"a comparison that stops early: t = {control:.1f}{'' if control > TOLD_APART else ' (this proves nothing)'}")
    print(f"the comparison of checks:      t = {ours:.1f}")
    constant = ours < TOLD_APART < control
    print("in constant time, as far as this can tell" if constant else "NOT shown to be in constant time")
    return 0 if constant else 1


if __name__ == "__main__":
    sys.exit(main())
