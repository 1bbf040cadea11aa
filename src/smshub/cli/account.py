"""`smshub account`: the accounts of a running hub."""

from typing import Annotated

import typer

from smshub.cli.client import Client
from smshub.cli.objects import delete_object, list_objects, put_object
from smshub.cli.options import Json, talks_to_hub

app = typer.Typer(help="List, add and remove accounts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
Pairs = Annotated[
    list[str],
    typer.Argument(metavar="KEY=VALUE...", help="Its settings, such as username=shop password=env:SHOP_PASSWORD."),
]


@app.command("list")
@talks_to_hub
def list_accounts(hub: Client, *, as_json: Json = False) -> None:
    """List the accounts, secrets masked."""
    list_objects(hub, "accounts", as_json=as_json)


@app.command()
@talks_to_hub
def add(hub: Client, name: Name, settings: Pairs) -> None:
    """Make or change one in the hub's database."""
    put_object(hub, "accounts", name, settings)


@app.command()
@talks_to_hub
def remove(hub: Client, name: Name) -> None:
    """Remove one from the hub's database."""
    delete_object(hub, "accounts", name)
