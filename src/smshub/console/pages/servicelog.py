"""The log of the node: its newest lines, looked through and followed."""

from typing import Any, Final

from starlette.responses import Response

from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.servicelog import Level, ListLog, LogPage

PATH: Final = "/log"
_FILTERS: Final = ("words", "level")
_LEVELS: Final = (("", "all"), ("info", "info and worse"), ("warning", "warnings and errors"), ("error", "errors"))
_LONGEST_NUMBER: Final = 15


async def show(visit: Visit) -> Response:
    """Show a page of it, newest first."""
    return visit.page("log.html", levels=_LEVELS, **await _found(visit))


async def lines(visit: Visit) -> Response:
    """Show the newest lines: the part of the page that is asked for again and again."""
    return visit.page("log_lines.html", **await _found(visit))


async def _found(visit: Visit) -> dict[str, Any]:
    form = visit.form
    written, level = form.text("cursor"), form.text("level")
    cursor = int(written) if written.isdecimal() and len(written) <= _LONGEST_NUMBER else None
    asked = ListLog(form.text("words"), Level(level) if level in set(Level) else Level.DEBUG, LIMIT, cursor)
    found = await visit.ask(asked, LogPage)
    return {
        "found": found,
        "filled": form,
        "live": "" if cursor is not None else further(f"{PATH}/lines", form, _FILTERS, ""),
        "more": further(PATH, form, _FILTERS, found.cursor),
    }


PAGES = (
    Page("GET", PATH, Action.LOG, show, "Log"),
    Page("GET", f"{PATH}/lines", Action.LOG, lines),
)
