"""`smshub errors`: an operator's own words for the hub's answers."""

from typing import Annotated

import typer

from smshub.cli.client import Client, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json, print_table

app = typer.Typer(help="List the hub's error texts and put your own words for them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the error, as list prints it.")]


@app.command("list")
@talks_to_hub
def list_texts(
    hub: Client,
    *,
    own: Annotated[bool, typer.Option("--own", help="Only those that are not the default.")] = False,
    as_json: Json = False,
) -> None:
    """List every error with its text, and whether that is the default, the file's or the database's."""
    found = [one for one in hub.get("/v1/errors").get("objects", []) if not own or one.get("origin") != "default"]
    if as_json:
        print_json({"objects": found})
        return
    print_table(
        ["name", "origin", "text"],
        [[one.get("name"), one.get("origin"), (one.get("settings") or {}).get("text")] for one in found],
    )


@app.command("set")
@talks_to_hub
def set_text(
    hub: Client,
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The words; {placeholders} are those of the default.")],
) -> None:
    """Put your own words for an error; every interface answers with them at once."""
    print(clean(hub.put(f"/v1/errors/{segment(name)}", {"text": text}).get("detail")))


@app.command()
@talks_to_hub
def reset(hub: Client, name: Name) -> None:
    """Take the default text again."""
    print(clean(hub.delete(f"/v1/errors/{segment(name)}").get("detail")))
