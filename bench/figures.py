"""The arithmetic of the figures: percentiles, medians, and what was lost or came twice."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` (0 to 1) of the values do not exceed; NaN where there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Iterable[float]) -> float:
    """Give the middle value, the lower of two; NaN where there are none. NaNs are left out."""
    return percentile([value for value in values if not math.isnan(value)], 0.5)


@dataclass(frozen=True, slots=True)
class Matched:
    """
    What became of the accepted texts of one run.

    `lost` were accepted and never arrived, `duplicated` are the arrivals beyond the first of each text, `unasked`
    arrived though no answer said that they were accepted. Rates are a second, times in seconds.
    """

    arrived: int
    lost: int
    duplicated: int
    unasked: int
    delivered_per_s: float
    end_to_end_p50: float
    end_to_end_p99: float


def match(sent: Mapping[str, float], arrivals: Sequence[tuple[str, float]], since: float, ended: float) -> Matched:
    """
    Match the accepted texts (tag → time of sending) with the arrivals (tag, time) one by one.

    All texts count for what was lost; the rate and the times are of those sent from `since` on. The rate's time runs
    until the last of them arrived, and at least until the load `ended`.
    """
    copies = Counter(tag for tag, _ in arrivals)
    first: dict[str, float] = {}
    for tag, at in arrivals:
        first.setdefault(tag, at)
    measured = [(at, first[tag]) for tag, at in sent.items() if at >= since and tag in first]
    waits = [arrival - at for at, arrival in measured]
    until = max((arrival for _, arrival in measured), default=math.nan)
    return Matched(
        arrived=len(copies),
        lost=sum(tag not in copies for tag in sent),
        duplicated=len(arrivals) - len(copies),
        unasked=sum(tag not in sent for tag in copies),
        delivered_per_s=len(measured) / (max(until, ended) - since) if measured else 0.0,
        end_to_end_p50=percentile(waits, 0.5),
        end_to_end_p99=percentile(waits, 0.99),
    )
