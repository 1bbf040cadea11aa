"""`smshub simulate`: message centres and providers that are not there, with faults on demand."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from smshub.cli.failure import Exit, Failed, reason

if TYPE_CHECKING:
    from ssl import SSLContext

    from smshub.simulators.faults import Action, Script

app = typer.Typer(help="Run a simulated message centre or provider, with faults on demand.", no_args_is_help=True)

ScriptFile = Annotated[Path | None, typer.Option(help="File with a fault script.")]
Faults = Annotated[str | None, typer.Option(help="A fault script, such as 'accept 5; throttle 3; hang'.")]
Receipts = Annotated[str, typer.Option(help="Delivery reports: good, bad or none.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]

REPORTS = ("good", "bad", "none")


class _Simulator(Protocol):
    async def start(self, host: str = ..., port: int = ...) -> int:
        """Listen; give the port."""

    async def stop(self) -> None:
        """Stop."""


@app.command()
def smsc(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 is any free one.")] = 2775,
    script: ScriptFile = None,
    faults: Faults = None,
    receipts: Receipts = "good",
    system_id: Annotated[str | None, typer.Option(help="Name that a bind must have; without it any may bind.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password that a bind must have.")] = None,
    throughput: Annotated[float | None, typer.Option(help="Submits a second, past which it throttles.")] = None,
    *,
    reply: Annotated[str | None, typer.Option(help="A text that each handset answers with.")] = None,
) -> None:
    """Run a message centre that speaks SMPP 3.4; it prints each text that it takes."""
    from smshub.cli.profile import first_line  # noqa: PLC0415
    from smshub.simulators.smsc import FAULTS, SmscSimulator  # noqa: PLC0415 - what only this command needs

    simulator = SmscSimulator(
        script_of(script, faults, FAULTS, receipts),
        system_id=system_id,
        password=first_line(password_file),
        throughput=throughput,
        show=show,
        reply=reply,
    )
    _run(simulator, host, port, "SMPP message centre")


@app.command()
def http(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 is any free one.")] = 8090,
    script: ScriptFile = None,
    faults: Faults = None,
    receipts: Receipts = "good",
    callback: Annotated[
        str | None, typer.Option(help="Address for delivery reports, such as http://127.0.0.1:8080/receipts/vonage.")
    ] = None,
    signing_file: Annotated[Path | None, typer.Option(help="File with the secret that signs the reports.")] = None,
    users_file: Annotated[
        Path | None, typer.Option(help="File of name:password lines that may send; without it any may.")
    ] = None,
) -> None:
    """Run an HTTP provider; it prints each request that it takes."""
    from smshub.cli.profile import first_line  # noqa: PLC0415
    from smshub.simulators.http import ACTIONS, HttpSimulator  # noqa: PLC0415 - what only this command needs

    simulator = HttpSimulator(
        script_of(script, faults, ACTIONS, receipts),
        users=_users(users_file),
        writer=show,
        callback=callback,
        signing=first_line(signing_file),
    )
    _run(simulator, host, port, "HTTP provider")


def _users(file: Path | None) -> dict[str, str]:
    """Read the names and passwords of those who may send."""
    if file is None:
        return {}
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file} cannot be read ({type(error).__name__})", Exit.USAGE) from None
    return {name: password for name, _, password in (line.partition(":") for line in lines)}


@app.command()
def otppi(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 is any free one.")] = 8899,
    script: ScriptFile = None,
    faults: Faults = None,
    username: Annotated[str | None, typer.Option(help="Name that callers must have; without it any may call.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password that they must have.")] = None,
    drop_expired: Annotated[
        bool, typer.Option("--drop-expired", help="Lose every text that has an expiration, as the appliance may.")
    ] = False,
) -> None:
    """Run an OTP-Pi's REST interface; it prints each text that its modem would send."""
    from smshub.cli.profile import first_line  # noqa: PLC0415
    from smshub.simulators.otppi import ACTIONS, OtpPiSimulator  # noqa: PLC0415 - what only this command needs

    users = {} if username is None else {username: first_line(password_file) or ""}
    simulator = OtpPiSimulator(script_of(script, faults, ACTIONS), users=users, drop_expired=drop_expired, writer=show)
    _run(simulator, host, port, "OTP-Pi")


@app.command()
def smtp(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 is any free one.")] = 2525,
    script: ScriptFile = None,
    faults: Faults = None,
    users_file: Annotated[
        Path | None, typer.Option(help="File of name:password lines that may send; without it any may.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="File with a certificate (PEM), to offer STARTTLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="File with its private key (PEM).")] = None,
) -> None:
    """Run a mail server that hands nothing on; it prints each mail that it takes."""
    from smshub.simulators.smtp import ACTIONS, SmtpSimulator  # noqa: PLC0415 - what only this command needs

    simulator = SmtpSimulator(
        script_of(script, faults, ACTIONS), users=_users(users_file), writer=show, tls=_tls(certificate, key)
    )
    _run(simulator, host, port, "Mail server")


def _tls(certificate: Path | None, key: Path | None) -> "SSLContext | None":
    """Read what a server shows of itself."""
    import ssl  # noqa: PLC0415

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise Failed("--certificate and --key belong together", Exit.USAGE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise Failed(f"{certificate} or {key} cannot be read ({type(error).__name__})", Exit.USAGE) from None
    return context


def script_of(
    file: Path | None, faults: str | None, allowed: "Iterable[Action]", receipts: str | None = None
) -> "Script":
    """Read the fault script; `receipts` adds how the delivery reports come, where the script does not say it."""
    from smshub.simulators.faults import Action, BadScript, Script  # noqa: PLC0415

    if file is not None and faults is not None:
        raise Failed("give --script or --faults, not both", Exit.USAGE)
    if receipts is not None and receipts not in REPORTS:
        raise Failed(f"--receipts is one of {', '.join(REPORTS)}", Exit.USAGE)
    try:
        script = Script.load(file, allowed=allowed) if file else Script.parse(faults or "", allowed=allowed)
        if receipts and not any(step.action is Action.RECEIPT for step in script.steps):
            script = Script([*script.steps, *Script.parse(f"receipt {receipts}").steps])
    except BadScript as error:
        raise Failed(str(error), Exit.USAGE) from None
    return script


def show(line: str) -> None:
    """Print what a simulator has to tell, at once."""
    print(line, flush=True)


def _run(simulator: _Simulator, host: str, port: int, what: str) -> None:
    """Run a simulator until SIGTERM or Ctrl-C."""
    import asyncio  # noqa: PLC0415
    import signal  # noqa: PLC0415

    async def run() -> None:
        end = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end.set)
        try:
            taken = await simulator.start(host, port)
        except OSError as error:
            raise Failed(f"cannot listen on {host}:{port} ({reason(error)})") from None
        show(f"{what} on {host}:{taken}; end it with Ctrl-C")
        await end.wait()
        await simulator.stop()

    asyncio.run(run())
