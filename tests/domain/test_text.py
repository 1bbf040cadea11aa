"""What texts cost and how they are cut: 3GPP TS 23.038 and TS 23.040 §9.2.3.24."""

import unicodedata

import pytest
import smpplib.consts
import smpplib.gsm
from hypothesis import given, settings
from hypothesis import strategies as st

from smshub.domain.gsm7 import BASIC, EXTENSION
from smshub.domain.text import (
    BadText,
    Encoding,
    Measure,
    check_text,
    decode_ucs2,
    encode_gsm7,
    encode_ucs2,
    measure,
    pack_septets,
    split,
    transliterate,
    why_not_gsm7,
)

GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2
FAMILY = "👨\u200d👩\u200d👧\u200d👦"  # 7 code points, 11 units
THUMB = "👍🏽"
FLAG = "🇩🇪"
KEYCAP = "1\ufe0f\u20e3"
ACUTE = "e\u0301"

BASIC_TEXT = BASIC.replace("\x1b", "")
gsm_texts = st.text(alphabet=BASIC_TEXT + "".join(EXTENSION.values()), max_size=700)
any_texts = st.text(max_size=300)
# Each of these is one character to the reader, and what stands beside it never joins it.
readers = st.lists(
    st.sampled_from(["a", "ü", "€", "中", "👋", FAMILY, THUMB, FLAG, KEYCAP, ACUTE, "❤\ufe0f", "กำ", "각", "नि"]),
    max_size=150,
)


MEASURED = [
    ("", Measure(GSM7, 0, 0, 1)),
    ("Hello", Measure(GSM7, 5, 5, 1)),
    ("Grüße", Measure(GSM7, 5, 5, 1)),
    ("€", Measure(GSM7, 1, 2, 1)),
    ("^{}\\[~]|\f", Measure(GSM7, 9, 18, 1)),
    ("Grüße 👋", Measure(UCS2, 7, 8, 1)),
    ("`", Measure(UCS2, 1, 1, 1)),
    ("a\tb", Measure(UCS2, 3, 3, 1)),
    ("a" * 160, Measure(GSM7, 160, 160, 1)),
    ("a" * 161, Measure(GSM7, 161, 161, 2)),
    ("a" * 306, Measure(GSM7, 306, 306, 2)),
    ("a" * 307, Measure(GSM7, 307, 307, 3)),
    ("€" * 80, Measure(GSM7, 80, 160, 1)),
    ("€" * 80 + "a", Measure(GSM7, 81, 161, 2)),
    # 153 is odd: a segment of euros alone holds 76 of them, so 153 euros (306 septets) do not fit two segments.
    ("€" * 153, Measure(GSM7, 153, 306, 3)),
    ("a" * 152 + "€" + "a" * 152, Measure(GSM7, 305, 306, 3)),
    ("ж" * 70, Measure(UCS2, 70, 70, 1)),
    ("ж" * 71, Measure(UCS2, 71, 71, 2)),
    ("ж" * 134, Measure(UCS2, 134, 134, 2)),
    ("ж" * 135, Measure(UCS2, 135, 135, 3)),
    ("👋" * 35, Measure(UCS2, 35, 70, 1)),
    ("👋" * 36, Measure(UCS2, 36, 72, 2)),
    # 67 is odd: 33 to a segment.
    ("👋" * 67, Measure(UCS2, 67, 134, 3)),
    # Six families (66 units) to a segment.
    (FAMILY * 13, Measure(UCS2, 91, 143, 3)),
]


@pytest.mark.parametrize(("text", "expected"), MEASURED, ids=range(len(MEASURED)))
def test_a_text_costs_what_the_standard_says(text, expected):
    """Encoding, characters, units and segments, at the boundaries of each size."""
    assert expected == measure(text)


@pytest.mark.parametrize(
    ("text", "segments", "wide"),
    [("a" * 306, 2, 3), ("a" * 304, 2, 2), ("ж" * 134, 2, 3), ("ж" * 132, 2, 2), ("a" * 160, 1, 1), ("ж" * 70, 1, 1)],
)
def test_a_16_bit_reference_costs_an_octet_a_segment(text, segments, wide):
    """152 septets or 66 units beside a header of 7 octets; a text that fits one segment has no header."""
    assert segments == measure(text).segments
    assert wide == measure(text, wide=True).segments


CUT = [
    ("a" * 161, ["a" * 153, "a" * 8]),
    # The euro would begin at septet 153: it goes over whole.
    ("a" * 152 + "€" + "b" * 8, ["a" * 152, "€" + "b" * 8]),
    ("a" * 151 + "€" + "b" * 8, ["a" * 151 + "€", "b" * 8]),
    ("ж" * 66 + "👋" + "ж" * 4, ["ж" * 66, "👋" + "ж" * 4]),
    ("ж" * 65 + "👋" + "ж" * 4, ["ж" * 65 + "👋", "ж" * 4]),
    ("ж" * 60 + FAMILY, ["ж" * 60, FAMILY]),
    ("ж" * 66 + ACUTE + "ж" * 3, ["ж" * 66, ACUTE + "ж" * 3]),
    ("ж" * 65 + THUMB + "ж" * 3, ["ж" * 65, THUMB + "ж" * 3]),
    ("ж" * 65 + FLAG * 2, ["ж" * 65, FLAG * 2]),
    ("ж" * 63 + FLAG * 2, ["ж" * 63 + FLAG, FLAG]),
    ("ж" * 66 + KEYCAP + "ж" * 2, ["ж" * 66, KEYCAP + "ж" * 2]),
    # Longer than a segment by itself: cut between code points.
    ("e" + "\u0301" * 80, ["e" + "\u0301" * 66, "\u0301" * 14]),
    ("👋\u200d" * 40, ["👋\u200d" * 22, "👋\u200d" * 18]),
]


@pytest.mark.parametrize(("text", "pieces"), CUT, ids=range(len(CUT)))
def test_a_cut_goes_before_what_belongs_together(text, pieces):
    """Escape pairs, surrogate pairs and what is one character to the reader are not cut where that can be helped."""
    assert pieces == [segment.text for segment in split(text, reference=1)]


def test_segments_say_which_they_are_with_an_8_bit_reference():
    """TS 23.040 §9.2.3.24.1: length, element 00, its length, reference, total, number."""
    headers = [segment.udh.hex() for segment in split("a" * 400, reference=0x1F7)]
    assert ["050003f70301", "050003f70302", "050003f70303"] == headers


def test_segments_say_which_they_are_with_a_16_bit_reference():
    """TS 23.040 §9.2.3.24.8: element 08 and a reference of two octets."""
    headers = [segment.udh.hex() for segment in split("ж" * 71, reference=0x3ABCD, wide=True)]
    assert ["060804abcd0201", "060804abcd0202"] == headers


@pytest.mark.parametrize("text", ["", "Hello", "a" * 160, "👋" * 35])
def test_a_text_that_fits_one_segment_has_no_header(text):
    """The header is paid for only where there is something to join."""
    (segment,) = split(text, reference=9)
    assert (b"", text, measure(text).encoding) == (segment.udh, segment.text, segment.encoding)


def test_255_segments_are_the_most_that_can_be_joined():
    """The header counts in one octet; a longer text is measured, so that it can be refused with its count."""
    longest = "a" * 153 * 255
    assert 255 == len(split(longest, reference=0))
    assert 256 == measure(longest + "a").segments
    with pytest.raises(BadText, match="it needs 256 segments, and no handset joins more than 255"):
        split(longest + "a", reference=0)


@settings(deadline=None)
@given(st.one_of(gsm_texts, any_texts, readers.map("".join)), st.booleans(), st.integers(0, 0xFFFF))
def test_segments_join_to_the_text_fit_the_air_and_are_as_many_as_measured(text, wide, reference):
    """split→join is the identity, each piece with its header is at most 140 octets, and `measure` counted right."""
    cost = measure(text, wide=wide)
    segments = split(text, reference=reference, wide=wide)

    assert text == "".join(segment.text for segment in segments)
    assert cost.segments == len(segments)
    assert {cost.encoding} == {segment.encoding for segment in segments}
    for segment in segments:
        if cost.encoding is GSM7:
            filling = -8 * len(segment.udh) % 7
            octets = pack_septets(encode_gsm7(segment.text), filling)
        else:
            octets = encode_ucs2(segment.text)  # raises where a surrogate pair is cut
        assert len(segment.udh) + len(octets) <= 140
    units = sum(len(encode_gsm7(s.text)) if cost.encoding is GSM7 else len(encode_ucs2(s.text)) // 2 for s in segments)
    assert cost.units == units


@settings(deadline=None)
@given(readers, st.booleans())
def test_what_is_one_character_to_the_reader_is_never_cut(characters, wide):
    """Every cut is between two of the reader's characters: emoji sequences, flags, accents, vowel signs."""
    ends = set()
    length = 0
    for character in characters:
        length += len(character)
        ends.add(length)
    length = 0
    for segment in split("".join(characters), reference=0, wide=wide)[:-1]:
        length += len(segment.text)
        assert length in ends


@given(st.text(alphabet=BASIC_TEXT.replace("§", ""), min_size=161, max_size=1000))
def test_smpplib_cuts_plain_texts_the_same(text):
    """Where nothing can be cut badly, header and pieces are those of the library that most Python ESMEs use."""
    parts, encoding, _ = smpplib.gsm.make_parts(text)
    assert smpplib.consts.SMPP_ENCODING_DEFAULT == encoding
    assert parts == [s.udh + encode_gsm7(s.text) for s in split(text, reference=parts[0][3])]


@given(st.text(alphabet=[chr(code) for code in range(0x410, 0x450)], min_size=71, max_size=400))
def test_smpplib_cuts_cyrillic_texts_the_same(text):
    """The same for UCS-2 without marks and pairs."""
    parts, encoding, _ = smpplib.gsm.make_parts(text)
    assert smpplib.consts.SMPP_ENCODING_ISO10646 == encoding
    assert parts == [s.udh + encode_ucs2(s.text) for s in split(text, reference=parts[0][3])]


@given(any_texts)
def test_ucs2_decodes_what_it_encoded(text):
    """UTF-16, high octet first, is what handsets take for UCS-2."""
    assert text == decode_ucs2(encode_ucs2(text))


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("", ""),
        ("0041", "A"),
        ("d83ddc4b", "👋"),
        ("004100", "A\ufffd"),
        ("d83d0041", "\ufffdA"),
        ("feff0041", "\ufeffA"),
    ],
)
def test_broken_ucs2_is_shown_as_well_as_can_be(octets, text):
    """Half a pair or half a unit from a peer is one U+FFFD, never an error."""
    assert text == decode_ucs2(bytes.fromhex(octets))


@pytest.mark.parametrize("text", ["", "Hello", "Grüße 👋", "a\r\nb", "a\fb", "a\tb", FAMILY, "שלום\u200f", "\ue000"])
def test_texts_that_handsets_show_are_let_through(text):
    """Line ends, page breaks and tabs too; what an operator made of private characters is the operator's."""
    check_text(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ab\x00c", "it contains the control character U+0000 at position 3"),
        ("\x1a", "it contains the control character U+001A at position 1"),
        ("line\n\x1b[31m", "it contains the control character U+001B at position 6"),
        ("a\x7f", "it contains the control character U+007F at position 2"),
        ("a\x85", "it contains the control character U+0085 at position 2"),
        ("a\ud83d", "it contains half a surrogate pair (U+D83D) at position 2"),
        ("\udc4b\ud83d", "it contains half a surrogate pair (U+DC4B) at position 1"),
        ("\ufffe", "it contains U+FFFE, which is not a character at position 1"),
    ],
)
def test_texts_that_break_something_on_the_way_are_refused_with_the_reason(text, why):
    """The reason names the character and where it stands."""
    with pytest.raises(BadText) as refused:
        check_text(text)
    assert why == str(refused.value)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_every_text_that_is_let_through_can_be_sent(text):
    """What `check_text` passes is encoded without an error and holds no control character but blanks and line ends."""
    try:
        check_text(text)
    except BadText:
        return
    assert {c for c in text if unicodedata.category(c) == "Cc"} <= set("\t\n\f\r")
    for segment in split(text, reference=0):
        encode_gsm7(segment.text) if segment.encoding is GSM7 else encode_ucs2(segment.text)


@pytest.mark.parametrize(
    ("text", "forcing"),
    [
        ("Hello €", ()),
        ("Grüße 👋", ("👋",)),
        ("ça và ça", ("ç",)),
        ("“a” \u2013 \u2018b\u2019…", ("“", "”", "\u2013", "\u2018", "\u2019")),
        (ACUTE, ("\u0301",)),
    ],
)
def test_what_forces_ucs2_is_named(text, forcing):
    """The first few different characters, in their order."""
    assert forcing == why_not_gsm7(text)


TRANSLITERATED = [
    ("Hello", "Hello"),
    ("“Don\u2019t” \u2013 wait…", '"Don\'t" - wait...'),
    ("10\u00a0€ \u2009net", "10 €  net"),
    ("Łódź, Kraków, São Paulo", "Lodz, Krakow, Sao Paulo"),
    ("ça va, garçon œuvre", "ca va, garcon oeuvre"),
    ("e\u0301", "é"),
    ("x\u0302", "x"),
    ("a\tb\u200bc", "a bc"),
    ("\uff21\uff22\uff23 \uff11\uff12\uff13", "ABC 123"),
    ("ĳ ﬁn ª", "ij fin a"),
    # What must be UCS-2 all the same keeps its typography.
    ("“Привет”", "“Привет”"),
    ("Grüße… 👋", "Grüße… 👋"),
    # Figures are not changed: 1½ is not 11/2, m² is not m2.
    ("1½ “m²”", "1½ “m²”"),
]


@pytest.mark.parametrize(("text", "expected"), TRANSLITERATED)
def test_a_text_is_written_in_the_gsm_alphabet_where_that_says_the_same(text, expected):
    """Typography becomes plain, accents that the alphabet lacks are left out, the rest stays."""
    assert expected == transliterate(text)


@given(any_texts)
def test_transliteration_gives_gsm_or_the_text_itself(text):
    """A text changes only if that makes it GSM 7 bit."""
    written = transliterate(text)
    assert written == text or measure(written).encoding is GSM7


@given(gsm_texts)
def test_transliteration_leaves_gsm_texts_alone(text):
    """Nothing that already is in the alphabet changes."""
    assert text == transliterate(text)
