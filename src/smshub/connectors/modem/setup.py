"""How a modem is set up, unlocked, asked who it is, and looked after: 3GPP TS 27.007 and TS 27.005."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from smshub.connectors.modem.link import Declined, Link, Silent
from smshub.connectors.modem.settings import ModemSettings
from smshub.domain.incoming import ModemView
from smshub.protocols.gsm.at import Line, fields
from smshub.settings import SecretMissing

_HELLOS = 4  # how often a modem is called before it is held for dead
_QUIET = 0.1  # seconds in which answers to what was asked before us come in and are thrown away
_REGISTERED = frozenset({"1", "5"})  # at home, roaming: TS 27.007 §7.2

# Where reports and texts go, from what we like best to what old modems can do: TS 27.005 §3.4.1. Texts are kept and
# told of (+CMTI); reports come at once (+CDS), or are kept too (+CDSI).
_ROUTES = ("AT+CNMI=2,1,0,1,0", "AT+CNMI=1,1,0,1,0", "AT+CNMI=2,1,0,2,0", "AT+CNMI=2,1,0,0,0", "AT+CNMI=1,1")
_ROUTES_ALONE = ("AT+CNMI=2,1,0,0,0", "AT+CNMI=1,1,0,0,0", "AT+CNMI=1,1")


class Locked(Exception):
    """
    The SIM cannot be used until somebody does something about it; the words say what.

    `tried`: its PIN was refused, so that it is never tried again.
    """

    def __init__(self, why: str, *, tried: bool = False) -> None:
        super().__init__(why)
        self.tried = tried

    async def still(self, link: Link, within: float) -> None:
        """Go on only if the SIM has been unlocked meanwhile, or its PIN has not been tried yet."""
        if self.tried and await _pin_state(link, within) != "READY":
            raise self


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the modem shows: whether it is registered, and if not, why."""

    view: ModemView
    registered: bool
    why: str = ""


async def prepare(link: Link, settings: ModemSettings) -> None:
    """Bring a modem to listen, whatever was done with it before. Raises `Silent`, `Lost`, `Declined`."""
    within = settings.command_timeout
    await link.give_up_prompt()
    for hello in range(1, _HELLOS + 1):
        try:
            await link.ask("AT", within=within / _HELLOS)
            break
        except (Silent, Declined):
            if hello == _HELLOS:
                raise
    await asyncio.sleep(_QUIET)
    await link.ask("ATE0", within=within)
    await _try(link, "AT+CMEE=1", within=within)
    for command in settings.init:
        await link.ask(command, within=within)


async def unlock(link: Link, settings: ModemSettings, port: str) -> None:
    """
    Give the SIM its PIN if it wants one: once, and only with as many tries left as the settings want.

    Raises `Locked`; a SIM is never brought to want its PUK.
    """
    within = settings.command_timeout
    state = await _pin_state(link, within)
    if state == "READY":
        return
    if state != "SIM PIN":
        raise Locked(f"the SIM wants {state[:20]}: unlock it by hand")
    secret = settings.pins.get(port, settings.pin)
    if secret is None:
        raise Locked("the SIM wants its PIN, and none is configured")
    try:
        pin = secret.reveal()
    except SecretMissing as missing:
        raise Locked(f"the SIM wants its PIN: {missing}") from None
    if not re.fullmatch("[0-9]{4,8}", pin):
        raise Locked("the configured PIN is not 4 to 8 digits")
    left = await _tries_left(link, within)
    if left is not None and left < settings.pin_tries:
        raise Locked(f"the SIM has {left} tries of its PIN left, and pin_tries wants {settings.pin_tries}")
    try:
        await link.ask(f'AT+CPIN="{pin}"', within=within * 4)
    except Declined as declined:
        why = f"the SIM refuses the configured PIN ({declined.result}); it is not tried again"
        raise Locked(why, tried=True) from None
    except Silent:
        raise Locked("the modem has not said whether the PIN is right; it is not tried again", tried=True) from None


async def _pin_state(link: Link, within: float) -> str:
    try:
        lines = await link.ask("AT+CPIN?", "+CPIN:", within=within)
    except Declined as declined:
        if declined.result.kind == "CME" and declined.result.code == 14:
            raise  # busy: a SIM takes its time after power-on
        raise Locked(f"there is no SIM that can be used ({declined.result})") from None
    return next((value for line in lines if (value := line.value("+CPIN:"))), "an unknown code")


async def _tries_left(link: Link, within: float) -> int | None:
    """Tell how many tries of the PIN are left (TS 27.007 §8.65); None where the modem cannot say."""
    for line in await _try(link, 'AT+CPINR="SIM PIN"', "+CPINR:", within=within):
        values = fields(line.value("+CPINR:") or "")
        if len(values) > 1 and values[1].isascii() and values[1].isdigit():
            return int(values[1][:3])
    return None


async def identify(link: Link, settings: ModemSettings, view: ModemView) -> ModemView:
    """Choose PDU mode and where texts go; ask modem and SIM who they are. Raises `Declined`, `Silent`, `Lost`."""
    within = settings.command_timeout
    await link.ask("AT+CMGF=0", within=within)
    await _try(link, 'AT+CSCS="GSM"', within=within)
    for route in _ROUTES if settings.reports else _ROUTES_ALONE:
        if await _done(link, route, within=within):
            break
    smsc = await _first(link, "AT+CSCA?", "+CSCA:", within=within)
    return msgspec.structs.replace(
        view,
        manufacturer=await _first(link, "AT+CGMI", "+CGMI:", within=within),
        model=await _first(link, "AT+CGMM", "+CGMM:", within=within),
        imei=_digits(await _first(link, "AT+CGSN", "+CGSN:", within=within)),
        imsi=_digits(await _first(link, "AT+CIMI", "+CIMI:", within=within)),
        iccid=_digits(await _first(link, "AT+CCID", "+CCID:", "+ICCID:", "^ICCID:", within=within)),
        smsc=settings.smsc or smsc,
    )


async def home_memory(link: Link, within: float) -> str:
    """Tell where the modem keeps the texts that come in; "" where it does not say."""
    return await _first(link, "AT+CPMS?", "+CPMS:", within=within)


async def look(link: Link, settings: ModemSettings, view: ModemView) -> Seen:
    """Look at the network and the signal. Raises `Silent`, `Lost`."""
    within = settings.command_timeout
    status = ""
    for line in await _try(link, "AT+CREG?", "+CREG:", within=within):
        values = fields(line.value("+CREG:") or "")
        status = values[1] if len(values) > 1 else ""
    rssi, ber = 99, 99
    for line in await _try(link, "AT+CSQ", "+CSQ:", within=within):
        values = fields(line.value("+CSQ:") or "")
        rssi, ber = (_small(value) for value in (*values, "99", "99")[:2])
    operator = view.operator
    if status in _REGISTERED:
        for line in await _try(link, "AT+COPS?", "+COPS:", within=within):
            values = fields(line.value("+COPS:") or "")
            operator = _printable(values[2]) if len(values) > 2 else ""
    dbm = None if rssi > 31 else 2 * rssi - 113
    seen = msgspec.structs.replace(view, operator=operator, signal=rssi, ber=ber, dbm=dbm, condition=_condition(rssi))
    why = {"0": "it looks for none", "2": "it looks for one", "3": "it was refused"}.get(status, "nobody knows why")
    return Seen(seen, status in _REGISTERED, f"not registered with a network: {why}")


def _condition(rssi: int) -> str:
    """Tell a signal in a word."""
    if rssi > 31:
        return "unknown"
    return next(
        word
        for least, word in ((20, "excellent"), (15, "good"), (10, "fair"), (2, "poor"), (0, "none"))
        if rssi >= least
    )


async def _try(link: Link, command: str, *prefixes: str, within: float) -> list[Line]:
    """Ask for what a modem need not know; nothing where it does not."""
    with suppress(Declined):
        return await link.ask(command, *prefixes, within=within)
    return []


async def _done(link: Link, command: str, *, within: float) -> bool:
    try:
        await link.ask(command, within=within)
    except Declined:
        return False
    return True


async def _first(link: Link, command: str, *prefixes: str, within: float) -> str:
    """Give the first word of an answer, with or without a prefix; "" where there is none."""
    for line in await _try(link, command, "", *prefixes, within=within):
        values: Iterable[str] = (line.value(prefix) or "" for prefix in prefixes if line.text.startswith(prefix))
        return _printable((fields(next(iter(values), line.text)) or [""])[0])
    return ""


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:64]


def _digits(text: str) -> str:
    found = re.search("[0-9]{5,22}", text)
    return found[0] if found else ""


def _small(value: str) -> int:
    return int(value) if re.fullmatch("[0-9]{1,2}", value) else 99
