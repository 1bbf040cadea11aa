"""Delivery receipts: every spelling of the field is read, garbage is not, and what we write we read again."""

import string
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.domain.delivery import Receipt, ReceiptState
from smshub.protocols.smpp.pdus import Command, Pdu
from smshub.protocols.smpp.receipt import Spelling, aliases, format_receipt, is_receipt, parse_receipt

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC).timestamp()
DONE = datetime(2026, 3, 1, 11, 58, tzinfo=UTC).timestamp()
TEXT = b"id:7A sub:001 dlvrd:001 submit date:2603011157 done date:2603011158 stat:DELIVRD err:000 text:Hello"


def deliver(text: bytes = b"", **fields: object) -> Pdu:
    """Make the deliver_sm of a receipt."""
    return Pdu(Command.DELIVER_SM, {"esm_class": 4, "short_message": text, **fields})


def parsed(text: bytes = b"", **fields: object) -> Receipt | None:
    """Read a receipt as a provider that spells its ids alike sends it; the aliases have their own test."""
    receipt = parse_receipt(deliver(text, **fields), NOW, spelling=Spelling.SAME)
    return receipt and msgspec.structs.replace(receipt, aliases=())


READ = {
    "the common form": (TEXT, Receipt("7A", ReceiptState.DELIVERED, DONE)),
    "seconds": (b"id:7A done date:260301115800 stat:DELIVRD", Receipt("7A", ReceiptState.DELIVERED, DONE)),
    "whole years": (b"id:7A done date:20260301115800 stat:DELIVRD", Receipt("7A", ReceiptState.DELIVERED, DONE)),
    "a readable date": (b"id:7A done date:26-03-01 11:58 stat:DELIVRD", Receipt("7A", ReceiptState.DELIVERED, DONE)),
    "capitals": (b"ID:7A STAT:delivrd DONE DATE:2603011158", Receipt("7A", ReceiptState.DELIVERED, DONE)),
    "whole words": (b"id:7A stat:DELIVERED", Receipt("7A", ReceiptState.DELIVERED, NOW)),
    "blanks after colons": (b"id: 7A stat: UNDELIV err: 0B", Receipt("7A", ReceiptState.UNDELIVERABLE, NOW, "0B")),
    "commas": (b"id:7A, stat:EXPIRED, err:27", Receipt("7A", ReceiptState.EXPIRED, NOW, "27")),
    "another order": (b"stat:REJECTD err:5 id:7A", Receipt("7A", ReceiptState.REJECTED, NOW, "5")),
    "text first": (b"text:Hi id:7A stat:ACCEPTD", Receipt("7A", ReceiptState.ACCEPTED, NOW)),
    "an empty err": (b"id:7A err: stat:DELETED text:", Receipt("7A", ReceiptState.DELETED, NOW)),
    "an unknown word": (b"id:7A stat:WHATEVER", Receipt("7A", ReceiptState.UNKNOWN, NOW)),
    "in another time zone": (b"id:7A done date:2603011258 stat:ENROUTE", Receipt("7A", ReceiptState.ENROUTE, NOW)),
    "a day that is not": (b"id:7A done date:2602301158 stat:DELIVRD", Receipt("7A", ReceiptState.DELIVERED, NOW)),
    "the sender's own stat": (TEXT + b" id:8 stat:REJECTD", Receipt("7A", ReceiptState.DELIVERED, DONE)),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ.keys())
def test_the_text_of_a_receipt_is_read_in_every_spelling(text, expected):
    """Case, order, dates, blanks and missing fields differ between SMSCs; what the receipt says does not."""
    assert expected == parsed(text)


GARBAGE = [
    b"",
    b"Hello",
    b"id: stat:",
    b"id:7A",
    b"stat:DELIVRD",
    b"\x00\xff\xfe",
    b"id:" * 5000,
    b"sid:7A stats:DELIVRD",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_what_names_no_message_or_no_state_is_no_receipt(text):
    """Garbage is None and never an exception."""
    assert parsed(text) is None


def test_the_parameters_count_before_the_text():
    """receipted_message_id and message_state say it, whatever the text says (SMPP 3.4 §5.3.2.12, §5.3.2.35)."""
    expected = Receipt("7B", ReceiptState.EXPIRED, DONE)

    assert expected == parsed(TEXT, receipted_message_id="7B", message_state=3)


def test_the_parameters_alone_are_enough():
    """A receipt without any text is read; the network's error code comes from its TLV (SMPP 3.4 §5.3.2.31)."""
    expected = Receipt("7B", ReceiptState.UNDELIVERABLE, NOW, "21")

    fields = {"receipted_message_id": "7B", "message_state": 5, "network_error_code": b"\x03\x00\x15"}
    assert expected == parsed(**fields)


def test_a_receipt_in_ucs2_or_behind_a_header_is_read():
    """data_coding 8 and a user data header do not hide a receipt."""
    expected = Receipt("7A", ReceiptState.DELIVERED, DONE)

    assert expected == parsed(TEXT.decode().encode("utf-16-be"), data_coding=8)
    assert expected == parsed(b"\x05\x00\x03\x01\x02\x01" + TEXT, esm_class=0x44)


def test_a_header_longer_than_the_data_is_not_believed():
    """A UDH length past the end reads as data, not past it."""
    pdu = deliver(b"\xffid:7A", esm_class=0x44)

    assert b"\xffid:7A" == pdu.user_data


def test_times_are_those_of_the_providers_zone():
    """A provider that states local time is read in its zone."""
    receipt = parse_receipt(deliver(b"id:7A done date:2603011258 stat:DELIVRD"), NOW, zone=timezone(timedelta(hours=1)))

    assert DONE == receipt.at


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"esm_class": 0x04}, True),
        ({"esm_class": 0x44}, True),
        ({"esm_class": 0x20}, True),
        ({"esm_class": 0x00, "receipted_message_id": "7A"}, True),
        ({"esm_class": 0x00, "short_message": TEXT}, False),
        ({"esm_class": 0x40, "short_message": TEXT}, False),
        ({"esm_class": 0x08, "short_message": TEXT}, False),
    ],
)
def test_a_text_that_only_looks_like_a_receipt_is_none(fields, expected):
    """Anybody can send a text of that form: the esm_class or the TLV makes a receipt (SMPP 3.4 §5.2.12)."""
    assert expected == is_receipt(Pdu(Command.DELIVER_SM, fields))


@pytest.mark.parametrize(
    ("answered", "reported"),
    [
        ("75bcd15", "123456789"),
        ("75BCD15", "0123456789"),
        ("075BCD15", "123456789"),
        ("123456789", "75BCD15"),
        ("0123456789", "75bcd15"),
        ("0123456789", "123456789"),
        ("abcdef", "ABCDEF"),
        ("ABCDEF", "00abcdef"),
        ("deadbeef-1", "DEADBEEF-1"),
    ],
)
def test_other_spellings_of_an_id_are_known(answered, reported):
    """Hexadecimal and decimal, capitals and zeros: the id of the submit_sm_resp is among the aliases."""
    assert answered in aliases(reported)


def test_small_counters_are_not_read_in_another_base():
    """The id 100 would be message 256 or 64 of the same provider."""
    assert not {"256", "64"} & set(aliases("100"))


def test_a_known_spelling_gives_no_others():
    """Where the operator says how ids are spelt, the other base is not tried."""
    assert ("0123456789",) == aliases("123456789", Spelling.SAME)
    assert "4886718345" not in aliases("123456789", Spelling.DECIMAL)
    assert "75bcd15" not in aliases("123456789", Spelling.HEXADECIMAL)


_IDS = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=60)
_CODES = st.none() | st.text(string.digits + "ABCDEF", min_size=1, max_size=3).filter(lambda code: code.strip("0"))


@given(_IDS, st.sampled_from(ReceiptState), st.integers(0, 1_500_000), _CODES, st.binary(max_size=30), st.booleans())
def test_what_is_written_is_read_again(ref, state, minutes, code, text, tlvs):
    """Reading is the inverse of writing, with the TLVs and without."""
    receipt = Receipt(ref, state, NOW - 30 - minutes * 60, code)
    fields = format_receipt(receipt, submitted_at=NOW, text=text, tlvs=tlvs)

    assert receipt == parsed(fields["short_message"], **fields)


@given(
    st.dictionaries(st.sampled_from(["message_state", "esm_class", "data_coding"]), st.integers(0, 255)), st.binary()
)
def test_garbage_never_raises(fields, text):
    """Whatever the octets are, it is a receipt or None."""
    assert isinstance(parsed(text, **fields), Receipt | None)


@given(st.text(alphabet=st.characters(codec="latin-1")))
def test_no_text_that_has_the_keys_raises(text):
    """Keys followed by anything."""
    words = f"id:{text} stat:{text} done date:{text} err:{text} text:{text}"

    assert isinstance(parsed(words.encode("latin-1")), Receipt | None)
