"""The hub's figures as the native door shows them."""

from typing import Annotated

from msgspec import Meta, Struct, field

from smshub.domain.figures import FiguresShown, Sample


class Accepted(Struct, frozen=True):
    """Messages accepted, by connector and class."""

    connector: str
    message_class: str = field(name="class")
    count: int


class Tried(Struct, frozen=True):
    """Tries that came to one outcome, by connector and class."""

    connector: str
    message_class: str = field(name="class")
    outcome: str
    count: int


class Reported(Struct, frozen=True):
    """Messages that a delivery report brought to a state, by connector."""

    connector: str
    state: str
    count: int


class FiguresDocument(Struct, frozen=True):
    """The figures of this node since its start."""

    at: Annotated[float, Meta(description="Seconds since 1970.")]
    started_at: float
    accepted: tuple[Accepted, ...]
    outcomes: tuple[Tried, ...]
    reports: tuple[Reported, ...]
    refused: Annotated[dict[str, int], Meta(description="Requests refused, by the name of the refusal.")]
    queued: tuple[Accepted, ...]
    oldest: Annotated[float, Meta(description="Seconds that the message waited that waits longest.")]
    lag: Annotated[float, Meta(description="Seconds by which the event loop was late.")]
    memory: int
    free: Annotated[int | None, Meta(description="Bytes free where the database is.")]
    ready: bool
    why: str
    warnings: tuple[str, ...]
    samples: Annotated[tuple[Sample, ...], Meta(description="Totals every two seconds, oldest first.")]


def document_of(figures: FiguresShown) -> FiguresDocument:
    """Put the figures into the shape in which they are answered."""
    return FiguresDocument(
        at=figures.at,
        started_at=figures.started_at,
        accepted=tuple(Accepted(*key, count) for key, count in sorted(figures.accepted.items())),
        outcomes=tuple(Tried(*key, count) for key, count in sorted(figures.outcomes.items())),
        reports=tuple(Reported(*key, count) for key, count in sorted(figures.reports.items())),
        refused=dict(figures.refused),
        queued=tuple(Accepted(*key, count) for key, count in sorted(figures.queued.items())),
        oldest=figures.oldest,
        lag=figures.lag,
        memory=figures.memory,
        free=figures.free,
        ready=figures.ready,
        why=figures.why,
        warnings=figures.warnings,
        samples=figures.samples,
    )
