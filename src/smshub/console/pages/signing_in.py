"""Setting the console up, and signing in: the pages of those who are not signed in yet."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from smshub.console import cookies
from smshub.console.guarding import Transport, local_path, same
from smshub.console.reading import read_form, source_of, transport_of
from smshub.console.visiting import STATUS, Form, Room
from smshub.domain.commands import Refused, text_of
from smshub.domain.users import LONGEST_PASSWORD, SHORTEST_PASSWORD

FORM_LIMIT: Final = 16 * 1024


class Door:
    """The way into the console; `base` is its path as browsers write it."""

    def __init__(self, room: Room, base: str) -> None:
        self._room = room
        self._base = base

    async def ask(self, request: Request) -> Response:
        """Show the page on which one signs in."""
        if await self._room.people.needs_setup():
            return RedirectResponse(f"{self._base}/setup", 303)
        return self._show(request, "sign_in.html", next=request.query_params.get("next", ""), name="")

    async def sign_in(self, request: Request) -> Response:
        """Sign somebody in."""
        form = await self._read(request)
        if isinstance(form, Response):
            return form
        name, next_path = form.text("name"), form.text("next")
        try:
            token = await self._room.people.sign_in(name, form.raw("password"), form.text("code"), source_of(request))
        except Refused as refused:
            return self._again(request, "sign_in.html", refused, next=next_path, name=name)
        return await self._let_in(request, token, local_path(next_path, self._base))

    async def ask_setup(self, request: Request) -> Response:
        """Show the page on which the first administrator is made."""
        if not await self._room.people.needs_setup():
            return RedirectResponse(f"{self._base}/sign-in", 303)
        return self._show(request, "setup.html", name="admin", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)

    async def set_up(self, request: Request) -> Response:
        """Make the first administrator."""
        form = await self._read(request)
        if isinstance(form, Response):
            return form
        name, password = form.text("name"), form.raw("password")
        values = {"name": name, "least": SHORTEST_PASSWORD, "most": LONGEST_PASSWORD}
        if password != form.raw("again"):
            why = "The two passwords are not the same."
            return self._show(request, "setup.html", 422, problem=why, **values)
        try:
            token = await self._room.people.set_up(form.text("secret"), name, password, source_of(request))
        except Refused as refused:
            return self._again(request, "setup.html", refused, **values)
        return await self._let_in(request, token, f"{self._base}/")

    async def _let_in(self, request: Request, token: str, where: str) -> Response:
        """Open the session: always a new one; what the browser brought is ended."""
        transport = transport_of(request)
        before = cookies.session_token(request.cookies, transport)
        if before:
            await self._room.people.sign_out(before)
        answer = RedirectResponse(where, 303)
        cookies.open_session(answer, request.cookies, transport, token)
        return answer

    async def _read(self, request: Request) -> Form | Response:
        transport = transport_of(request)
        if transport is Transport.PLAIN:
            return self._show(request, "sign_in.html")
        form = await read_form(request, FORM_LIMIT)
        if isinstance(form, str):
            return self._room.outside(403, "This cannot be done", form)
        if not same(cookies.form_token(request.cookies, transport), form.raw("csrf")):
            why = "The form is old, or the browser keeps no cookies: go back, load the page again, and try again."
            return self._room.outside(403, "This cannot be done", why)
        return form

    def _again(self, request: Request, template: str, refused: Refused, **values: Any) -> Response:
        answer = self._show(
            request, template, STATUS[refused.refusal], problem=text_of(refused, self._room.catalogue()), **values
        )
        if refused.retry_after is not None:
            answer.headers["retry-after"] = f"{max(1, round(refused.retry_after))}"
        return answer

    def _show(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        transport = transport_of(request)
        render = self._room.templates.render
        if transport is Transport.PLAIN:
            return HTMLResponse(render("insecure.html", {}), 403)
        answer = HTMLResponse("", status)
        token = cookies.form_token(request.cookies, transport) or cookies.give_form_token(answer, transport)
        answer.body = render(template, {"csrf": token, "problem": "", **values}).encode()
        answer.headers["content-length"] = str(len(answer.body))
        return answer
