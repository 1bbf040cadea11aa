"""Accounts: who may call, with which keys and passwords, and as what; groups and defaults, which the file declares."""

import asyncio
import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any, Final

from argon2 import PasswordHasher
from starlette.responses import Response

from smshub.cli.account_keys import MASK, PROOFS, make_key
from smshub.config.tables import AccountSettings
from smshub.config.values import DOORS
from smshub.console.differences import flat
from smshub.console.fields import Plan
from smshub.console.nouns import Noun, Object, object_of, objects
from smshub.console.pages.objects import object_pages, one_path, put
from smshub.console.roles import Action
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.accounts import CHANNELS, OVERRIDES
from smshub.domain.commands import Done, Refusal, Refused, RevokeTokens, ShowToken, TokenShown

PATH: Final = "/accounts"
_TIMES: Final = frozenset({"nbf", "exp", "iat"})


async def _plan(visit: Visit) -> Plan:
    groups = tuple(one.name for one in await objects(visit, "groups"))
    return Plan(
        # Keys are made here and shown once; what is kept of them has its own buttons.
        skip=frozenset({"api_keys"}),
        first=frozenset(
            {"username", "password", "role", "originator", "class", "country", "rate", "group", "disabled"}
        ),
        options={"group": groups, "doors": DOORS, "channels": CHANNELS, "may_override": OVERRIDES},
    )


def _with_key(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Give a new account a key, if nothing else proves it."""
    if PROOFS & body.keys():
        return body, ""
    key, digest = make_key()
    return {**body, "api_keys": [digest]}, key


NOUN: Final = Noun(
    kind="accounts",
    one="account",
    new="New account",
    path=PATH,
    change=Action.CHANGE_ACCOUNTS,
    table=lambda kind: None if kind else AccountSettings,
    plan=_plan,
    sure="It cannot call any more. Its messages stay, and what waits is still sent.",
    article="an",
    prepare=_with_key,
)


async def show(visit: Visit) -> Response:
    """Show every account and every group."""
    return visit.page(
        "accounts.html",
        noun=NOUN,
        accounts=await objects(visit, "accounts"),
        groups=[(one.name, flat(one.settings)) for one in await objects(visit, "groups")],
        defaults=[flat(one.settings) for one in await objects(visit, "defaults")],
    )


async def show_one(visit: Visit) -> Response:
    """Show one account."""
    one = await object_of(visit, NOUN, visit.form.text("name"))
    return visit.page("account.html", noun=NOUN, object=one, lines=flat(one.settings))


async def new_key(visit: Visit) -> Response:
    """
    Give an account a new key, which is shown once.

    The newest of those before lives on beside it, so that programs can change over without a pause; older ones end.
    """
    one = await _own(visit)
    kept = [] if visit.form.ticked("only") else [str(key) for key in one.settings.get("api_keys", [])]
    if len(kept) > 1:
        if kept[-1] == MASK:
            # A mask stands for the secret at its place in the list, so it cannot be moved.
            why = "its keys are kept in clear; end them all with the new one"
            raise Refused(Refusal.CONFLICT, "BadObject", name=one.name, why=why)
        kept = kept[-1:]
    key, digest = make_key()
    await put(NOUN, visit, one, {"api_keys": [*kept, digest]})
    return visit.page("account_secret.html", name=one.name, secret=key, what="API key", made=False)


async def new_password(visit: Visit) -> Response:
    """Give an account a new password, of which the hub keeps the argon2 hash; it is shown once."""
    one = await _own(visit)
    password = secrets.token_urlsafe(24)
    hashed = await asyncio.to_thread(PasswordHasher().hash, password)
    await put(NOUN, visit, one, {"password": hashed})
    return visit.page("account_secret.html", name=one.name, secret=password, what="password", made=False)


async def disable(visit: Visit) -> Response:
    """Refuse every call of an account from now on, or let it call again; nothing else about it changes."""
    one = await _own(visit)
    disabled = not one.settings.get("disabled")
    await put(NOUN, visit, one, {"disabled": disabled})
    return visit.go(
        one_path(NOUN, one.name), f"{one.name} {'may not call any more' if disabled else 'may call again'}."
    )


async def revoke(visit: Visit) -> Response:
    """End the tokens of an account."""
    name = visit.form.text("name")
    done = await visit.ask(RevokeTokens(name), Done)
    return visit.go(one_path(NOUN, name), f"{done.detail[:1].upper()}{done.detail[1:]}.")


async def ask_token(visit: Visit) -> Response:
    """Show the form for a token."""
    return visit.page("token.html", problem="", shown=None, claims=())


async def show_token(visit: Visit) -> Response:
    """Tell what a token says, and whether it counts."""
    written = visit.form.text("token").strip('"')
    try:
        shown = await visit.ask(ShowToken(written), TokenShown)
    except Refused as refused:
        return visit.page("token.html", STATUS[refused.refusal], problem=visit.words(refused), shown=None, claims=())
    claims = tuple((name, _claim(name, value)) for name, value in shown.claims.items())
    return visit.page("token.html", problem="", shown=shown, claims=claims)


def _claim(name: str, value: Any) -> str:
    """Write a claim; of a time also as one can read it."""
    if name in _TIMES and isinstance(value, int) and 0 <= value < 2**35:
        return f"{value} ({dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return str(value)


async def _own(visit: Visit) -> Object:
    """Give an account that may be changed here. Raises `Refused`."""
    one = await object_of(visit, NOUN, visit.form.text("name"))
    if one.origin == "file":
        raise Refused(Refusal.CONFLICT, "Declared", name=f"accounts.{one.name}", place="the configuration file")
    return one


PAGES = (
    Page("GET", PATH, Action.ACCOUNTS, show, "Accounts"),
    Page("GET", f"{PATH}/one", Action.ACCOUNTS, show_one),
    Page("POST", f"{PATH}/key", Action.CHANGE_ACCOUNTS, new_key),
    Page("POST", f"{PATH}/password", Action.CHANGE_ACCOUNTS, new_password),
    Page("POST", f"{PATH}/disable", Action.CHANGE_ACCOUNTS, disable),
    Page("POST", f"{PATH}/revoke", Action.CHANGE_ACCOUNTS, revoke),
    Page("GET", f"{PATH}/token", Action.ACCOUNTS, ask_token),
    Page("POST", f"{PATH}/token", Action.ACCOUNTS, show_token),
    *object_pages(NOUN),
)
