"""What needs an operator's attention, in words (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from smshub.domain.commands import ConnectorView, FrontendView
from smshub.domain.figures import SAMPLE_EVERY, FiguresShown, Sample

# Below so many free bytes an operator is told, long before the hub takes no more.
LITTLE_SPACE: Final = 2 * 2**30
# A text that waits for longer than this, in seconds, waits for something that is wrong.
LONG_WAIT: Final = 60.0
# A queue that has grown by so many in a minute grows faster than it is sent.
GROWN: Final = 100
# Of this share of the last minute's tries, and of so many at least, an operator is told.
FAILING: Final = 0.2
FAILING_LEAST: Final = 5
_MINUTE: Final = round(60.0 / SAMPLE_EVERY)


class Concern(msgspec.Struct, frozen=True):
    """Something that needs attention. `bad`: it keeps texts from being sent now. `path` is the page to look at."""

    words: str
    bad: bool = False
    path: str = ""


class Background(msgspec.Struct, frozen=True):
    """
    What changes slowly and is asked for now and then.

    `held` and `parked` are counts up to `most`, `low_credit` the balance below which each connector wants to be warned.
    """

    held: int = 0
    parked: int = 0
    most: int = 100
    frontends: tuple[FrontendView, ...] = ()
    low_credit: Mapping[str, float | None] = {}


def concerns(figures: FiguresShown, connectors: Sequence[ConnectorView], background: Background) -> tuple[Concern, ...]:
    """Tell what needs attention, the worst first."""
    found = [
        *_node(figures),
        *(concern for one in connectors for concern in _connector(one, background.low_credit.get(one.name))),
        *_queue(figures.samples, figures.oldest),
        *_background(background),
        *(Concern(f"The database says: {warning}") for warning in figures.warnings),
    ]
    return tuple(sorted(found, key=lambda concern: not concern.bad))


def _node(figures: FiguresShown) -> Iterator[Concern]:
    if not figures.ready:
        yield Concern(f"The hub takes no messages: {figures.why or 'it does not say why'}.", bad=True)
    if figures.lag > 1.0:
        yield Concern(f"The hub is {figures.lag:.1f} s late with everything: the machine has too much to do.", bad=True)
    if figures.free is not None and figures.free < LITTLE_SPACE:
        yield Concern(f"The disk of the database has only {figures.free / 2**30:.1f} GiB free.")


def _connector(one: ConnectorView, low_credit: float | None) -> Iterator[Concern]:
    why = f": {one.last_error}" if one.last_error else ""
    match one.state:
        case "down":
            yield Concern(f"The connector {one.name} is down{why}.", bad=True, path="/connectors")
        case "connecting":
            yield Concern(f"The connector {one.name} is connecting{why}.", path="/connectors")
        case "open":
            yield Concern(f"The connector {one.name} rests after failures{why}.", bad=True, path="/connectors")
        case _:
            pass
    if one.balance is not None and low_credit is not None and one.balance < low_credit:
        left = f"{one.balance:g} {one.balance_unit or ''}".strip()
        yield Concern(f"The balance with {one.name} is low: {left} left.", path="/connectors")


def _queue(samples: Sequence[Sample], oldest: float) -> Iterator[Concern]:
    if oldest > LONG_WAIT:
        yield Concern(f"A text has waited for {oldest / 60:.0f} min to be sent.", path="/messages")
    if len(samples) < 2:
        return
    before, last = samples[-min(_MINUTE, len(samples))], samples[-1]
    if last.queued - before.queued >= GROWN and last.queued > 1.2 * before.queued:
        yield Concern(f"The queue grows: {last.queued:,} texts wait, {before.queued:,} did a minute ago.")
    failed, sent = last.failed - before.failed, last.sent - before.sent
    if failed >= FAILING_LEAST and failed >= FAILING * (failed + sent):
        yield Concern(f"Of {failed + sent:,} tries in the last minute {failed:,} failed.", path="/messages")


def _background(background: Background) -> Iterator[Concern]:
    if background.held:
        number = _up_to(background.held, background.most)
        yield Concern(
            f"Nobody knows whether {number} arrived; what is held waits for you.",
            path="/messages?state=UNCERTAIN",
        )
    if background.parked:
        number = _up_to(background.parked, background.most, "document")
        yield Concern(f"{number} from brokers could not be handled and are parked.", path="/parked")
    for one in background.frontends:
        if one.state != "up":
            why = f": {one.last_error}" if one.last_error else ""
            yield Concern(f"The door {one.name} is {one.state}{why}.", bad=one.state == "down")


def _up_to(count: int, most: int, noun: str = "text") -> str:
    return f"{count}{' or more' if count >= most else ''} {noun}{'' if count == 1 else 's'}"
