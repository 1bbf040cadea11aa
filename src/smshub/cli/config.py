"""`smshub config`: write, check and compare configuration files, and have one taken over."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smshub.cli.client import Client, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.objects import list_objects
from smshub.cli.options import Json, talks_to_hub, warn
from smshub.cli.show import clean, print_json

if TYPE_CHECKING:
    from smshub.config import Config, Declared

app = typer.Typer(
    help="Write, check and compare configuration files; let a hub read its file again.", no_args_is_help=True
)

DEFAULT_FILE = Path("smshub.toml")
SIGNS = {"add": "+", "remove": "-", "change": "~"}
File = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]


@app.command()
def example() -> None:
    """Write a commented file with every key.

    It is ready to run: smshub config example > smshub.toml.
    """
    import secrets  # noqa: PLC0415 - what only this command needs

    from smshub import config  # noqa: PLC0415 - the settings classes take longer to load than help may take

    print(config.example(password=secrets.token_urlsafe(18)), end="")


@app.command()
def check(file: File = DEFAULT_FILE) -> None:
    """Read a file and tell every problem.

    Each is one line that names its place and its mend. The exit status is 2 where there is one.
    """
    from smshub.config import checks  # noqa: PLC0415

    config = load_config(file)
    for note in checks.notes(config):
        print(f"{file}: note: {note}")
    if (told := _open_file(config, file)) is not None:
        print(f"{file}: note: {told}")
    found = f"{_count(config.accounts, 'account')}, {_count(config.connectors, 'connector')}"
    print(f"{file}: sound ({found}, {_count(config.routes, 'route')})")


@app.command()
def plan(
    file: File = DEFAULT_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Show what an edited file would change in the hub that runs on its database."""
    from smshub import config as configuration  # noqa: PLC0415

    config = load_config(file)
    running, key = _running(config)
    new = configuration.declared(config, key)
    if not key:  # without the key of the hub nobody can tell whether a literal secret has changed
        running = [configuration.Declared(one.kind, one.name, one.body) for one in running]
        new = [configuration.Declared(one.kind, one.name, one.body) for one in new]
    changes = configuration.plan(running, new)
    if as_json:
        told = [{"action": one.action, "kind": one.kind, "name": one.name, "keys": dict(one.keys)} for one in changes]
        print_json({"changes": told})
        return
    for change in changes:
        print(change)
    print(f"{_count(changes, 'change')}" if changes else "No change.")


@app.command()
@talks_to_hub
def show(
    hub: Client,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as server, groups, retention, smtp.")] = "server",
    *,
    as_json: Json = False,
) -> None:
    """Show what the file of a running hub declares in a table, secrets masked."""
    list_objects(hub, f"config/tables/{segment(table)}", as_json=as_json)


@app.command()
@talks_to_hub
def reload(hub: Client, *, as_json: Json = False) -> None:
    """Let a running hub read its file again, as SIGHUP does.

    What has not changed goes on undisturbed. A file that cannot work changes nothing.
    """
    answer = hub.post("/v1/config/reload", {})
    if as_json:
        print_json(answer)
        return
    changes = answer.get("changes", [])
    for one in changes:
        said = ", ".join(f"{key}: {words}" for key, words in one.get("keys", {}).items())
        thing = ".".join(filter(None, (one.get("kind"), one.get("name"))))
        print(clean(f"{SIGNS.get(one.get('action'), '?')} {thing}{f': {said}' if said else ''}"))
    for key in answer.get("restart", []):
        warn(f"{clean(key)} has changed and counts when the hub is started again")
    print(f"{_count(changes, 'change')}" if changes else "No change.")


def load_config(file: Path) -> "Config":
    """
    Read a configuration for a command.

    Prints every problem to the error stream and ends with status 2 where there is one.
    """
    from smshub.config import ConfigErrors, load  # noqa: PLC0415

    try:
        return load(file)
    except ConfigErrors as errors:
        for problem in errors.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(Exit.USAGE) from None


def _running(config: "Config") -> "tuple[list[Declared], bytes]":
    from smshub import config as configuration  # noqa: PLC0415
    from smshub.secretkey import server_key  # noqa: PLC0415
    from smshub.store.declared import read_declared  # noqa: PLC0415
    from smshub.store.errors import StoreError  # noqa: PLC0415

    try:
        rows = read_declared(configuration.database_of(config.server))
    except StoreError as error:
        raise Failed(str(error)) from None
    try:
        key = server_key(config, make=False)
    except (OSError, configuration.ConfigErrors):
        key = b""
        if rows:
            warn("the key of the hub cannot be read, so changed secrets cannot be told")
    running = [configuration.Declared(kind, name, body["body"], body["digests"]) for kind, name, body in rows]
    return running, key


def _open_file(config: "Config", file: Path) -> str | None:
    """Say so where others may read a file that has secrets written in it."""
    from smshub.config import checks  # noqa: PLC0415

    literal = any(not secret.is_reference for _, secret in checks.secrets_of(config))
    if literal and (told := checks.open_mode(file)):
        return f"it has secrets in it, and {told}; close it: chmod 600 {file}"
    return None


def _count(things: Iterable[object], noun: str) -> str:
    number = len(list(things))
    return f"{number} {noun}{'' if number == 1 else 's'}"
