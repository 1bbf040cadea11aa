"""
What a text costs on the air: its encoding, its units and its segments.

3GPP TS 23.038 for the alphabets, TS 23.040 §9.2.3.24 for the user data header that joins segments on the handset.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from smshub.domain.gsm7 import (
    count_septets,
    decode_gsm7,
    encodable,
    encode_gsm7,
    extended,
    foreign,
    is_plain,
    pack_septets,
    unpack_septets,
)

__all__ = [
    "MAX_SEGMENTS",
    "BadText",
    "Encoding",
    "Measure",
    "Segment",
    "check_text",
    "decode_gsm7",
    "decode_ucs2",
    "encode_gsm7",
    "encode_ucs2",
    "measure",
    "pack_septets",
    "split",
    "transliterate",
    "unpack_septets",
    "why_not_gsm7",
]


class BadText(ValueError):
    """A text that cannot be sent; its words say why."""


class Encoding(StrEnum):
    """How the characters of a text travel."""

    GSM7 = "GSM7"  # septets of the GSM 7 bit default alphabet
    UCS2 = "UCS2"  # 16-bit units; in practice UTF-16, for handsets show emoji


class Measure(msgspec.Struct, frozen=True, gc=False):
    """
    What a text costs.

    `characters` are code points, `units` are septets (two for a character of the extension table) or 16-bit units
    (two for a character beyond U+FFFF), `segments` what `split` makes of it and what providers charge for.
    """

    encoding: Encoding
    characters: int
    units: int
    segments: int


class Segment(msgspec.Struct, frozen=True):
    """One piece on the air: its user data header (empty where there is only one), its text, its encoding."""

    udh: bytes
    text: str
    encoding: Encoding


# Units that 140 octets of user data hold: alone, beside a header of 6 octets (8-bit reference), of 7 (16-bit).
_SINGLE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_JOINED = {Encoding.GSM7: 153, Encoding.UCS2: 67}
_JOINED_WIDE = {Encoding.GSM7: 152, Encoding.UCS2: 66}

# The header counts segments in one octet (TS 23.040 §9.2.3.24.1).
MAX_SEGMENTS = 255

# One Measure for each length of a short plain text, made once: this is what nearly every message asks for.
_SHORT = tuple(Measure(Encoding.GSM7, length, length, 1) for length in range(_SINGLE[Encoding.GSM7] + 1))

_beyond_bmp = re.compile("[\U00010000-\U0010ffff]")


def measure(text: str, *, wide: bool = False) -> Measure:
    """
    Tell what a text costs. `wide` is as for `split`, with which the count of segments always agrees.

    A text of any length is measured, also one of more segments than can be sent.
    """
    if len(text) < len(_SHORT) and is_plain(text):
        return _SHORT[len(text)]
    encoding, units = _weigh(text)
    segments = 1 if units <= _SINGLE[encoding] else sum(1 for _ in _cuts(text, encoding, wide=wide))
    return Measure(encoding, len(text), units, segments)


def split(text: str, *, reference: int, wide: bool = False) -> tuple[Segment, ...]:
    """
    Cut a text into the segments that go on the air.

    `reference` is the number that the segments of one text share; of it the low 8 bits are used, 16 where `wide`.
    A cut never falls into an escape pair or a surrogate pair. It falls into what is one character to the reader (a
    letter and its accents, an emoji sequence, a flag) only where that alone is longer than a segment.

    Raises `BadText` where there would be more than 255 segments.
    """
    encoding, units = _weigh(text)
    if units <= _SINGLE[encoding]:
        return (Segment(b"", text, encoding),)
    cuts = list(_cuts(text, encoding, wide=wide))
    if len(cuts) > MAX_SEGMENTS:
        raise BadText(f"it needs {len(cuts)} segments, and no handset joins more than {MAX_SEGMENTS}")
    return tuple(
        Segment(_header(reference, len(cuts), number, wide=wide), text[start:end], encoding)
        for number, (start, end) in enumerate(zip([0, *cuts], cuts, strict=False), start=1)
    )


def _weigh(text: str) -> tuple[Encoding, int]:
    """Choose the encoding of a text and count its units."""
    if is_plain(text):
        return Encoding.GSM7, len(text)
    if encodable.fullmatch(text):
        return Encoding.GSM7, count_septets(text)
    return Encoding.UCS2, len(text) + len(_beyond_bmp.findall(text))


def _header(reference: int, total: int, number: int, *, wide: bool) -> bytes:
    """Make the user data header of one segment: TS 23.040 §9.2.3.24.1, or §9.2.3.24.8 where `wide`."""
    if wide:
        return bytes([6, 0x08, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number])
    return bytes([5, 0x00, 3, reference & 0xFF, total, number])


def _cuts(text: str, encoding: Encoding, *, wide: bool) -> Iterator[int]:
    """Tell where each segment of a long text ends, as an index into it."""
    size = (_JOINED_WIDE if wide else _JOINED)[encoding]
    start = 0
    while start < len(text):
        start = _end(text, start, size, encoding)
        yield start


def _end(text: str, start: int, size: int, encoding: Encoding) -> int:
    """Tell where the segment that begins at `start` ends."""
    costly = extended if encoding is Encoding.GSM7 else _beyond_bmp
    end = min(start + size, len(text))
    excess = end - start + len(costly.findall(text, start, end)) - size
    while excess > 0:
        end -= 1
        excess -= 2 if costly.match(text, end) else 1
    if encoding is Encoding.GSM7 or end == len(text):
        return end  # the GSM alphabet has no combining marks
    # Only as far back as the segment begins: whatever a text is made of, a cut costs no more than one segment's look.
    return next((at for at in range(end, start, -1) if not _joined(text, at, start)), end)


# What belongs to the character before it though its category is not a mark's (Unicode UAX #29: ZWNJ and ZWJ, Thai and
# Lao AM, the trailing Hangul jamo, halfwidth voiced marks, emoji skin tones, tag characters).
_trailing = re.compile(
    "[\u200c\u200d\u0e33\u0eb3\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_ZWJ = "\u200d"
_regional = re.compile("[\U0001f1e6-\U0001f1ff]")


def _joined(text: str, at: int, start: int) -> bool:
    """
    Say whether the characters on both sides of `at` are one to the reader, looking back no further than `start`.

    These are the rules of UAX #29 that matter on a handset, not all of them.
    """
    after = text[at]
    if _trailing.match(after) or unicodedata.category(after).startswith("M") or text[at - 1] == _ZWJ:
        return True
    if not _regional.match(after):
        return False
    # A flag is two regional indicators: an odd number of them before the cut leaves half a flag there.
    letters = at
    while letters > start and _regional.match(text[letters - 1]):
        letters -= 1
    return (at - letters) % 2 == 1


def encode_ucs2(text: str) -> bytes:
    """Encode a text to 16-bit units, high octet first. Raises `UnicodeEncodeError` at a lone surrogate."""
    return text.encode("utf-16-be")


def decode_ucs2(units: bytes) -> str:
    """Decode 16-bit units, high octet first; never fails: what is broken (an odd octet, half a pair) shows U+FFFD."""
    return units.decode("utf-16-be", "replace")


def why_not_gsm7(text: str, limit: int = 5) -> tuple[str, ...]:
    """Tell the first `limit` different characters that force a text into UCS-2; none where it is GSM 7 bit."""
    return tuple(dict.fromkeys(foreign.findall(text)))[:limit]


# No handset shows these and each of them breaks somebody on the way: NUL ends a C string of SMPP, ESC and the others
# steer modems, U+FFFE and U+FFFF are not characters and may not stand in XML, a lone surrogate cannot be encoded.
# Line feed, carriage return and form feed are in the GSM alphabet; a tab is not, and is let through as it is (the text
# is then UCS-2, which `explain` tells): texts come from programs that indent.
_unsendable = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_text(text: str) -> None:
    """Refuse a text that cannot be sent: raises `BadText`, whose words say which character and where."""
    if text.isprintable():
        return
    if found := _unsendable.search(text):
        code = ord(found[0])
        what = f"the control character U+{code:04X}"
        if 0xD800 <= code <= 0xDFFF:
            what = f"half a surrogate pair (U+{code:04X})"
        elif code >= 0xFFFE:
            what = f"U+{code:04X}, which is not a character"
        raise BadText(f"it contains {what} at position {found.start() + 1}")


# What stands for what, and is read as the same.
_READ_AS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u02bc\u02b9\u00b4`",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb",
    "<": "\u2039",
    ">": "\u203a",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212",
    "...": "\u2026",
    ".": "\u00b7",
    "/": "\u2044",
    "|": "\u00a6",
    "*": "\u2022",
    "x": "\u00d7",
    " ": "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u2028\u2029",
    "": "\u00ad\u200b\u2060\ufeff",  # shown by no handset, and each would double the price
    "(C)": "\u00a9",
    "(R)": "\u00ae",
    "TM": "\u2122",
    # Letters that Unicode does not take apart, as they are written where there is no such key.
    "l": "\u0142",
    "L": "\u0141",
    "d": "\u0111\u00f0",
    "D": "\u0110\u00d0",
    "th": "\u00fe",
    "Th": "\u00de",
    "h": "\u0127",
    "H": "\u0126",
    "i": "\u0131",
    "oe": "\u0153",
    "OE": "\u0152",
    "\u00df": "\u1e9e",
    "n": "\u014b",
    "N": "\u014a",
    "t": "\u0167",
    "T": "\u0166",
}
_LOOKALIKES = {ord(character): plain for plain, characters in _READ_AS.items() for character in characters}


def transliterate(text: str) -> str:
    """
    Write a text in the GSM alphabet where that does not change what it says.

    Typographic quotes, dashes, blanks and ellipses become plain ones, accents that the alphabet lacks are left out
    (`ç` → `c`). Figures are left alone: `1½` is not `11/2`. A text that must be UCS-2 all the same is returned as it
    was, for it would lose its typography and save nothing.
    """
    if encodable.fullmatch(text):
        return text
    composed = unicodedata.normalize("NFC", text).translate(_LOOKALIKES)
    plain = foreign.sub(lambda found: _unadorned(found[0]), composed)
    return plain if encodable.fullmatch(plain) else text


def _unadorned(character: str) -> str:
    """Take a letter's accents off, and write ligatures and full-width letters and digits in plain ones."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    if not category.startswith("L") and category != "Nd":
        return character
    apart = unicodedata.normalize("NFKD", character)
    return "".join(part for part in apart if unicodedata.category(part) != "Mn")
