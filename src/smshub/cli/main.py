"""The command `smshub`: one file for each noun. What a command needs is loaded when it runs, so that help is quick."""

import sys
from typing import Annotated

import typer

from smshub import __version__
from smshub.cli import (
    account,
    audit,
    config,
    connector,
    console,
    errors,
    frontend,
    guard,
    message,
    otp,
    parked,
    publish,
    route,
    simulate_modem,
    user,
)
from smshub.cli.backup import backup, restore
from smshub.cli.blocklist import block, blocklist, unblock
from smshub.cli.demo import demo
from smshub.cli.explain import explain
from smshub.cli.failure import Failed
from smshub.cli.importing import app as importing
from smshub.cli.migrate import migrate
from smshub.cli.modem import inbox, modem
from smshub.cli.recipient import erase, export
from smshub.cli.send import send
from smshub.cli.serve import serve
from smshub.cli.servicelog import log
from smshub.cli.status import status

app = typer.Typer(
    name="smshub",
    help="A self-hosted SMS hub. Begin with: smshub demo",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich takes longer to load than help may take, and boxes a one-line error
    pretty_exceptions_enable=False,  # a traceback with its variables could show a secret
)

app.command()(demo)
app.command()(serve)
app.command()(status)
app.add_typer(config.app, name="config")
app.command()(send)
app.add_typer(message.app, name="message")
app.command()(explain)
app.command()(block)
app.command()(unblock)
app.command()(blocklist)
app.add_typer(otp.app, name="otp")
app.add_typer(guard.app, name="guard")
app.add_typer(connector.app, name="connector")
app.add_typer(route.app, name="route")
app.add_typer(account.app, name="account")
app.add_typer(user.app, name="user")
app.add_typer(frontend.app, name="frontend")
app.add_typer(parked.app, name="parked")
app.add_typer(errors.app, name="errors")
app.add_typer(modem, name="modem")
app.add_typer(inbox, name="inbox")
app.add_typer(publish.app, name="publish")
app.add_typer(simulate_modem.app, name="simulate")
app.command()(log)
app.add_typer(audit.app, name="audit")
app.add_typer(console.app, name="console")
app.command()(backup)
app.command()(restore)
app.command()(export)
app.command()(erase)
app.command()(migrate)
app.add_typer(importing, name="import")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"smshub {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Send, follow and route texts."""


def main() -> None:
    """Run the command; a failure is one line on the error stream and an exit status."""
    try:
        app()
    except Failed as failed:
        print(f"smshub: {failed}", file=sys.stderr)
        sys.exit(failed.status)
