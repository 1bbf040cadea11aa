"""The error texts: what the hub says, by name, in its own words or yours."""

from typing import Any, Final

from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import DeleteObject, Done, ListObjects, Objects, PutObject, Refusal, Refused

PATH: Final = "/errors"
KIND: Final = "errors"


async def show(visit: Visit) -> Response:
    """Show every text, or those in which something is found."""
    wanted = visit.form.text("find").lower()
    own = visit.form.ticked("own")
    found = [
        one
        for one in await _texts(visit)
        if wanted in f"{one['name']} {one['settings']['text']}".lower() and not (own and one["origin"] == "default")
    ]
    return visit.page("errors.html", texts=found, filled=visit.form)


async def one(visit: Visit) -> Response:
    """Show one, with its default."""
    return await _one(visit)


async def change(visit: Visit) -> Response:
    """Put other words for one."""
    name = (await _find(visit))["name"]
    try:
        await visit.ask(PutObject(KIND, name, {"text": visit.form.raw("text")}), Done)
    except Refused as refused:
        return await _one(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.go(PATH, f"{name} has your words now.")


async def reset(visit: Visit) -> Response:
    """Take the default words again."""
    name = (await _find(visit))["name"]
    await visit.ask(DeleteObject(KIND, name), Done)
    return visit.go(PATH, f"{name} has its default words again.")


async def _one(visit: Visit, status: int = 200, problem: str = "") -> Response:
    found = await _find(visit)
    text = visit.form.raw("text") if visit.request.method == "POST" else found["settings"]["text"]
    return visit.page("errors_one.html", status, one=found, text=text, problem=problem)


async def _find(visit: Visit) -> dict[str, Any]:
    name = visit.path("name")
    for found in await _texts(visit):
        if found["name"] == name:
            return found
    raise Refused(Refusal.NOT_FOUND, "NotFound", what="error")


async def _texts(visit: Visit) -> list[dict[str, Any]]:
    return [dict(found) for found in (await visit.ask(ListObjects(KIND), Objects)).objects]


PAGES = (
    Page("GET", PATH, Action.ERRORS, show, "Error texts"),
    Page("GET", f"{PATH}/{{name}}", Action.ERRORS, one),
    Page("POST", f"{PATH}/{{name}}", Action.CHANGE_ERRORS, change),
    Page("POST", f"{PATH}/{{name}}/reset", Action.CHANGE_ERRORS, reset),
)
