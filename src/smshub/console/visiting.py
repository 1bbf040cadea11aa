"""A visit: one request of somebody who is signed in, and what a page may do with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from smshub.console.rendering import Templates
from smshub.console.roles import Action, may
from smshub.domain.commands import Command, Refusal, Refused, Reply, text_of
from smshub.domain.contracts import Hub
from smshub.domain.users import People, Session

Answer = TypeVar("Answer", bound=Reply)
Found = TypeVar("Found")
MOST_NOTICES: Final = 1_000

STATUS: Final[Mapping[Refusal, int]] = {
    Refusal.UNAUTHENTICATED: 403,
    Refusal.FORBIDDEN: 403,
    Refusal.MALFORMED: 422,
    Refusal.NOT_FOUND: 404,
    Refusal.BLOCKED: 409,
    Refusal.NO_ROUTE: 409,
    Refusal.LIMITED: 429,
    Refusal.CONFLICT: 409,
    Refusal.EXPIRED: 409,
    Refusal.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Room:
    """What every page shares: the hub, the people, the templates, the error texts of the moment."""

    hub: Hub
    people: People
    templates: Templates
    catalogue: Callable[[], Mapping[str, str]]
    navigation: tuple[tuple[Action, str, str], ...] = ()
    notices: dict[str, str] = field(default_factory=dict)
    remembered: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def outside(self, status: int, title: str, why: str) -> Response:
        """Answer with a page for somebody who is not signed in, or may not be believed."""
        return HTMLResponse(self.templates.render("outside.html", {"title": title, "why": why}), status)


class Form:
    """The fields of a form or of a query."""

    def __init__(self, fields: Mapping[str, tuple[str, ...]]) -> None:
        self.fields = fields

    def text(self, name: str) -> str:
        """Give the value of a field, without what surrounds it; empty where it is not there."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """Give the value of a field as it came: for texts and passwords."""
        return next(iter(self.fields.get(name, ())), "")

    def some(self, name: str) -> str | None:
        """Give the value of a field, None where it is empty."""
        return self.text(name) or None

    def every(self, name: str) -> tuple[str, ...]:
        """Give every value of a field that is there several times."""
        return self.fields.get(name, ())

    def ticked(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return bool(self.raw(name))


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in. `form` are its fields (of a GET: of its query)."""

    room: Room
    request: Request
    session: Session
    form: Form
    source: str

    async def ask(self, command: Command, answer: type[Answer]) -> Answer:
        """Have the hub carry out a command on behalf of who is signed in. Raises `Refused`."""
        reply = await self.room.hub.handle(self.session.account, command)
        assert isinstance(reply, answer)
        return reply

    async def remembered(self, key: str, seconds: float, ask: Callable[[], Awaitable[Found]]) -> Found:
        """Give what was found a moment ago, or ask anew: only for what everybody sees who may see it."""
        until, found = self.room.remembered.get(key, (0.0, None))
        now = monotonic()
        if now >= until:
            found = await ask()
            self.room.remembered[key] = (now + seconds, found)
        known: Found = found
        return known

    def may(self, action: Action) -> bool:
        """Tell whether who is signed in may do this."""
        return may(self.session.user.role, action)

    def words(self, refused: Refused) -> str:
        """Tell a refusal in the words of the catalogue."""
        return text_of(refused, self.room.catalogue())

    def path(self, name: str) -> str:
        """Give a part of the path (`/messages/{id}`)."""
        return str(self.request.path_params[name])

    @property
    def is_fragment(self) -> bool:
        """Whether a part of a page is asked for by a script, not a page."""
        return self.request.headers.get("hx-request") == "true"

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a page, or a part of one."""
        notice = "" if self.is_fragment else self.room.notices.pop(self.session.csrf, "")
        return HTMLResponse(
            self.room.templates.render(
                template,
                {
                    "session": self.session,
                    "csrf": self.session.csrf,
                    "role": self.session.user.role,
                    "navigation": self.room.navigation,
                    "here": self.request.scope["path"].removeprefix("/console"),
                    "notice": notice,
                    **values,
                },
            ),
            status,
        )

    def go(self, path: str, notice: str = "") -> Response:
        """Answer by sending the browser to a page of the console, which shows `notice`."""
        if notice:
            self.room.notices[self.session.csrf] = notice
            while len(self.room.notices) > MOST_NOTICES:
                del self.room.notices[next(iter(self.room.notices))]
        where = self.room.templates.url(path)
        if self.is_fragment:
            return Response(status_code=204, headers={"HX-Redirect": where})
        return RedirectResponse(where, 303)

    def json(self, value: Any) -> Response:
        """Answer with JSON."""
        return JSONResponse(value)

    def refuse(self, refused: Refused) -> Response:
        """Answer with a refusal: a page of it, or a part that is shown where the answer was to be."""
        template = "problem_part.html" if self.is_fragment else "problem.html"
        headers = {} if refused.retry_after is None else {"retry-after": f"{max(1, round(refused.retry_after))}"}
        answer = self.page(template, STATUS[refused.refusal], title="That did not work", why=self.words(refused))
        answer.headers.update(headers)
        return answer


@dataclass(frozen=True, slots=True)
class Page:
    """
    A page, a part of one, or a form's target: what it is for decides who may.

    `path` is that in the console; `title`, where it is given, puts it into the navigation.
    """

    method: str
    path: str
    action: Action
    serve: Callable[[Visit], Awaitable[Response]]
    title: str = ""
