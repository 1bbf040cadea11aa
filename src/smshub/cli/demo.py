"""`smshub demo`: everything on loopback, with a simulated message centre and a sample account."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Option(help="Where it keeps its files.")] = Path(".smshub"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the hub; 0 is any free one.")] = 8080,
) -> None:
    """Run a hub to try things out.

    A simulated message centre and a sample account come with it; it needs no credentials and no services.
    """
    from smshub.demo import run  # noqa: PLC0415 - the hub is loaded only when it is to run

    raise typer.Exit(run(folder, port=port))
