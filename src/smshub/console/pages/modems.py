"""The GSM modems: their networks and signals; USSD codes for those who may."""

from typing import Final

from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Refused
from smshub.domain.incoming import ListModems, Modems, RequestUssd, UssdAnswered

PATH: Final = "/modems"


async def show(visit: Visit) -> Response:
    """Show every modem."""
    return await _page(visit)


async def ussd(visit: Visit) -> Response:
    """Send a USSD code and show what the network says."""
    form = visit.form
    try:
        answered = await visit.ask(RequestUssd(form.text("code"), form.some("modem")), UssdAnswered)
    except Refused as refused:
        return await _page(visit, STATUS[refused.refusal], problem=visit.words(refused))
    return await _page(visit, answered=answered)


async def _page(
    visit: Visit, status: int = 200, *, problem: str = "", answered: UssdAnswered | None = None
) -> Response:
    modems = (await visit.ask(ListModems(), Modems)).modems
    choices = (("", "the usual one"), *((one.id, one.id) for one in modems))
    return visit.page(
        "modems.html", status, modems=modems, choices=choices, problem=problem, answered=answered, filled=visit.form
    )


PAGES = (
    Page("GET", PATH, Action.MODEMS, show, "Modems"),
    Page("POST", f"{PATH}/ussd", Action.USSD, ussd),
)
