"""`smshub modem` and `smshub inbox`: the GSM modems, USSD, and texts that came in."""

from typing import Annotated

import typer

from smshub.cli.client import Client, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json, print_table

modem = typer.Typer(help="List the GSM modems; send USSD codes.", no_args_is_help=True)
inbox = typer.Typer(help="List and drop texts that came in.", no_args_is_help=True)

MODEM_COLUMNS = ("id", "connected", "operator", "dbm", "condition", "default", "port", "error")
TEXT_COLUMNS = ("id", "received_at", "connector", "to", "sender", "text")


@modem.command("list")
@talks_to_hub
def list_modems(hub: Client, *, as_json: Json = False) -> None:
    """List the modems with their network and signal."""
    answer = hub.get("/v1/modems")
    if as_json:
        print_json(answer)
    else:
        print_table(MODEM_COLUMNS, [[one.get(name) for name in MODEM_COLUMNS] for one in answer.get("modems", [])])


@modem.command()
@talks_to_hub
def ussd(
    hub: Client,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Such as '*100#'.")],
    *,
    through: Annotated[str | None, typer.Option("--modem", help="Its id, as list prints it.")] = None,
    as_json: Json = False,
) -> None:
    """Send a USSD code and print what the network says."""
    answer = hub.post("/v1/ussd", {"code": code} | ({"modem": through} if through else {}))
    if as_json:
        print_json(answer)
        return
    for line in str(answer.get("content", "")).splitlines():
        print(clean(line))
    if answer.get("replyable"):
        print("(it waits for an answer: send it as the next code)")


@inbox.command("list")
@talks_to_hub
def list_texts(
    hub: Client,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List them, newest first."""
    texts = list(hub.pages("/v1/incoming", "texts", limit))
    if as_json:
        print_json({"texts": texts})
    else:
        columns = [column.replace("_", " ") for column in TEXT_COLUMNS]
        print_table(columns, [[one.get(column) for column in TEXT_COLUMNS] for one in texts])


@inbox.command()
@talks_to_hub
def drop(hub: Client, text_id: Annotated[str, typer.Argument(metavar="ID", help="Id, as list prints it.")]) -> None:
    """Throw one away."""
    print(clean(hub.delete(f"/v1/incoming/{segment(text_id)}").get("detail")))
