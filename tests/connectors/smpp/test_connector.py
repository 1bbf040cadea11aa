"""The connector against a SMSC whose every answer is decided here: what each thing that happens comes to."""

import asyncio
import time

import pytest

from smshub.connectors.smpp.connector import pause
from smshub.domain.delivery import Accepted, Deferred, Reason, Receipt, ReceiptState, Rejected, Uncertain
from smshub.protocols.smpp.pdus import Command
from smshub.protocols.smpp.status import Status

LONG = "x" * 400  # three segments
RECEIPT = b"id:7A sub:001 dlvrd:001 submit date:2603011157 done date:2603011158 stat:DELIVRD err:000 text:"


async def test_a_text_that_is_taken_is_accepted(engine, smsc, message):
    """A submit_sm_resp with ESME_ROK gives its message_id as the reference."""
    hub = await engine()
    hub.submit(message())
    pdu = await smsc.next()
    assert (b"Your code is 123456", "491701234567", "ACME") == (
        pdu.message,
        pdu.text("destination_addr"),
        pdu.text("source_addr"),
    )

    smsc.answer(pdu, message_id="7A")

    assert Accepted(("7A",)) == await hub.outcome()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.ESME_RTHROTTLED, Deferred(Reason.THROTTLED, "ESME_RTHROTTLED")),
        (Status.ESME_RSYSERR, Deferred(Reason.TEMPORARY, "ESME_RSYSERR")),
        (Status.ESME_RINVDSTADR, Rejected(Reason.INVALID_RECIPIENT, "ESME_RINVDSTADR")),
        (0x45D, Deferred(Reason.NO_CREDIT, "0x0000045D")),
    ],
)
async def test_a_refusal_is_told_in_the_hubs_words(engine, smsc, message, status, expected):
    """The status of the answer becomes a reason; the operator's own table counts first."""
    hub = await engine(reasons={"0x45D": "NO_CREDIT"})
    hub.submit(message())

    smsc.answer(await smsc.next(), status)

    assert expected == await hub.outcome()


async def test_the_window_is_kept(engine, smsc, message):
    """Room counts down to none and comes back with the answers, told by `changed`."""
    hub = await engine(window=2)
    assert 2 == hub.connector.room()
    hub.submit(message(id="a"))
    hub.submit(message(id="b"))
    assert 0 == hub.connector.room()
    first = await smsc.next()
    before = hub.changes

    smsc.answer(first, message_id="1")
    await hub.outcome()

    assert 1 == hub.connector.room()
    await hub.up()
    assert hub.changes > before


async def test_answers_in_one_read_are_told_once(engine, smsc, message):
    """Ten answers that arrive together settle ten messages and call the engine once."""
    hub = await engine(window=10)
    for number in range(10):
        hub.submit(message(id=str(number)))
    pdus = [await smsc.next() for _ in range(10)]
    assert 2 == smsc.wires[-1].reads  # the bind, and all ten in one write
    before = hub.changes
    wire = smsc.wires[-1]
    for pdu in pdus:
        wire.session.respond(pdu, message_id=str(pdu.sequence))

    wire.flush()
    for _ in pdus:
        await hub.outcome()

    assert 1 == hub.changes - before


async def test_a_peer_that_does_not_read_gets_no_more(engine):
    """While its side of the connection is full there is no room; `changed` tells when there is again."""
    hub = await engine()
    hub.connector._sending.pause_writing()
    assert 0 == hub.connector.room()
    before = hub.changes

    hub.connector._sending.resume_writing()

    assert (10, 1) == (hub.connector.room(), hub.changes - before)


async def test_parts_beyond_the_window_wait_for_it(engine, smsc, message):
    """A text of three segments passes a window of two, and is Accepted with every id in order."""
    hub = await engine(window=2)
    hub.submit(message(text=LONG))
    parts = [await smsc.next() for _ in range(2)]
    assert smsc.submits.empty()
    assert 0 == hub.connector.room()

    smsc.answer(parts[0], message_id="1")
    parts.append(await smsc.next())
    smsc.answer(parts[2], message_id="3")
    smsc.answer(parts[1], message_id="2")

    assert Accepted(("1", "2", "3")) == await hub.outcome()
    assert [1, 2, 3] == [pdu.message[5] for pdu in parts]


async def test_a_refused_part_stops_the_rest(engine, smsc, message):
    """When the first part is refused, the parts that wait are not sent, and nothing was taken."""
    hub = await engine(window=1)
    hub.submit(message(text=LONG))

    smsc.answer(await smsc.next(), Status.ESME_RTHROTTLED)

    assert Deferred(Reason.THROTTLED, "ESME_RTHROTTLED", "part 1 of 3") == await hub.outcome()
    assert 1 == hub.connector.room()


async def test_a_dropped_link_makes_what_was_written_uncertain(engine, smsc, message):
    """What was in flight is Uncertain, what was not yet written surely was not taken; then it binds again."""
    hub = await engine(window=2)
    hub.submit(message(id="a"))
    hub.submit(message(id="b", text=LONG))
    await smsc.next()
    await smsc.next()

    smsc.wires[-1].transport.abort()

    assert Uncertain(detail="the link was lost") == await hub.outcome()
    assert Uncertain(detail="part 1 of 3: the link was lost") == await hub.outcome()
    await hub.up()
    assert 2 == len(smsc.binds)


async def test_what_was_not_written_is_deferred(engine, smsc, message):
    """A message submitted in the turn in which the link breaks has not left: Deferred, never Uncertain."""
    hub = await engine()

    hub.submit(message())
    hub.connector._sending.abort()

    assert Deferred(Reason.UNREACHABLE, detail="the link was lost") == await hub.outcome()
    assert smsc.submits.empty()


async def test_without_a_bind_nothing_is_taken(engine, smsc, message):
    """While it is down there is no room, and a message that comes all the same is Deferred."""
    smsc.bind_status = None
    hub = await engine(wait=False)

    assert 0 == hub.connector.room()
    hub.submit(message())

    assert Deferred(Reason.UNREACHABLE, detail="not bound") == await hub.outcome()


async def test_silence_is_uncertain_and_a_late_answer_matches_nothing(engine, smsc, message):
    """After the response time a message is Uncertain; its late answer does not become another message's."""
    hub = await engine(response_timeout=0.05)
    hub.submit(message(id="a"))
    first = await smsc.next()
    assert Uncertain(detail="no answer in 0.05 s") == await hub.outcome()

    hub.submit(message(id="b"))
    second = await smsc.next()
    smsc.answer(first, message_id="late")
    smsc.answer(second, message_id="mine")

    assert Accepted(("mine",)) == await hub.outcome()


async def test_a_peer_that_unbinds_is_answered_and_bound_again(engine, smsc, message):
    """The answers that still come count; the rest is Uncertain."""
    hub = await engine()
    hub.submit(message(id="a"))
    hub.submit(message(id="b"))
    first, _ = await smsc.next(), await smsc.next()
    wire = smsc.wires[-1]
    wire.session.unbind(0.0)
    wire.session.respond(first, message_id="1")
    wire.flush()
    assert Accepted(("1",)) == await hub.outcome()
    assert 0 == hub.connector.room()
    hub.submit(message(id="too late"))

    assert Uncertain(detail="the link was lost") == await hub.outcome()
    assert Deferred(Reason.UNREACHABLE, detail="unbound by the peer") == await hub.outcome()
    await asyncio.wait_for(wire.ended.wait(), 5)
    await hub.up()


@pytest.mark.parametrize("status", [Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, Status.ESME_RBINDFAIL])
async def test_refused_credentials_are_told_and_not_hammered(engine, smsc, status):
    """It stays down, says why in words without the secret, and tries again only slowly."""
    smsc.bind_status = status
    hub = await engine(wait=False, backoff_max=600)

    state = await hub.until(lambda state: state.error)

    assert (False, f"the credentials are refused ({status.name})") == (state.up, state.error)
    assert 1 == len(smsc.binds)
    assert "secret" not in repr(hub.connector.settings)


async def test_a_bind_that_fails_is_tried_again(engine, smsc):
    """A SMSC that is busy when we bind is asked again after the pause."""
    smsc.bind_status = Status.ESME_RSYSERR
    hub = await engine(wait=False)
    await hub.until(lambda state: state.error == "the bind is refused (ESME_RSYSERR)")

    smsc.bind_status = 0
    state = await hub.up()

    assert state.error is None


async def test_a_missing_password_is_told(engine, monkeypatch):
    """A reference that leads nowhere keeps the connector down with the name of the place."""
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    hub = await engine(wait=False, password="env:NO_SUCH_SECRET")

    state = await hub.until(lambda state: state.error)

    assert "cannot bind: the environment variable NO_SUCH_SECRET is not set" == state.error


async def test_a_password_too_long_is_told(engine):
    """SMPP has 8 characters for it; the error does not repeat it."""
    hub = await engine(wait=False, password="much-too-long")

    state = await hub.until(lambda state: state.error)

    assert "cannot bind: password is longer than 8 octets" == state.error


async def test_nobody_listening_is_told(engine, smsc):
    """A refused connection says where."""
    smsc.server.close()
    hub = await engine(wait=False)

    state = await hub.until(lambda state: state.error)

    assert state.error.startswith(f"127.0.0.1:{smsc.port} cannot be reached")


async def test_a_receipt_is_answered_when_it_is_stored(engine, smsc):
    """The engine gets the receipt at once, the SMSC its deliver_sm_resp only after `stored`."""
    hub = await engine(receipt_ids="same")
    smsc.deliver(esm_class=4, short_message=RECEIPT)
    receipt, stored = await asyncio.wait_for(hub.receipts.get(), 5)
    assert Receipt("7A", ReceiptState.DELIVERED, 1772366280.0, None, ("7a",)) == receipt
    assert 1 == smsc.wires[-1].session.in_flight

    stored()

    assert (Command.DELIVER_SM_RESP, 0) == ((answer := await smsc.response()).command, answer.status)


async def test_a_receipt_stored_after_the_link_is_gone_is_not_answered(engine, smsc):
    """The SMSC will send it again; nothing breaks."""
    hub = await engine()
    smsc.deliver(esm_class=4, short_message=RECEIPT)
    _, stored = await asyncio.wait_for(hub.receipts.get(), 5)
    smsc.wires[-1].transport.abort()
    await hub.until(lambda state: not state.up)

    stored()
    await hub.up()


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (Command.DELIVER_SM, {"esm_class": 4, "short_message": b"garbage"}),
        (Command.DELIVER_SM, {"esm_class": 0x44, "short_message": b"\xffabc"}),
    ],
)
async def test_a_receipt_that_nobody_can_read_is_acknowledged(engine, smsc, command, fields):
    """It does not come again for ever."""
    hub = await engine()
    smsc.deliver(command, **fields)

    assert 0 == (await smsc.response()).status
    assert hub.receipts.empty()


async def test_garbage_on_the_link_ends_it_and_it_binds_again(engine, smsc, message):
    """What is not SMPP makes what is in flight Uncertain; the session is left and a new one made."""
    hub = await engine()
    hub.submit(message())
    await smsc.next()

    smsc.wires[-1].transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert Uncertain(detail="the link was lost") == await hub.outcome()
    await hub.up()


async def test_stopping_waits_for_the_answers(engine, smsc, message):
    """Cancelled, it takes no more, waits for what is in flight, and unbinds."""
    hub = await engine(grace=5)
    hub.submit(message(id="a"))
    pdu = await smsc.next()
    life = hub.life
    life.cancel()
    await hub.until(lambda state: not state.up)
    assert 0 == hub.connector.room()
    hub.submit(message(id="b"))
    assert isinstance(await hub.outcome(), Deferred)

    smsc.answer(pdu, message_id="1")

    assert Accepted(("1",)) == await hub.outcome()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(life, 5)
    assert smsc.wires[-1].session.closed


async def test_stopping_waits_no_longer_than_the_grace(engine, smsc, message):
    """What has no answer by then is Uncertain, and every message is settled when it has ended."""
    hub = await engine(grace=0.05, window=1)
    hub.submit(message(id="a"))
    hub.submit(message(id="b"))
    await smsc.next()

    await hub.stop()

    assert Uncertain(detail="the link was lost") == hub.outcomes["a"]
    assert Reason.UNREACHABLE == hub.outcomes["b"].reason


async def test_a_pair_sends_on_one_bind_and_takes_receipts_on_the_other(engine, smsc, message):
    """Mode = "pair" binds a transmitter and a receiver."""
    hub = await engine(mode="pair")
    asked = {(await asyncio.wait_for(smsc.bound.get(), 5)).command for _ in range(2)}

    assert {Command.BIND_TRANSMITTER, Command.BIND_RECEIVER} == asked
    assert hub.connector.capabilities.receipts
    hub.submit(message())
    assert 1 == (await smsc.next()).number("registered_delivery")


async def test_a_receiver_sends_nothing(engine, smsc, message):
    """Mode = "receiver" has no room and says why."""
    hub = await engine(mode="receiver", wait=False)
    state = await hub.until(lambda state: state.error)

    assert (False, "bound as receiver: it only takes receipts") == (state.up, state.error)
    assert 0 == hub.connector.room()


async def test_an_expired_message_does_not_leave(engine, smsc, message):
    """Its time ran out on the way: Deferred, and the hub lets it expire."""
    hub = await engine()

    hub.submit(message(expires_at=time.time() - 1))

    assert Reason.EXPIRED == (await hub.outcome()).reason
    assert smsc.submits.empty()


async def test_an_unknown_authority_is_refused(engine, tls_smsc):
    """A certificate that nobody vouches for ends the connection before a password is sent."""
    hub = await engine(wait=False, port=tls_smsc.port, tls=True, tls_name="localhost")

    state = await hub.until(lambda state: state.error)

    assert f"the certificate of 127.0.0.1:{tls_smsc.port} is not accepted: self-signed certificate" == state.error
    assert [] == tls_smsc.binds


async def test_a_known_authority_is_accepted(engine, tls_smsc, certificate):
    """With its authority in tls_ca and its name in tls_name it binds."""
    hub = await engine(port=tls_smsc.port, tls=True, tls_name="localhost", tls_ca=certificate)

    assert hub.connector.state().up


async def test_a_wrong_name_is_refused(engine, tls_smsc, certificate):
    """The authority alone is not enough: the certificate must be for this host."""
    hub = await engine(wait=False, port=tls_smsc.port, tls=True, tls_ca=certificate, tls_name="smsc.example")

    state = await hub.until(lambda state: state.error)

    assert "is not accepted" in state.error
    assert [] == tls_smsc.binds


async def test_verification_is_off_only_when_two_settings_say_so(engine, tls_smsc):
    """With both settings any certificate does."""
    hub = await engine(port=tls_smsc.port, tls=True, tls_verify=False, tls_accept_any_certificate=True)

    assert hub.connector.state().up


def test_the_pauses_double_and_are_spread():
    """From half to the whole of 1, 2, 4 ... seconds, at most the longest."""
    assert [0.5, 1.0, 2.0, 4.0, 5.0] == [pause(failures, 1.0, 10.0, 0.0) for failures in (1, 2, 3, 4, 5)]
    assert 10.0 == pause(1000, 1.0, 10.0, 1.0)
