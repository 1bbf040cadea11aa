"""What delivery reports do to messages, on every store."""

import pytest

from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.message import FINAL, State
from smshub.store.changes import forget_early_receipts
from smshub.store.outbox import Accept, Batch, ReceiptEffect


def came(ref, state=ReceiptState.DELIVERED, *, at=20.0, connector="smsc", **fields):
    """Make a receipt of a connector."""
    return connector, Receipt(ref, state, at, **fields)


def early(outbox):
    """Count the rows of receipts that wait for their message."""
    return outbox.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM early_receipts").scalar_one())


@pytest.mark.parametrize(
    ("reported", "state"),
    [
        (ReceiptState.DELIVERED, State.DELIVERED),
        (ReceiptState.UNDELIVERABLE, State.UNDELIVERABLE),
        (ReceiptState.DELETED, State.UNDELIVERABLE),
        (ReceiptState.REJECTED, State.UNDELIVERABLE),
        (ReceiptState.EXPIRED, State.EXPIRED),
    ],
)
def test_a_final_receipt_ends_the_message(outbox, desk, reported, state):
    """Each final word of SMPP's message_state becomes a state of ours, with the provider's code beside it."""
    desk.sent("m1", "ref-1")
    written = outbox.write(Batch(receipts=[came("ref-1", reported, code="042")]))
    message = outbox.message("m1")

    assert [ReceiptEffect("m1", state)] == written.receipts
    assert (state, reported, "042", 20.0) == (
        message.state,
        message.receipt_state,
        message.receipt_code,
        message.receipt_at,
    )


@pytest.mark.parametrize("reported", [ReceiptState.ENROUTE, ReceiptState.ACCEPTED, ReceiptState.UNKNOWN])
def test_a_receipt_on_the_way_is_noted_and_ends_nothing(outbox, desk, reported):
    """A report that is not final stands in the row; an older one does not overwrite it, a final one does."""
    desk.sent("m1", "ref-1")
    first = outbox.write(Batch(receipts=[came("ref-1", reported, at=20.0), came("ref-1", ReceiptState.ENROUTE, at=1)]))

    assert [ReceiptEffect("m1"), ReceiptEffect("m1")] == first.receipts
    message = outbox.message("m1")
    assert (State.SENT, reported, 20.0) == (message.state, message.receipt_state, message.receipt_at)
    last = outbox.write(Batch(receipts=[came("ref-1", at=5.0)]))
    assert [ReceiptEffect("m1", State.DELIVERED)] == last.receipts


def test_a_duplicate_or_a_late_receipt_changes_nothing(outbox, desk):
    """The first final report is the last word, in one batch and in the next; nothing is kept of the others."""
    desk.sent("m1", "ref-1")
    first = outbox.write(Batch(receipts=[came("ref-1"), came("ref-1")]))
    delivered = outbox.message("m1")
    late = outbox.write(Batch(receipts=[came("ref-1", ReceiptState.EXPIRED, at=99.0), came("ref-1", at=99.0)]))

    assert [ReceiptEffect("m1", State.DELIVERED), ReceiptEffect("m1")] == first.receipts
    assert [ReceiptEffect("m1")] * 2 == late.receipts
    assert (delivered, 0) == (outbox.message("m1"), early(outbox))


def test_a_receipt_finds_its_message_by_another_spelling_of_its_id(outbox, desk):
    """An SMSC that answers in hexadecimal and reports in decimal is understood, before and after the answer."""
    desk.sent("m1", "1A2B")
    written = outbox.write(Batch(receipts=[came("6699", aliases=("1A2B", "1a2b"))]))
    assert [ReceiptEffect("m1", State.DELIVERED)] == written.receipts

    before = outbox.write(Batch(receipts=[came("255", aliases=("ff", "FF"))]))
    desk.sending("m2")
    after = outbox.write(Batch(settled=[desk.settled("m2", refs=("FF",))]))
    assert [ReceiptEffect()] == before.receipts
    assert [ReceiptEffect("m2", State.DELIVERED)] == after.early
    assert 0 == early(outbox)


def test_an_id_belongs_to_a_connector(outbox, desk):
    """The same id from two providers means two messages."""
    desk.sent("m1", "7")
    desk.sent("m2", "7", connector="other")
    written = outbox.write(Batch(receipts=[came("7", connector="other"), came("7", connector="third")]))

    assert [ReceiptEffect("m2", State.DELIVERED), ReceiptEffect()] == written.receipts
    assert State.SENT == desk.state("m1")


def test_an_id_used_again_means_the_message_that_still_waits(outbox, desk):
    """Providers count round: the newest message without a final report is meant, then the older one."""
    desk.sent("m1", "7")
    desk.sent("m2", "7")
    written = outbox.write(Batch(receipts=[came("7"), came("7"), came("7")]))

    assert [("m2", State.DELIVERED), ("m1", State.DELIVERED), ("m2", None)] == [
        (effect.message_id, effect.new_state) for effect in written.receipts
    ]


def test_a_receipt_before_the_answer_waits_for_it(outbox, desk):
    """A report that overtakes the answer of the submission is applied, once, when the answer is written."""
    desk.sending("m1")
    before = outbox.write(Batch(receipts=[came("r", ReceiptState.ENROUTE, at=13.0), came("r", code="0")]))
    assert ([ReceiptEffect()] * 2, State.SENDING, 1) == (before.receipts, desk.state("m1"), early(outbox))

    written = outbox.write(Batch(settled=[desk.settled("m1", refs=("r",))]))
    message = outbox.message("m1")
    assert [ReceiptEffect("m1", State.DELIVERED)] == written.early
    assert (State.DELIVERED, "0", 20.0, 0) == (
        message.state,
        message.receipt_code,
        message.receipt_at,
        early(outbox),
    )


def test_the_answer_and_its_receipt_may_come_in_one_batch(outbox, desk):
    """Outcomes are written before receipts."""
    desk.sending("m1")
    written = outbox.write(Batch(settled=[desk.settled("m1", refs=("r",))], receipts=[came("r")]))

    assert ([ReceiptEffect("m1", State.DELIVERED)], []) == (written.receipts, written.early)


def test_an_outcome_that_does_not_fit_takes_no_receipt(outbox, desk):
    """A receipt that waits is not spent on an attempt that is no longer the row's."""
    desk.sending("m1")
    outbox.write(Batch(receipts=[came("r")]))
    written = outbox.write(Batch(settled=[desk.settled("m1", refs=("r",), fence=6)]))

    assert ([], 1, State.SENDING) == (written.early, early(outbox), desk.state("m1"))


def test_receipts_of_unknown_messages_are_forgotten_in_time(outbox):
    """Reports that nobody has waited for are dropped by the time at which they were stored."""
    outbox.write(Batch(receipts=[came("x", at=900.0), came("y", aliases=("z",))], at=50.0))
    written = outbox.write(
        Batch(calls=[lambda c: forget_early_receipts(c, 50.0), lambda c: forget_early_receipts(c, 50.5)])
    )

    assert ([0, 3], 0) == (written.calls, early(outbox))


def test_a_message_of_several_segments_is_delivered_when_all_are(outbox, desk):
    """Each segment's report counts once; the last one makes the message DELIVERED."""
    desk.sent("m1", "a", "b", "c", segments=3)
    assert "a,b,c" == outbox.message("m1").provider_ref
    effects = [
        outbox.write(Batch(receipts=[came(ref)])).receipts[0].new_state for ref in ("a", "a", "c", "c", "b", "b")
    ]

    assert [None, None, None, None, State.DELIVERED, None] == effects


def test_all_segments_may_be_reported_in_one_batch(outbox, desk):
    """The reports of one message in one batch add up."""
    desk.sent("m1", "a", "b", segments=2)
    written = outbox.write(Batch(receipts=[came("a"), came("b")]))

    assert [ReceiptEffect("m1"), ReceiptEffect("m1", State.DELIVERED)] == written.receipts


def test_a_message_of_several_segments_fails_with_the_first_that_does(outbox, desk):
    """One lost segment spoils the text: the message is UNDELIVERABLE at once, and later reports change nothing."""
    desk.sent("m1", "a", "b", segments=2)
    first = outbox.write(Batch(receipts=[came("b", ReceiptState.UNDELIVERABLE, code="9")]))
    second = outbox.write(Batch(receipts=[came("a")]))

    assert [ReceiptEffect("m1", State.UNDELIVERABLE)] == first.receipts
    assert ([ReceiptEffect("m1")], State.UNDELIVERABLE) == (second.receipts, desk.state("m1"))
    assert ("UNDELIVERABLE", "9") == (outbox.message("m1").receipt_state, outbox.message("m1").receipt_code)


def test_early_receipts_of_segments_wait_too(outbox, desk):
    """Segments reported before the answer count when it is written."""
    desk.sending("m1", segments=2)
    outbox.write(Batch(receipts=[came("b")]))
    written = outbox.write(Batch(settled=[desk.settled("m1", refs=("a", "b"))]))
    last = outbox.write(Batch(receipts=[came("a")]))

    assert ([ReceiptEffect("m1")], [ReceiptEffect("m1", State.DELIVERED)]) == (written.early, last.receipts)


def test_one_id_for_all_segments_is_one_id(outbox, desk):
    """A provider that repeats its id for each segment reports once."""
    desk.sent("m1", "a", "a", segments=2)

    assert "a" == outbox.message("m1").provider_ref
    assert [ReceiptEffect("m1", State.DELIVERED)] == outbox.write(Batch(receipts=[came("a")])).receipts


def test_an_uncertain_message_with_a_known_id_may_be_delivered(outbox, desk):
    """Where the provider's id is known, its report settles what no answer did."""
    desk.sending("m1")
    outbox.write(Batch(settled=[desk.settled("m1", "UNCERTAIN", refs=("r",))]))

    assert [ReceiptEffect("m1", State.DELIVERED)] == outbox.write(Batch(receipts=[came("r")])).receipts


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, *sorted(FINAL)])
def test_a_receipt_changes_only_what_waits_for_one(outbox, desk, state):
    """The report of an earlier try, or after the end, leaves the message as it is."""
    before = desk.accept("m1", state=state, attempt=1, fence=7, started_at=11.0, provider_ref="r")
    written = outbox.write(Batch(receipts=[came("r", ReceiptState.ENROUTE), came("r")]))

    assert [ReceiptEffect("m1")] * 2 == written.receipts
    assert before == outbox.message("m1")


def test_many_receipts_in_one_batch(outbox, desk):
    """A batch of a thousand reports finds a thousand messages."""
    accepts = [desk.message(f"{n:04}", state=State.SENT, provider_ref=f"r{n}") for n in range(1000)]

    outbox.write(Batch(accepts=[Accept(tuple(accepts), "shop")]))
    written = outbox.write(Batch(receipts=[came(f"r{n}") for n in range(1000)]))

    assert [(f"{n:04}", State.DELIVERED) for n in range(1000)] == [
        (effect.message_id, effect.new_state) for effect in written.receipts
    ]
