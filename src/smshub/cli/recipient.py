"""`smshub export` and `smshub erase`: all that is kept of one recipient."""

from typing import Annotated

import typer

from smshub.cli.blocklist import Number
from smshub.cli.client import Client, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.options import Json, talks_to_hub, warn
from smshub.cli.show import print_json

PATIENCE = 120.0


@talks_to_hub
def export(hub: Client, number: Number) -> None:
    """Print all that is kept of a number or mail address, as JSON.

    Needs an administrator. The texts of codes are never told.
    """
    answer = Client(hub.profile, PATIENCE).get(f"/v1/recipients/{segment(number)}/export")
    print_json(answer)
    if not answer.get("complete", True):
        warn("there is more; the 10,000 newest of each kind are told")


@talks_to_hub
def erase(
    hub: Client,
    number: Number,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: nothing brings it back.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a number or mail address from all that is kept.

    What waits for it is cancelled; a block stays and still holds. Backups of before keep it. Needs an administrator.
    """
    if not yes:
        raise Failed("this cannot be undone; say --yes (and look at `smshub export` first)", Exit.USAGE)
    answer = Client(hub.profile, PATIENCE).post(f"/v1/recipients/{segment(number)}/erase", {})
    if as_json:
        print_json(answer)
    else:
        counted = ("messages", "cancelled", "incoming", "codes", "decisions", "parked")
        print("erased: " + ", ".join(f"{answer.get(name, 0)} {name}" for name in counted))
        if answer.get("blocked"):
            print("it stays blocked")
    if not answer.get("files", True):
        warn("traces may be left in unused parts of the database: a backup is reading it, or it is too large")
    if answer.get("left"):
        raise Failed(f"{answer['left']} messages are still with a provider; run this again in a minute")
