"""The hub's figures: what was accepted, sent, delivered and failed, now and over the last hour."""

from collections.abc import Mapping

import msgspec

# Seconds between two samples, and how many are kept: an hour.
SAMPLE_EVERY = 2.0
SAMPLES = 1_800

# A loop that is late by more than so many seconds does not do its work.
MOST_LAG = 5.0

# Upper bounds, in seconds, of the classes in which waiting times are counted.
BOUNDS = (0.001, 0.002, 0.005, 0.010, 0.015, 0.025, 0.050, 0.100, 0.250, 0.500, 1.0, 2.5)


class ShowFigures(msgspec.Struct, frozen=True):
    """Tell the figures of this node since its start, and the samples of the last `seconds`."""

    seconds: float = 300.0


class Sample(msgspec.Struct, frozen=True):
    """
    The totals at one moment (`at`, in seconds since 1970), since the start of the node; a rate is a difference of two.

    `queued` is how many waited, `oldest` how many seconds the one waited that waited longest, `latency` how long the
    commits took on average since the sample before, in seconds. `connectors` are sent and failed by connector,
    `classes` accepted by class.
    """

    at: float
    accepted: int
    sent: int
    delivered: int
    failed: int
    queued: int
    oldest: float
    latency: float
    connectors: Mapping[str, tuple[int, int]] = {}
    classes: Mapping[str, int] = {}


class FiguresShown(msgspec.Struct, frozen=True):
    """
    The figures of one node since its start.

    `accepted` by connector and class, `outcomes` of tries by connector, class and outcome, `reports` by connector and
    the state that they brought about, `refused` by the name of the refusal. `waits` counts commits by `BOUNDS` (one
    more for those beyond), `wait` is their sum in seconds. `lag` is how late the event loop was last, in seconds;
    `free` the bytes free where the database is (None: it is elsewhere), `database` what it is. `ready` says whether it
    can do its work, `why` why not; `warnings` are what an operator had better know all the same.
    """

    at: float
    started_at: float
    accepted: Mapping[tuple[str, str], int]
    outcomes: Mapping[tuple[str, str, str], int]
    reports: Mapping[tuple[str, str], int]
    refused: Mapping[str, int]
    waits: tuple[int, ...]
    wait: float
    commits: int
    rows: int
    queued: Mapping[tuple[str, str], int]
    oldest: float
    lag: float
    memory: int
    free: int | None
    ready: bool
    why: str
    warnings: tuple[str, ...]
    samples: tuple[Sample, ...] = ()
    database: str = ""
