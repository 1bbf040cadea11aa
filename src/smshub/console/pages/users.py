"""The people who use the console: who they are, what they may do, and the way back in for who has lost it."""

from typing import Any, Final

from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Form, Page, Visit
from smshub.domain.accounts import Role
from smshub.domain.commands import Done, ListObjects, Objects, Refusal, Refused
from smshub.domain.users import LONGEST_PASSWORD, SHORTEST_PASSWORD, DeleteUser, ListUsers, PutUser, User, Users

PATH: Final = "/users"
_ROLES: Final = tuple((role.value, role.value) for role in Role)


async def show(visit: Visit) -> Response:
    """Show everybody."""
    return await _list(visit)


async def make(visit: Visit) -> Response:
    """Make a user."""
    form = visit.form
    name = form.text("name")
    try:
        if any(name == user.name for user in (await visit.ask(ListUsers(), Users)).users):
            return await _list(visit, 409, "There is somebody of that name already.")
        if form.raw("password") != form.raw("again"):
            return await _list(visit, 422, "The two passwords are not the same.")
        await visit.ask(PutUser(name, _role(form), form.raw("password"), form.some("account")), Done)
    except Refused as refused:
        return await _list(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.go(PATH, f"{name} may sign in now.")


async def one(visit: Visit) -> Response:
    """Show one."""
    return await _one(visit)


async def change(visit: Visit) -> Response:
    """Change what somebody is: role, account, whether they may sign in. It ends their sessions."""
    form = visit.form
    name = (await _find(visit)).name
    command = PutUser(name, _role(form), account=form.text("account"), disabled=form.ticked("disabled"))
    return await _changed(visit, command, f"{name} is changed, and signed out everywhere.")


async def reset(visit: Visit) -> Response:
    """Give somebody a new password, and forget their authenticator where that is wanted. It ends their sessions."""
    form = visit.form
    name = (await _find(visit)).name
    if form.raw("password") != form.raw("again"):
        return await _one(visit, 422, "The two passwords are not the same.")
    command = PutUser(name, password=form.raw("password") or None, reset_totp=form.ticked("reset_totp"))
    if command == PutUser(name):
        return await _one(visit, 422, "Give a new password, or have the authenticator forgotten.")
    return await _changed(visit, command, f"{name} signs in anew.")


async def remove(visit: Visit) -> Response:
    """Remove somebody, with their sessions."""
    name = visit.path("name")
    return await _changed(visit, DeleteUser(name), f"{name} is removed.")


async def _changed(visit: Visit, command: PutUser | DeleteUser, notice: str) -> Response:
    try:
        await visit.ask(command, Done)
    except Refused as refused:
        return await _one(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.go(PATH, notice)


async def _list(visit: Visit, status: int = 200, problem: str = "") -> Response:
    users = (await visit.ask(ListUsers(), Users)).users
    return visit.page("users.html", status, users=users, problem=problem, **await _choices(visit))


async def _one(visit: Visit, status: int = 200, problem: str = "") -> Response:
    user = await _find(visit)
    return visit.page("users_one.html", status, user=user, problem=problem, **await _choices(visit))


async def _find(visit: Visit) -> User:
    name = visit.path("name")
    for user in (await visit.ask(ListUsers(), Users)).users:
        if user.name == name:
            return user
    raise Refused(Refusal.NOT_FOUND, "NotFound", what="user")


async def _choices(visit: Visit) -> dict[str, Any]:
    found = (await visit.ask(ListObjects("accounts"), Objects)).objects
    accounts = (("", "none"), *((account["name"], account["name"]) for account in found))
    return {
        "roles": _ROLES,
        "accounts": accounts,
        "filled": visit.form if visit.request.method == "POST" else Form({}),
        "least": SHORTEST_PASSWORD,
        "most": LONGEST_PASSWORD,
    }


def _role(form: Form) -> Role | None:
    written = form.text("role")
    return Role(written) if written in set(Role) else None


PAGES = (
    Page("GET", PATH, Action.USERS, show, "Users"),
    Page("POST", PATH, Action.CHANGE_USERS, make),
    Page("GET", f"{PATH}/{{name}}", Action.USERS, one),
    Page("POST", f"{PATH}/{{name}}", Action.CHANGE_USERS, change),
    Page("POST", f"{PATH}/{{name}}/reset", Action.CHANGE_USERS, reset),
    Page("POST", f"{PATH}/{{name}}/remove", Action.CHANGE_USERS, remove),
)
