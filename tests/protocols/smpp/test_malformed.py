"""What a peer may send that is not SMPP: it is answered, and the session lives or ends, but never breaks."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.smpp.codec import decode, encode
from smshub.protocols.smpp.events import (
    End,
    Event,
    Limits,
    Side,
    State,
    Unanswered,
    Unbound,
    Violation,
)
from smshub.protocols.smpp.pdus import Command, Pdu
from smshub.protocols.smpp.session import Session
from smshub.protocols.smpp.status import Status

TEXT = Pdu(Command.SUBMIT_SM, {"destination_addr": "491701234567", "short_message": b"Hello"})


UNFRAMEABLE = [
    b"\0\0\0\0",
    b"\0\0\0\4",
    b"\0\0\0\x0f",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\1\0\1",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
]


@pytest.mark.parametrize("data", UNFRAMEABLE)
def test_a_stream_that_cannot_be_framed_is_nacked_and_left(data, link):
    """A command_length below 16 or above 64 KiB is answered by generic_nack ESME_RINVCMDLEN and the end."""
    link.submitted("mine")

    events = link.esme.receive_data(data, link.now)

    assert [Violation, Unanswered, Unbound] == [type(event) for event in events]
    assert Unbound(End.UNFRAMEABLE) == events[-1]
    assert bytes.fromhex("00000010 80000000 00000002 00000000") == link.esme.data_to_send()


def _raw(command: int, body: bytes = b"", sequence: int = 5) -> bytes:
    head = (16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(4)
    return head + sequence.to_bytes(4, "big") + body


_HEAD = b"\0\x01\x01491\0\x01\x01492\0" + bytes(9)  # a submit_sm up to sm_length
MALFORMED = {
    "one octet too many": (_raw(Command.ENQUIRE_LINK, b"\0"), Status.ESME_RINVOPTPARSTREAM),
    "no body": (_raw(Command.SUBMIT_SM), Status.ESME_RINVCMDLEN),
    "one octet of body": (_raw(Command.SUBMIT_SM, b"\0"), Status.ESME_RINVCMDLEN),
    "a string without NUL": (_raw(Command.QUERY_SM, b"abc"), Status.ESME_RINVCMDLEN),
    "a source too long": (_raw(Command.SUBMIT_SM, b"\0\1\1" + b"4" * 60), Status.ESME_RINVSRCADR),
    "a destination too long": (_raw(Command.SUBMIT_SM, b"\0\1\1\0\1\1" + b"4" * 60), Status.ESME_RINVDSTADR),
    "a service type too long": (_raw(Command.SUBMIT_SM, b"A" * 60), Status.ESME_RINVSERTYP),
    "sm_length 255 with 10": (_raw(Command.SUBMIT_SM, _HEAD + b"\xff" + bytes(10)), Status.ESME_RINVMSGLEN),
    "sm_length 255": (_raw(Command.SUBMIT_SM, _HEAD + b"\xff" + bytes(255)), Status.ESME_RINVMSGLEN),
    "no sm_length": (_raw(Command.SUBMIT_SM, _HEAD), Status.ESME_RINVMSGLEN),
    "half a TLV": (_raw(Command.SUBMIT_SM, _HEAD + b"\0\4\x24"), Status.ESME_RINVOPTPARSTREAM),
    "a TLV past the end": (_raw(Command.SUBMIT_SM, _HEAD + b"\0\4\x24\0\5abcd"), Status.ESME_RINVOPTPARSTREAM),
    "a TLV of 65535": (_raw(Command.SUBMIT_SM, _HEAD + b"\0\4\x24\xff\xffabcd"), Status.ESME_RINVOPTPARSTREAM),
    "a short integer TLV": (_raw(Command.SUBMIT_SM, _HEAD + b"\0\2\x0c\0\1\1"), Status.ESME_RINVPARLEN),
    "a long integer TLV": (_raw(Command.SUBMIT_SM, _HEAD + b"\0\2\x0e\0\2\1\1"), Status.ESME_RINVPARLEN),
    "an unknown command": (_raw(0x00000021), Status.ESME_RINVCMDID),
    "a reserved command": (_raw(0x0001FFFF), Status.ESME_RINVCMDID),
    "number 0": (_raw(Command.SUBMIT_SM, b"", 0), Status.ESME_RINVCMDLEN),
    "number 0x80000000": (_raw(Command.SUBMIT_SM, b"", 0x80000000), Status.ESME_RINVCMDLEN),
}


@pytest.mark.parametrize(("data", "status"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_answered_and_the_session_lives(data, status, link):
    """A PDU that can be framed and not read gets its error; the next one is taken as if nothing were."""
    violation, asked = link.smsc.receive_data(data + encode(TEXT, 6), link.now)
    answer = decode(link.smsc.data_to_send())

    assert isinstance(violation, Violation)
    assert (status, int.from_bytes(data[12:16], "big")) == (answer.status, answer.sequence)
    assert TEXT.message == asked.pdu.message


def test_a_storm_of_nacks_is_not_answered(link):
    """Neither nacks nor unknown responses are answered, so that two peers never nack each other for ever."""
    storm = _raw(Command.GENERIC_NACK) + _raw(0x80000021) + _raw(0xFFFFFFFF)

    events = link.smsc.receive_data(storm * 100, link.now)

    assert [Violation] * 300 == [type(event) for event in events]
    assert b"" == link.smsc.data_to_send()


_STREAM = b"".join(
    [
        encode(TEXT, 2),
        _raw(Command.SUBMIT_SM, b"\0"),
        _raw(Command.ENQUIRE_LINK),
        encode(Pdu(Command.SUBMIT_SM, {"message_payload": b"x" * 300}), 3),
        _raw(0x80000021),
        encode(Pdu(Command.UNBIND), 4),
    ]
)


def _taken(chunks: list[bytes]) -> tuple[list[Event], bytes]:
    smsc = Session(Side.SMSC, Limits(), 0.0)
    smsc.state = State.BOUND_TRX
    events = [event for chunk in chunks for event in smsc.receive_data(chunk, 1.0)]
    return events, smsc.data_to_send()


@given(st.lists(st.integers(0, len(_STREAM)), max_size=20))
def test_however_a_stream_is_cut_it_says_the_same(cuts):
    """Any chunking of the same octets gives the same events and the same answers."""
    edges = [0, *sorted(cuts), len(_STREAM)]
    chunks = [_STREAM[start:end] for start, end in itertools.pairwise(edges)]

    assert _taken([_STREAM]) == _taken(chunks)


def test_a_stream_of_single_octets_says_the_same():
    """One octet at a time, as from a very slow peer."""
    assert _taken([_STREAM]) == _taken([bytes((octet,)) for octet in _STREAM])


@given(st.binary(max_size=200), st.sampled_from(Side))
def test_no_octets_make_a_session_raise(data, side):
    """Whatever arrives is told, answered or waited for."""
    session = Session(side, Limits(), 0.0)
    session.state = State.BOUND_TRX

    session.receive_data(data, 1.0)
    session.advance(1000.0)

    assert session.data_to_send() is not None


@given(st.sampled_from(list(Command)), st.binary(max_size=80), st.sampled_from(Side))
def test_no_body_makes_a_session_raise(command, body, side):
    """A good header with any body is answered or told, and the stream stays in step."""
    session = Session(side, Limits(), 0.0)
    session.state = State.BOUND_TRX

    events = session.receive_data(_raw(command, body) + _raw(0x80000021), 1.0)

    assert session.closed or events[-1] == Violation("an answer to nothing that was asked", 0x80000021, 5, 0)
