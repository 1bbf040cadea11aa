"""The texts that came in, through modems and providers."""

from typing import Final

from starlette.responses import Response

from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.commands import Done
from smshub.domain.incoming import DropIncoming, IncomingPage, ListIncoming

PATH: Final = "/inbox"
_FILTERS: Final = ("connector", "sender")


async def show(visit: Visit) -> Response:
    """Show a page of them, newest first."""
    form = visit.form
    command = ListIncoming(form.some("connector"), form.some("sender"), LIMIT, form.some("cursor"))
    found = await visit.ask(command, IncomingPage)
    return visit.page("inbox.html", found=found, filled=form, more=further(PATH, form, _FILTERS, found.cursor))


async def drop(visit: Visit) -> Response:
    """Throw one away."""
    await visit.ask(DropIncoming(visit.form.text("id")), Done)
    return visit.go(PATH, "The text is thrown away.")


PAGES = (
    Page("GET", PATH, Action.INBOX, show, "Inbox"),
    Page("POST", f"{PATH}/drop", Action.CHANGE_INBOX, drop),
)
