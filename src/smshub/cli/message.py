"""`smshub message`: what became of messages, and what an operator may do with one."""

from typing import Annotated, Any

import typer

from smshub.cli.client import Client, Document, segment
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_fields, print_json, print_table

app = typer.Typer(help="Show, list, cancel and release messages.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the message, as send printed it.")]


@app.command()
@talks_to_hub
def show(
    hub: Client,
    message_id: Id,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show what was said to providers too, masked.")] = False,
    as_json: Json = False,
) -> None:
    """Show a message and the timeline of what was tried."""
    message = hub.get(f"/v1/messages/{segment(message_id)}")
    if debug:
        message["exchanges"] = hub.get(f"/v1/messages/{segment(message_id)}/exchanges")["exchanges"]
    if as_json:
        print_json(message)
        return
    print_message({name: value for name, value in message.items() if name != "exchanges"})
    for one in message.get("exchanges", []):
        for what in ("request", "answer"):
            print(f"\nattempt {one['attempt']}, {what}:")
            for line in (one[what] or "(none)").splitlines():
                print(f"  {clean(line)}")


@app.command("list")
@talks_to_hub
def list_messages(
    hub: Client,
    *,
    to: Annotated[str | None, typer.Option(help="Only those to this number.")] = None,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as QUEUED or DELIVERED.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    connector: Annotated[str | None, typer.Option(help="Only those that this connector tried.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only those with this reference.")] = None,
    message_class: Annotated[str | None, typer.Option("--class", help="Only otp, transactional or bulk.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those accepted at or after this time (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Only those accepted before this time (RFC 3339).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List messages, newest first."""
    filters: dict[str, Any] = {"to": to, "state": state and state.upper(), "account": account, "connector": connector}
    filters |= {"reference": reference, "class": message_class, "since": since, "until": until}
    messages = list(hub.pages("/v1/messages", "messages", limit, **filters))
    if as_json:
        print_json({"messages": messages})
        return
    rows = [
        [one.get("id"), one.get("created_at"), one.get("to"), one.get("state"), one.get("class"), one.get("connector")]
        for one in messages
    ]
    print_table(["id", "accepted", "to", "state", "class", "connector"], rows)


@app.command()
@talks_to_hub
def cancel(hub: Client, message_id: Id, *, as_json: Json = False) -> None:
    """Cancel a message that has not left."""
    _told(hub.post(f"/v1/messages/{segment(message_id)}/cancel", {}), as_json)


@app.command()
@talks_to_hub
def release(hub: Client, message_id: Id, *, as_json: Json = False) -> None:
    """Send a held message once more, knowing that it may arrive twice."""
    _told(hub.post(f"/v1/messages/{segment(message_id)}/release", {}), as_json)


def _told(message: Document, as_json: bool) -> None:
    if as_json:
        print_json(message)
    else:
        print_fields([(str(message.get("id")), message.get("state"))])


def print_message(message: Document) -> None:
    """Print a message: what it is, then what happened, in order."""
    kind = ", ".join(str(message[key]) for key in ("class", "type") if message.get(key))
    size = f"{message.get('encoding')}, {message.get('segments')} segment(s)"
    print_fields(
        [
            ("id", message.get("id")),
            ("state", message.get("state")),
            ("to", message.get("to")),
            ("from", message.get("from")),
            ("subject", message.get("subject")),
            ("text", message.get("text")),
            ("size", size),
            ("class", kind),
            ("account", message.get("account")),
            ("reference", message.get("reference")),
            ("due", message.get("due_at")),
            ("expires", message.get("expires_at")),
        ]
    )
    print()
    print_fields(timeline(message))


def timeline(message: Document) -> list[tuple[str, str]]:
    """Tell what happened to a message, each with its time."""
    told = [(str(message.get("created_at")), "accepted")]
    for attempt in message.get("attempts") or []:
        label = f"attempt {attempt.get('number')} on {attempt.get('connector')}"
        told.append((str(attempt.get("started_at")), f"{label}: begun"))
        if attempt.get("settled_at"):
            told.append((str(attempt["settled_at"]), f"{label}: {_outcome(attempt)}"))
    receipt = message.get("receipt")
    if receipt:
        code = f" ({receipt['code']})" if receipt.get("code") else ""
        told.append((str(receipt.get("at")), f"receipt: {receipt.get('state')}{code}"))
    detail = message.get("detail")
    if detail and detail not in [attempt.get("detail") for attempt in message.get("attempts") or []]:
        told.append(("at last", f"{message.get('state')}: {detail}"))
    return told


def _outcome(attempt: Document) -> str:
    said = str(attempt.get("outcome"))
    if attempt.get("reason"):
        said += f" {attempt['reason']}"
    more = [f"{name} {attempt[key]}" for key, name in (("code", "code"), ("provider_ref", "ref")) if attempt.get(key)]
    if more:
        said += f" ({', '.join(more)})"
    return said + (f": {attempt['detail']}" if attempt.get("detail") else "")
