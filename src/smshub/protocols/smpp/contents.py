"""What the user data of a short message says: which part of a text it is, and its letters by data_coding."""

from smshub.domain.gsm7 import decode_gsm7
from smshub.domain.text import decode_ucs2
from smshub.protocols.smpp.pdus import Pdu

# data_coding, SMPP 3.4 §5.2.19. What is not here is a message class or an indication of TS 23.038, or has no letters.
_CHARSETS = {
    0x01: "latin-1",  # IA5, of which this is more
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x0A: "iso2022_jp",
    0x0D: "euc_jp",
    0x0E: "euc_kr",
}
_OCTETS = frozenset({0x02, 0x04})
_GSM7, _DATA, _UCS2 = 0x00, 0x04, 0x08  # the alphabet's bits of TS 23.038 §4


def alphabet(coding: int) -> int:
    """Bring every data_coding that means GSM 03.38, octets or UCS-2 to 0, 4 or 8; others stay what they are."""
    if coding in _CHARSETS or coding == _UCS2:
        return coding
    if coding in _OCTETS:
        return _DATA
    group = coding >> 4
    if 0x1 <= group <= 0x7:  # with or without a message class, or deleted when read
        return coding & 0x0C if coding & 0x0C != 0x0C else _GSM7
    if group == 0xF:
        return coding & 0x04
    return _UCS2 if group == 0xE else _GSM7


def decode_text(coding: int, data: bytes, *, default: str = "gsm7") -> str:
    """
    Read user data as its data_coding says; what is no letter becomes U+FFFD, and data that is none, hexadecimal.

    `default` is the alphabet of data_coding 0, `gsm7` (a septet an octet) or a charset of Python's. Never raises.
    """
    meant = alphabet(coding)
    if meant == _UCS2:
        return decode_ucs2(data)
    if meant == _DATA:
        return data.hex()
    if meant in _CHARSETS:
        return data.decode(_CHARSETS[meant], "replace")
    if coding == 0 and default != "gsm7":
        return data.decode(default, "replace")
    return decode_gsm7(data)


def part_of(pdu: Pdu) -> tuple[int, int, int]:
    """Tell which part of how many it is, and their reference: (1, 1, 0) where it is the whole text."""
    if total := pdu.number("sar_total_segments"):  # SMPP 3.4 §5.3.2.22 to §5.3.2.24
        number = pdu.number("sar_segment_seqnum")
        return (number, total, pdu.number("sar_msg_ref_num")) if 0 < number <= total else (1, 1, 0)
    data = pdu.message
    if pdu.number("esm_class") & 0x40 and data:
        header = data[1 : 1 + data[0]]
        while len(header) >= 2 and len(header) >= 2 + header[1]:
            kind, value = header[0], header[2 : 2 + header[1]]
            if kind == 0x00 and len(value) == 3 and 0 < value[2] <= value[1]:  # TS 23.040 §9.2.3.24.1
                return value[2], value[1], value[0]
            if kind == 0x08 and len(value) == 4 and 0 < value[3] <= value[2]:  # TS 23.040 §9.2.3.24.8
                return value[3], value[2], int.from_bytes(value[:2], "big")
            header = header[2 + header[1] :]
    return 1, 1, 0
