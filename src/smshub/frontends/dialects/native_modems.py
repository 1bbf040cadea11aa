"""What the native door tells of modems and of what comes in."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from smshub.domain.commands import Reply
from smshub.domain.incoming import IncomingPage, ListIncoming, Modems, ModemView, RequestUssd, UssdAnswered
from smshub.frontends.dialects.native_json import read
from smshub.frontends.dialects.native_query import FILTERS, PAGING, read_filters


class IncomingDocument(Struct, frozen=True):
    """A text that came in."""

    id: str
    connector: str
    sender: Annotated[str, Meta(description="International digits without `+`, or the name that it came from.")]
    to: Annotated[str, Meta(description="Our number, or the modem that took it.")]
    text: str
    received_at: datetime


class IncomingList(Struct, frozen=True):
    """Texts that came in, newest first, and where the next page begins."""

    texts: tuple[IncomingDocument, ...]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null where there is none.")]


class ModemDocument(Struct, frozen=True):
    """A modem; who it is (`port` to `smsc`) is empty for an account that may not know."""

    id: str
    connector: str
    connected: Annotated[bool, Meta(description="Whether it is registered with a network and may send.")]
    default: Annotated[bool, Meta(description="Whether it is its connector's default.")]
    port: str
    manufacturer: str
    model: str
    imei: str
    imsi: str
    iccid: str
    smsc: str
    operator: str
    signal: Annotated[int, Meta(description="+CSQ's value: 0 to 31, 99 unknown.")]
    ber: Annotated[int, Meta(description="Bit error rate: 0 to 7, 99 unknown.")]
    dbm: Annotated[int | None, Meta(description="The signal in dBm.")]
    condition: Annotated[str, Meta(description="The signal in a word.")]
    error: Annotated[str | None, Meta(description="What is wrong with it.")]


class ModemList(Struct, frozen=True):
    """Every modem."""

    modems: tuple[ModemDocument, ...]


class UssdRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A USSD code to send."""

    code: Annotated[str, Meta(description="Digits, `*` and `#`.", max_length=64, examples=["*100#"])]
    modem: Annotated[
        Annotated[str, Meta(max_length=128)] | None, Meta(description="Its `id`; without it a default one.")
    ] = None


class UssdDocument(Struct, frozen=True):
    """What the network said."""

    content: str
    raw: Annotated[str, Meta(description="As the modem gave it.")]
    replyable: Annotated[bool, Meta(description="Whether it waits for an answer, which is sent as the next code.")]


_USSD: Final = msgspec.json.Decoder(UssdRequest)
_encode: Final = msgspec.json.Encoder().encode
_PAGING: Final = {name: FILTERS[name] for name in PAGING}


def decode_incoming(query: bytes) -> ListIncoming:
    """Read the query string of GET /v1/incoming. Raises `Refused` (BadFilter), naming the parameter."""
    return ListIncoming(**read_filters(query, _PAGING))


def decode_ussd(body: bytes) -> RequestUssd:
    """Read the body of POST /v1/ussd. Raises `Refused`."""
    request = read(_USSD, body)
    return RequestUssd(request.code, request.modem)


def encode_incoming(reply: Reply) -> bytes:
    """Write a page of texts that came in."""
    assert isinstance(reply, IncomingPage)
    texts = tuple(
        IncomingDocument(
            one.id, one.connector, one.sender, one.to, one.text, datetime.fromtimestamp(one.received_at, tz=UTC)
        )
        for one in reply.texts
    )
    return _encode(IncomingList(texts, reply.cursor))


def encode_modems(reply: Reply) -> bytes:
    """Write the modems."""
    assert isinstance(reply, Modems)
    return _encode(ModemList(tuple(map(_modem, reply.modems))))


def encode_ussd(reply: Reply) -> bytes:
    """Write what the network said."""
    assert isinstance(reply, UssdAnswered)
    return _encode(UssdDocument(reply.content, reply.raw, reply.replyable))


def _modem(modem: ModemView) -> ModemDocument:
    return ModemDocument(**{name: getattr(modem, name) for name in ModemDocument.__struct_fields__})
