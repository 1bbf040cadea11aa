"""The blocklist: whom nobody may reach, since when, and why."""

from typing import Final

from starlette.responses import Response

from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Block, BlockedRecipient, Blocklist, Done, ListBlocked, Refused, Unblock

PATH: Final = "/blocklist"


async def show(visit: Visit) -> Response:
    """Show a page of the list, or the one recipient that is asked for."""
    return await _page(visit)


async def block(visit: Visit) -> Response:
    """Put a recipient on the list."""
    form = visit.form
    try:
        blocked = await visit.ask(Block(form.text("block"), form.text("reason")), BlockedRecipient)
    except Refused as refused:
        return await _page(visit, STATUS[refused.refusal], block_problem=visit.words(refused))
    return visit.go(PATH, f"{blocked.to} is blocked.")


async def unblock(visit: Visit) -> Response:
    """Take a recipient off the list."""
    done = await visit.ask(Unblock(visit.form.text("recipient")), Done)
    return visit.go(PATH, f"{done.detail}.")


async def _page(visit: Visit, status: int = 200, **values: str) -> Response:
    form = visit.form
    found, problem = Blocklist(()), ""
    try:
        command = ListBlocked(to=form.some("to"), limit=LIMIT, cursor=form.some("cursor"))
        found = await visit.ask(command, Blocklist)
    except Refused as refused:
        status, problem = STATUS[refused.refusal], visit.words(refused)
    given = {"block_problem": "", "find_problem": problem, **values}
    more = further(PATH, form, (), found.cursor)
    return visit.page("blocklist.html", status, found=found, filled=form, more=more, **given)


PAGES = (
    Page("GET", PATH, Action.BLOCKLIST, show, "Blocklist"),
    Page("POST", f"{PATH}/block", Action.CHANGE_BLOCKLIST, block),
    Page("POST", f"{PATH}/unblock", Action.CHANGE_BLOCKLIST, unblock),
)
