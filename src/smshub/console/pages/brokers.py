"""The doors on message brokers, and the documents that could not be handled."""

from typing import Final

from starlette.responses import Response

from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.commands import (
    Done,
    DropParked,
    Frontends,
    ListFrontends,
    ListParked,
    Parked,
    ParkedPage,
    ShowParked,
)

DOORS: Final = "/frontends"
PARKED: Final = "/parked"


async def doors(visit: Visit) -> Response:
    """Show every door."""
    return visit.page("frontends.html", doors=(await visit.ask(ListFrontends(), Frontends)).frontends)


async def parked(visit: Visit) -> Response:
    """Show a page of the documents, newest first, without their contents."""
    found = await visit.ask(ListParked(LIMIT, visit.form.some("cursor")), ParkedPage)
    return visit.page("parked.html", found=found, more=further(PARKED, visit.form, (), found.cursor))


async def one_parked(visit: Visit) -> Response:
    """Show a document whole."""
    one = await visit.ask(ShowParked(visit.path("id")), Parked)
    return visit.page("parked_one.html", one=one, content=one.document.decode("utf-8", "backslashreplace"))


async def drop(visit: Visit) -> Response:
    """Throw a document away."""
    await visit.ask(DropParked(visit.path("id")), Done)
    return visit.go(PARKED, "The document is thrown away.")


PAGES = (
    Page("GET", DOORS, Action.PARKED, doors, "Broker doors"),
    Page("GET", PARKED, Action.PARKED, parked, "Parked"),
    Page("GET", f"{PARKED}/{{id}}", Action.PARKED, one_parked),
    Page("POST", f"{PARKED}/{{id}}/drop", Action.CHANGE_PARKED, drop),
)
