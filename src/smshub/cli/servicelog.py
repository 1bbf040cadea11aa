"""`smshub log`: what a running hub has to say."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from smshub.cli.client import Client
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json


class LevelName(StrEnum):
    """The least that a line matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@talks_to_hub
def log(
    hub: Client,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD...", help="What must be in a line, such as a connector's name.")
    ] = None,
    *,
    level: Annotated[LevelName, typer.Option(help="The least that a line matters.")] = LevelName.DEBUG,
    limit: Annotated[int, typer.Option(help="So many of the newest.", min=1, max=2_000)] = 50,
    as_json: Json = False,
) -> None:
    """Look through the newest lines of the log of a running hub, the newest last.

    The whole log is what the hub writes to its standard error.
    """
    found = list(hub.pages("/v1/log", "lines", limit, words=" ".join(words or ()) or None, level=level.value))
    if as_json:
        print_json({"lines": found})
        return
    for one in reversed(found):
        at = datetime.fromtimestamp(one["at"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        said = " ".join(f"{name}={value}" for name, value in one["fields"].items())
        print(clean(f"{at} {one['level']:<7} {one['event']} {said}".rstrip()))
