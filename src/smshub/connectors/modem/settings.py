"""The settings of a modem connector."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from smshub.connectors.base import ConnectorSettings
from smshub.settings import Secret, setting

# What a message's or a service centre's number may look like; nothing else reaches a modem.
NUMBER = re.compile(r"\+?[0-9*#]{1,20}")

# Commands that an operator may have sent at the start: those that choose how the modem works. None that dials, sends,
# deletes, or changes a password or an identity.
INIT = (
    *("AT&F", "ATZ", "AT+CFUN=", "AT+COPS=", "AT+CREG=", "AT+CGMS", "AT+CSMS=", "AT+CGSMS=", "AT+CPMS=", "AT+CNMI="),
    *("AT+CMMS=", "AT+CSCS=", "AT+IFC=", "AT+CGEREG=", "AT^CURC=", "AT^SYSCFG", "AT+CNMP=", "AT+QCFG=", "AT+QINDCFG="),
)
_COMMAND = re.compile(r'[A-Z0-9&^+=,."?-]{2,120}')


def port_path(port: str) -> str:
    """Check the path of a serial device."""
    if not re.fullmatch(r"/[A-Za-z0-9._:+@/-]{1,200}", port) or "/../" in port:
        raise ValueError("must be the whole path of a device, such as /dev/ttyUSB0")
    return port


def number(value: str) -> str:
    """Check a number."""
    if not NUMBER.fullmatch(value):
        raise ValueError("must be up to 20 digits, * or #, such as +491710760000")
    return value


def init_command(command: str) -> str:
    """Check a command that is sent at the start."""
    written = command.strip().upper()
    if not _COMMAND.fullmatch(written) or not written.startswith(INIT):
        raise ValueError(f"is not one of those that may be sent: {', '.join(one.rstrip('=') for one in INIT)}")
    return written


Port = Annotated[str, AfterValidator(port_path)]


class ModemSettings(ConnectorSettings):
    """One GSM modem on a serial port, or several that take turns."""

    ports: list[Port] = setting(
        "Serial devices of the modems, best under a name that stays when they are plugged in anew.",
        examples=[["/dev/serial/by-id/usb-HUAWEI_E173-if00-port0"]],
        min_length=1,
        max_length=64,
    )
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600] = setting(
        "Speed of the serial line, in bits a second; USB modems do not care.", 115200
    )
    pin: Secret | None = setting("PIN of the SIM cards; it is tried once.", None, examples=["file:sim.pin"])
    pins: dict[str, Secret] = setting("PINs by port, where the cards have different ones.", {})
    pin_tries: int = setting(
        "Tries that a SIM must have left for its PIN to be tried, where the modem tells them; 3 is none used yet.",
        3,
        ge=1,
        le=3,
    )
    smsc: Annotated[str, AfterValidator(number)] | None = setting(
        "Number of the service centre; without it the one on the SIM.", None, examples=["+491710760000"]
    )
    init: list[Annotated[str, AfterValidator(init_command)]] = setting(
        "Commands sent once at the start of each modem, of those that choose how it works.",
        [],
        examples=[["AT+COPS=0"]],
    )
    rotation: Literal["turns", "default"] = setting(
        "Which modem sends: all in turns, or the default one as long as it can.", "turns"
    )
    default: Port | None = setting(
        "Port of the modem that is asked where none is named; without it the first.", None, examples=["/dev/ttyUSB0"]
    )
    long_texts: Literal["udh", "udh16"] = setting(
        "Width of the reference that joins the segments of a text: 8 bits, or 16.", "udh"
    )
    validity: bool = setting(
        "Whether the service centre is told how long a text is of use (in steps of five minutes).", True
    )
    reports: bool = setting("Whether delivery reports are asked for.", True)
    inbox: bool = setting("Whether texts that come in are taken from the SIM.", True)
    delete_read: bool = setting(
        "Whether a text is deleted from the SIM once the hub has it on disk; otherwise the card will be full one day.",
        True,
    )
    join_within: float = setting(
        "Seconds that the missing parts of a long text are waited for; then it is kept with a gap.",
        86_400.0,
        ge=60,
        le=604_800,
    )
    command_timeout: float = setting("Seconds that a modem may take to answer a command.", 5.0, gt=0, le=120)
    prompt_timeout: float = setting("Seconds that it may take to ask for the text of a message.", 10.0, gt=0, le=120)
    send_timeout: float = setting(
        "Seconds that it may take to send one segment; after them nobody knows whether it left.", 60.0, gt=0, le=600
    )
    ussd_timeout: float = setting("Seconds that the network may take to answer a USSD code.", 25.0, gt=0, le=300)
    poll: float = setting(
        "Seconds between two looks at the network, the signal and the texts that came in.", 30.0, gt=0, le=3_600
    )
    retry: float = setting("Seconds between two looks for a modem that is gone.", 2.0, gt=0, le=600)
    grace: float = setting("Seconds that a text under way is waited for when the hub stops.", 10.0, ge=0, le=60)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if len(set(self.ports)) != len(self.ports):
            raise ValueError("ports names a device twice")
        for port in (*self.pins, *([self.default] if self.default else [])):
            if port not in self.ports:
                raise ValueError(f"{port} is not one of its ports")
        return self
