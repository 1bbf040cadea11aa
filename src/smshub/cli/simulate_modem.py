"""`smshub simulate modem`: a GSM modem on a pseudo-terminal."""

import re
from pathlib import Path
from typing import Annotated

import typer

from smshub.cli.failure import Exit, Failed, reason
from smshub.cli.simulate import Faults, Receipts, ScriptFile, app, script_of, show

__all__ = ["app", "modem"]

_INCOMING = re.compile(r"(\+?[0-9*#]{1,20}|[A-Za-z0-9 ]{1,11})=(.{1,1000})", re.DOTALL)


@app.command()
def modem(
    link: Annotated[
        Path | None, typer.Option(help="Name for the device, a symbolic link that is made and removed.")
    ] = None,
    script: ScriptFile = None,
    faults: Faults = None,
    receipts: Receipts = "good",
    pin_file: Annotated[Path | None, typer.Option(help="File with the PIN that the SIM wants.")] = None,
    registers_after: Annotated[float, typer.Option(min=0, help="Seconds until the network knows it.")] = 0.0,
    keeps_echo: Annotated[bool, typer.Option("--keeps-echo", help="Echo everything, whatever ATE0 says.")] = False,
    incoming: Annotated[
        list[str] | None, typer.Option(help="A text that lies on the SIM, NUMBER=TEXT; may be given often.")
    ] = None,
) -> None:
    """Run a GSM modem on a pseudo-terminal; it prints each text that it sends."""
    import asyncio  # noqa: PLC0415 - what only this command needs
    import signal  # noqa: PLC0415

    from smshub.cli.profile import first_line  # noqa: PLC0415
    from smshub.simulators.modem import FAULTS, Card, ModemSimulator  # noqa: PLC0415
    from smshub.simulators.modem_port import ModemPort  # noqa: PLC0415

    texts = [_incoming(one) for one in incoming or ()]
    simulator = ModemSimulator(
        script_of(script, faults, FAULTS, receipts),
        card=Card(pin=first_line(pin_file)),
        registers_after=registers_after,
        keeps_echo=keeps_echo,
        show=show,
    )
    for place, (sender, text) in enumerate(texts):
        simulator.deliver(sender, text, reference=place)
    if link is not None and link.exists() and not link.is_symlink():
        raise Failed(f"{link} is there already and is no link", Exit.USAGE)

    async def run() -> None:
        end = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end.set)
        port = ModemPort(simulator, link)
        try:
            device = port.plug()
        except OSError as error:
            raise Failed(f"cannot make a pseudo-terminal ({reason(error)})") from None
        show(f"GSM modem on {device}; end it with Ctrl-C")
        await end.wait()
        port.unplug()

    asyncio.run(run())


def _incoming(written: str) -> tuple[str, str]:
    found = _INCOMING.fullmatch(written)
    if found is None:
        raise Failed("--incoming is written NUMBER=TEXT", Exit.USAGE)
    return found[1], found[2]
