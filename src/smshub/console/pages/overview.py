"""The first page: how the hub fares, live; for an account's people, their own messages."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from smshub.console.attention import Background, concerns
from smshub.console.charts import now_of, series_of, settings_of
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.commands import (
    Connectors,
    Frontends,
    ListConnectors,
    Listed,
    ListFrontends,
    ListMessages,
    ListObjects,
    ListParked,
    Objects,
    ParkedPage,
)
from smshub.domain.figures import SAMPLE_EVERY, SAMPLES, FiguresShown, ShowFigures
from smshub.domain.message import State

LATEST: Final = 10
# What changes slowly is asked for once in so many seconds, however many look.
SLOWLY: Final = 10.0
# The ranges of the charts, in seconds.
RANGES: Final = ((300, "5 minutes"), (900, "15 minutes"), (3_600, "an hour"))
_MOST: Final = 100


async def show(visit: Visit) -> Response:
    """Show the page."""
    if not visit.may(Action.FIGURES):
        return visit.page("overview_own.html", messages=await _latest(visit))
    return visit.page("overview.html", **await _figures(visit), messages=await _latest(visit), ranges=RANGES)


async def figures(visit: Visit) -> Response:
    """Show how things stand: the part of the page that is asked for every two seconds."""
    return visit.page("overview_figures.html", **await _figures(visit))


async def latest(visit: Visit) -> Response:
    """Show the latest messages: a part of the page."""
    return visit.page("overview_latest.html", messages=await _latest(visit))


async def samples(visit: Visit) -> Response:
    """Give the points of the charts of the last `seconds` as JSON."""
    written = visit.form.text("seconds")
    seconds = int(written) if written.isdecimal() and len(written) < 6 else RANGES[0][0]
    asked = min(max(seconds, 10), SAMPLE_EVERY * SAMPLES)
    # One sample more, for the first rate.
    shown = await visit.ask(ShowFigures(asked + SAMPLE_EVERY), FiguresShown)
    return Response(msgspec.json.encode(series_of(shown.samples)), media_type="application/json")


async def _latest(visit: Visit) -> Listed:
    return await visit.ask(ListMessages(limit=LATEST), Listed)


async def _figures(visit: Visit) -> dict[str, Any]:
    shown = await visit.ask(ShowFigures(75.0), FiguresShown)
    connectors = (await visit.ask(ListConnectors(), Connectors)).connectors
    background = await visit.remembered("background", SLOWLY, lambda: _background(visit))
    return {
        "figures": shown,
        "now": now_of(shown.samples),
        "queued": sum(shown.queued.values()),
        "connectors": connectors,
        "concerns": concerns(shown, connectors, background),
    }


async def _background(visit: Visit) -> Background:
    held = await visit.ask(ListMessages(state=State.UNCERTAIN, limit=_MOST), Listed)
    parked = await visit.ask(ListParked(limit=_MOST), ParkedPage)
    frontends = await visit.ask(ListFrontends(), Frontends)
    objects = await visit.ask(ListObjects("connectors"), Objects)
    low_credit = settings_of(objects.objects, "low_credit")
    return Background(len(held.messages), len(parked.documents), _MOST, frontends.frontends, low_credit)


PAGES = (
    Page("GET", "/", Action.OVERVIEW, show, "Overview"),
    Page("GET", "/overview/figures", Action.FIGURES, figures),
    Page("GET", "/overview/samples", Action.FIGURES, samples),
    Page("GET", "/overview/latest", Action.MESSAGES, latest),
)
