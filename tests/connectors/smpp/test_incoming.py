"""Texts that somebody sends to a number of the SMSC's: read, joined, and answered when they are on disk."""

import asyncio

import pytest

from smshub.connectors.smpp.connector import _MOST_UNKEPT
from smshub.connectors.smpp.inbox import JOIN_WITHIN, MOST_UNFINISHED, Inbox
from smshub.protocols.smpp.contents import alphabet
from smshub.protocols.smpp.pdus import Command, Pdu
from smshub.protocols.smpp.status import Status

FROM = {"source_addr": "491701234567", "destination_addr": "4930123456"}
NOW = 1_795_290_496.0


def part(number, total, octets, *, coding=0, reference=7, **fields):
    """Make a deliver_sm with a concatenation header (TS 23.040 §9.2.3.24.1)."""
    header = bytes((5, 0, 3, reference, total, number))
    given = {"esm_class": 0x40, "data_coding": coding, "short_message": header + octets}
    return Pdu(Command.DELIVER_SM, {**FROM, **given, **fields})


async def next_text(hub):
    """Give the next text and the way to say that it is on disk."""
    return await asyncio.wait_for(hub.texts.get(), 5)


@pytest.mark.parametrize("command", [Command.DELIVER_SM, Command.DATA_SM])
async def test_a_text_is_answered_when_it_is_on_disk(engine, smsc, command):
    """The engine gets the text at once, the SMSC its answer only after `stored`."""
    hub = await engine()
    smsc.deliver(command, **FROM, message_payload=b"Hello \x1be")
    text, stored = await next_text(hub)

    assert smsc.wires[-1].responses.empty()
    stored()

    assert (command | 0x80000000, 0) == ((answer := await smsc.response()).command, answer.status)
    assert ("491701234567", "4930123456", "Hello €", "") == (text.sender, text.to, text.text, text.ref)


async def test_a_text_that_cannot_be_kept_is_not_answered(engine, smsc):
    """The SMSC sends it again; the next one is taken all the same."""
    hub = await engine()
    smsc.deliver(**FROM, short_message=b"one")
    await next_text(hub)
    smsc.deliver(**FROM, short_message=b"two")
    _, stored = await next_text(hub)
    stored()

    assert 2 == (await smsc.response()).sequence


async def test_a_flood_is_put_off(engine, smsc):
    """Past a thousand that wait for the disk the SMSC is told to come again (SMPP 3.4 §5.1.3), and nothing is kept."""
    hub = await engine()
    for _ in range(_MOST_UNKEPT + 1):
        smsc.deliver(**FROM, short_message=b"x")

    assert Status.ESME_RX_T_APPN == (await smsc.response()).status
    assert _MOST_UNKEPT == hub.texts.qsize()


TEXTS = [
    (0x00, b"\x00 1\x1be", "@ 1€"),
    (0x01, b"caf\xe9", "café"),
    (0x03, b"caf\xe9", "café"),
    (0x06, "Привет".encode("iso8859-5"), "Привет"),
    (0x07, "שלום".encode("iso8859-8"), "שלום"),
    (0x08, "Grüße 😀".encode("utf-16-be"), "Grüße 😀"),
    (0x18, "京".encode("utf-16-be"), "京"),
    (0x11, b"\x02", "$"),
    (0xF1, b"\x02", "$"),
    (0x04, b"\x00\xff", "00ff"),
    (0xF5, b"\x00\xff", "00ff"),
    (0x05, b"\xff\xfe\x81", "\ufffd\ufffd\ufffd"),
]


@pytest.mark.parametrize(("coding", "octets", "expected"), TEXTS)
def test_letters_are_read_by_their_data_coding(coding, octets, expected):
    """SMPP 3.4 §5.2.19 and TS 23.038 §4; binary data is shown in hexadecimal, what is no letter as U+FFFD."""
    pdu = Pdu(Command.DELIVER_SM, {**FROM, "data_coding": coding, "short_message": octets})

    assert expected == Inbox().take(pdu, NOW).text


def test_the_default_alphabet_is_that_of_the_link():
    """A SMSC that converts by itself writes data_coding 0 in ISO 8859-1."""
    pdu = Pdu(Command.DELIVER_SM, {**FROM, "short_message": b"caf\xe9"})

    assert "café" == Inbox("iso-8859-1").take(pdu, NOW).text


def test_every_data_coding_has_an_alphabet():
    """None of the 256 is unknown to the reader."""
    assert all(isinstance(alphabet(coding), int) for coding in range(256))


def test_parts_in_any_order_are_one_text():
    """Each part tells the text as far as it has come, under the same reference; letters cut in two are whole."""
    octets = "Grüße aus 京都 😀!".encode("utf-16-be")
    cut = octets.index(b"\xd8\x3d") + 2  # between the surrogates of the emoji
    inbox = Inbox()

    second = inbox.take(part(2, 2, octets[cut:], coding=8), NOW)
    whole = inbox.take(part(1, 2, octets[:cut], coding=8), NOW + 60)

    assert second.text.startswith("[…]")
    assert ("Grüße aus 京都 😀!", NOW) == (whole.text, whole.received_at)
    assert second.ref == whole.ref != ""


def test_parts_joined_by_sar_parameters_are_one_text():
    """SMPP 3.4 §5.3.2.22; parts of different alphabets each keep theirs."""
    inbox = Inbox()
    sar = {"sar_msg_ref_num": 900, "sar_total_segments": 2}
    fields = [{"sar_segment_seqnum": 1, "short_message": b"a\x1b"}, {"sar_segment_seqnum": 2, "short_message": b"eb"}]
    texts = [inbox.take(Pdu(Command.DELIVER_SM, {**FROM, **sar, **each}), NOW).text for each in fields]

    assert "a€b" == texts[-1]


def test_a_part_that_comes_twice_changes_nothing():
    """As when the SMSC did not get the answer."""
    inbox = Inbox()
    first = inbox.take(part(1, 2, b"one "), NOW)
    again = inbox.take(part(1, 2, b"one "), NOW + 1)

    assert (first.text, first.ref) == (again.text, again.ref) == ("one […]", first.ref)


def test_a_reference_that_comes_round_begins_another_text():
    """Another first part of the same sender and reference is no part of the text before, nor one that comes late."""
    inbox = Inbox()
    refs = [
        inbox.take(part(1, 2, b"one "), NOW).ref,
        inbox.take(part(1, 2, b"another "), NOW + 1).ref,
        inbox.take(part(2, 2, b"late"), NOW + 1 + JOIN_WITHIN).ref,
    ]

    assert 3 == len(set(refs))


def test_unfinished_texts_are_bounded():
    """Of a flood of first parts the newest wait; an old one's second part is a text of its own."""
    inbox = Inbox()
    first = inbox.take(part(1, 2, b"first ", source_addr="1"), NOW)
    for number in range(MOST_UNFINISHED):
        inbox.take(part(1, 2, b"x", source_addr=f"2{number}"), NOW)

    assert MOST_UNFINISHED == len(inbox._unfinished)
    assert first.ref != inbox.take(part(2, 2, b"second", source_addr="1"), NOW).ref


BROKEN = [
    {"esm_class": 0x40, "short_message": b""},
    {"esm_class": 0x40, "short_message": b"\xff\x00"},
    {"esm_class": 0x40, "short_message": b"\x05\x00\x03\x01\x02\x03ab"},  # part 3 of 2
    {"esm_class": 0x40, "short_message": b"\x05\x00\x03\x01\x00\x00ab"},
    {"sar_total_segments": 2, "sar_segment_seqnum": 9, "short_message": b"ab"},
    {"data_coding": 8, "short_message": b"\xd8"},
]


@pytest.mark.parametrize("fields", BROKEN)
def test_a_header_that_lies_makes_a_text_of_its_own(fields):
    """Whatever it holds is kept; nothing is raised, nothing waits."""
    inbox = Inbox()

    assert "" == inbox.take(Pdu(Command.DELIVER_SM, {**FROM, **fields}), NOW).ref
    assert {} == inbox._unfinished
