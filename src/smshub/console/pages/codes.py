"""One-time passwords: their policy, and what the guard thought of those who asked for codes."""

from typing import Final

from starlette.responses import Response

from smshub.console.differences import flat
from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.challenges import Decisions, ListDecisions, ListPrefixes, OpenPrefix, Prefixes, UnlockOtp
from smshub.domain.commands import Done, ListObjects, Objects, Refused

POLICY: Final = "/codes"
GUARD: Final = "/guard"
_FILTERS: Final = ("refused", "account")


async def policy(visit: Visit) -> Response:
    """Show the policy of all, and what groups and accounts have of their own."""
    return await _policy(visit)


async def unlock(visit: Visit) -> Response:
    """Forget the wrong codes of a recipient."""
    try:
        done = await visit.ask(UnlockOtp(visit.form.text("to")), Done)
    except Refused as refused:
        return await _policy(visit, STATUS[refused.refusal], visit.words(refused))
    return visit.go(POLICY, f"{done.detail}.")


async def guard(visit: Visit) -> Response:
    """Show the prefixes that the guard watches, and its latest decisions."""
    form = visit.form
    command = ListDecisions(form.ticked("refused"), form.some("account"), LIMIT, form.some("cursor"))
    offered = True
    try:
        prefixes = (await visit.ask(ListPrefixes(), Prefixes)).prefixes
        decided = await visit.ask(command, Decisions)
    except Refused as refused:
        if refused.error != "NotOffered":
            raise
        prefixes, decided, offered = (), Decisions(()), False
    more = further(GUARD, form, _FILTERS, decided.cursor)
    return visit.page(
        "guard.html", prefixes=prefixes, decisions=decided.decisions, offered=offered, filled=form, more=more
    )


async def open_prefix(visit: Visit) -> Response:
    """Lift the guard's block of a prefix."""
    prefix = visit.form.text("prefix")
    await visit.ask(OpenPrefix(prefix), Done)
    return visit.go(GUARD, f"Codes to {prefix} are sent again.")


async def _policy(visit: Visit, status: int = 200, problem: str = "") -> Response:
    found = (await visit.ask(ListObjects("policies"), Objects)).objects
    policies = [(one["name"], flat(one["settings"])) for one in found]
    return visit.page("codes.html", status, policies=policies, problem=problem, filled=visit.form)


PAGES = (
    Page("GET", POLICY, Action.POLICIES, policy, "Codes"),
    Page("POST", f"{POLICY}/unlock", Action.CHANGE_GUARD, unlock),
    Page("GET", GUARD, Action.GUARD, guard, "Guard"),
    Page("POST", f"{GUARD}/open", Action.CHANGE_GUARD, open_prefix),
)
