"""`smshub account`: the accounts of a running hub."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from smshub.cli.account_keys import PROOFS, change, make_key, rotate, show_key
from smshub.cli.client import Client, Document, segment
from smshub.cli.failure import Exit
from smshub.cli.objects import delete_object, list_objects, put_object, settings_from
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json

app = typer.Typer(help="List, add and remove accounts, and end their tokens.", no_args_is_help=True)

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
def add(hub: Client, name: Name, settings: Pairs = []) -> None:  # noqa: B006 - read only
    """Make or change one in the hub's database.

    One without a password or another proof is given an API key, which is printed and not shown again.
    """
    if PROOFS & settings_from(settings).keys():
        put_object(hub, "accounts", name, settings)
        return
    key, digest = make_key()
    put_object(hub, "accounts", name, [*settings, f'api_keys=["{digest}"]'])
    show_key(name, key)


@app.command()
@talks_to_hub
def disable(hub: Client, name: Name) -> None:
    """Refuse every call of one from now on; nothing else about it changes."""
    change(hub, name, disabled=True)


@app.command()
@talks_to_hub
def enable(hub: Client, name: Name) -> None:
    """Let one that was disabled call again."""
    change(hub, name, disabled=False)


@app.command("rotate-key")
@talks_to_hub
def rotate_key(
    hub: Client,
    name: Name,
    *,
    only: Annotated[bool, typer.Option("--only", help="End every key of before at once.")] = False,
) -> None:
    """Give one a new API key, which is printed and not shown again.

    The newest key of before lives on beside it, so that programs can change over without a pause; older ones end.
    """
    show_key(name, rotate(hub, name, only=only))


@app.command()
@talks_to_hub
def remove(hub: Client, name: Name) -> None:
    """Remove one from the hub's database."""
    delete_object(hub, "accounts", name)


@app.command("revoke-tokens")
@talks_to_hub
def revoke_tokens(
    hub: Client,
    name: Name,
    *,
    one: Annotated[bool, typer.Option("--one", help="End only the token on the standard input.")] = False,
) -> None:
    """End the tokens of POST /api/Login that were given out so far.

    Whoever holds the account's ProgramKey can log in again; change the key to keep it out.
    """
    body = {"token": _token()} if one else {}
    print(clean(hub.post(f"/v1/accounts/{segment(name)}/revoke-tokens", body).get("detail")))


@app.command()
@talks_to_hub
def claims(hub: Client, *, as_json: Json = False) -> None:
    """Show what a token of POST /api/Login says, and whether it counts.

    The token is read from the standard input. The exit status is 0 only where it counts.
    """
    answer = hub.post("/v1/tokens/show", {"token": _token()})
    if as_json:
        print_json(answer)
    else:
        _print_claims(answer)
    if not answer.get("valid"):
        raise typer.Exit(Exit.REFUSED)


def _token() -> str:
    """Read a token as the login answers it, quotation marks or not; never from the command line, which others see."""
    return sys.stdin.read(65_536).strip().strip('"')


def _print_claims(answer: Document) -> None:
    for name, value in answer.get("claims", {}).items():
        print(f"{clean(name):12}", clean(value) + _as_time(name, value))
    print(
        "valid       ",
        f"yes, for {clean(answer.get('account'))}" if answer.get("valid") else f"no: {clean(answer.get('why'))}",
    )


def _as_time(name: str, value: Any) -> str:
    if name not in {"nbf", "exp", "iat"} or not isinstance(value, int) or not 0 <= value < 2**35:
        return ""
    return f"  ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
