"""The GSM 7 bit default alphabet, against the tables of 3GPP TS 23.038 and two other implementations."""

import gsm0338
import pytest
import smpplib.gsm
from hypothesis import given
from hypothesis import strategies as st

from smshub.domain.gsm7 import BASIC, EXTENSION, decode_gsm7, encode_gsm7, is_plain, pack_septets, unpack_septets

ORACLE = gsm0338.Codec()
ALPHABET = BASIC.replace("\x1b", "") + "".join(EXTENSION.values())
gsm_texts = st.text(alphabet=ALPHABET, max_size=400)


@pytest.mark.parametrize("character", ALPHABET)
def test_every_character_has_the_octets_of_another_implementation(character):
    """All 127 basic and 10 extended characters of TS 23.038 §6.2.1 are encoded as the gsm0338 library does."""
    assert ORACLE.encode(character)[0] == encode_gsm7(character)


@pytest.mark.parametrize("character", [*map(chr, range(0x250)), "Δ", "Ω", "\u0391", "€", "\u2019", "👋", "\ud800"])
def test_what_is_in_the_alphabet_is_what_another_implementation_holds_for_it(character):
    """A character is encodable here if and only if it is there; ESC is no character."""
    try:
        theirs = ORACLE.encode(character)[0] if character != "\x1b" else None
    except (UnicodeError, ValueError, KeyError):
        theirs = None
    try:
        ours = encode_gsm7(character)
    except UnicodeEncodeError:
        ours = None
    assert theirs == ours
    assert is_plain(character) == (character.isascii() and ours is not None and len(ours) == 1)


@given(gsm_texts)
def test_decoding_what_was_encoded_gives_the_text(text):
    """Decode after encode is the identity, and the octets are those of the gsm0338 library."""
    octets = encode_gsm7(text)
    assert ORACLE.encode(text)[0] == octets
    assert text == decode_gsm7(octets)


@given(st.text(alphabet=ALPHABET.replace("§", "").replace("\f", ""), max_size=200))
def test_smpplib_encodes_the_same(text):
    """The library that most Python ESMEs use has the same octets (it lacks § and the page break)."""
    assert smpplib.gsm.gsm_encode(text) == encode_gsm7(text)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", ""),
        ("@", "00"),
        ("$_", "0211"),
        ("Grüße", "47727e1e65"),
        ("€", "1b65"),
        ("a{b}\\", "611b28621b291b2f"),
        ("\r\n\f", "0d0a1b0a"),
        ("Çç", None),
        ("`", None),
        ("\x1b", None),
        ("Ελ", None),
    ],
)
def test_texts_have_the_octets_of_the_table(text, octets):
    """Chosen texts by hand from the table; what is not in it is refused."""
    if octets is None:
        with pytest.raises(UnicodeEncodeError):
            encode_gsm7(text)
    else:
        assert bytes.fromhex(octets) == encode_gsm7(text)


def test_a_refused_character_is_named_with_its_place():
    """The error tells where the first character is that the alphabet lacks."""
    with pytest.raises(UnicodeEncodeError) as refused:
        encode_gsm7("Grüße 👋!")
    assert (6, 7) == (refused.value.start, refused.value.end)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("1b", " "),  # an escape at the end, as a bad cut leaves it
        ("611b", "a "),
        ("1b1b41", " A"),  # reserved for a table to come: shown as a space
        ("1b41", "A"),  # not in the extension table: the basic table's character
        ("1b0d", "\r"),
        ("1b65", "€"),
        ("ff80", "\ufffd\ufffd"),
        ("1bff", "\ufffd"),
    ],
)
def test_what_a_peer_should_not_have_sent_is_shown_as_well_as_can_be(octets, text):
    """TS 23.038 §6.2.1 note 1 and §6.2.1.1 for escapes; octets above 0x7F are no septets."""
    assert text == decode_gsm7(bytes.fromhex(octets))


@given(st.binary(max_size=300))
def test_decoding_never_fails(octets):
    """Any octets give some text, no longer than they are."""
    assert len(decode_gsm7(octets)) <= len(octets)


@pytest.mark.parametrize(
    ("text", "fill_bits", "octets"),
    [
        ("", 0, ""),
        ("a", 0, "61"),
        ("hellohello", 0, "e8329bfd4697d9ec37"),
        ("1234567", 0, "31d98c56b3dd00"),
        ("12345678", 0, "31d98c56b3dd70"),
        ("a", 1, "c2"),
        ("aa", 6, "40380c"),  # (0x61 | 0x61 << 7) << 6 = 0x0c3840, lowest octet first
    ],
)
def test_septets_are_packed_lowest_first(text, fill_bits, octets):
    """TS 23.038 §6.1.2.1.1, and TS 23.040 §9.2.3.24 for the filling after a header."""
    assert octets == pack_septets(encode_gsm7(text), fill_bits).hex()


@given(st.binary(max_size=200).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_unpacking_what_was_packed_gives_the_septets(septets, fill_bits):
    """Packing loses nothing, for any filling, and takes the fewest octets."""
    packed = pack_septets(septets, fill_bits)
    assert (fill_bits + 7 * len(septets) + 7) // 8 == len(packed)
    assert septets == unpack_septets(packed, len(septets), fill_bits)


def test_fewer_octets_than_septets_need_are_refused():
    """A length that a peer states is not believed beyond what it sent."""
    with pytest.raises(ValueError, match="7 octets do not hold 9 septets"):
        unpack_septets(bytes(7), 9)
