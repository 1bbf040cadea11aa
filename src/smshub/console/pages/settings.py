"""The hub itself: its condition, and what its file declares; backups for administrators."""

from typing import Final

from starlette.responses import Response

from smshub.console.differences import flat
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Done, HubStatus, ListObjects, Objects, Refused, Status
from smshub.domain.configuring import FilePlan, ReloadFile, ShowPlan
from smshub.domain.figures import FiguresShown, ShowFigures
from smshub.domain.upkeep import MakeBackup
from smshub.frontends.carriers.v1_config import TABLES

PATH: Final = "/settings"


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


async def plan(visit: Visit) -> Response:
    """Tell what the file, as it is now, would change."""
    try:
        planned = await visit.ask(ShowPlan(), FilePlan)
    except Refused as refused:
        return await _page(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.page("settings_plan.html", planned=planned, taken=False)


async def reload(visit: Visit) -> Response:
    """Take the file over."""
    try:
        taken = await visit.ask(ReloadFile(), FilePlan)
    except Refused as refused:
        return await _page(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.page("settings_plan.html", planned=taken, taken=True)


async def _page(visit: Visit, status: int = 200, problem: str = "") -> Response:
    return visit.page(
        "settings.html",
        status,
        problem=problem,
        condition=await visit.ask(HubStatus(), Status),
        figures=await visit.ask(ShowFigures(0.0), FiguresShown),
        tables=[table for kind in TABLES for table in await _tables(visit, kind)],
    )


async def _tables(visit: Visit, kind: str) -> list[tuple[str, dict[str, str]]]:
    found = (await visit.ask(ListObjects(kind), Objects)).objects
    named = [(one["name"], flat(one["settings"])) for one in found]
    return [(name if name == kind else f"{kind}.{name}", settings) for name, settings in named if settings]


PAGES = (
    Page("GET", PATH, Action.SETTINGS, show, "Settings"),
    Page("POST", f"{PATH}/backup", Action.BACKUP, backup),
    Page("GET", f"{PATH}/plan", Action.SETTINGS, plan),
    Page("POST", f"{PATH}/reload", Action.RELOAD, reload),
)
