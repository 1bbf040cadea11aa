"""Connectors: how each fares, what it is set to, a test that really sends, and the forms to make and change them."""

from typing import Final

from starlette.responses import Response

from smshub.console.differences import flat
from smshub.console.fields import Plan
from smshub.console.nouns import Noun, connector_kinds, connector_table, object_of
from smshub.console.pages.objects import object_pages
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Form, Page, Visit
from smshub.domain.commands import (
    Connectors,
    ConnectorView,
    ListConnectors,
    Refused,
    ShowMessage,
    Shown,
    Submitted,
    TestConnector,
)

PATH: Final = "/connectors"
TEST: Final = "A test of the connector {name}."


async def _plan(_: Visit) -> Plan:
    await connector_kinds()  # loaded away from the event loop before anybody asks for the table of one
    return Plan()


NOUN: Final = Noun(
    kind="connectors",
    one="connector",
    new="New connector",
    path=PATH,
    change=Action.CHANGE_CONNECTORS,
    table=connector_table,
    plan=_plan,
    sure="Texts that wait for it take the next way that their routes give them, or are rejected where there is none.",
)


async def show(visit: Visit) -> Response:
    """Show every connector."""
    return visit.page("connectors.html", connectors=await _views(visit))


async def rows(visit: Visit) -> Response:
    """Show them: the part of the page that is asked for again and again."""
    return visit.page("connectors_rows.html", connectors=await _views(visit))


async def _views(visit: Visit) -> tuple[ConnectorView, ...]:
    return (await visit.ask(ListConnectors(), Connectors)).connectors


async def choose(visit: Visit) -> Response:
    """Show the types that a new one may be of."""
    return visit.page("connector_kinds.html", kinds=await connector_kinds())


async def show_one(visit: Visit) -> Response:
    """Show one connector."""
    return await _one(visit, visit.form.text("name"))


async def fares(visit: Visit) -> Response:
    """Show how one fares: the part of its page that is asked for again and again."""
    return visit.page("connector_state.html", one=await _view(visit, visit.form.text("name")))


async def test(visit: Visit) -> Response:
    """Send a text through one, past the routes."""
    form = visit.form
    name = form.text("name")
    try:
        submitted = await visit.ask(TestConnector(name, form.text("to"), form.raw("text")), Submitted)
    except Refused as refused:
        return await _one(visit, name, STATUS[refused.refusal], problem=visit.words(refused))
    shown = await visit.ask(ShowMessage(submitted.messages[0].id), Shown)
    return await _one(visit, name, shown=shown)


async def _one(
    visit: Visit, name: str, status: int = 200, *, problem: str = "", shown: Shown | None = None
) -> Response:
    settings = await object_of(visit, NOUN, name)
    return visit.page(
        "connector.html",
        status,
        noun=NOUN,
        object=settings,
        lines=flat(settings.settings),
        one=await _view(visit, name),
        filled=visit.form if visit.request.method == "POST" else Form({}),
        usual=TEST.format(name=name),
        problem=problem,
        shown=shown,
        watching=shown is not None,
    )


async def _view(visit: Visit, name: str) -> ConnectorView | None:
    return next((one for one in await _views(visit) if one.name == name), None)


PAGES = (
    Page("GET", PATH, Action.CONNECTORS, show, "Connectors"),
    Page("GET", f"{PATH}/rows", Action.CONNECTORS, rows),
    Page("GET", f"{PATH}/one", Action.CONNECTORS, show_one),
    Page("GET", f"{PATH}/state", Action.CONNECTORS, fares),
    Page("GET", f"{PATH}/types", Action.CHANGE_CONNECTORS, choose),
    Page("POST", f"{PATH}/test", Action.CHANGE_CONNECTORS, test),
    *object_pages(NOUN),
)
