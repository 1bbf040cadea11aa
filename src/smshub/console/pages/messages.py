"""Messages: found by number or by what has become of them, one told whole, and saved as a table."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from smshub.console import exporting
from smshub.console.paging import further
from smshub.console.roles import Action
from smshub.console.searching import FILTERS, Search, search_of
from smshub.console.timeline import cancellable, repeatable, timeline_of
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import (
    CancelMessage,
    Connectors,
    ListConnectors,
    Listed,
    ListMessages,
    ListObjects,
    Objects,
    Refused,
    ReleaseMessage,
    ShowMessage,
    Shown,
)
from smshub.domain.exchanges import Exchanges, ShowExchanges
from smshub.domain.message import FINAL, MessageClass, State

PATH: Final = "/messages"
# So many rows are saved at the most, and so few asked for at once that nothing else waits for them.
MOST_SAVED: Final = 100_000
_BATCH: Final = 200
_SLOWLY: Final = 10.0


async def show(visit: Visit) -> Response:
    """Show a page of messages, newest first, of those that are looked for."""
    search = search_of(visit.form, await _countries(visit))
    if search.id is not None:
        return visit.go(f"{PATH}/{search.id}")
    problem, status, listed = "", 200, Listed((), None)
    if search.problems:
        status = 422
    else:
        try:
            listed = await visit.ask(search.wanted, Listed)
        except Refused as refused:
            problem, status = visit.words(refused), STATUS[refused.refusal]
    return visit.page(
        "messages.html",
        status,
        filled=visit.form,
        found=listed.messages,
        number=search.wanted.to,
        problem=problem,
        problems=search.problems,
        more=further(PATH, visit.form, FILTERS, listed.cursor),
        save=further(f"{PATH}/table.csv", visit.form, FILTERS, ""),
        most=MOST_SAVED,
        states=tuple(state.value for state in State),
        classes=tuple(one.value for one in MessageClass),
        **await _choices(visit),
    )


async def _choices(visit: Visit) -> dict[str, Any]:
    """Give the accounts and connectors to choose from; those of an account see their own, whatever they choose."""
    if not visit.may(Action.CONNECTORS):
        return {"accounts": (), "connectors": ()}

    async def ask() -> tuple[tuple[str, ...], tuple[str, ...]]:
        accounts = await visit.ask(ListObjects("accounts"), Objects)
        connectors = await visit.ask(ListConnectors(), Connectors)
        names = tuple(sorted(str(one["name"]) for one in accounts.objects))
        return names, tuple(sorted(one.name for one in connectors.connectors))

    accounts, connectors = await visit.remembered("messages.choices", _SLOWLY, ask)
    return {"accounts": accounts, "connectors": connectors}


async def _countries(visit: Visit) -> tuple[str, ...]:
    """Give the countries by which numbers are read that come without theirs: one's own, or those of every account."""
    if visit.session.account.country is not None:
        return (visit.session.account.country,)
    if not visit.may(Action.ACCOUNTS):
        return ()

    async def ask() -> tuple[str, ...]:
        groups = [await visit.ask(ListObjects(kind), Objects) for kind in ("accounts", "groups")]
        found = {one["settings"].get("country") for objects in groups for one in objects.objects}
        return tuple(sorted(str(country) for country in found if country))

    return await visit.remembered("messages.countries", _SLOWLY, ask)


# --- one message --------------------------------------------------------------------------------------------------


async def show_one(visit: Visit) -> Response:
    """Show one message with its life and, to those who may, what was said to the providers."""
    return await _one(visit, visit.path("id"))


async def follow(visit: Visit) -> Response:
    """Show what has become of it: the part of its page that is asked for again and again."""
    shown = await visit.ask(ShowMessage(visit.path("id")), Shown)
    return visit.page("message_life.html", **_life(visit, shown))


async def ask_first(visit: Visit) -> Response:
    """Ask whether it shall really be cancelled, or sent once more."""
    shown = await visit.ask(ShowMessage(visit.path("id")), Shown)
    return visit.page("message_sure.html", message=shown.message, release=visit.form.text("what") == "release")


async def cancel(visit: Visit) -> Response:
    """Cancel it."""
    message_id = visit.path("id")
    await visit.ask(CancelMessage(message_id), Shown)
    return visit.go(f"{PATH}/{message_id}", "It is cancelled.")


async def release(visit: Visit) -> Response:
    """Send a held one once more."""
    message_id = visit.path("id")
    await visit.ask(ReleaseMessage(message_id), Shown)
    return visit.go(f"{PATH}/{message_id}", "It is sent once more.")


async def _one(visit: Visit, message_id: str) -> Response:
    shown = await visit.ask(ShowMessage(message_id), Shown)
    said = Exchanges(())
    if visit.may(Action.LOG):
        said = await visit.ask(ShowExchanges(message_id), Exchanges)
    return visit.page("message.html", exchanges=said.exchanges, **_life(visit, shown))


def _life(visit: Visit, shown: Shown) -> dict[str, Any]:
    message, may = shown.message, visit.may(Action.CHANGE_MESSAGES)
    return {
        "message": message,
        "events": timeline_of(shown),
        "going_on": message.state not in FINAL,
        "may_cancel": may and cancellable(message.state),
        # Whoever sends once more what may have arrived takes it upon themselves: that is the operator's.
        "may_release": may and message.state is State.UNCERTAIN and visit.session.account.operates,
        "may_repeat": visit.may(Action.SEND) and message.state in FINAL and repeatable(message),
    }


# --- a table ------------------------------------------------------------------------------------------------------


async def save(visit: Visit) -> Response:
    """Give the messages that are looked for as CSV, newest first, while they are read."""
    search = search_of(visit.form, await _countries(visit), _BATCH)
    if search.problems or search.id is not None:
        return visit.page("problem.html", 422, title="That did not work", why="The filters cannot be read.")
    first = await visit.ask(_from_the_start(search), Listed)
    headers = {"content-disposition": 'attachment; filename="messages.csv"', "x-most-rows": str(MOST_SAVED)}
    return StreamingResponse(_table(visit, search.wanted, first), media_type="text/csv; charset=utf-8", headers=headers)


def _from_the_start(search: Search) -> ListMessages:
    return msgspec.structs.replace(search.wanted, cursor=None)


async def _table(visit: Visit, wanted: ListMessages, listed: Listed) -> AsyncIterator[bytes]:
    """Write page after page. A hub that cannot go on breaks the answer off, so that it is not taken for the whole."""
    # The mark by which spreadsheets know UTF-8.
    yield b"\xef\xbb\xbf" + exporting.lines([exporting.HEADINGS])
    left = MOST_SAVED
    while True:
        rows = listed.messages[:left]
        yield exporting.lines(exporting.cells(message) for message in rows)
        left -= len(rows)
        if listed.cursor is None or left <= 0:
            return
        listed = await visit.ask(msgspec.structs.replace(wanted, cursor=listed.cursor), Listed)


PAGES = (
    Page("GET", PATH, Action.MESSAGES, show, "Messages"),
    Page("GET", f"{PATH}/table.csv", Action.MESSAGES, save),
    Page("GET", f"{PATH}/{{id}}", Action.MESSAGES, show_one),
    Page("GET", f"{PATH}/{{id}}/life", Action.MESSAGES, follow),
    Page("GET", f"{PATH}/{{id}}/sure", Action.CHANGE_MESSAGES, ask_first),
    Page("POST", f"{PATH}/{{id}}/cancel", Action.CHANGE_MESSAGES, cancel),
    Page("POST", f"{PATH}/{{id}}/release", Action.CHANGE_MESSAGES, release),
)
