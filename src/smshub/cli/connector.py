"""`smshub connector`: the ways out of a running hub."""

from typing import Annotated

import typer

from smshub.cli import connector_files
from smshub.cli.client import Client, segment
from smshub.cli.objects import delete_object, put_object
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json, print_table

app = typer.Typer(help="List, test, add and remove ways out; begin and try one of your own.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connector.")]
Pairs = Annotated[
    list[str],
    typer.Argument(metavar="KEY=VALUE...", help="Its settings, such as type=smpp password=env:CARRIER_PASSWORD."),
]
COLUMNS = (
    *("name", "type", "state", "queued", "in_flight", "throughput", "sent", "failed"),
    *("balance", "balance_unit", "origin", "last_error"),
)


@app.command("list")
@talks_to_hub
def list_connectors(hub: Client, *, as_json: Json = False) -> None:
    """List the connectors with their state, figures and last error."""
    answer = hub.get("/v1/connectors")
    if as_json:
        print_json(answer)
    else:
        rows = [[one.get(column) for column in COLUMNS] for one in answer.get("connectors", [])]
        print_table([column.replace("_", " ") for column in COLUMNS], rows)


@app.command("test")
@talks_to_hub
def send_test(
    hub: Client,
    name: Name,
    *,
    to: Annotated[str, typer.Option(help="Number of the recipient.")],
    text: Annotated[str, typer.Option(help="The text.")] = "A test of this connector.",
    as_json: Json = False,
) -> None:
    """Send one real text through one connector, past the routes."""
    answer = hub.post(f"/v1/connectors/{segment(name)}/test", {"to": to, "text": text})
    if as_json:
        print_json(answer)
        return
    for message in answer.get("messages", [answer]):
        print(clean(message.get("id")), clean(message.get("to")), clean(message.get("state")))


@app.command()
@talks_to_hub
def add(hub: Client, name: Name, settings: Pairs) -> None:
    """Make or change a connector in the hub's database; write secrets as env: or file: references."""
    put_object(hub, "connectors", name, settings)


@app.command()
@talks_to_hub
def remove(hub: Client, name: Name) -> None:
    """Remove a connector from the hub's database."""
    delete_object(hub, "connectors", name)


app.command("new")(connector_files.new)
app.command("check")(connector_files.check)
