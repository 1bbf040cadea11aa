"""What comes back from the air: texts that people send to the hub's modems and numbers, and USSD."""

import msgspec


class Incoming(msgspec.Struct, frozen=True):
    """
    A text that came in through a connector (MO). Times are seconds since 1970.

    `id` is the hub's own, `ref` the provider's where it gives one: by connector and `ref` a repeat is recognised, and
    the rest of a text that comes in parts.
    `sender` and `to` are E.164 digits where they are numbers, otherwise as the provider gave them.
    """

    id: str
    connector: str
    sender: str
    to: str
    text: str
    received_at: float
    ref: str = ""


class ListIncoming(msgspec.Struct, frozen=True):
    """List the texts that came in, newest first, at most `limit`."""

    connector: str | None = None
    sender: str | None = None
    limit: int = 50
    cursor: str | None = None


class DropIncoming(msgspec.Struct, frozen=True):
    """Throw a text away that came in."""

    id: str


class IncomingPage(msgspec.Struct, frozen=True):
    """A page of texts that came in and where the next one begins (None: there is none)."""

    texts: tuple[Incoming, ...]
    cursor: str | None = msgspec.field(default=None, name="next")


class ListModems(msgspec.Struct, frozen=True):
    """Tell every modem of every modem connector."""


class ModemView(msgspec.Struct, frozen=True):
    """A modem as an operator sees it. `signal` is +CSQ's RSSI (0 to 31, 99 unknown), `dbm` the same as a level."""

    id: str
    connector: str
    port: str
    connected: bool
    active: bool = True
    default: bool = False
    manufacturer: str = ""
    model: str = ""
    imei: str = ""
    imsi: str = ""
    iccid: str = ""
    smsc: str = ""
    operator: str = ""
    signal: int = 99
    ber: int = 99
    dbm: int | None = None
    condition: str = ""
    error: str | None = None


class Modems(msgspec.Struct, frozen=True):
    """Every modem."""

    modems: tuple[ModemView, ...]


class RequestUssd(msgspec.Struct, frozen=True):
    """Send a USSD code through a modem (None: the default one) and wait for what the network says."""

    code: str
    modem: str | None = None


class UssdAnswered(msgspec.Struct, frozen=True):
    """What the network said. `raw` is as the modem gave it, `replyable` whether it waits for an answer."""

    content: str
    raw: str
    replyable: bool = False


IncomingCommand = ListIncoming | DropIncoming | ListModems | RequestUssd
IncomingReply = IncomingPage | Modems | UssdAnswered
