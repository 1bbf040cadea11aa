"""Routes: which connectors reach which numbers, in which order, and the forms to make and change them."""

from typing import Final

from starlette.responses import Response

from smshub.config.tables import RouteSettings
from smshub.console.differences import flat
from smshub.console.fields import Plan
from smshub.console.nouns import Noun, Object, object_of, objects
from smshub.console.pages.objects import object_pages
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit

PATH: Final = "/routes"
# How the prefix of the default route is written, which is empty.
DEFAULT: Final = "default"


async def _plan(visit: Visit) -> Plan:
    connectors = tuple(one.name for one in await objects(visit, "connectors"))
    accounts = tuple(one.name for one in await objects(visit, "accounts"))
    return Plan(
        skip=frozenset({"name"}),
        first=frozenset({"prefixes", "connectors", "accounts", "classes"}),
        options={"connectors": connectors, "accounts": accounts},
        words={"prefixes": ("", DEFAULT)},
    )


NOUN: Final = Noun(
    kind="routes",
    one="route",
    new="New route",
    path=PATH,
    change=Action.CHANGE_ROUTES,
    table=lambda kind: None if kind else RouteSettings,
    plan=_plan,
    sure="Its numbers go by the next route that takes them from now on, or are refused where there is none.",
)


async def show(visit: Visit) -> Response:
    """Show every route, the longest prefixes first, as they are looked through."""
    found = await objects(visit, "routes")
    return visit.page("routes.html", noun=NOUN, routes=sorted(found, key=_longest))


async def show_one(visit: Visit) -> Response:
    """Show one route."""
    one = await object_of(visit, NOUN, visit.form.text("name"))
    return visit.page("route.html", noun=NOUN, object=one, lines=flat(one.settings))


def _longest(route: Object) -> tuple[int, str]:
    return -max((len(str(prefix)) for prefix in route.settings.get("prefixes", ())), default=0), route.name


PAGES = (
    Page("GET", PATH, Action.ROUTES, show, "Routes"),
    Page("GET", f"{PATH}/one", Action.ROUTES, show_one),
    *object_pages(NOUN),
)
