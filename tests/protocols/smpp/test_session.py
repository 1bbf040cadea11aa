"""The session, ESME and SMSC side, played against each other with the clock as an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.smpp.codec import LocalProtocolError, decode, encode
from smshub.protocols.smpp.events import (
    BindMode,
    BindRefused,
    Bound,
    Credentials,
    End,
    Event,
    Limits,
    Requested,
    Responded,
    Sent,
    Side,
    State,
    Unanswered,
    Unbound,
    Violation,
)
from smshub.protocols.smpp.pdus import LAST_SEQUENCE, Command, Pdu
from smshub.protocols.smpp.session import Session
from smshub.protocols.smpp.status import Status

CREDENTIALS = Credentials("hub", "secret")
TEXT = Pdu(Command.SUBMIT_SM, {"destination_addr": "491701234567", "short_message": b"Hello"})


class Link:
    """Two sessions and the wire between them; `now` is theirs."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.now = 100.0
        self.esme = Session(Side.ESME, limits or Limits(), self.now)
        self.smsc = Session(Side.SMSC, limits or Limits(), self.now)

    def to_smsc(self) -> list[Event]:
        """Carry what the ESME has written."""
        return self.smsc.receive_data(self.esme.data_to_send(), self.now)

    def to_esme(self) -> list[Event]:
        """Carry what the SMSC has written."""
        return self.esme.receive_data(self.smsc.data_to_send(), self.now)

    def bound(self, mode: BindMode = BindMode.TRANSCEIVER) -> "Link":
        """Bind."""
        self.esme.bind(mode, CREDENTIALS, self.now)
        (asked,) = self.to_smsc()
        assert isinstance(asked, Requested)
        self.smsc.respond(asked.pdu, system_id="smsc")
        (bound,) = self.to_esme()
        assert isinstance(bound, Bound)
        return self

    def submitted(self, token: object = None) -> Pdu:
        """Submit a text and give what the SMSC saw."""
        self.esme.request(TEXT, self.now, token)
        (asked,) = self.to_smsc()
        assert isinstance(asked, Requested)
        return asked.pdu


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (BindMode.TRANSMITTER, State.BOUND_TX),
        (BindMode.RECEIVER, State.BOUND_RX),
        (BindMode.TRANSCEIVER, State.BOUND_TRX),
    ],
)
def test_a_bind_binds_both_sides_for_what_it_asked(mode, state):
    """Each bind command leads to its own state on both sides (SMPP 3.4 §2.2)."""
    link = Link().bound(mode)

    assert (state, state) == (link.esme.state, link.smsc.state)


def test_a_refused_bind_tells_the_status():
    """A bind_resp with an error leaves both sides open and names the reason."""
    link = Link()
    link.esme.bind(BindMode.TRANSCEIVER, CREDENTIALS, link.now)
    (asked,) = link.to_smsc()
    link.smsc.respond(asked.pdu, Status.ESME_RINVPASWD)

    assert [BindRefused(Status.ESME_RINVPASWD)] == link.to_esme()
    assert (State.OPEN, State.OPEN) == (link.esme.state, link.smsc.state)


def test_an_answer_gives_back_the_token_of_its_request():
    """Answers in any order find the request that they answer, with what its owner attached."""
    link = Link().bound()
    first, second = link.submitted("one"), link.submitted("two")
    assert 2 == link.esme.in_flight
    link.smsc.respond(second, message_id="B")
    link.smsc.respond(first, message_id="A")

    events = link.to_esme()

    assert [("two", "B"), ("one", "A")] == [(event.token, event.pdu.text("message_id")) for event in events]
    assert (0, 10) == (link.esme.in_flight, link.esme.room)


def test_many_requests_are_one_write():
    """What is asked in one turn is gathered into one sequence of octets."""
    link = Link().bound()
    for _ in range(5):
        link.esme.request(TEXT, link.now)

    data = link.esme.data_to_send()

    assert b"".join(encode(TEXT, sequence) for sequence in range(2, 7)) == data
    assert b"" == link.esme.data_to_send()
    assert (5, 5) == (link.esme.in_flight, link.esme.room)


@pytest.mark.parametrize(
    ("mode", "command"),
    [
        (BindMode.RECEIVER, Command.SUBMIT_SM),
        (BindMode.RECEIVER, Command.QUERY_SM),
        (BindMode.TRANSCEIVER, Command.DELIVER_SM),
        (BindMode.TRANSCEIVER, Command.OUTBIND),
    ],
)
def test_what_the_state_forbids_is_refused_on_both_sides(mode, command):
    """We do not send it (a local fault), and a peer that does is answered ESME_RINVBNDSTS (SMPP 3.4 §2.3)."""
    link = Link().bound(mode)
    with pytest.raises(LocalProtocolError):
        link.esme.request(Pdu(command), link.now)

    (event,) = link.smsc.receive_data(encode(Pdu(command), 9), link.now)
    answer = decode(link.smsc.data_to_send())

    assert isinstance(event, Violation)
    assert (Status.ESME_RINVBNDSTS, 9) == (answer.status, answer.sequence)


def test_a_second_bind_is_already_bound():
    """A bind on a bound session is answered ESME_RALYBND and changes nothing."""
    link = Link().bound(BindMode.RECEIVER)
    link.smsc.receive_data(encode(Pdu(Command.BIND_TRANSMITTER), 9), link.now)

    expected = Pdu(Command.BIND_TRANSMITTER_RESP, {}, Status.ESME_RALYBND, 9)
    assert expected == decode(link.smsc.data_to_send())
    assert State.BOUND_RX == link.smsc.state


@pytest.mark.parametrize(
    "stray",
    [
        Pdu(Command.SUBMIT_SM_RESP, {"message_id": "x"}, 0, 77),
        Pdu(Command.QUERY_SM_RESP, {}, 0, 2),
        Pdu(Command.DELIVER_SM_RESP, {"message_id": ""}, 0, 2),
        Pdu(Command.GENERIC_NACK, {}, Status.ESME_RINVCMDLEN, 0),
        Pdu(Command.ENQUIRE_LINK_RESP, {}, 0, 2),
        Pdu(Command.UNBIND_RESP, {}, 0, 2),
        Pdu(Command.BIND_TRANSCEIVER_RESP, {"system_id": ""}, 0, 1),
    ],
    ids=["unknown sequence", "other type", "other type too", "nack of nothing", "no probe", "no unbind", "again"],
)
def test_an_answer_to_nothing_is_told_and_never_matched(stray):
    """A response of another type or to an unknown number is told, not answered, and the request still waits."""
    link = Link().bound()
    asked = link.submitted("mine")

    (event,) = link.esme.receive_data(encode(stray), link.now)

    assert isinstance(event, Violation)
    assert b"" == link.esme.data_to_send()
    link.smsc.respond(asked, message_id="A")
    (answer,) = link.to_esme()
    assert "mine" == answer.token


def test_a_second_answer_to_one_request_is_told_and_not_matched():
    """A duplicated response counts once."""
    link = Link().bound()
    link.submitted("mine")
    data = encode(Pdu(Command.SUBMIT_SM_RESP, {"message_id": "A"}, 0, 2))

    first, second = link.esme.receive_data(data + data, link.now)

    assert isinstance(first, Responded)
    assert isinstance(second, Violation)


def test_a_generic_nack_answers_the_request_that_it_names():
    """A generic_nack with a known number is that request's answer (SMPP 3.4 §4.3)."""
    link = Link().bound()
    link.submitted("mine")

    nack = Pdu(Command.GENERIC_NACK, {}, Status.ESME_RINVCMDID, 2)

    assert [Responded(nack, TEXT, "mine")] == link.esme.receive_data(encode(nack), link.now)


def test_a_response_with_a_broken_body_still_answers():
    """What the header says counts; the fields are those before the fault."""
    link = Link().bound()
    link.submitted("mine")
    good = encode(Pdu(Command.SUBMIT_SM_RESP, {"message_id": "A"}, 0, 2))
    data = len(good + b"\0\x1e").to_bytes(4, "big") + good[4:] + b"\0\x1e"

    violation, answer = link.esme.receive_data(data, link.now)

    assert isinstance(violation, Violation)
    assert ("mine", "A") == (answer.token, answer.pdu.text("message_id"))


def test_numbers_begin_again_after_the_last_and_pass_those_in_use():
    """Sequence numbers go 1 to 0x7FFFFFFF and round, never onto one that waits (SMPP 3.4 §5.1.4)."""
    link = Link().bound()
    assert 2 == link.esme.request(TEXT, link.now)
    link.esme._sequence = LAST_SEQUENCE - 1

    numbers = [link.esme.request(TEXT, link.now) for _ in range(3)]

    assert [LAST_SEQUENCE, 1, 3] == numbers


def test_an_unanswered_request_is_given_up_and_the_peer_is_asked_whether_it_lives():
    """After the response time the request is Unanswered, and an enquire_link decides about the session."""
    link = Link(Limits(response=10, enquire_link=None)).bound()
    asked = link.submitted("mine")
    assert 110.0 == link.esme.deadline()
    assert [] == link.esme.advance(109.9)

    (event,) = link.esme.advance(110.0)

    assert Unanswered((Sent(TEXT, "mine", 110.0),)) == event
    assert Pdu(Command.ENQUIRE_LINK, {}, 0, 3) == decode(link.esme.data_to_send())
    link.smsc.respond(asked, message_id="late")
    (late,) = link.to_esme()
    assert isinstance(late, Violation)
    assert [Unbound(End.SILENT)] == link.esme.advance(120.0)


def test_a_quiet_link_is_asked_and_an_answer_keeps_it():
    """enquire_link goes out after the interval of silence; its answer begins the interval again."""
    link = Link(Limits(enquire_link=30, response=10)).bound()
    assert 130.0 == link.esme.deadline()
    link.now = 130.0
    link.esme.advance(link.now)
    assert 140.0 == link.esme.deadline()
    assert [] == link.to_smsc()
    assert [] == link.to_esme()

    assert 160.0 == link.esme.deadline()


def test_a_dead_peer_is_left_after_an_unanswered_enquiry():
    """Without an answer to enquire_link everything in flight is Unanswered and the session over."""
    link = Link(Limits(enquire_link=30, response=10)).bound()
    link.now = 125.0
    link.submitted("mine")
    link.esme.advance(130.0)

    events = link.esme.advance(140.0)

    assert [Unanswered((Sent(TEXT, "mine", 135.0),))] == events[:1]
    assert Unbound(End.SILENT) == events[-1]
    assert (True, None, 0) == (link.esme.closed, link.esme.deadline(), link.esme.room)


def test_an_unanswered_bind_ends_the_session():
    """A peer that accepts the connection and says nothing is left after the response time."""
    link = Link(Limits(response=10))
    link.esme.bind(BindMode.TRANSMITTER, CREDENTIALS, link.now)

    assert Unbound(End.SILENT) == link.esme.advance(110.0)[-1]


def test_a_client_that_does_not_bind_is_left():
    """The SMSC side waits for a bind no longer than session_init; octets do not prolong it (SMPP 3.4 §7.2)."""
    link = Link(Limits(session_init=5))
    link.smsc.receive_data(b"\0\0\0", 104.0)
    assert 105.0 == link.smsc.deadline()

    assert [Unbound(End.NOT_BOUND)] == link.smsc.advance(105.0)


def test_an_inactive_session_is_unbound():
    """After the inactivity time we unbind, and the answer ends it for that reason."""
    link = Link(Limits(inactivity=60, enquire_link=None)).bound()
    link.now = 160.0
    assert [] == link.smsc.advance(160.0)
    assert [Unbound(End.UNBOUND_BY_PEER)] == link.to_esme()

    assert [Unbound(End.INACTIVE)] == link.to_smsc()


def test_unbind_is_answered_at_once_when_nothing_waits():
    """unbind and unbind_resp end both sides, each with its reason."""
    link = Link().bound()
    link.esme.unbind(link.now)
    assert 0 == link.esme.room

    assert [Unbound(End.UNBOUND_BY_PEER)] == link.to_smsc()
    assert [Unbound(End.UNBOUND)] == link.to_esme()


def test_a_peer_that_unbinds_may_still_answer_what_is_in_flight():
    """The unbind_resp waits for the answers that still come; then nothing is uncertain."""
    link = Link(Limits(linger=2)).bound()
    asked = link.submitted("mine")
    link.smsc.unbind(link.now)
    assert [] == link.to_esme()
    assert 0 == link.esme.room
    link.smsc.respond(asked, message_id="A")

    answer, over = link.to_esme()

    assert "mine" == answer.token
    assert Unbound(End.UNBOUND_BY_PEER) == over
    assert [Unbound(End.UNBOUND)] == link.to_smsc()


def test_a_peer_that_unbinds_is_not_waited_for_longer_than_the_linger():
    """What is in flight when the linger is over is Unanswered, and the unbind is answered all the same."""
    link = Link(Limits(linger=2)).bound()
    link.submitted("mine")
    link.smsc.unbind(link.now)
    link.to_esme()
    assert 102.0 == link.esme.deadline()

    events = link.esme.advance(102.0)

    assert [Unanswered, Unbound] == [type(event) for event in events]
    assert Command.UNBIND_RESP == decode(link.esme.data_to_send()).command


def test_an_unanswered_unbind_ends_the_session_too():
    """A peer that does not answer our unbind does not keep us."""
    link = Link(Limits(response=10)).bound()
    link.esme.unbind(link.now)

    assert [Unbound(End.UNBOUND)] == link.esme.advance(110.0)


def test_a_lost_connection_leaves_what_was_in_flight_unanswered():
    """After the end of the stream there are no answers, no requests and no more events."""
    link = Link().bound()
    link.submitted("mine")

    events = link.esme.receive_eof(link.now)

    assert [Unanswered((Sent(TEXT, "mine", 130.0),)), Unbound(End.LOST)] == events
    assert [] == link.esme.receive_eof(link.now)
    assert [] == link.esme.receive_data(b"\0\0\0\x10", link.now)
    with pytest.raises(LocalProtocolError):
        link.esme.request(TEXT, link.now)


def test_answering_after_the_end_does_nothing():
    """A receipt that is stored after the connection is gone is not acknowledged: the peer will send it again."""
    link = Link().bound()
    link.smsc.request(Pdu(Command.DELIVER_SM), link.now)
    (asked,) = link.to_esme()
    link.esme.receive_eof(link.now)

    link.esme.respond(asked.pdu)

    assert b"" == link.esme.data_to_send()


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
def test_a_stream_that_cannot_be_framed_is_nacked_and_left(data):
    """A command_length below 16 or above 64 KiB is answered by generic_nack ESME_RINVCMDLEN and the end."""
    link = Link().bound()
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
def test_a_malformed_request_is_answered_and_the_session_lives(data, status):
    """A PDU that can be framed and not read gets its error; the next one is taken as if nothing were."""
    link = Link().bound()

    violation, asked = link.smsc.receive_data(data + encode(TEXT, 6), link.now)
    answer = decode(link.smsc.data_to_send())

    assert Violation == type(violation)
    assert (status, int.from_bytes(data[12:16], "big")) == (answer.status, answer.sequence)
    assert TEXT.message == asked.pdu.message


def test_a_storm_of_nacks_is_not_answered():
    """Neither nacks nor unknown responses are answered, so that two peers never nack each other for ever."""
    link = Link().bound()
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
    link = Link().bound()
    events = [event for chunk in chunks for event in link.smsc.receive_data(chunk, link.now)]
    return events, link.smsc.data_to_send()


@given(st.lists(st.integers(0, len(_STREAM)), max_size=20))
def test_however_a_stream_is_cut_it_says_the_same(cuts):
    """Any chunking of the same octets gives the same events and the same answers."""
    edges = [0, *sorted(cuts), len(_STREAM)]
    chunks = [_STREAM[start:end] for start, end in zip(edges, edges[1:], strict=False)]

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
