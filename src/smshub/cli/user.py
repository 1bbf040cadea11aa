"""`smshub user`: the people who sign in to the web console of a running hub."""

import secrets
import sys
from typing import Annotated, Literal

import typer

from smshub.cli.client import Client, Document, given, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.options import Json, talks_to_hub, warn
from smshub.cli.show import clean, print_fields, print_json, print_table

app = typer.Typer(help="List, make, change and remove the users of the web console.", no_args_is_help=True)

RoleName = Literal["administrator", "operator", "auditor", "account"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name with which the person signs in.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")]

COLUMNS = ("name", "role", "account", "authenticator", "disabled", "created at")
PASSWORD_BYTES = 18  # 24 letters


@app.command("list")
@talks_to_hub
def list_users(hub: Client, *, as_json: Json = False) -> None:
    """List everybody who may sign in to the console."""
    answer = hub.get("/v1/users")
    if as_json:
        print_json(answer)
    else:
        print_table(COLUMNS, [_row(one) for one in answer.get("users", [])])


@app.command()
@talks_to_hub
def show(hub: Client, name: Name, *, as_json: Json = False) -> None:
    """Show one."""
    answer = hub.get(_path(name))
    if as_json:
        print_json(answer)
    else:
        print_fields(zip(COLUMNS, _row(answer), strict=True))


@app.command()
@talks_to_hub
def add(
    hub: Client,
    name: Name,
    *,
    role: Annotated[RoleName, typer.Option(help="Their role: administrator, operator, auditor or account.")],
    account: Annotated[str | None, typer.Option(help="Whose messages they see, for the role account.")] = None,
    generate: Generate = False,
) -> None:
    """Make one.

    The password is asked for on the terminal, or read from the standard input where that is none.
    """
    if any(one.get("name") == name for one in hub.get("/v1/users").get("users", [])):
        raise Failed(f"there is somebody of the name {clean(name)} already")
    _put(hub, name, _password(generate=generate), generated=generate, role=role, account=account)


@app.command()
@talks_to_hub
def change(
    hub: Client,
    name: Name,
    *,
    role: Annotated[
        RoleName | None, typer.Option(help="Their role: administrator, operator, auditor or account.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Whose messages they see; '' for none.")] = None,
    disable: Annotated[bool, typer.Option("--disable", help="Keep them from signing in.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let them sign in again.")] = False,
) -> None:
    """Change what one may do, and sign them out everywhere."""
    if disable and enable:
        raise Failed("--disable and --enable cannot both be", Exit.USAGE)
    if role is None and account is None and not disable and not enable:
        raise Failed("say what is to change: --role, --account, --disable or --enable", Exit.USAGE)
    _find(hub, name)
    _put(hub, name, role=role, account=account, disabled=disable if disable or enable else None)


@app.command()
@talks_to_hub
def reset(
    hub: Client,
    name: Name,
    *,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    generate: Generate = False,
    forget: Annotated[bool, typer.Option("--forget-authenticator", help="Ask for no code until it is set up.")] = False,
) -> None:
    """Give one a new password, forget a lost authenticator, or both, and sign them out everywhere.

    The password is asked for on the terminal, or read from the standard input where that is none.
    """
    if password and generate:
        raise Failed("--password asks for one and --generate makes one: give only one of them", Exit.USAGE)
    if not password and not generate and not forget:
        raise Failed("say what is to be new: --password, --generate or --forget-authenticator", Exit.USAGE)
    _find(hub, name)
    new = _password(generate=generate) if password or generate else None
    _put(hub, name, new, generated=generate, reset_totp=forget or None)


@app.command()
@talks_to_hub
def remove(hub: Client, name: Name) -> None:
    """Remove one, and sign them out everywhere."""
    print(clean(hub.delete(_path(name)).get("detail")))


def _find(hub: Client, name: str) -> None:
    """See that there is somebody of this name, so that nobody is made by a slip. Raises `Failed`."""
    hub.get(_path(name))


def _put(hub: Client, name: str, password: str | None = None, *, generated: bool = False, **members: object) -> None:
    """Make or change one, and tell it; a password that was made is alone on the standard output."""
    answer = hub.put(_path(name), given({"password": password, **members}))
    if generated:
        warn(f"this is the password of {clean(name)}; it is not shown again, and the hub keeps only its hash")
        print(password)
    else:
        print(clean(answer.get("detail")))


def _password(*, generate: bool) -> str:
    """Make a password, or ask for one; never from the command line, which others see. Raises `Failed`."""
    if generate:
        return secrets.token_urlsafe(PASSWORD_BYTES)
    typed = _typed_twice() if sys.stdin.isatty() else _first_line()
    if not typed:
        raise Failed("there is no password", Exit.USAGE)
    return typed


def _typed_twice() -> str:
    from getpass import getpass  # noqa: PLC0415 - help must be quick

    typed = getpass("Password: ")
    if typed and getpass("Once more: ") != typed:
        raise Failed("the two passwords are not the same", Exit.USAGE)
    return typed


def _first_line() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Failed("the password is no text in UTF-8", Exit.USAGE) from None


def _path(name: str) -> str:
    return f"/v1/users/{segment(name)}"


def _row(one: Document) -> list[object]:
    return [one.get(member) for member in ("name", "role", "account", "totp", "disabled", "created_at")]
