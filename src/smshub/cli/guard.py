"""`smshub guard`: what the guard of codes refuses, and the prefixes that it watches."""

from typing import Annotated

import typer

from smshub.cli.client import Client, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json, print_table

app = typer.Typer(help="Tell what the guard of codes refuses; lift its blocks.", no_args_is_help=True)

DECISION_COLUMNS = ("at", "account", "to", "allowed", "enforced", "rule", "why", "country", "prefix", "source")
PREFIX_COLUMNS = ("prefix", "country", "requested", "verified", "since", "blocked_until")


@app.command("list")
@talks_to_hub
def list_decisions(
    hub: Client,
    *,
    refused: Annotated[bool, typer.Option("--refused", help="Without warnings.")] = False,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what was refused, or would have been: `enforced` tells which."""
    query = {"account": account, "refused": "true" if refused else None}
    decisions = list(hub.pages("/v1/guard/decisions", "decisions", limit, **query))
    if as_json:
        print_json({"decisions": decisions})
    else:
        columns = [column.replace("_", " ") for column in DECISION_COLUMNS]
        print_table(columns, [[one.get(column) for column in DECISION_COLUMNS] for one in decisions])


@app.command()
@talks_to_hub
def prefixes(hub: Client, *, as_json: Json = False) -> None:
    """List how codes to each prefix fare: the blocked first, then those whose codes are typed least."""
    answer = hub.get("/v1/guard/prefixes")
    if as_json:
        print_json(answer)
    else:
        columns = [column.replace("_", " ") for column in PREFIX_COLUMNS]
        found = answer.get("prefixes", [])
        print_table(columns, [[one.get(column) for column in PREFIX_COLUMNS] for one in found])


@app.command("open")
@talks_to_hub
def open_prefix(
    hub: Client, prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="As prefixes prints it.")]
) -> None:
    """Lift the block of a prefix; it is judged anew from then on."""
    print(clean(hub.post(f"/v1/guard/prefixes/{segment(prefix)}/open", {}).get("detail")))
