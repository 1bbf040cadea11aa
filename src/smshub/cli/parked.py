"""`smshub parked`: documents from brokers that could not be handled."""

from typing import Annotated

import typer

from smshub.cli.client import Client, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_fields, print_json, print_table

app = typer.Typer(help="List, show and drop documents that could not be handled.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the document, as list prints it.")]
COLUMNS = ("id", "parked_at", "frontend", "tries", "size", "error")


@app.command("list")
@talks_to_hub
def list_parked(
    hub: Client,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List them, newest first."""
    parked = list(hub.pages("/v1/parked", "parked", limit))
    if as_json:
        print_json({"parked": parked})
    else:
        print_table(
            [column.replace("_", " ") for column in COLUMNS],
            [[one.get(column) for column in COLUMNS] for one in parked],
        )


@app.command()
@talks_to_hub
def show(hub: Client, parked_id: Id, *, as_json: Json = False) -> None:
    """Show one with its content."""
    parked = hub.get(f"/v1/parked/{segment(parked_id)}")
    if as_json:
        print_json(parked)
    else:
        print_fields([(name, parked.get(name)) for name in (*COLUMNS, "encoding", "document")])


@app.command()
@talks_to_hub
def drop(hub: Client, parked_id: Id) -> None:
    """Throw one away."""
    print(clean(hub.delete(f"/v1/parked/{segment(parked_id)}").get("detail")))
