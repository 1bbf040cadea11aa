"""One's own password and authenticator, and the way out."""

from starlette.responses import RedirectResponse, Response

from smshub.console import cookies
from smshub.console.reading import transport_of
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import Refused
from smshub.domain.users import LONGEST_PASSWORD, SHORTEST_PASSWORD


async def show(visit: Visit) -> Response:
    """Show the page."""
    return _page(visit)


async def change_password(visit: Visit) -> Response:
    """Change the password; every other session ends, and this one goes on under a new token."""
    form = visit.form
    if form.raw("new") != form.raw("again"):
        return _page(visit, 422, old_problem="The two new passwords are not the same.")
    people = visit.room.people
    try:
        token = await people.change_password(visit.session, form.raw("old"), form.raw("new"), visit.source)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], old_problem=visit.words(refused))
    session = await people.session(token)
    if session is not None:
        visit.room.notices[session.csrf] = "The password is changed, and every other session is ended."
    answer = visit.go("/own")
    transport = transport_of(visit.request)
    cookies.open_session(answer, visit.request.cookies, transport, token)
    return answer


async def begin_totp(visit: Visit) -> Response:
    """Draw a secret for an authenticator and show it; it counts when a code of it is given."""
    secret, address = await visit.room.people.begin_totp(visit.session)
    return _page(visit, secret=secret, address=address)


async def confirm_totp(visit: Visit) -> Response:
    """Ask for codes of the authenticator from now on."""
    secret = visit.form.text("secret")
    try:
        code, password = visit.form.text("code"), visit.form.raw("password")
        await visit.room.people.confirm_totp(visit.session, secret, code, password, visit.source)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], secret=secret, totp_problem=visit.words(refused))
    return visit.go("/own", "From now on a code of your authenticator is asked for when you sign in.")


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    request = visit.request
    transport = transport_of(request)
    await visit.room.people.sign_out(cookies.session_token(request.cookies, transport))
    answer = RedirectResponse(visit.room.templates.url("/sign-in"), 303)
    cookies.close_session(answer, request.cookies)
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def _page(visit: Visit, status: int = 200, **values: str) -> Response:
    begun = {"secret": "", "address": "", "old_problem": "", "totp_problem": "", **values}
    return visit.page("own.html", status, least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD, **begun)


PAGES = (
    Page("GET", "/own", Action.OWN, show),
    Page("POST", "/own/password", Action.OWN, change_password),
    Page("POST", "/own/authenticator", Action.OWN, begin_totp),
    Page("POST", "/own/authenticator/confirm", Action.OWN, confirm_totp),
    Page("POST", "/sign-out", Action.OWN, sign_out),
)
