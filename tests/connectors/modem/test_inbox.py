"""Texts and reports that come in: joined, told, and taken off the SIM only when they are on disk."""

import pytest

from smshub.connectors.modem.inbox import GAP, MOST_UNFINISHED, Joiner, Stored
from smshub.connectors.modem.references import References
from smshub.domain.delivery import Accepted, ReceiptState
from smshub.protocols.gsm.tpdu import StatusReport, decode
from smshub.simulators.modem import Kept, delivered

SENDER = "+491707654321"
LONG = "A text of several segments, " * 12


def deletions(port):
    """Give the commands by which something was deleted."""
    return [line for line in port.modem.heard if line.startswith(b"AT+CMGD")]


async def test_texts_on_the_sim_are_taken_at_the_start(plug, engine):
    """Whole texts with their sender and time; long ones joined; each place deleted by itself."""
    port = plug()
    port.modem.deliver(SENDER, "Hello", at=1_700_000_000.0)
    port.modem.deliver("ACME", "Grüße ☺ " * 20, at=1_700_000_060.0, reference=5)
    hub = await engine(port)
    await hub.until(lambda: not port.modem.card.stored)

    assert [
        ("491707654321", "gsm-1", "Hello", 1_700_000_000.0),
        ("ACME", "gsm-1", "Grüße ☺ " * 20, 1_700_000_060.0),
    ] == [(text.sender, text.to, text.text, text.received_at) for text in hub.texts]
    assert [b"AT+CMGD=1", b"AT+CMGD=2", b"AT+CMGD=3", b"AT+CMGD=4"] == sorted(deletions(port))


async def test_a_text_that_comes_in_is_told_at_once(plug, engine, message):
    """By +CMTI, also while a text is sent; a hundred notices are one look."""
    port = plug("chatter; accept")
    hub = await engine(port)

    port.modem.deliver(SENDER, "one")
    await hub.until(lambda: hub.texts)
    hub.submit(message())
    port.modem.deliver(SENDER, "two")
    port.modem.write(b'\r\n+CMTI: "SM",1\r\n' * 100 + b'+CMTI: "XX",1\r\n+CMTI:\r\n+CMTI: \x80\r\n')
    await hub.until(lambda: len(hub.texts) == 2 and hub.outcomes)

    assert ["one", "two"] == [text.text for text in hub.texts]
    assert isinstance(hub.outcomes["01HZX"], Accepted)
    await hub.until(lambda: not port.modem.card.stored)


async def test_nothing_is_deleted_before_it_is_on_disk(plug, engine):
    """What was not written down stays and is offered again, as the same text."""
    port = plug()
    hub = await engine(port, poll=0.1)
    hub.keeps = False
    port.modem.deliver(SENDER, "keep me")
    await hub.until(lambda: len(hub.texts) >= 3)

    assert ([], {"keep me"}, 1) == (
        deletions(port),
        {text.text for text in hub.texts},
        len({text.ref for text in hub.texts}),
    )
    hub.keeps = True
    await hub.until(lambda: not port.modem.card.stored)
    assert [b"AT+CMGD=1"] == deletions(port)


async def test_what_was_on_another_card_is_not_deleted_on_this_one(plug, engine):
    """A text that is on disk only after the modem was plugged in anew leaves the places of the new card alone."""
    port = plug()
    hub = await engine(port)
    hub.keeps = False
    port.modem.deliver(SENDER, "of the old card")
    await hub.until(lambda: hub.owed)
    port.unplug()
    await hub.until(lambda: not hub.connector.state().up)
    port.modem.card.stored.clear()
    port.modem.deliver(SENDER, "of the new card")
    port.plug()
    await hub.until(lambda: len(hub.owed) == 2)

    hub.owed[0]()
    await hub.until(lambda: hub.connector.state().up)
    assert ([], 1) == (deletions(port), len(port.modem.card.stored))
    hub.owed[1]()
    await hub.until(lambda: not port.modem.card.stored)


async def test_texts_can_be_left_on_the_sim(plug, engine):
    """They are told once each time the modem is plugged in; the hub knows them by their reference."""
    port = plug()
    port.modem.deliver(SENDER, "stay")
    hub = await engine(port, delete_read=False, poll=0.05)
    looks = port.modem.heard.count(b"AT+CMGL=4")
    await hub.until(lambda: port.modem.heard.count(b"AT+CMGL=4") > looks + 2)

    assert (["stay"], []) == ([text.text for text in hub.texts], deletions(port))


async def test_an_inbox_that_is_not_wanted_is_not_read(plug, engine):
    """The SIM is somebody else's then."""
    port = plug()
    port.modem.deliver(SENDER, "not ours")
    hub = await engine(port, inbox=False)
    port.modem.deliver(SENDER, "nor this")
    await hub.connector.ussd("*100#", "gsm-1")

    assert ([], False) == (hub.texts, b"AT+CMGL=4" in port.modem.heard)


async def test_what_is_none_of_ours_is_left_alone(plug, engine):
    """Texts that lie there to be sent, PDUs that make no sense, a place that says nothing."""
    port = plug()
    kept = {
        1: Kept(2, "0011000B916407281553F80000AA0AE8329BFD4697D9EC37", 23),
        2: Kept(0, "00" * 30, 29),
        3: Kept(0, "FF" * 30, 29),
        4: Kept(0, "", 0),
        5: Kept(0, "OK", 1),
    }
    port.modem.card.stored.update(kept)
    port.modem.deliver(SENDER, "ours")
    hub = await engine(port)
    await hub.until(lambda: deletions(port))

    assert (["ours"], [b"AT+CMGD=6"], set(kept)) == (
        [text.text for text in hub.texts],
        deletions(port),
        set(port.modem.card.stored),
    )


async def test_reports_find_their_texts(plug, engine, message):
    """By the reference that the acceptance gave; a long text has one for each segment."""
    port = plug(receipt_delay=0.01)
    hub = await engine(port)
    outcome = await hub.send(message(LONG))
    await hub.until(lambda: len(hub.receipts) == 3)

    assert set(outcome.refs) == {receipt.ref for receipt in hub.receipts}
    assert {(ReceiptState.DELIVERED, "00")} == {(receipt.state, receipt.code) for receipt in hub.receipts}


async def test_reports_that_are_kept_on_the_sim(plug, engine, message):
    """Told by +CDSI, read, and deleted once they are on disk."""
    port = plug("accept; receipt bad", receipt_delay=0.01)
    hub = await engine(port)
    port.modem._tell_reports = 2
    outcome = await hub.send(message())
    await hub.until(lambda: hub.receipts and not port.modem.card.stored)

    assert [(outcome.refs[0], ReceiptState.UNDELIVERABLE, "45")] == [
        (receipt.ref, receipt.state, receipt.code) for receipt in hub.receipts
    ]


async def test_early_and_late_reports(plug, engine, message):
    """One that comes before the acceptance names the reference that it will have; a second one the same."""
    port = plug("accept; receipt early; receipt twice", receipt_delay=0.01)
    hub = await engine(port)
    first = await hub.send(message(id="m1"))
    second = await hub.send(message(id="m2"))
    await hub.until(lambda: len(hub.receipts) == 3)

    early, *late = hub.receipts
    assert first.refs[0] in {early.ref, *early.aliases}
    assert [second.refs[0]] * 2 == [receipt.ref for receipt in late]


async def test_a_text_that_is_kept_nowhere_is_told(plug, engine):
    """Flash texts come as +CMT with their PDU; nonsense after it is passed over."""
    port = plug()
    hub = await engine(port)
    (pdu, length), *_ = delivered(SENDER, "at once")

    port.modem.write(f"\r\n+CMT: ,{length}\r\n{'FF' * 20}\r\n\r\n+CMT: ,{length}\r\n{pdu}\r\n".encode())
    await hub.until(lambda: hub.texts)

    assert ["at once"] == [text.text for text in hub.texts]


# --- joining, without a modem -------------------------------------------------------------------------------------


def parts(text=LONG, *, reference=7, first=1, sender=SENDER):
    """Give the parts of a text as they lie on a SIM."""
    pdus = delivered(sender, text, at=1_700_000_000.0, reference=reference)
    return [Stored(first + place, pdu, decode(pdu)) for place, (pdu, _) in enumerate(pdus)]


def test_parts_are_joined_in_any_order():
    """By their numbers, not by their places; the reference is the same however often they are read."""
    one, two, three = parts()
    joiner = Joiner("sim", 60.0)

    assert [] == joiner.join([three, one], 0.0)
    (whole,) = joiner.join([three, one, two], 1.0)
    (again,) = Joiner("sim", 60.0).join([two, three, one], 2.0)

    assert (LONG, (1, 2, 3), True) == (whole.text, whole.indexes, whole.complete)
    assert whole.ref == again.ref != Joiner("other sim", 60.0).join([one, two, three], 0.0)[0].ref


def test_texts_of_two_senders_are_not_mixed():
    """Though they share a reference; nor those of one sender with two references."""
    found = Joiner("sim", 60.0).join(
        [*parts(first=1), *parts(LONG.upper(), sender="+4916012345", first=4), *parts(reference=8, first=7)], 0.0
    )

    assert [LONG, LONG.upper(), LONG] == [whole.text for whole in found]


@pytest.mark.parametrize(("missing", "shown"), [(0, "before"), (1, "between"), (2, "after")])
def test_what_never_comes_leaves_a_gap(missing, shown):
    """After the time that is set, with what there is."""
    pieces = parts()
    texts = [stored.deliver.text for stored in pieces]
    texts[missing] = GAP
    del pieces[missing]
    joiner = Joiner("sim", 60.0)

    assert [] == joiner.join(pieces, 100.0)
    assert [] == joiner.join(pieces, 159.9)
    (whole,) = joiner.join(pieces, 160.0)

    assert ("".join(texts), False) == (whole.text, whole.complete), shown


def test_a_part_that_comes_twice_is_taken_once():
    """And both places are given back; another part under the same number is a text of its own."""
    one, two, three = parts()
    again = Stored(9, one.pdu, one.deliver)
    stranger = Stored(10, parts(LONG.upper())[0].pdu, parts(LONG.upper())[0].deliver)

    found = Joiner("sim", 60.0).join([one, two, again, stranger, three], 0.0)

    assert {(LONG, (1, 2, 3, 9)), (stranger.deliver.text, (10,))} == {(whole.text, whole.indexes) for whole in found}


def test_unfinished_texts_are_bounded():
    """A sender who begins texts without end does not keep the SIM for himself."""
    begun = [parts(sender=f"+49170{number:05d}", first=number)[0] for number in range(MOST_UNFINISHED + 1)]

    assert len(begun) == len(Joiner("sim", 60.0).join(begun, 0.0))


def test_a_surrogate_pair_that_was_parted_is_one_character():
    """Some senders cut UCS-2 anywhere."""
    torn = "й" * 67 + "x" * 10
    one, two = parts(torn)
    one_pdu, two_pdu = one.pdu[:-4] + "D83D", two.pdu[: -len("0078" * 10)] + "DE00" + "0078" * 9
    pieces = [Stored(1, one_pdu, decode(one_pdu)), Stored(2, two_pdu, decode(two_pdu))]

    (found,) = Joiner("sim", 60.0).join(pieces, 0.0)

    assert "й" * 66 + "\N{GRINNING FACE}" + "x" * 9 == found.text


# --- references ---------------------------------------------------------------------------------------------------


def report(number, *, to="+491701234567", at=None):
    """Give a report."""
    return StatusReport(number, to, 0, at, at)


def test_a_reference_is_known_while_the_hub_runs():
    """Whatever the service centre's clock says; the number of another recipient is not taken for it."""
    references = References()
    ref = references.sent("sim", 7, "491701234567", 1_000_000.0)

    assert (ref, ()) == references.of("sim", report(7, at=5.0), 1_000_060.0)
    assert (ref, ()) == references.of("sim", report(7, to="01701234567"), 1_000_060.0)
    assert ref != references.of("sim", report(7, to="+4916099999999", at=5.0), 1_000_060.0)[0]


@pytest.mark.parametrize("skew", [-890.0, 0.0, 890.0])
def test_a_reference_is_found_again_after_a_restart(skew):
    """By the time at which the service centre took it, a quarter of an hour more or less."""
    ref = References().sent("sim", 7, "491701234567", 1_000_000.0)

    found, others = References().of("sim", report(7, at=1_000_000.0 + skew), 1_050_000.0)

    assert ref in {found, *others}


def test_a_number_that_comes_round_is_another_reference():
    """A modem counts to 255 and begins again; another SIM counts for itself."""
    references = References()

    refs = {references.sent(card, 7, "1", at) for card in ("a", "b") for at in (0.0, 900.0, 1_800.0)}

    assert 6 == len(refs)
