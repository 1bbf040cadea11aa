"""`smshub publish`: what OTP-Publisher does, from the command line; over REST or a broker, as an INI file says."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smshub.cli.failure import Exit, Failed, reason
from smshub.cli.options import Json, warn
from smshub.cli.show import clean, print_json

if TYPE_CHECKING:
    from smshub.publisher import Answer, Publisher

app = typer.Typer(
    help="Ask a hub or an OTP-Pi over REST or a broker, as the INI file of OTP-Publisher says.", no_args_is_help=True
)

DEFAULT_FILE = Path("publisher.ini")

To = Annotated[str, typer.Option(help="Number of the recipient, or a mail address.")]
Number = Annotated[str, typer.Argument(help="The number.")]
TextOption = Annotated[str, typer.Option("--text", help="The text, or - to read it from the standard input.")]
Lifetime = Annotated[float | None, typer.Option(min=1, help="Seconds after which it is worth nothing.")]
Id = Annotated[str | None, typer.Option("--id", help="Your id of the request; without it, the time.")]
Reference = Annotated[str, typer.Option(help="What the code is for; the same when it is checked.")]
Params = Annotated[list[str] | None, typer.Option("--param", help="Something to bind the code to; up to four times.")]
Subject = Annotated[str | None, typer.Option(help="Subject of a mail.")]


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path, typer.Option("--config", "-c", help="The INI file.")] = DEFAULT_FILE,
    method: Annotated[
        str | None, typer.Option(help="REST, REDIS, AMQP, MQTT or WS, in place of the one in the file.")
    ] = None,
) -> None:
    context.obj = (config, method)


@app.command()
def example(context: typer.Context) -> None:
    """Write a commented INI file.

    It goes to the file that --config names (publisher.ini), which only you may read, and which must not be there yet.
    """
    from smshub.publisher.example import EXAMPLE  # noqa: PLC0415 - what only this command needs

    file, _ = context.obj
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as written:
            written.write(EXAMPLE)
    except OSError as error:
        raise Failed(reason(error), Exit.USAGE) from None
    print(f"{file} is written; it says what each key is for")


@app.command("create-otp")
def create_otp(
    context: typer.Context,
    *,
    to: To,
    reference: Reference,
    text: TextOption,
    lifetime: Annotated[float, typer.Option(min=1, help="Seconds that the code lives.")] = 300,
    param: Params = None,
    subject: Subject = None,
    asked: Id = None,
    as_json: Json = False,
) -> None:
    """Have a code made and sent; the text has one %s where it goes."""
    words = _read(text)
    _ask(context, as_json, lambda by: by.create_otp(to, _id(asked), reference, lifetime, words, param or (), subject))


@app.command("verify-otp")
def verify_otp(
    context: typer.Context,
    *,
    to: To,
    reference: Reference,
    code: Annotated[str, typer.Option(help="The code, or - to read it from the standard input.")],
    param: Params = None,
    as_json: Json = False,
) -> None:
    """Check a code; the exit status is 0 only for the right one."""
    given = _read(code).strip()
    _ask(context, as_json, lambda by: by.verify_otp(to, given, reference, param or ()), need_yes=True)


@app.command("send-sms")
def send_sms(
    context: typer.Context,
    *,
    to: To,
    text: TextOption,
    lifetime: Lifetime = None,
    asked: Id = None,
    as_json: Json = False,
) -> None:
    """Send a text."""
    words = _read(text)
    _ask(context, as_json, lambda by: by.send_sms(to, _id(asked), lifetime, words))


@app.command("send-email")
def send_email(
    context: typer.Context,
    *,
    to: To,
    text: TextOption,
    subject: Annotated[str, typer.Option(help="Subject of the mail.")],
    lifetime: Lifetime = None,
    asked: Id = None,
    as_json: Json = False,
) -> None:
    """Send a mail."""
    words = _read(text)
    _ask(context, as_json, lambda by: by.send_email(to, _id(asked), lifetime, words, subject))


@app.command("send-message")
def send_message(
    context: typer.Context,
    *,
    to: To,
    text: TextOption,
    subject: Subject = None,
    lifetime: Lifetime = None,
    asked: Id = None,
    as_json: Json = False,
) -> None:
    """Send a text, or a mail where the recipient has an @."""
    words = _read(text)
    _ask(context, as_json, lambda by: by.send_message(to, _id(asked), lifetime, words, subject))


@app.command("block-msisdn")
def block_msisdn(context: typer.Context, number: Number, *, as_json: Json = False) -> None:
    """Have a number blocked."""
    _ask(context, as_json, lambda by: by.block_msisdn(number))


@app.command("unblock-msisdn")
def unblock_msisdn(context: typer.Context, number: Number, *, as_json: Json = False) -> None:
    """Lift the block of a number."""
    _ask(context, as_json, lambda by: by.unblock_msisdn(number))


@app.command("request-ussd")
def request_ussd(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="What to dial, such as *123#.")],
    *,
    modem: Annotated[str, typer.Option(help="Id of the modem.")],
    as_json: Json = False,
) -> None:
    """Ask the network through a modem."""
    _ask(context, as_json, lambda by: by.request_ussd(code, modem))


@app.command("get-modem-list")
def get_modem_list(context: typer.Context, *, as_json: Json = False) -> None:
    """Ask for the modems."""
    _ask(context, as_json, lambda by: by.get_modem_list())


def _ask(
    context: typer.Context, as_json: bool, ask: "Callable[[Publisher], Answer]", *, need_yes: bool = False
) -> None:
    """
    Ask, print the answer, and end with 0 where it is yes.

    That a broker has it is a yes too, save where `need_yes` says that only the answer itself counts.
    """
    from smshub.publisher import ConfigError, InvalidArgument, Publisher, PublisherError  # noqa: PLC0415
    from smshub.publisher.client import settings_from  # noqa: PLC0415

    file, method = context.obj
    try:
        with Publisher(settings_from(file, method, warn)) as publisher:
            answer = ask(publisher)
    except (ConfigError, InvalidArgument) as error:
        raise Failed(str(error), Exit.USAGE) from None
    except PublisherError as error:
        raise Failed(str(error)) from None
    if as_json:
        print_json(answer.raw)
    else:
        _print(answer)
    if not (answer.ok or (answer.published and not need_yes)):
        raise typer.Exit(Exit.REFUSED)


def _print(answer: "Answer") -> None:
    said = answer.error or ("published" if answer.published else "")
    parts = [answer.command, answer.response_code or "-", said]
    print(*(clean(part) for part in parts if part), flush=True)
    for name, value in answer.data.items():
        print(f"{clean(name)}: {clean(value)}", flush=True)


def _id(given: str | None) -> str | int:
    return given if given is not None else time.time_ns()


def _read(given: str) -> str:
    return sys.stdin.read() if given == "-" else given
