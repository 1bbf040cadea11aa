"""`smshub frontend`: the doors on brokers of a running hub."""

import typer

from smshub.cli.client import Client
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import print_json, print_table

app = typer.Typer(help="List the doors on brokers.", no_args_is_help=True)

COLUMNS = (
    *("name", "carrier", "url", "topic", "account", "state"),
    *("in_flight", "taken", "refused", "parked", "unanswered", "last_error"),
)


@app.callback()
def _group() -> None:
    """List the doors on brokers."""


@app.command("list")
@talks_to_hub
def list_frontends(hub: Client, *, as_json: Json = False) -> None:
    """List the doors on brokers with their state, figures and last error."""
    answer = hub.get("/v1/frontends")
    if as_json:
        print_json(answer)
    else:
        rows = [[one.get(column) for column in COLUMNS] for one in answer.get("frontends", [])]
        print_table([column.replace("_", " ") for column in COLUMNS], rows)
