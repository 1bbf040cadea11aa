"""One-time passwords: their policy, and what the guard thought of those who asked for codes."""

from typing import Any, Final

from starlette.responses import Response

from smshub.config.otp import OtpSettings
from smshub.console.differences import flat
from smshub.console.fields import Plan
from smshub.console.nouns import Noun, Object, objects
from smshub.console.pages.objects import object_pages
from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.challenges import Decisions, ListDecisions, ListPrefixes, OpenPrefix, Prefixes, UnlockOtp
from smshub.domain.commands import Done, Refused

POLICY: Final = "/codes"
GUARD: Final = "/guard"
_FILTERS: Final = ("refused", "account")
# What the policy of all accounts is called in the configuration.
ALL: Final = "otp"
_KEYS: Final = frozenset({"keys"})


async def _plan(_: Visit) -> Plan:
    # The keys under which codes are kept stand in the file only.
    return Plan(skip=_KEYS, first=frozenset({"length", "life", "tries", "language", "templates"}))


NOUN: Final = Noun(
    kind="policies",
    one="policy",
    new="",
    path=POLICY,
    change=Action.CHANGE_POLICIES,
    table=lambda kind: None if kind else OtpSettings,
    plan=_plan,
    sure="Codes are as the defaults have them from now on. What groups and accounts have of their own stays.",
    called="the policy of all accounts",
    remove="Reset",
    removed="the default again",
)


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
    found = await objects(visit, "policies")
    every = next(one for one in found if one.name == ALL)
    own = [(one.name, flat(one.settings)) for one in found if one.name != ALL]
    return visit.page(
        "codes.html",
        status,
        noun=NOUN,
        object=every,
        lines=flat(_whole(every)),
        changed=flat(every.settings),
        own=own,
        problem=problem,
        filled=visit.form,
    )


def _whole(policy: Object) -> dict[str, Any]:
    """Give every setting of the policy of all, those too that are left to their defaults."""
    return OtpSettings.model_validate(policy.settings).model_dump(mode="json", exclude=set(_KEYS))


PAGES = (
    Page("GET", POLICY, Action.POLICIES, policy, "Codes"),
    Page("GET", f"{POLICY}/one", Action.POLICIES, policy),
    Page("POST", f"{POLICY}/unlock", Action.CHANGE_GUARD, unlock),
    Page("GET", GUARD, Action.GUARD, guard, "Guard"),
    Page("POST", f"{GUARD}/open", Action.CHANGE_GUARD, open_prefix),
    *object_pages(NOUN, one_only=True),
)
