"""`smshub send`: hand in a text and, if asked, follow it to its end."""

import sys
import time
from collections.abc import Iterable
from typing import Annotated

import typer

from smshub.cli.client import Client, Document, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_json
from smshub.cli.via import WAYS, Text, way
from smshub.cli.via_brokers import BROKERS, hand_over

FIRST_PAUSE = 0.1
REPORT_PATIENCE = 15.0  # seconds
LONGEST_PAUSE = 2.0


@talks_to_hub
def send(
    hub: Client,
    *,
    to: Annotated[list[str], typer.Option(help="Number or mail address of a recipient; may be repeated.")],
    text: Annotated[str, typer.Option(help="The text, or - to read it from the standard input.")],
    subject: Annotated[str | None, typer.Option(help="Subject of a mail.")] = None,
    originator: Annotated[str | None, typer.Option("--from", help="Sender that the handset shows.")] = None,
    message_class: Annotated[str | None, typer.Option("--class", help="otp, transactional or bulk.")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="Show it at once and keep nothing.")] = False,
    reference: Annotated[str | None, typer.Option(help="Your key: the same one again sends nothing twice.")] = None,
    valid_for: Annotated[float | None, typer.Option(help="Seconds after which it is worth nothing.")] = None,
    send_at: Annotated[str | None, typer.Option(help="When to send it (RFC 3339).")] = None,
    via: Annotated[
        str, typer.Option(help=f"Interface or broker to hand it in at: {', '.join([*WAYS, *BROKERS])}.")
    ] = "native",
    broker_url: Annotated[
        str | None,
        typer.Option(help="Broker, such as amqp://127.0.0.1/, for --via with one.", envvar="SMSHUB_BROKER_URL"),
    ] = None,
    topic: Annotated[str, typer.Option(help="Topic, queue, list or stream there.")] = "sms",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it has arrived or cannot.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Send a text.

    Prints the id, the number and the state of each message. With --wait every change of state is printed, and the
    exit status is 0 only where all have been delivered.
    """
    whole = sys.stdin.read() if text == "-" else text
    handed_in = Text(to, whole, originator, message_class, flash, reference, valid_for, send_at, subject)
    messages = hand_over(via, broker_url, topic, handed_in) if via in BROKERS else way(via)(hub, handed_in)
    if wait:
        if not all(message.get("id") for message in messages):
            raise Failed(f"{via} tells no ids to wait for; the text is accepted")
        _wait(hub, messages, timeout, as_json=as_json)
    elif as_json:
        print_json({"messages": messages})
    else:
        for message in messages:
            _print(message)


def _wait(hub: Client, messages: list[Document], timeout: float, *, as_json: bool) -> None:
    ended = _follow(hub, messages, timeout, quiet=as_json)
    if as_json:
        print_json({"messages": ended})
    if any(message.get("state") not in {"DELIVERED", "SENT"} for message in ended):
        raise typer.Exit(Exit.REFUSED)


def _print(message: Document) -> None:
    print(clean(message.get("id")), clean(message.get("to")), clean(message.get("state")), flush=True)


def _follow(hub: Client, messages: list[Document], timeout: float, *, quiet: bool) -> list[Document]:
    """
    Ask for each message until all have ended, and print every change of state.

    Not every provider reports on delivery: one that stays SENT for `REPORT_PATIENCE` seconds has ended for us too.
    """
    from smshub.domain.message import FINAL  # noqa: PLC0415 - what only this option needs

    until = time.monotonic() + timeout
    pause = FIRST_PAUSE
    latest = {str(message["id"]): message for message in messages}
    for message in [] if quiet else messages:
        _print(message)
    sent_at: dict[str, float] = {}

    def going_on(one: str) -> bool:
        state = latest[one].get("state")
        if state != "SENT":
            return state not in FINAL
        if _is_mail(latest[one]):
            return False  # no report comes back from a mail server
        return time.monotonic() - sent_at.setdefault(one, time.monotonic()) < REPORT_PATIENCE

    waiting = [one for one in latest if going_on(one)]
    while waiting:
        if time.monotonic() >= until:
            states = ", ".join(f"{one} is {latest[one].get('state')}" for one in waiting[:5])
            raise Failed(f"not ended after {timeout:g} s: {clean(states)}; ask again with: smshub message show ID")
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(pause * 1.5, LONGEST_PAUSE)
        for one in waiting:
            message = hub.get(f"/v1/messages/{segment(one)}")
            if message.get("state") != latest[one].get("state") and not quiet:
                _print_change(message)
            latest[one] = message
        waiting = [one for one in waiting if going_on(one)]
    if not quiet:
        _print_unreported(latest.values())
    return list(latest.values())


def _print_unreported(messages: Iterable[Document]) -> None:
    if any(message.get("state") == "SENT" and not _is_mail(message) for message in messages):
        print("SENT: the provider has it; no delivery report has come (not every provider sends one)", flush=True)


def _is_mail(message: Document) -> bool:
    return message.get("encoding") == "MAIL"


def _print_change(message: Document) -> None:
    connector = message.get("connector")
    attempts = message.get("attempts") or [{}]
    reason = attempts[-1].get("reason")
    parts = [message.get("id"), message.get("to"), message.get("state")]
    parts += [f"via {connector}"] if connector else []
    parts += [f"({reason})"] if reason else []
    print(*(clean(part) for part in parts), flush=True)
