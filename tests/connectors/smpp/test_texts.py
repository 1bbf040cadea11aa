"""Messages become submit_sm PDUs: these fields, these octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.connectors.smpp.settings import SmppSettings
from smshub.connectors.smpp.texts import Texts, Unsendable, reference_of, validity_period
from smshub.domain.delivery import Reason
from smshub.domain.gsm7 import is_plain
from smshub.domain.message import Message
from smshub.domain.text import measure
from smshub.protocols.smpp.codec import decode, encode, encode_body

NOW = 1_772_366_400.0


def sent(text="Hello", to="491701234567", originator="ACME", flash=False, written=None, **settings):
    """Write a message of these settings and give its PDUs."""
    message = Message(
        id="0190c0de",
        submission="s",
        account="shop",
        to=to,
        to_written=written or to,
        text=text,
        created_at=NOW,
        due_at=NOW,
        expires_at=NOW + 300,
        originator=originator,
        flash=flash,
    )
    return Texts(SmppSettings(type="smpp", host="smsc", **settings)).pdus(message, NOW)


def test_a_text_has_these_octets():
    """A plain text by the default settings, octet for octet."""
    (pdu,) = sent("Hi @")

    expected = (
        "00 05 00 41434d4500 01 01 34393137303132333435363700 00 00 00 00"
        "303030303030303030353030303030 5200 01 00 00 00 04 48692000"
    )
    assert bytes.fromhex(expected) == encode(pdu)[16:]


@pytest.mark.parametrize(
    ("originator", "settings", "expected"),
    [
        ("ACME", {}, (5, 0, "ACME")),
        ("+491701234567", {}, (1, 1, "491701234567")),
        ("80888", {}, (3, 0, "80888")),
        ("", {}, (0, 0, "")),
        ("", {"source": "SHOP"}, (5, 0, "SHOP")),
        ("ACME", {"source_ton": "0x5", "source_npi": 8}, (5, 8, "ACME")),
        ("80888", {"source_ton": 0, "source_npi": "1"}, (0, 1, "80888")),
    ],
)
def test_a_sender_has_its_ton_and_npi(originator, settings, expected):
    """Names, numbers and short codes differ (SMPP 3.4 §5.2.5), unless the operator says one for all."""
    (pdu,) = sent(originator=originator, **settings)

    assert expected == (pdu.number("source_addr_ton"), pdu.number("source_addr_npi"), pdu.text("source_addr"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "491701234567"),
        ({"phone_format": "plus"}, "+491701234567"),
        ({"phone_format": "written"}, "0170 1234567"),
        ({"phone_format": "written", "regexp": "/[^0-9]//"}, "01701234567"),
        ({"regexp": "/^49/0049/"}, "00491701234567"),
    ],
)
def test_a_number_is_written_and_rewritten_as_set(settings, expected):
    """phone_format first, then the rule of privacyIDEA's REGEXP."""
    (pdu,) = sent(written="0170 1234567", **settings)

    assert expected == pdu.text("destination_addr")


CODINGS = [
    ("Hello", False, {}, (0x00, b"Hello")),
    ("€", False, {}, (0x00, b"\x1be")),
    ("Привет", False, {}, (0x08, "Привет".encode("utf-16-be"))),
    ("😀", False, {}, (0x08, "😀".encode("utf-16-be"))),
    ("Hello", True, {}, (0x10, b"Hello")),
    ("Привет", True, {}, (0x18, "Привет".encode("utf-16-be"))),
    ("ä@", False, {"gsm7_alphabet": "iso-8859-1", "gsm7_data_coding": 3}, (0x03, b"\xe4@")),
    ("5 €", False, {"gsm7_alphabet": "iso-8859-1"}, (0x08, "5 €".encode("utf-16-be"))),
    ("Hello", False, {"gsm7_data_coding": "0xF1"}, (0xF1, b"Hello")),
    ("Привет", False, {"ucs2_data_coding": 0x18}, (0x18, "Привет".encode("utf-16-be"))),
]


@pytest.mark.parametrize(("text", "flash", "settings", "expected"), CODINGS)
def test_an_alphabet_has_its_data_coding(text, flash, settings, expected):
    """GSM 03.38 as septets in octets, else UCS-2; flash is message class 0 (TS 23.038 §4)."""
    (pdu,) = sent(text, flash=flash, **settings)

    assert expected == (pdu.number("data_coding"), pdu.message)


def test_a_long_text_has_headers_of_one_reference():
    """161 septets are 153 and 8; the reference comes from the message's id, so a repeat has the same."""
    first, second = sent("x" * 161)
    reference = reference_of("0190c0de") & 0xFF

    assert (0x40, bytes((5, 0, 3, reference, 2, 1)) + b"x" * 153) == (first.number("esm_class"), first.message)
    assert bytes((5, 0, 3, reference, 2, 2)) + b"x" * 8 == second.message
    assert [first, second] == sent("x" * 161)


def test_a_wide_reference_has_sixteen_bits():
    """udh16: a header of 7 octets, 152 septets beside it (TS 23.040 §9.2.3.24.8)."""
    first, _ = sent("x" * 161, long_texts="udh16")

    assert bytes((6, 8, 4)) + reference_of("0190c0de").to_bytes(2, "big") + b"\2\1" == first.message[:7]
    assert 159 == len(first.message)


def test_sar_says_it_in_parameters():
    """sar: no header, three TLVs (SMPP 3.4 §5.3.2.22 to §5.3.2.24)."""
    first, second = sent("x" * 161, long_texts="sar")

    assert (0, b"x" * 153, b"x" * 8) == (first.number("esm_class"), first.message, second.message)
    names = ("sar_msg_ref_num", "sar_total_segments", "sar_segment_seqnum")
    assert (reference_of("0190c0de"), 2, 2) == tuple(second.number(name) for name in names)


def test_a_payload_is_whole():
    """payload: one PDU, whatever the length; a short text stays a short_message."""
    (long,) = sent("ж" * 500, long_texts="payload")
    (short,) = sent("Hello", long_texts="payload")

    assert ("ж".encode("utf-16-be") * 500, b"") == (long.octets("message_payload"), long.octets("short_message"))
    assert b"Hello" == short.octets("short_message")


def test_a_long_text_that_latin1_lacks_is_cut_as_ucs2():
    """€ in a GSM text for a SMSC of ISO 8859-1: 67 letters a segment, behind the same header."""
    parts = sent("€" * 100, gsm7_alphabet="iso-8859-1")

    assert ["€" * 67, "€" * 33] == [pdu.user_data.decode("utf-16-be") for pdu in parts]
    assert [bytes((5, 0, 3, reference_of("0190c0de") & 0xFF, 2, n)) for n in (1, 2)] == [p.message[:6] for p in parts]


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=500), st.sampled_from(["udh", "udh16"])
)
def test_every_segment_fits_and_the_text_comes_back(text, long_texts):
    """No segment has more than 140 octets on the air, and what the SMSC reads is the text."""
    parts = [decode(encode(pdu)) for pdu in sent(text, long_texts=long_texts)]

    ucs2 = parts[0].number("data_coding") == 8
    header = 0 if len(parts) == 1 else 7 if long_texts == "udh16" else 6
    room = 140 - header if ucs2 else (140 - header) * 8 // 7
    assert max(len(pdu.user_data) for pdu in parts) <= room
    if ucs2:
        assert text == b"".join(pdu.user_data for pdu in parts).decode("utf-16-be")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (300, "000000000500000R"),
        (59.9, "000000000059000R"),
        (0.2, "000000000001000R"),
        (-5, "000000000001000R"),
        (3_661, "000000010101000R"),
        (86_400 * 3, "000003000000000R"),
        (86_400 * 31, "000101000000000R"),
        (86_400 * 3_650, "001200000000000R"),
    ],
)
def test_a_time_left_is_written_so(seconds, expected):
    """Relative time, rounded down so that nothing outlives its validity (SMPP 3.4 §7.1.1.2)."""
    assert expected == validity_period(seconds)


def test_the_validity_goes_with_the_message_unless_switched_off():
    """What is left of a message's life is told to the SMSC."""
    assert "000000000500000R" == sent()[0].text("validity_period")
    assert "" == sent(validity=False)[0].text("validity_period")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, 1), ({"receipts": False}, 0), ({"mode": "pair"}, 1), ({"mode": "transmitter"}, 0)],
)
def test_receipts_are_asked_for_where_they_can_come(settings, expected):
    """registered_delivery 1 only with a bind that takes deliver_sm (SMPP 3.4 §5.2.17)."""
    assert expected == sent(**settings)[0].number("registered_delivery")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"to": "a@example.org"}, Reason.INVALID_RECIPIENT),
        ({"regexp": "/.*//"}, Reason.INVALID_RECIPIENT),
        ({"regexp": "/^/000000000/"}, Reason.INVALID_RECIPIENT),
        ({"originator": "Привет"}, Reason.INVALID_ORIGINATOR),
        ({"originator": "Δ"}, Reason.INVALID_ORIGINATOR),
        ({"text": "x" * 50_000}, Reason.CONTENT),
        ({"text": "€" * 20_000, "gsm7_alphabet": "iso-8859-1"}, Reason.CONTENT),
    ],
)
def test_what_smpp_cannot_carry_is_told(change, reason):
    """The reason and a sentence; no PDU is written."""
    with pytest.raises(Unsendable) as caught:
        sent(**change)

    assert reason == caught.value.reason


@given(
    text=st.text(alphabet=st.characters(max_codepoint=0x2FF), min_size=1, max_size=165),
    originator=st.sampled_from(["", "ACME", "+491701234567", "12345"]),
    settings=st.fixed_dictionaries(
        {
            "service_type": st.sampled_from(["", "CMT"]),
            "priority": st.integers(0, 3),
            "receipts": st.booleans(),
            "validity": st.booleans(),
            "gsm7_data_coding": st.integers(0, 255),
            "dest_ton": st.integers(0, 7),
        }
    ),
    left=st.floats(1, 1e6),
)
def test_what_is_written_at_once_is_what_the_codec_writes(text, originator, settings, left):
    """The fast way of a plain text gives the octets of the slow one, or leaves the text to it."""
    texts = Texts(SmppSettings(type="smpp", host="h", **settings))
    measured = measure(text)
    message = Message(
        id="01a2006a6cc10713eab620d0124a041f",
        submission="1",
        account="shop",
        to="491701234567",
        to_written="+491701234567",
        text=text,
        created_at=1_000.0,
        due_at=1_000.0,
        expires_at=1_000.0 + left,
        originator=originator,
        segments=measured.segments,
    )

    body = texts.written(message, 1_000.0)

    if body is None:
        assert measured.segments > 1 or not is_plain(text)
    else:
        (pdu,) = texts.pdus(message, 1_000.0)
        assert encode_body(pdu) == body
