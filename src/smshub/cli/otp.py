"""`smshub otp`: send a code, check one, send it again."""

import sys
from typing import Annotated

import typer

from smshub.cli import policy
from smshub.cli.client import Client, given, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.options import Json, talks_to_hub
from smshub.cli.show import clean, print_fields, print_json

app = typer.Typer(help="Send and check one-time passwords.", no_args_is_help=True)
app.add_typer(policy.app, name="policy")

To = Annotated[str, typer.Option(help="Number or mail address of the person.")]
Reference = Annotated[str, typer.Option(help="Your name for what the code is for.")]
Params = Annotated[list[str] | None, typer.Option("--param", help="What else it is bound to; up to four times.")]
FIELDS = ("id", "reference", "to", "expires_at", "resend_after")


@app.command()
@talks_to_hub
def request(
    hub: Client,
    *,
    to: To,
    reference: Reference,
    param: Params = None,
    template: Annotated[str | None, typer.Option(help="Text with one %s or {code}.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the account's text.")] = None,
    subject: Annotated[str | None, typer.Option(help="Subject of a mail.")] = None,
    originator: Annotated[str | None, typer.Option("--from", help="Sender that the handset shows.")] = None,
    valid_for: Annotated[float | None, typer.Option(help="Seconds for which it is valid.")] = None,
    host: Annotated[str | None, typer.Option(help="Site that the text is bound to.")] = None,
    app_hash: Annotated[str | None, typer.Option(help="Android app that reads the text.")] = None,
    fallback: Annotated[str | None, typer.Option(help="Mail address that it goes to where no text can.")] = None,
    as_json: Json = False,
) -> None:
    """Make a code and send it."""
    members = {
        "to": to,
        "reference": reference,
        "params": param or None,
        "template": template,
        "language": language,
        "subject": subject,
        "from": originator,
        "valid_for": valid_for,
        "host": host,
        "app_hash": app_hash,
        "fallback": fallback,
    }
    _tell(hub.post("/v1/otp", given(members)), as_json=as_json)


@app.command()
@talks_to_hub
def verify(
    hub: Client,
    *,
    to: To,
    reference: Reference,
    code: Annotated[str, typer.Option(help="The code, or - to read it from the standard input.")] = "-",
    param: Params = None,
    as_json: Json = False,
) -> None:
    """Check a code; the exit status is 0 only where it matches."""
    typed = sys.stdin.readline().strip() if code == "-" else code
    if not typed:
        raise Failed("there is no code to be checked", Exit.USAGE)
    members = {"to": to, "reference": reference, "code": typed, "params": param or None}
    answer = hub.post("/v1/otp/verify", given(members))
    if as_json:
        print_json(answer)
    else:
        print(clean(answer.get("verdict")))
    if answer.get("match") is not True:
        raise typer.Exit(Exit.REFUSED)


@app.command()
@talks_to_hub
def resend(
    hub: Client,
    challenge: Annotated[str, typer.Argument(metavar="ID", help="Id of the code, as request printed it.")],
    *,
    as_json: Json = False,
) -> None:
    """Send the same code once more."""
    _tell(hub.post(f"/v1/otp/{segment(challenge)}/resend", {}), as_json=as_json)


@app.command()
@talks_to_hub
def unlock(
    hub: Client, to: Annotated[str, typer.Argument(metavar="RECIPIENT", help="Number or mail address.")]
) -> None:
    """Forget the wrong codes of a recipient, so that its codes are looked at again."""
    print(clean(hub.delete(f"/v1/otp/failures/{segment(to)}").get("detail")))


def _tell(answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    print_fields([(name.replace("_", " "), answer.get(name)) for name in FIELDS])
    if answer.get("clipped"):
        print("its life was cut to what the account allows")
    if answer.get("mailed"):
        print("it goes by mail, since no route leads to the number")
