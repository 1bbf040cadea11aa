"""`smshub block`, `unblock` and `blocklist`: the recipients that nobody may reach."""

from typing import Annotated

import typer

from smshub.cli.client import Client, given, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json, print_table

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The recipient, such as +491701234567, or a mail address.")
]


@talks_to_hub
def block(
    hub: Client,
    number: Number,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks at the list.")] = None,
    as_json: Json = False,
) -> None:
    """Let no account reach a number any more; what waits for it is rejected."""
    answer = hub.put(f"/v1/blocklist/{segment(number)}", given({"reason": reason}))
    if as_json:
        print_json(answer)
    else:
        print(f"{clean(answer.get('to'))} is blocked")


@talks_to_hub
def unblock(hub: Client, number: Number, *, as_json: Json = False) -> None:
    """Let a number be reached again."""
    answer = hub.delete(f"/v1/blocklist/{segment(number)}")
    if as_json:
        print_json(answer)
    else:
        print(clean(answer.get("detail")))


@talks_to_hub
def blocklist(
    hub: Client,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many, in the order of the numbers.")] = 1_000,
    as_json: Json = False,
) -> None:
    """List the blocked numbers."""
    blocked = list(hub.pages("/v1/blocklist", "blocked", limit))
    if as_json:
        print_json({"blocked": blocked})
        return
    rows = [[one.get(column) for column in ("to", "blocked_at", "blocked_by", "reason")] for one in blocked]
    print_table(["number", "since", "by", "reason"], rows)
