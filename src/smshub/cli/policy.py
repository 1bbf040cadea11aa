"""`smshub otp policy`: what one-time passwords are like, of all accounts; groups and accounts may differ."""

from typing import Annotated, Any

import typer

from smshub.cli.client import Client, Document
from smshub.cli.objects import delete_object, list_objects, settings_from
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean

app = typer.Typer(help="Show and change what codes are like.", no_args_is_help=True)

KIND = "policies"
ALL = "otp"
Pairs = Annotated[
    list[str],
    typer.Argument(metavar="KEY=VALUE...", help="What to change, such as length=8 guard.mode=enforce."),
]


@app.command("list")
@talks_to_hub
def list_policies(hub: Client, *, as_json: Json = False) -> None:
    """List the policy of all (otp), and what groups and accounts have of their own; what is not listed is default."""
    list_objects(hub, KIND, as_json=as_json)


@app.command("set")
@talks_to_hub
def set_policy(hub: Client, settings: Pairs) -> None:
    """Change some settings of the policy of all, leaving the others as they are; it counts at once."""
    path = f"/v1/{KIND}/{ALL}"
    body = laid(hub.get(path).get("settings") or {}, settings_from(settings))
    print(clean(hub.put(path, body).get("detail")))


@app.command()
@talks_to_hub
def reset(hub: Client) -> None:
    """Take the defaults again; accounts and groups keep what they have of their own."""
    delete_object(hub, KIND, ALL)


def laid(below: Document, changed: dict[str, Any]) -> Document:
    """Lay changed settings over others; a dot in a name (guard.mode) leads into a table."""
    body = dict(below)
    for key, value in changed.items():
        first, dot, rest = key.partition(".")
        within = body.get(first)
        body[first] = laid(within if isinstance(within, dict) else {}, {rest: value}) if dot else value
    return body
