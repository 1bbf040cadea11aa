"""USSD through a modem: `+CUSD` of 3GPP TS 27.007 §7.15, its text by 3GPP TS 23.038 §5."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from smshub.domain.gsm7 import decode_gsm7, encode_gsm7, pack_septets, unpack_septets
from smshub.domain.text import decode_ucs2
from smshub.protocols.gsm.at import fields

GSM7: Final = 15  # the data coding scheme of a code: language unspecified, GSM 7 bit
MAX_ANSWER: Final = 1_024

_CODE = re.compile(r"[0-9*#]{1,64}")
# Codes that the SIM itself takes (TS 22.030 §6.6): they change or unlock its PIN, and with that could lock it.
_OF_THE_SIM = re.compile(r"\*\*0[345]")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class BadCode(ValueError):
    """No USSD code that is sent; its words say why."""


class Told(IntEnum):
    """What the network says with an answer: the `m` of `+CUSD: m` (TS 27.007 §7.15)."""

    DONE = 0
    REPLY = 1
    ENDED = 2
    ELSEWHERE = 3
    NOT_SUPPORTED = 4
    TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class UssdLine:
    """An answer: what the network says with it, its text, and the text as the modem wrote it."""

    told: Told
    content: str
    raw: str


def check_code(code: str) -> str:
    """Check a code. Raises `BadCode`."""
    if not _CODE.fullmatch(code):
        raise BadCode("a code is up to 64 digits, * and #")
    if _OF_THE_SIM.match(code):
        raise BadCode("it is a code of the SIM's PIN")
    return code


def packed(code: str) -> str:
    """Write a code as packed septets in hexadecimal, as some modems want it."""
    septets = encode_gsm7(code)
    if len(septets) % 8 == 7:
        septets += b"\r"  # TS 23.038 §6.1.2.3.1: seven spare bits would read as @
    return pack_septets(septets).hex().upper()


def read_answer(value: str) -> UssdLine | None:
    """Read what follows `+CUSD:`; None where it is no answer."""
    parts = fields(value)
    try:
        told = Told(int(parts[0]))
    except (ValueError, IndexError):
        return None
    raw = parts[1][:MAX_ANSWER] if len(parts) > 1 else ""
    coding = int(parts[2]) if len(parts) > 2 and re.fullmatch("[0-9]{1,3}", parts[2]) else GSM7
    return UssdLine(told, _decode(raw, coding), raw)


def _decode(raw: str, coding: int) -> str:
    """
    Read a text as its coding says.

    Modems differ: UCS-2 comes in hexadecimal; GSM 7 bit comes as plain text, as packed septets in hexadecimal, or (with
    the UCS2 character set) as UCS-2 in hexadecimal. Which of them it is shows in the text.
    """
    if not _HEX.fullmatch(raw):
        return raw
    octets = bytes.fromhex(raw)
    if _is_ucs2(coding):
        return decode_ucs2(octets)
    if len(octets) % 2 == 0 and len(octets) >= 4 and octets[0::2].count(0) * 2 > len(octets) // 2:
        return decode_ucs2(octets)
    if len(raw) < 8 or raw.isdigit():
        return raw  # a balance, not septets
    text = decode_gsm7(unpack_septets(octets, len(octets) * 8 // 7)).rstrip("\r")
    if len(octets) % 7 == 0 and text.endswith("@"):
        text = text[:-1]
    return text if all(character.isprintable() or character in "\r\n" for character in text) else raw


def _is_ucs2(coding: int) -> bool:
    """Say whether a coding of cell broadcast (TS 23.038 §5) is UCS-2."""
    return coding == 0x11 or (coding >> 4 in range(4, 8) and coding & 0x0C == 0x08)
