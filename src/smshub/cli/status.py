"""`smshub status`: how a running hub fares."""

from collections.abc import Iterator
from datetime import timedelta

from smshub.cli.client import Client, Document
from smshub.cli.failure import Exit
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import print_fields, print_json
from smshub.domain.figures import SAMPLE_EVERY

# Rates are those of the last so many seconds.
STEADY = round(5 * SAMPLE_EVERY)
RATES = ("accepted", "sent", "delivered", "failed")


@talks_to_hub
def status(hub: Client, *, as_json: Json = False) -> None:
    """Tell how a hub fares: whether it takes texts, what waits, what goes through a second, what it warns of.

    The exit status is 1 where it takes none.
    """
    condition = hub.get("/v1/status")
    figures = hub.get("/v1/figures", seconds=round(STEADY + SAMPLE_EVERY))
    if as_json:
        print_json({**condition, "figures": figures})
    else:
        print_fields(_fields(condition, figures))
    if not figures.get("ready"):
        raise SystemExit(Exit.REFUSED)


def _fields(condition: Document, figures: Document) -> Iterator[tuple[str, object]]:
    why = figures.get("why") or condition.get("why")
    yield "takes texts", "yes" if figures.get("ready") else f"no: {why}"
    yield "version", condition.get("version")
    yield "node", condition.get("node")
    yield "up for", timedelta(seconds=round(condition.get("uptime") or 0))
    yield "listens on", ", ".join(condition.get("listeners") or ())
    yield "connectors", f"{condition.get('connectors_up')} of {condition.get('connectors')} up"
    waiting, oldest = condition.get("queued") or 0, round(figures.get("oldest") or 0)
    yield "waiting", f"{waiting:,}, the oldest for {oldest} s" if waiting else 0
    for name, rate in _rates(figures.get("samples") or []):
        yield f"{name}/s", f"{rate:.1f}"
    yield "late by", f"{(figures.get('lag') or 0) * 1_000:.0f} ms"
    yield "memory", f"{(condition.get('memory') or 0) / 2**20:.0f} MiB"
    if figures.get("free") is not None:
        yield "disk free", f"{figures['free'] / 2**30:.1f} GiB"
    for warning in figures.get("warnings") or ():
        yield "warning", warning


def _rates(samples: list[Document]) -> Iterator[tuple[str, float]]:
    """Tell what went through a second between the first and the last sample."""
    if len(samples) > 1:
        first, last = samples[0], samples[-1]
        seconds = max(last["at"] - first["at"], 0.001)
        yield from ((name, (last[name] - first[name]) / seconds) for name in RATES)
