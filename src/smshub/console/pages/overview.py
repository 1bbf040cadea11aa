"""The first page: how the hub fares, live."""

from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.commands import Listed, ListMessages


async def show(visit: Visit) -> Response:
    """Show the page."""
    listed = await visit.ask(ListMessages(limit=20), Listed)
    return visit.page("overview.html", messages=listed.messages)


PAGES = (Page("GET", "/", Action.OVERVIEW, show, "Overview"),)
