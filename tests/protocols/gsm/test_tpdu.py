"""PDUs of short messages: published vectors, limits, and every value through and back."""

import gsm0338
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smshub.domain.gsm7 import BASIC, EXTENSION
from smshub.domain.text import Encoding, split
from smshub.protocols.gsm.octets import TpduError, decode_time, encode_time
from smshub.protocols.gsm.tpdu import (
    Deliver,
    Part,
    StatusReport,
    Submit,
    decode,
    decode_validity,
    encode_deliver,
    encode_status_report,
    encode_submit,
    encode_validity,
    part_of,
)

ALPHABET = BASIC.replace("\x1b", "") + "".join(EXTENSION.values())


def test_the_classic_submit():
    """The SUBMIT that every handbook has: "hellohello" for four days, type-of-address 0x81 as `+` is not written."""
    submit = Submit("46708251358", "hellohello", valid_for=4 * 86_400.0)

    assert ("0011000B816407281553F80000AA0AE8329BFD4697D9EC37", 23) == encode_submit(submit)
    international = Submit("+46708251358", "hellohello", valid_for=4 * 86_400.0)
    assert ("0011000B916407281553F80000AA0AE8329BFD4697D9EC37", 23) == encode_submit(international)


def test_the_classic_deliver():
    """The DELIVER of the same handbook: its service centre, its time in a zone of eight quarters, "hellohello"."""
    pdu = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"

    read = decode(pdu)

    assert Deliver("27838890001", "hellohello", 922_713_419.0, smsc="+27381000015") == read


def test_a_text_in_ucs2_with_a_header():
    """The user data of a part begin with the header; the length counts octets."""
    segment = split("й" * 80, reference=0x7F)[0]

    pdu, length = encode_submit(Submit("+491701234567", segment.text, segment.encoding, segment.udh))

    assert pdu.startswith("0041000C9194711032547600088C0500037F0201" + "0439" * 67)
    assert len(pdu) // 2 - 1 == length


@pytest.mark.parametrize(
    ("encoding", "flash", "coding"),
    [
        (Encoding.GSM7, False, 0x00),
        (Encoding.GSM7, True, 0x10),
        (Encoding.UCS2, False, 0x08),
        (Encoding.UCS2, True, 0x18),
    ],
)
def test_the_coding_scheme(encoding, flash, coding):
    """Class 0 is shown at once (TS 23.038 §4)."""
    pdu, _ = encode_submit(Submit("+491701234567", "Hi", encoding, flash=flash))

    assert coding == bytes.fromhex(pdu)[1 + 2 + 8 + 1]


@pytest.mark.parametrize(
    ("octet", "encoding", "flash"),
    [
        (0x00, "GSM7", False),
        (0x04, "8bit", False),
        (0x08, "UCS2", False),
        (0x10, "GSM7", True),
        (0x11, "GSM7", False),
        (0x18, "UCS2", True),
        (0x48, "UCS2", False),
        (0xC8, "GSM7", False),
        (0xD0, "GSM7", False),
        (0xE0, "UCS2", False),
        (0xF0, "GSM7", True),
        (0xF1, "GSM7", False),
        (0xF5, "8bit", False),
    ],
)
def test_every_group_of_the_coding_scheme_is_read(octet, encoding, flash):
    """TS 23.038 §4: general, automatic deletion, message waiting, class."""
    data = {"GSM7": "02E834", "UCS2": "0400480069", "8bit": "024869"}[encoding]

    read = decode(f"00040C919471103254760{0:1d}{octet:02X}62110182010000{data}")

    assert ("Hi" if encoding != "GSM7" else "hi", flash) == (read.text, read.flash)


@pytest.mark.parametrize(
    ("seconds", "octet"),
    [
        (1, 0),
        (299, 0),
        (300, 0),
        (599, 0),
        (600, 1),
        (43_200, 143),
        (45_000, 144),
        (86_400, 167),
        (2 * 86_400, 168),
        (30 * 86_400, 196),
        (35 * 86_400, 197),
        (63 * 604_800, 255),
        (1e9, 255),
    ],
)
def test_the_validity(seconds, octet):
    """Each range of TS 23.040 §9.2.3.12.1 has its own step."""
    assert octet == encode_validity(seconds)


@given(st.integers(0, 255))
def test_every_validity_comes_back(octet):
    """What a validity stands for is written as the same octet."""
    assert octet == encode_validity(decode_validity(octet))


@given(st.floats(300, 63 * 604_800))
def test_a_validity_is_never_longer_than_asked(seconds):
    """It is rounded down, and by no more than a week."""
    assert seconds - 604_800 <= decode_validity(encode_validity(seconds)) <= seconds


@given(
    to=st.from_regex(r"\+?[0-9*#]{1,20}", fullmatch=True),
    text=st.text(ALPHABET, max_size=400) | st.text(st.characters(exclude_categories=["Cs"]), max_size=150),
    flash=st.booleans(),
    report=st.booleans(),
    validity=st.none() | st.integers(0, 255).map(decode_validity),
    wide=st.booleans(),
    reference=st.integers(0, 0xFFFF),
    smsc=st.none() | st.from_regex(r"\+[0-9]{5,15}", fullmatch=True),
)
@example("+491701234567", "@" * 161, False, True, None, False, 7, None)
@example("1", "€" * 80, True, True, 300.0, True, 7, "+491710760000")
def test_a_submit_comes_back(to, text, flash, report, validity, wide, reference, smsc):
    """Whatever is written is read again, and its length is what AT+CMGS wants; no PDU is longer than can be."""
    for number, segment in enumerate(split(text, reference=reference, wide=wide), start=1):
        submit = Submit(to, segment.text, segment.encoding, segment.udh, flash, report, validity, smsc=smsc)

        pdu, length = encode_submit(submit)

        assert submit == decode(pdu)
        assert len(pdu) // 2 - 1 - int(pdu[:2], 16) == length <= 164
        assert 176 >= len(pdu) // 2
        if segment.udh:
            assert number == part_of(segment.udh).number
            assert (reference if wide else reference & 0xFF) == part_of(segment.udh).reference


@given(st.text(BASIC.replace("\x1b", ""), min_size=1, max_size=160))
def test_packing_is_that_of_another_library(text):
    """gsm0338 gives the same septets; packed without a header they are the user data."""
    packed = gsm0338.Codec().encode(text)[0]
    septets = "".join(f"{octet:07b}"[::-1] for octet in packed)
    octets = bytes(int(septets[at : at + 8].ljust(8, "0")[::-1], 2) for at in range(0, len(septets), 8))

    pdu, _ = encode_submit(Submit("+491701234567", text))

    assert bytes((len(text),)) + octets == bytes.fromhex(pdu)[13:]


@given(
    sender=st.from_regex(r"\+[0-9]{3,20}", fullmatch=True)
    | st.text("ABCDEFGHIJabcdefghij ", min_size=1, max_size=11).filter(str.strip),
    text=st.text(ALPHABET, max_size=150),
    at=st.integers(0, 4_000_000_000 - 2 * 10**9),
    quarters=st.integers(-48, 56),
)
def test_a_deliver_comes_back(sender, text, at, quarters):
    """From numbers and names, in every zone of the earth."""
    segment = split(text, reference=1)[0]
    deliver = Deliver(sender, segment.text, float(at), segment.encoding, part_of(segment.udh))

    read = decode(encode_deliver(deliver, segment.udh, quarters=quarters)[0])

    expected = at if 1990 <= 1970 + at // 31_556_952 < 2089 else read.at
    assert (sender, segment.text, expected, deliver.part) == (read.sender, read.text, read.at, read.part)


@given(st.integers(0, 255), st.from_regex(r"\+[0-9]{3,15}", fullmatch=True), st.integers(0, 255))
def test_a_status_report_comes_back(reference, to, status):
    """Its number, its recipient, what became of it, and when."""
    report = StatusReport(reference, to, status, 1_700_000_000.0, 1_700_000_060.0)

    assert report == decode(encode_status_report(report)[0])


def test_times_that_are_none():
    """Broken clocks do not break a text: it has no time then."""
    assert decode_time(bytes.fromhex("00000000000000")) is None
    assert decode_time(bytes.fromhex("FFFFFFFFFFFFFF")) is None
    assert 1_793_571_000.0 == decode_time(bytes.fromhex("62111022010000"))
    assert bytes.fromhex("62111022010000") == encode_time(1_793_571_000.0)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "ends after 0"),
        ("zz", "not hexadecimal"),
        ("0", "not hexadecimal"),
        ("00", "ends after 1"),
        ("0003", "reserved"),
        ("FF" + "00" * 100, "service centre of 255"),
        ("0004FF91", "address of 255"),
        ("00040C91947110325476000062110182010000A1", "user data of 161"),
        ("00040C9194711032547600086211018201000090", "user data of 144"),
        ("00040C91947110325476000062110182010000A0E834", "ends after"),
        ("00440C919471103254760000621101820100000205", "ends after"),
        ("00440C91947110325476000062110182010000030900", "ends after"),
        ("00440C9194711032547600086211018201000002FF00", "header is longer"),
        ("00" * 300, "a PDU of 300"),
    ],
)
def test_what_is_no_pdu_is_refused(written, why):
    """With the reason; a modem's word is never trusted."""
    with pytest.raises(TpduError, match=why):
        decode(written)


@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(octets):
    """It reads them or refuses them."""
    try:
        read = decode(octets.hex())
    except TpduError:
        return
    assert isinstance(read, Deliver | Submit | StatusReport)


@pytest.mark.parametrize(
    ("submit", "why"),
    [
        (Submit("+" + "1" * 21, "x"), "at most 20"),
        (Submit("+49a b", "x"), "digits"),
        (Submit("ЖЖ", "x"), "GSM alphabet"),
        (Submit("1", "x" * 161), "161 units"),
        (Submit("1", "й" * 71, Encoding.UCS2), "142 units"),
        (Submit("1", "й"), "its encoding lacks"),
        (Submit("1", "\ud800", Encoding.UCS2), "its encoding lacks"),
        (Submit("1", "x", udh=b"\x05\x00"), "header's length"),
    ],
)
def test_what_no_pdu_can_hold_is_refused(submit, why):
    """Nothing is cut off silently."""
    with pytest.raises(TpduError, match=why):
        encode_submit(submit)


@pytest.mark.parametrize(
    ("udh", "part"),
    [
        (b"", None),
        (b"\x05\x00\x03\x07\x02\x01", Part(7, 2, 1)),
        (b"\x06\x08\x04\x01\x07\x02\x02", Part(0x107, 2, 2)),
        (b"\x0b\x05\x04\x15\x8a\x00\x00\x00\x03\x07\x03\x02", Part(7, 3, 2)),
        (b"\x05\x00\x03\x07\x02\x03", None),
        (b"\x05\x00\x03\x07\x02\x00", None),
        (b"\x05\x00\x04\x07\x02\x01", None),
        (b"\x02\x24\x01", None),
    ],
)
def test_parts_are_told_by_the_header(udh, part):
    """Other elements are passed over; a part beyond the total is none."""
    assert part == part_of(udh)
