"""
The GSM 7 bit default alphabet: 3GPP TS 23.038 §6.1.2.1 (packing) and §6.2.1 (the tables).

A text is encoded to septets, one in an octet, as SMPP's `data_coding` 0 wants it; `pack_septets` makes of them what
goes over the air. National language shift tables (TS 23.038 Annex A) are not used: few handsets and fewer gateways
agree on them.
"""

import re
from collections.abc import Iterable, Iterator

ESCAPE = 0x1B

# TS 23.038 §6.2.1: 128 characters in the order of their septets. 0x1B is the escape to the extension table and stands
# here as U+001B, which is never sent as a character of its own.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# TS 23.038 §6.2.1.1: what follows the escape. A character of this table costs two septets.
EXTENSION = {
    0x0A: "\f",  # page break
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_ENCODED = {
    **{character: bytes([septet]) for septet, character in enumerate(BASIC) if septet != ESCAPE},
    **{character: bytes([ESCAPE, septet]) for septet, character in EXTENSION.items()},
}
# An octet above 0x7F is no septet: it shows as U+FFFD and breaks nothing.
_DECODED = BASIC.replace("\x1b", " ") + "\ufffd" * 128


def _class_of(characters: Iterable[str]) -> str:
    """Write characters as the inside of a regular expression's character class."""
    return "".join(f"\\u{ord(character):04x}" for character in characters)


# The characters that cost two septets, the ones that cost any, and all others.
extended = re.compile(f"[{_class_of(EXTENSION.values())}]")
encodable = re.compile(f"[{_class_of(_ENCODED)}]*")
foreign = re.compile(f"[^{_class_of(_ENCODED)}]")

# Most texts are ASCII and of the basic table only; they need no look at a table: all their characters are among these
# octets, and three of them have another septet than their ASCII code.
PLAIN = bytes(octet for octet in range(128) if len(_ENCODED.get(chr(octet), b"")) == 1)
_PLAIN_TO_SEPTETS = bytes.maketrans(b"@$_", bytes([0x00, 0x02, 0x11]))


def is_plain(text: str) -> bool:
    """Say whether a text is ASCII of the basic table only, so that its septets are as many as its characters."""
    return text.isascii() and not text.encode().translate(None, PLAIN)


def count_septets(text: str) -> int:
    """Count the septets of a text of which every character is in the alphabet, escapes included."""
    return len(text) + len(extended.findall(text))


def encode_gsm7(text: str) -> bytes:
    """
    Encode a text to septets, one in an octet, with escapes.

    Raises `UnicodeEncodeError` (a `ValueError`) that names the first character which is not in the alphabet.
    """
    if is_plain(text):
        return text.encode().translate(_PLAIN_TO_SEPTETS)
    try:
        return b"".join(map(_ENCODED.__getitem__, text))
    except KeyError:
        at = next(at for at, character in enumerate(text) if character not in _ENCODED)
        raise UnicodeEncodeError("gsm7", text, at, at + 1, "not in the GSM 7 bit default alphabet") from None


def decode_gsm7(septets: bytes) -> str:
    """
    Decode septets, one in an octet; never fails, for they come from a peer.

    An escape before a septet that the extension table lacks shows the basic table's character; an escape at the end,
    and an escape of an escape, show a space (TS 23.038 §6.2.1 note 1, §6.2.1.1). An octet above 0x7F shows U+FFFD.
    """
    if ESCAPE not in septets:
        return "".join(map(_DECODED.__getitem__, septets))
    return "".join(_shown(iter(septets)))


def _shown(septets: Iterator[int]) -> Iterator[str]:
    for septet in septets:
        if septet != ESCAPE:
            yield _DECODED[septet]
        else:
            following = next(septets, ESCAPE)
            yield EXTENSION.get(following) or _DECODED[following]


def pack_septets(septets: bytes, fill_bits: int = 0) -> bytes:
    """
    Pack septets into octets, the first one lowest (TS 23.038 §6.1.2.1.1).

    `fill_bits` (0 to 6) zero bits go before them, so that they begin on a septet boundary after a user data header
    (TS 23.040 §9.2.3.24). The last octet is filled with zero bits, which is why the count of septets travels apart.
    """
    packed = bytearray()
    held, width = 0, fill_bits
    for septet in septets:
        held |= (septet & 0x7F) << width
        width += 7
        while width >= 8:
            packed.append(held & 0xFF)
            held >>= 8
            width -= 8
    if width:
        packed.append(held)
    return bytes(packed)


def unpack_septets(packed: bytes, count: int, fill_bits: int = 0) -> bytes:
    """
    Unpack `count` septets from octets, past `fill_bits` bits of filling: the inverse of `pack_septets`.

    Raises `ValueError` where there are fewer than `count`.
    """
    if fill_bits + 7 * count > 8 * len(packed):
        raise ValueError(f"{len(packed)} octets do not hold {count} septets")
    septets = bytearray()
    held, width = 0, -fill_bits
    octets = iter(packed)
    while len(septets) < count:
        if width < 7:
            # Below zero the low bits are still filling: they are shifted out, not in.
            octet = next(octets)
            held |= octet << width if width >= 0 else octet >> -width
            width += 8
        else:
            septets.append(held & 0x7F)
            held >>= 7
            width -= 7
    return bytes(septets)
