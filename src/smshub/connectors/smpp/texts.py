"""A message becomes one submit_sm or several: addresses, alphabets, segments, validity."""

import zlib
from dataclasses import dataclass
from functools import lru_cache

from smshub.connectors.rewriting import rewrite
from smshub.connectors.smpp.settings import SmppSettings
from smshub.domain.delivery import Reason
from smshub.domain.gsm7 import is_plain
from smshub.domain.message import Message
from smshub.domain.numbers import BadOriginator, parse_originator
from smshub.domain.text import BadText, Encoding, Segment, encode_gsm7, encode_ucs2, split
from smshub.protocols.smpp.pdus import Command, Pdu, Value

UDHI = 0x40  # esm_class: the data begin with a user data header, SMPP 3.4 §5.2.12
CLASS_0 = 0x10  # data_coding with a message class, which is 0: TS 23.038 §4
UCS2 = 0x08
_MONTH, _DAY, _HOUR, _MINUTE = 30 * 86_400, 86_400, 3_600, 60
_LONGEST = 12 * _MONTH
_ONE_SEGMENT = 160  # septets, TS 23.040 §9.2.3.16
_LONGEST_ADDRESS = 20  # SMPP 3.4 §5.2.9, without its NUL


class Unsendable(Exception):
    """A message that cannot be written as SMPP: `reason` and the sentence say why."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """The sender as the PDU has it."""

    ton: int
    npi: int
    address: str


def validity_period(seconds: float) -> str:
    """Write a time from now as YYMMDDhhmmsst00R, rounded down, one second to 12 months (SMPP 3.4 §7.1.1)."""
    return _relative(min(max(int(seconds), 1), _LONGEST))


@lru_cache(maxsize=1024)  # most messages are of use for as long as the one before
def _relative(left: int) -> str:
    months, left = divmod(left, _MONTH)
    days, left = divmod(left, _DAY)
    hours, left = divmod(left, _HOUR)
    minutes, left = divmod(left, _MINUTE)
    return f"00{months:02d}{days:02d}{hours:02d}{minutes:02d}{left:02d}000R"


def reference_of(message_id: str) -> int:
    """
    Derive the concatenation reference from the message's id.

    It is the same at every repeat of the message, so that a handset that got some segments twice puts one text
    together. Two long texts of one sender to one handset at the same time share it once in 256 (65536 where wide).
    """
    return zlib.crc32(message_id.encode()) & 0xFFFF


class Texts:
    """Writes messages as the settings say."""

    def __init__(self, settings: SmppSettings) -> None:
        self._settings = settings
        self._wide = settings.long_texts == "udh16"
        registered = int(settings.receipts and settings.mode in ("transceiver", "pair"))
        self._common: dict[str, Value] = {
            "service_type": settings.service_type,
            "dest_addr_ton": settings.dest_ton,
            "dest_addr_npi": settings.dest_npi,
            "priority_flag": settings.priority,
            "registered_delivery": registered,
        }
        self._source = lru_cache(maxsize=1024)(self._read_source)
        # For `written`: what stands between the number and the validity, and between that and the text.
        self._plain = settings.gsm7_alphabet == "gsm7" and settings.phone_format == "digits" and not settings.regexp
        self._head = lru_cache(maxsize=1024)(self._read_head)
        self._middle = bytes((0, 0, 0, settings.priority, 0))
        self._tail = bytes((0, registered, 0, settings.gsm7_data_coding, 0))

    def written(self, message: Message, now: float) -> bytes | None:
        """
        Write the body of the submit_sm of a plain text of one segment at once; None for every other.

        What it writes is what `pdus` and the codec write, in a fourth of the time.
        """
        text = message.text
        if message.segments != 1 or message.flash or not self._plain or len(text) > _ONE_SEGMENT or not is_plain(text):
            return None
        phone = message.to
        if not 0 < len(phone) <= _LONGEST_ADDRESS or not (phone.isascii() and phone.isdigit()):
            return None
        validity = validity_period(message.expires_at - now).encode() if self._settings.validity else b""
        octets = encode_gsm7(text)
        return b"%b%b%b%b%b%c%b" % (
            self._head(message.originator),
            phone.encode(),
            self._middle,
            validity,
            self._tail,
            len(octets),
            octets,
        )

    def _read_head(self, originator: str) -> bytes:
        """Write what comes before the number: all of it is the sender's or the settings'."""
        source = self._source(originator)
        settings = self._settings
        return b"%b\0%c%c%b\0%c%c" % (
            settings.service_type.encode("latin-1"),
            source.ton,
            source.npi,
            source.address.encode("latin-1"),
            settings.dest_ton,
            settings.dest_npi,
        )

    def pdus(self, message: Message, now: float) -> list[Pdu]:
        """
        Write a message as submit_sm PDUs, one for each segment.

        `now` is in seconds since 1970. Raises `Unsendable`.
        """
        source = self._source(message.originator)
        fields: dict[str, Value] = {
            **self._common,
            "source_addr_ton": source.ton,
            "source_addr_npi": source.npi,
            "source_addr": source.address,
            "destination_addr": self._destination(message),
        }
        if self._settings.validity:
            fields["validity_period"] = validity_period(message.expires_at - now)
        reference = reference_of(message.id)
        try:
            segments = split(message.text, reference=reference, wide=self._wide)
        except BadText as bad:
            raise Unsendable(Reason.CONTENT, str(bad)) from None
        if self._settings.gsm7_alphabet == "iso-8859-1" and not _is_latin1(message.text):
            segments = _as_ucs2(message.text, segments, reference, wide=self._wide)
        if len(segments) == 1:
            return [self._pdu(fields, segments[0], flash=message.flash)]
        match self._settings.long_texts:
            case "payload":
                return [self._payload(fields, message.text, segments[0].encoding, flash=message.flash)]
            case "sar":
                return self._sar(fields, segments, reference, flash=message.flash)
            case _:
                return [self._pdu(fields, segment, flash=message.flash) for segment in segments]

    def _destination(self, message: Message) -> str:
        settings = self._settings
        if "@" in message.to:
            raise Unsendable(Reason.INVALID_RECIPIENT, "an e-mail address cannot be reached over SMPP")
        match settings.phone_format:
            case "digits":
                phone = message.to
            case "plus":
                phone = f"+{message.to}"
            case "written":
                phone = message.to_written
        phone = rewrite(phone, settings.regexp)
        if not 0 < len(phone) <= 20 or not phone.isascii() or not phone.isprintable():
            raise Unsendable(Reason.INVALID_RECIPIENT, "the number does not fit into SMPP's 20 characters")
        return phone

    def _read_source(self, written: str) -> Source:
        """Tell TON, NPI and address of a sender."""
        settings = self._settings
        try:
            originator = parse_originator(written or settings.source)
        except BadOriginator as bad:
            raise Unsendable(Reason.INVALID_ORIGINATOR, f"the sender cannot be used: {bad}") from None
        value = originator.value
        if len(value) > 20 or any(ord(character) > 0xFF for character in value):
            raise Unsendable(Reason.INVALID_ORIGINATOR, "the sender has characters that SMPP cannot carry")
        ton, npi = settings.source_ton, settings.source_npi
        return Source(originator.ton if ton is None else ton, originator.npi if npi is None else npi, value)

    def _coding(self, encoding: Encoding, *, flash: bool) -> int:
        if flash:
            return CLASS_0 if encoding is Encoding.GSM7 else CLASS_0 | UCS2
        return self._settings.gsm7_data_coding if encoding is Encoding.GSM7 else self._settings.ucs2_data_coding

    def _octets(self, text: str, encoding: Encoding) -> bytes:
        if encoding is Encoding.UCS2:
            return encode_ucs2(text)
        return encode_gsm7(text) if self._settings.gsm7_alphabet == "gsm7" else text.encode("latin-1")

    def _pdu(self, fields: dict[str, Value], segment: Segment, *, flash: bool) -> Pdu:
        octets = self._octets(segment.text, segment.encoding)
        more: dict[str, Value] = {
            **fields,
            "esm_class": UDHI if segment.udh else 0,
            "data_coding": self._coding(segment.encoding, flash=flash),
            "short_message": segment.udh + octets,
        }
        return Pdu(Command.SUBMIT_SM, more)

    def _payload(self, fields: dict[str, Value], text: str, encoding: Encoding, *, flash: bool) -> Pdu:
        """Write the whole text in one (SMPP 3.4 §5.3.2.32): the SMSC cuts it."""
        more: dict[str, Value] = {
            **fields,
            "data_coding": self._coding(encoding, flash=flash),
            "message_payload": self._octets(text, encoding),
        }
        return Pdu(Command.SUBMIT_SM, more)

    def _sar(
        self, fields: dict[str, Value], segments: tuple[Segment, ...], reference: int, *, flash: bool
    ) -> list[Pdu]:
        """Write segments whose headers the SMSC makes of parameters (SMPP 3.4 §5.3.2.22 to §5.3.2.24)."""
        pdus = []
        for number, segment in enumerate(segments, start=1):
            more: dict[str, Value] = {
                **fields,
                "data_coding": self._coding(segment.encoding, flash=flash),
                "short_message": self._octets(segment.text, segment.encoding),
                "sar_msg_ref_num": reference,
                "sar_total_segments": len(segments),
                "sar_segment_seqnum": number,
            }
            pdus.append(Pdu(Command.SUBMIT_SM, more))
        return pdus


def _is_latin1(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"


def _as_ucs2(text: str, segments: tuple[Segment, ...], reference: int, *, wide: bool) -> tuple[Segment, ...]:
    """
    Write a text of the GSM alphabet that ISO 8859-1 lacks a letter of (€, Greek) as UCS-2.

    Its letters are of 16 bits each, so that it may be cut anywhere.
    """
    if segments[0].encoding is Encoding.UCS2:
        return segments
    if len(text) <= 70:
        return (Segment(b"", text, Encoding.UCS2),)
    size = 66 if wide else 67
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    if len(pieces) > 255:
        raise Unsendable(Reason.CONTENT, f"it needs {len(pieces)} segments, and no handset joins more than 255")
    head = bytes((6, 8, 4, reference >> 8, reference & 0xFF)) if wide else bytes((5, 0, 3, reference & 0xFF))
    return tuple(
        Segment(head + bytes((len(pieces), number)), piece, Encoding.UCS2)
        for number, piece in enumerate(pieces, start=1)
    )
