"""Which page answers which path, and what each request must show before a page sees it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from smshub.console import assets, guarding
from smshub.console.app import PREFIX
from smshub.console.cookies import session_token
from smshub.console.pages import (
    accounts,
    audit,
    blocklist,
    brokers,
    codes,
    connectors,
    errors,
    inbox,
    messages,
    modems,
    overview,
    own,
    privacy,
    routes,
    servicelog,
    settings,
    trying,
    users,
)
from smshub.console.pages.signing_in import Door
from smshub.console.reading import read_form, source_of, transport_of
from smshub.console.rendering import Templates
from smshub.console.roles import may
from smshub.console.visiting import Form, Page, Room, Visit
from smshub.domain.commands import Refused
from smshub.domain.contracts import Hub
from smshub.domain.users import People, Session

# A new page is a module with a tuple of these, and a template. The navigation is in this order.
PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *trying.PAGES,
    *messages.PAGES,
    *connectors.PAGES,
    *routes.PAGES,
    *accounts.PAGES,
    *blocklist.PAGES,
    *inbox.PAGES,
    *modems.PAGES,
    *brokers.PAGES,
    *codes.PAGES,
    *errors.PAGES,
    *servicelog.PAGES,
    *audit.PAGES,
    *users.PAGES,
    *privacy.PAGES,
    *settings.PAGES,
    *own.PAGES,
)

# What asks again and again does not keep a session alive: somebody who has gone is signed out all the same.
_POLLED: Final = "x-smshub-poll"


def build(hub: Hub, people: People, catalogue: Callable[[], Mapping[str, str]], base: str) -> Starlette:
    """Make the application; `base` is the path of the console as browsers write it."""
    files = assets.load()
    navigation = tuple((page.action, page.path, page.title) for page in PAGES if page.title)
    room = Room(hub, people, Templates(base, files), catalogue, navigation)
    door = Door(room, base)
    open_routes = [
        Route(PREFIX, _redirect(f"{base}/")),
        Route(f"{PREFIX}/static/{{path:path}}", _static(files)),
        Route(f"{PREFIX}/sign-in", door.ask, methods=["GET"]),
        Route(f"{PREFIX}/sign-in", door.sign_in, methods=["POST"]),
        Route(f"{PREFIX}/setup", door.ask_setup, methods=["GET"]),
        Route(f"{PREFIX}/setup", door.set_up, methods=["POST"]),
    ]
    routes = [Route(f"{PREFIX}{page.path}", guarded(room, base, page), methods=[page.method]) for page in PAGES]

    async def lost(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return room.outside(status, "There is nothing here", "The address leads to no page of the console.")

    return Starlette(routes=[*open_routes, *routes], exception_handlers={404: lost, 405: lost})


def guarded(room: Room, base: str, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Let a page see only the requests of somebody who is signed in, may do it, and asks from one of our own pages."""

    async def serve(request: Request) -> Response:
        transport = transport_of(request)
        token = session_token(request.cookies, transport)
        used = _POLLED not in request.headers
        session = await room.people.session(token, used=used) if token else None
        if session is None:
            return _to_sign_in(request, base, page)
        form: Form
        if page.method == "GET":
            form = Form(_fields(request.url.query))
        else:
            read = await _read(request, session)
            if isinstance(read, str):
                return room.outside(403, "This cannot be done", read)
            form = read
        visit = Visit(room, request, session, form, source_of(request))
        if not may(session.user.role, page.action):
            role = session.user.role.value
            return visit.page("problem.html", 403, title="Not for you", why=f"The role '{role}' may not {page.action}.")
        try:
            return await page.serve(visit)
        except Refused as refused:
            return visit.refuse(refused)

    return serve


async def _read(request: Request, session: Session) -> Form | str:
    """Read a form that was sent from one of our own pages; otherwise tell what is wrong with it."""
    form = await read_form(request)
    if isinstance(form, Form):
        token = request.headers.get("x-csrf-token", "") or form.raw("csrf")
        if not guarding.same(session.csrf, token):
            return "The form is not of this session: go back, load the page again, and send it again."
    return form


def _fields(query: str) -> Mapping[str, tuple[str, ...]]:
    try:
        return guarding.read_form(query.encode("ascii"))
    except ValueError:
        return {}


def _to_sign_in(request: Request, base: str, page: Page) -> Response:
    """Send the browser to the page on which one signs in, and from there back to a page that can be shown."""
    whole = page.method == "GET" and "hx-request" not in request.headers and _POLLED not in request.headers
    here = f"{base}{request.scope['path'].removeprefix(PREFIX)}"
    where = f"{base}/sign-in" + (f"?next={quote(here)}" if whole and here != f"{base}/" else "")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303) if _POLLED not in request.headers else Response(status_code=401)


def _redirect(where: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return RedirectResponse(where, 308)

    return serve


def _static(files: Mapping[str, assets.Asset]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        asset = files.get(request.path_params["path"])
        if asset is None:
            raise HTTPException(404)
        tag = f'"{asset.digest}"'
        fresh = request.query_params.get("v") == asset.digest
        headers = {"etag": tag, "vary": "accept-encoding", "cache-control": assets.FOREVER if fresh else "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                asset.packed, headers={**headers, "content-encoding": "gzip"}, media_type=asset.content_type
            )
        return Response(asset.body, headers=headers, media_type=asset.content_type)

    return serve
