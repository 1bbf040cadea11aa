"""
The PDUs of short messages: 3GPP TS 23.040 §9.2.2, their coding by 3GPP TS 23.038 §4.

SUBMIT is what the hub hands to a modem, DELIVER and STATUS-REPORT what a modem hands to the hub. Modems write them in
hexadecimal, with the service centre's address before them.
"""

from dataclasses import dataclass, field
from typing import Final

from smshub.domain.gsm7 import decode_gsm7, encode_gsm7, pack_septets, unpack_septets
from smshub.domain.text import Encoding, decode_ucs2, encode_ucs2
from smshub.protocols.gsm.octets import (
    Reader,
    TpduError,
    decode_address,
    decode_smsc,
    decode_time,
    encode_address,
    encode_smsc,
    encode_time,
)

# The first octet: TS 23.040 §9.2.3.1 to §9.2.3.23.
_DELIVER, _SUBMIT, _STATUS_REPORT = 0, 1, 2
_NO_MORE, _RELATIVE_VALIDITY, _REPORT, _HEADER = 0x04, 0x10, 0x20, 0x40

# TP-DCS, TS 23.038 §4: the alphabet, and "immediate display" (class 0).
UCS2: Final = 0x08
CLASS_0: Final = 0x10

MAX_OCTETS: Final = 140
MAX_SEPTETS: Final = 160
MAX_PDU: Final = 200  # octets, service centre included; the longest one is 176


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of how many a text is; the parts of one text share `reference` (TS 23.040 §9.2.3.24.1, .8)."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Submit:
    """
    SMS-SUBMIT (§9.2.2.2): one segment for the network.

    `udh` is the user data header with its length octet, as `domain.text.split` makes it. `valid_for` is in seconds,
    None leaves it to the service centre; `report` asks for a STATUS-REPORT.
    """

    to: str
    text: str
    encoding: Encoding = Encoding.GSM7
    udh: bytes = b""
    flash: bool = False
    report: bool = False
    valid_for: float | None = None
    reference: int = 0
    smsc: str | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """
    SMS-DELIVER (§9.2.2.1): one segment from the network.

    `at` is when the service centre took it (None: it says no time). `part` is None where the text is alone. `octets`
    are the user data without their header where they are UCS-2: a pair of surrogates may be parted by a segment.
    """

    sender: str
    text: str
    at: float | None = None
    encoding: Encoding = Encoding.GSM7
    part: Part | None = None
    flash: bool = False
    smsc: str | None = None
    octets: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """SMS-STATUS-REPORT (§9.2.2.3): what became of the SUBMIT with this reference; `status` is TP-ST."""

    reference: int
    to: str
    status: int
    submitted_at: float | None = None
    at: float | None = None


Tpdu = Submit | Deliver | StatusReport


# --- writing ------------------------------------------------------------------------------------------------------


def encode_submit(submit: Submit) -> tuple[str, int]:
    """Write a SUBMIT in hexadecimal, and tell the length that `AT+CMGS` wants. Raises `TpduError`."""
    first = _SUBMIT
    first |= _RELATIVE_VALIDITY if submit.valid_for is not None else 0
    first |= _REPORT if submit.report else 0
    first |= _HEADER if submit.udh else 0
    tpdu = bytearray((first, submit.reference & 0xFF))
    tpdu += encode_address(submit.to)
    tpdu += bytes((0, _coding(submit.encoding, flash=submit.flash)))
    if submit.valid_for is not None:
        tpdu.append(encode_validity(submit.valid_for))
    tpdu += _encode_user_data(submit.text, submit.encoding, submit.udh)
    return (encode_smsc(submit.smsc) + tpdu).hex().upper(), len(tpdu)


def encode_deliver(deliver: Deliver, udh: bytes = b"", *, quarters: int = 0) -> tuple[str, int]:
    """Write a DELIVER in hexadecimal, and tell its length without the service centre. Raises `TpduError`."""
    tpdu = bytearray((_DELIVER | _NO_MORE | (_HEADER if udh else 0),))
    tpdu += encode_address(deliver.sender)
    tpdu += bytes((0, _coding(deliver.encoding, flash=deliver.flash)))
    tpdu += encode_time(deliver.at or 0.0, quarters)
    tpdu += _encode_user_data(deliver.text, deliver.encoding, udh)
    return (encode_smsc(deliver.smsc) + tpdu).hex().upper(), len(tpdu)


def encode_status_report(report: StatusReport) -> tuple[str, int]:
    """Write a STATUS-REPORT in hexadecimal, and tell its length without the service centre. Raises `TpduError`."""
    tpdu = bytearray((_STATUS_REPORT | _NO_MORE, report.reference & 0xFF))
    tpdu += encode_address(report.to)
    tpdu += encode_time(report.submitted_at or 0.0) + encode_time(report.at or 0.0)
    tpdu.append(report.status)
    return (encode_smsc(None) + tpdu).hex().upper(), len(tpdu)


def _coding(encoding: Encoding, *, flash: bool) -> int:
    return (UCS2 if encoding is Encoding.UCS2 else 0) | (CLASS_0 if flash else 0)


def _encode_user_data(text: str, encoding: Encoding, udh: bytes) -> bytes:
    """Write TP-UDL and TP-UD; septets begin on a septet boundary after the header (§9.2.3.24)."""
    if udh and udh[0] != len(udh) - 1:
        raise TpduError("the header's length is not that of the header")
    try:
        if encoding is Encoding.UCS2:
            data = udh + encode_ucs2(text)
            length, longest = len(data), MAX_OCTETS
        else:
            septets = encode_gsm7(text)
            fill = -len(udh) * 8 % 7
            data = udh + pack_septets(septets, fill)
            length, longest = (len(udh) * 8 + fill) // 7 + len(septets), MAX_SEPTETS
    except UnicodeEncodeError:
        raise TpduError("the text has a character that its encoding lacks") from None
    if length > longest:
        raise TpduError(f"the text needs {length} units, and a segment holds {longest}")
    return bytes((length,)) + data


def encode_validity(seconds: float) -> int:
    """Write a time from now as a relative TP-VP, rounded down; five minutes at least (§9.2.3.12.1)."""
    minutes = int(seconds // 60)
    if minutes <= 720:
        return max(minutes // 5, 1) - 1
    if minutes <= 1_440:
        return 143 + (minutes - 720) // 30
    if minutes < 50_400:  # five weeks, the first step after thirty days
        return 166 + min(minutes // 1_440, 30)
    return 192 + min(minutes // 10_080, 63)


def decode_validity(octet: int) -> float:
    """Read a relative TP-VP into seconds."""
    if octet <= 143:
        return (octet + 1) * 300.0
    if octet <= 167:
        return 43_200.0 + (octet - 143) * 1_800.0
    if octet <= 196:
        return (octet - 166) * 86_400.0
    return (octet - 192) * 604_800.0


# --- reading ------------------------------------------------------------------------------------------------------


def decode(written: str) -> Tpdu:
    """
    Read what a modem gives in hexadecimal, or what is given to it.

    Raises `TpduError`: no hexadecimal, no PDU, or none of these three.
    """
    if len(written) > 2 * MAX_PDU:
        raise TpduError(f"a PDU of {len(written) // 2} octets")
    try:
        reader = Reader(bytes.fromhex(written))
    except ValueError:
        raise TpduError("it is not hexadecimal") from None
    smsc = decode_smsc(reader)
    first = reader.octet()
    match first & 0x03:
        case 0:
            return _decode_deliver(reader, first, smsc)
        case 1:
            return _decode_submit(reader, first, smsc)
        case 2:
            return _decode_status_report(reader)
        case _:
            raise TpduError("a kind of PDU that is reserved")


def _decode_deliver(reader: Reader, first: int, smsc: str | None) -> Deliver:
    sender = decode_address(reader)
    reader.octet()  # TP-PID: what the text is, which handsets do not show
    encoding, flash = _decode_coding(reader.octet())
    at = decode_time(reader.take(7))
    if not sender and at is None:
        raise TpduError("it names neither a sender nor a time")
    udh, data, text = _decode_user_data(reader, encoding, with_header=bool(first & _HEADER))
    octets = data if encoding is Encoding.UCS2 else b""
    return Deliver(sender, text, at, encoding or Encoding.GSM7, part_of(udh), flash, smsc, octets)


def _decode_submit(reader: Reader, first: int, smsc: str | None) -> Submit:
    reference = reader.octet()
    to = decode_address(reader)
    reader.octet()
    encoding, flash = _decode_coding(reader.octet())
    valid_for: float | None = None
    match first & 0x18:
        case 0x10:
            valid_for = decode_validity(reader.octet())
        case 0:
            pass
        case _:  # enhanced and absolute
            reader.take(7)
    udh, _, text = _decode_user_data(reader, encoding, with_header=bool(first & _HEADER))
    return Submit(to, text, encoding or Encoding.GSM7, udh, flash, bool(first & _REPORT), valid_for, reference, smsc)


def _decode_status_report(reader: Reader) -> StatusReport:
    reference = reader.octet()
    to = decode_address(reader)
    submitted_at = decode_time(reader.take(7))
    at = decode_time(reader.take(7))
    return StatusReport(reference, to, reader.octet(), submitted_at, at)


def _decode_coding(octet: int) -> tuple[Encoding | None, bool]:
    """Tell the alphabet (None: 8-bit data, or compressed) and whether it is class 0 (TS 23.038 §4)."""
    group = octet >> 4
    if group < 8:  # general data coding, and the same with automatic deletion
        if octet & 0x20:
            return None, False
        flash = octet & 0x13 == CLASS_0
        match octet & 0x0C:
            case 0x00:
                return Encoding.GSM7, flash
            case 0x08:
                return Encoding.UCS2, flash
            case _:
                return None, flash
    if group == 0xE:  # message waiting, UCS-2
        return Encoding.UCS2, False
    if group == 0xF:
        return None if octet & 0x04 else Encoding.GSM7, octet & 0x03 == 0
    return Encoding.GSM7, False


def _decode_user_data(reader: Reader, encoding: Encoding | None, *, with_header: bool) -> tuple[bytes, bytes, str]:
    """Read TP-UDL and TP-UD into header, octets after it, and text."""
    length = reader.octet()
    if length > (MAX_SEPTETS if encoding is Encoding.GSM7 else MAX_OCTETS):
        raise TpduError(f"user data of {length} units")
    octets = reader.take((length * 7 + 7) // 8 if encoding is Encoding.GSM7 else length)
    udh = b""
    if with_header:
        if not octets or octets[0] + 1 > len(octets):
            raise TpduError("the header is longer than the user data")
        udh = octets[: octets[0] + 1]
    data = octets[len(udh) :]
    match encoding:
        case Encoding.GSM7:
            fill = -len(udh) * 8 % 7
            count = length - (len(udh) * 8 + fill) // 7
            if count <= 0:
                return udh, data, ""
            return udh, data, decode_gsm7(unpack_septets(data, count, fill))
        case Encoding.UCS2:
            return udh, data, decode_ucs2(data)
        case _:
            return udh, data, data.decode("latin-1")


def part_of(udh: bytes) -> Part | None:
    """Tell which part of a text a header makes of it; None where it is alone or the header makes no sense."""
    elements = udh[1:]
    while len(elements) >= 2 and len(elements) >= 2 + elements[1]:
        kind, value = elements[0], elements[2 : 2 + elements[1]]
        if kind == 0x00 and len(value) == 3 and 0 < value[2] <= value[1]:
            return Part(value[0], value[1], value[2])
        if kind == 0x08 and len(value) == 4 and 0 < value[3] <= value[2]:
            return Part(int.from_bytes(value[:2], "big"), value[2], value[3])
        elements = elements[2 + elements[1] :]
    return None
