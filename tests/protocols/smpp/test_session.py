"""The session, ESME and SMSC side, played against each other with the clock as an argument."""

import pytest

from smshub.protocols.smpp.codec import LocalProtocolError, decode, encode
from smshub.protocols.smpp.events import (
    BindMode,
    BindRefused,
    Credentials,
    End,
    Limits,
    Responded,
    Sent,
    State,
    Unanswered,
    Unbound,
    Violation,
)
from smshub.protocols.smpp.pdus import LAST_SEQUENCE, Command, Pdu
from smshub.protocols.smpp.status import Status

CREDENTIALS = Credentials("hub", "secret")
TEXT = Pdu(Command.SUBMIT_SM, {"destination_addr": "491701234567", "short_message": b"Hello"})


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (BindMode.TRANSMITTER, State.BOUND_TX),
        (BindMode.RECEIVER, State.BOUND_RX),
        (BindMode.TRANSCEIVER, State.BOUND_TRX),
    ],
)
def test_a_bind_binds_both_sides_for_what_it_asked(mode, state, new_link):
    """Each bind command leads to its own state on both sides (SMPP 3.4 §2.2)."""
    link = new_link().bound(mode)

    assert (state, state) == (link.esme.state, link.smsc.state)


def test_a_refused_bind_tells_the_status(new_link):
    """A bind_resp with an error leaves both sides open and names the reason."""
    link = new_link()
    link.esme.bind(BindMode.TRANSCEIVER, CREDENTIALS, link.now)
    (asked,) = link.to_smsc()
    link.smsc.respond(asked.pdu, Status.ESME_RINVPASWD)

    assert [BindRefused(Status.ESME_RINVPASWD)] == link.to_esme()
    assert (State.OPEN, State.OPEN) == (link.esme.state, link.smsc.state)


def test_an_answer_gives_back_the_token_of_its_request(link):
    """Answers in any order find the request that they answer, with what its owner attached."""
    first, second = link.submitted("one"), link.submitted("two")
    assert 2 == link.esme.in_flight
    link.smsc.respond(second, message_id="B")
    link.smsc.respond(first, message_id="A")

    events = link.to_esme()

    assert [("two", "B"), ("one", "A")] == [(event.token, event.pdu.text("message_id")) for event in events]
    assert (0, 10) == (link.esme.in_flight, link.esme.room)


def test_many_requests_are_one_write(link):
    """What is asked in one turn is gathered into one sequence of octets."""
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
def test_what_the_state_forbids_is_refused_on_both_sides(mode, command, new_link):
    """We do not send it (a local fault), and a peer that does is answered ESME_RINVBNDSTS (SMPP 3.4 §2.3)."""
    link = new_link().bound(mode)
    with pytest.raises(LocalProtocolError):
        link.esme.request(Pdu(command), link.now)

    (event,) = link.smsc.receive_data(encode(Pdu(command), 9), link.now)
    answer = decode(link.smsc.data_to_send())

    assert isinstance(event, Violation)
    assert (Status.ESME_RINVBNDSTS, 9) == (answer.status, answer.sequence)


def test_a_second_bind_is_already_bound(new_link):
    """A bind on a bound session is answered ESME_RALYBND and changes nothing."""
    link = new_link().bound(BindMode.RECEIVER)
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
def test_an_answer_to_nothing_is_told_and_never_matched(stray, link):
    """A response of another type or to an unknown number is told, not answered, and the request still waits."""
    asked = link.submitted("mine")

    (event,) = link.esme.receive_data(encode(stray), link.now)

    assert isinstance(event, Violation)
    assert b"" == link.esme.data_to_send()
    link.smsc.respond(asked, message_id="A")
    (answer,) = link.to_esme()
    assert "mine" == answer.token


def test_a_second_answer_to_one_request_is_told_and_not_matched(link):
    """A duplicated response counts once."""
    link.submitted("mine")
    data = encode(Pdu(Command.SUBMIT_SM_RESP, {"message_id": "A"}, 0, 2))

    first, second = link.esme.receive_data(data + data, link.now)

    assert isinstance(first, Responded)
    assert isinstance(second, Violation)


def test_a_generic_nack_answers_the_request_that_it_names(link):
    """A generic_nack with a known number is that request's answer (SMPP 3.4 §4.3)."""
    link.submitted("mine")

    nack = Pdu(Command.GENERIC_NACK, {}, Status.ESME_RINVCMDID, 2)

    assert [Responded(nack, TEXT, "mine")] == link.esme.receive_data(encode(nack), link.now)


def test_a_response_with_a_broken_body_still_answers(link):
    """What the header says counts; the fields are those before the fault."""
    link.submitted("mine")
    good = encode(Pdu(Command.SUBMIT_SM_RESP, {"message_id": "A"}, 0, 2))
    data = len(good + b"\0\x1e").to_bytes(4, "big") + good[4:] + b"\0\x1e"

    violation, answer = link.esme.receive_data(data, link.now)

    assert isinstance(violation, Violation)
    assert ("mine", "A") == (answer.token, answer.pdu.text("message_id"))


def test_numbers_begin_again_after_the_last_and_pass_those_in_use(link):
    """Sequence numbers go 1 to 0x7FFFFFFF and round, never onto one that waits (SMPP 3.4 §5.1.4)."""
    assert 2 == link.esme.request(TEXT, link.now)
    link.esme._sequence = LAST_SEQUENCE - 1

    numbers = [link.esme.request(TEXT, link.now) for _ in range(3)]

    assert [LAST_SEQUENCE, 1, 3] == numbers


def test_an_unanswered_request_is_given_up_and_the_peer_is_asked_whether_it_lives(new_link):
    """After the response time the request is Unanswered, and an enquire_link decides about the session."""
    link = new_link(Limits(response=10, enquire_link=None)).bound()
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


def test_a_quiet_link_is_asked_and_an_answer_keeps_it(new_link):
    """enquire_link goes out after the interval of silence; its answer begins the interval again."""
    link = new_link(Limits(enquire_link=30, response=10)).bound()
    assert 130.0 == link.esme.deadline()
    link.now = 130.0
    link.esme.advance(link.now)
    assert 140.0 == link.esme.deadline()
    assert [] == link.to_smsc()
    assert [] == link.to_esme()

    assert 160.0 == link.esme.deadline()


def test_a_dead_peer_is_left_after_an_unanswered_enquiry(new_link):
    """Without an answer to enquire_link everything in flight is Unanswered and the session over."""
    link = new_link(Limits(enquire_link=30, response=10)).bound()
    link.now = 125.0
    link.submitted("mine")
    link.esme.advance(130.0)

    events = link.esme.advance(140.0)

    assert [Unanswered((Sent(TEXT, "mine", 135.0),))] == events[:1]
    assert Unbound(End.SILENT) == events[-1]
    assert (True, None, 0) == (link.esme.closed, link.esme.deadline(), link.esme.room)


def test_an_unanswered_bind_ends_the_session(new_link):
    """A peer that accepts the connection and says nothing is left after the response time."""
    link = new_link(Limits(response=10))
    link.esme.bind(BindMode.TRANSMITTER, CREDENTIALS, link.now)

    assert Unbound(End.SILENT) == link.esme.advance(110.0)[-1]


def test_a_client_that_does_not_bind_is_left(new_link):
    """The SMSC side waits for a bind no longer than session_init; octets do not prolong it (SMPP 3.4 §7.2)."""
    link = new_link(Limits(session_init=5))
    link.smsc.receive_data(b"\0\0\0", 104.0)
    assert 105.0 == link.smsc.deadline()

    assert [Unbound(End.NOT_BOUND)] == link.smsc.advance(105.0)


def test_an_inactive_session_is_unbound(new_link):
    """After the inactivity time we unbind, and the answer ends it for that reason."""
    link = new_link(Limits(inactivity=60, enquire_link=None)).bound()
    link.now = 160.0
    assert [] == link.smsc.advance(160.0)
    assert [Unbound(End.UNBOUND_BY_PEER)] == link.to_esme()

    assert [Unbound(End.INACTIVE)] == link.to_smsc()


def test_unbind_is_answered_at_once_when_nothing_waits(link):
    """Unbind and unbind_resp end both sides, each with its reason."""
    link.esme.unbind(link.now)
    assert 0 == link.esme.room

    assert [Unbound(End.UNBOUND_BY_PEER)] == link.to_smsc()
    assert [Unbound(End.UNBOUND)] == link.to_esme()


def test_a_peer_that_unbinds_may_still_answer_what_is_in_flight(new_link):
    """The unbind_resp waits for the answers that still come; then nothing is uncertain."""
    link = new_link(Limits(linger=2)).bound()
    asked = link.submitted("mine")
    link.smsc.unbind(link.now)
    assert [] == link.to_esme()
    assert 0 == link.esme.room
    link.smsc.respond(asked, message_id="A")

    answer, over = link.to_esme()

    assert "mine" == answer.token
    assert Unbound(End.UNBOUND_BY_PEER) == over
    assert [Unbound(End.UNBOUND)] == link.to_smsc()


def test_a_peer_that_unbinds_is_not_waited_for_longer_than_the_linger(new_link):
    """What is in flight when the linger is over is Unanswered, and the unbind is answered all the same."""
    link = new_link(Limits(linger=2)).bound()
    link.submitted("mine")
    link.smsc.unbind(link.now)
    link.to_esme()
    assert 102.0 == link.esme.deadline()

    events = link.esme.advance(102.0)

    assert [Unanswered, Unbound] == [type(event) for event in events]
    assert Command.UNBIND_RESP == decode(link.esme.data_to_send()).command


def test_an_unanswered_unbind_ends_the_session_too(new_link):
    """A peer that does not answer our unbind does not keep us."""
    link = new_link(Limits(response=10)).bound()
    link.esme.unbind(link.now)

    assert [Unbound(End.UNBOUND)] == link.esme.advance(110.0)


def test_a_lost_connection_leaves_what_was_in_flight_unanswered(link):
    """After the end of the stream there are no answers, no requests and no more events."""
    link.submitted("mine")

    events = link.esme.receive_eof(link.now)

    assert [Unanswered((Sent(TEXT, "mine", 130.0),)), Unbound(End.LOST)] == events
    assert [] == link.esme.receive_eof(link.now)
    assert [] == link.esme.receive_data(b"\0\0\0\x10", link.now)
    with pytest.raises(LocalProtocolError):
        link.esme.request(TEXT, link.now)


def test_answering_after_the_end_does_nothing(link):
    """A receipt that is stored after the connection is gone is not acknowledged: the peer will send it again."""
    link.smsc.request(Pdu(Command.DELIVER_SM), link.now)
    (asked,) = link.to_esme()
    link.esme.receive_eof(link.now)

    link.esme.respond(asked.pdu)

    assert b"" == link.esme.data_to_send()
