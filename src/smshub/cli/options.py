"""The options that every command which talks to a hub has."""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from smshub.cli.client import Client
from smshub.cli.profile import Flags, find_profile

Json = Annotated[bool, typer.Option("--json", help="Print the hub's answer as JSON.")]

_FLAGS: dict[str, Any] = {
    "url": Annotated[str | None, typer.Option(help="URL of the hub.")],
    "username": Annotated[str | None, typer.Option(help="Account to act as.")],
    "password_file": Annotated[Path | None, typer.Option(help="File with its password.")],
    "api_key_file": Annotated[Path | None, typer.Option(help="File with an API key.")],
    "ca": Annotated[Path | None, typer.Option(help="Authority (PEM) that signed the hub's certificate.")],
}


def talks_to_hub(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which hub, and the client they make as its first argument."""

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        flags = Flags(**{name: given.pop(name) for name in _FLAGS})
        profile = find_profile(flags)
        client = Client(profile)
        for warning in profile.warnings:
            warn(warning)
        if client.exposed:
            warn(f"the credentials cross the network in clear to {profile.url}; use https")
        command(client, **given)

    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _FLAGS.items()
    ]
    own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    wrapped.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in [*own, *more]}
    return wrapped


def warn(line: str) -> None:
    """Say something on the error stream that does not stop the command."""
    print(f"smshub: warning: {line}", file=sys.stderr)
