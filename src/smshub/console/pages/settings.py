"""The hub itself: its condition, and what its file declares; backups for administrators."""

from typing import Final

from starlette.responses import Response

from smshub.console.differences import flat
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Done, HubStatus, ListObjects, Objects, Refused, Status
from smshub.domain.figures import FiguresShown, ShowFigures
from smshub.domain.upkeep import MakeBackup

PATH: Final = "/settings"
# What stands in the file only, in its order.
KINDS: Final = ("server", "classes", "defaults", "groups", "ldap", "smtp", "otp", "retention", "frontends", "broker")


async def show(visit: Visit) -> Response:
    """Show it."""
    return await _page(visit)


async def backup(visit: Visit) -> Response:
    """Copy the database into the folder for backups."""
    try:
        done = await visit.ask(MakeBackup(), Done)
    except Refused as refused:
        return await _page(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.go(PATH, f"The backup is made: {done.detail}")


async def _page(visit: Visit, status: int = 200, problem: str = "") -> Response:
    return visit.page(
        "settings.html",
        status,
        problem=problem,
        condition=await visit.ask(HubStatus(), Status),
        warnings=(await visit.ask(ShowFigures(0.0), FiguresShown)).warnings,
        tables=[table for kind in KINDS for table in await _tables(visit, kind)],
    )


async def _tables(visit: Visit, kind: str) -> list[tuple[str, dict[str, str]]]:
    found = (await visit.ask(ListObjects(kind), Objects)).objects
    named = [(one["name"], flat(one["settings"])) for one in found]
    return [(name if name == kind else f"{kind}.{name}", settings) for name, settings in named if settings]


PAGES = (
    Page("GET", PATH, Action.SETTINGS, show, "Settings"),
    Page("POST", f"{PATH}/backup", Action.BACKUP, backup),
)
