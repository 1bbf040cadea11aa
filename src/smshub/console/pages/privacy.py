"""What is kept of one recipient: told as a file, and erased."""

from typing import Final

import msgspec
from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Refused
from smshub.domain.upkeep import EraseRecipient, ExportRecipient, RecipientData, RecipientErased

PATH: Final = "/privacy"


async def show(visit: Visit) -> Response:
    """Show the form."""
    return _page(visit)


async def find(visit: Visit) -> Response:
    """Show in numbers what is kept."""
    try:
        found = await visit.ask(ExportRecipient(visit.form.text("to")), RecipientData)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], visit.words(refused))
    return _page(visit, found=found)


async def export(visit: Visit) -> Response:
    """Give all that is kept as a file to save."""
    try:
        found = await visit.ask(ExportRecipient(visit.form.text("to")), RecipientData)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], visit.words(refused))
    # Whoever has it saved knows of whom it is; its name goes through the hands of browsers and file systems.
    headers = {"content-disposition": 'attachment; filename="recipient.json"'}
    body = msgspec.json.format(msgspec.json.encode(found), indent=2)
    return Response(body, headers=headers, media_type="application/json")


async def erase(visit: Visit) -> Response:
    """Erase a recipient; it takes the box that says so."""
    to = visit.form.text("to")
    if not visit.form.ticked("sure"):
        return _page(visit, 422, "Nothing is erased: tick the box that says that it is meant.")
    try:
        erased = await visit.ask(EraseRecipient(to), RecipientErased)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], visit.words(refused))
    return _page(visit, erased=erased)


def _page(
    visit: Visit,
    status: int = 200,
    problem: str = "",
    *,
    found: RecipientData | None = None,
    erased: RecipientErased | None = None,
) -> Response:
    to = "" if erased is not None else visit.form.text("to")
    return visit.page("privacy.html", status, problem=problem, found=found, erased=erased, to=to)


# The number is never part of an address, which histories and logs keep.
PAGES = (
    Page("GET", PATH, Action.PRIVACY, show, "Privacy"),
    Page("POST", f"{PATH}/find", Action.PRIVACY, find),
    Page("POST", f"{PATH}/export", Action.PRIVACY, export),
    Page("POST", f"{PATH}/erase", Action.PRIVACY, erase),
)
