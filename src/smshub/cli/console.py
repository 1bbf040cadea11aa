"""`smshub console`: the way into the web console for its first user."""

import sys
from typing import TYPE_CHECKING

import typer

from smshub.cli.config import DEFAULT_FILE, File, load_config
from smshub.cli.failure import Exit, Failed

if TYPE_CHECKING:
    from smshub.config import Server

app = typer.Typer(help="The web console.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The web console."""


@app.command()
def secret(file: File = DEFAULT_FILE) -> None:
    """Print the one-time secret by which the first user of the web console is made.

    The hub makes it at its start, while there is no user, in a file beside its database that only its own user can
    read. It counts once.
    """
    from smshub.secretkey import setup_file  # noqa: PLC0415 - more than help needs

    server = load_config(file).server
    path = setup_file(server)
    try:
        kept = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise Failed(
            f"there is no secret in {path}: the hub has not been started yet, or the console has a user already",
            Exit.REFUSED,
        ) from None
    except OSError as error:
        raise Failed(f"{path} cannot be read ({error.strerror}); run this as the user of the hub") from None
    print(kept)
    print(f"Open {_page(server)} and put it in; it counts once.", file=sys.stderr)


def _page(server: "Server") -> str:
    base = str(server.public_url or f"http://{server.listen}{server.mount}").rstrip("/")
    return f"{base}/console/setup"
