"""Turns the hub's samples into what charts and cards show: rates and depths (pure)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from smshub.domain.figures import Sample

# Cards tell the mean of so many samples, so that they do not flicker.
STEADY: Final = 5


class Series(msgspec.Struct, frozen=True):
    """
    Points in time (`at`, seconds since 1970) and what was so then.

    The rates are a second, since the point before; `oldest` is in seconds, `latency` in milliseconds. `connectors` are
    the texts sent by each, `classes` those accepted of each.
    """

    at: tuple[float, ...]
    accepted: tuple[float, ...]
    sent: tuple[float, ...]
    delivered: tuple[float, ...]
    failed: tuple[float, ...]
    queued: tuple[int, ...]
    oldest: tuple[float, ...]
    latency: tuple[float, ...]
    connectors: Mapping[str, tuple[float, ...]]
    classes: Mapping[str, tuple[float, ...]]


def series_of(samples: Sequence[Sample]) -> Series:
    """Make the series of some samples, oldest first; the first sample is only what the second is compared with."""
    later = samples[1:]
    connectors = sorted({name for sample in later for name in sample.connectors})
    classes = sorted({name for sample in later for name in sample.classes})
    return Series(
        at=tuple(round(sample.at, 1) for sample in later),
        accepted=_rates(samples, lambda sample: sample.accepted),
        sent=_rates(samples, lambda sample: sample.sent),
        delivered=_rates(samples, lambda sample: sample.delivered),
        failed=_rates(samples, lambda sample: sample.failed),
        queued=tuple(sample.queued for sample in later),
        oldest=tuple(round(sample.oldest, 1) for sample in later),
        latency=tuple(round(sample.latency * 1_000, 2) for sample in later),
        connectors={name: _rates(samples, _sent_by(name)) for name in connectors},
        classes={name: _rates(samples, _accepted_of(name)) for name in classes},
    )


class Now(msgspec.Struct, frozen=True):
    """How things stand: rates a second and the mean latency of commits (seconds) over the last samples."""

    accepted: float = 0.0
    sent: float = 0.0
    delivered: float = 0.0
    failed: float = 0.0
    latency: float = 0.0
    connectors: Mapping[str, float] = {}


def now_of(samples: Sequence[Sample]) -> Now:
    """Tell how things stand by the last few samples."""
    last = samples[-STEADY - 1 :]
    if len(last) < 2:
        return Now()
    first, end = last[0], last[-1]
    seconds = max(end.at - first.at, 0.001)
    latencies = [sample.latency for sample in last[1:] if sample.latency]
    return Now(
        accepted=(end.accepted - first.accepted) / seconds,
        sent=(end.sent - first.sent) / seconds,
        delivered=(end.delivered - first.delivered) / seconds,
        failed=(end.failed - first.failed) / seconds,
        latency=sum(latencies) / len(latencies) if latencies else 0.0,
        connectors={
            name: (sent - first.connectors.get(name, (0, 0))[0]) / seconds for name, (sent, _) in end.connectors.items()
        },
    )


def _rates(samples: Sequence[Sample], total: Callable[[Sample], int]) -> tuple[float, ...]:
    return tuple(
        round((total(after) - total(before)) / max(after.at - before.at, 0.001), 2)
        for before, after in pairwise(samples)
    )


def _sent_by(name: str) -> Callable[[Sample], int]:
    return lambda sample: sample.connectors.get(name, (0, 0))[0]


def _accepted_of(name: str) -> Callable[[Sample], int]:
    return lambda sample: sample.classes.get(name, 0)


def settings_of(objects: Sequence[Mapping[str, Any]], key: str) -> Mapping[str, Any]:
    """Give one setting of each configured object, by the object's name."""
    return {str(one["name"]): one.get("settings", {}).get(key) for one in objects}
