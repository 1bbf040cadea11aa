"""Texts of codes that are over: which they are, and that nothing else is touched, on each store."""

from functools import partial

import pytest

from smshub.domain.exchanges import Exchange
from smshub.domain.message import MessageClass, State
from smshub.store.batch import Again, Check, Opening, Settled
from smshub.store.erasing import erase_texts, read_over
from smshub.store.exchanges import keep_exchanges, read_exchanges
from smshub.store.outbox import Accept, Batch

RIGHT, WRONG = b"r" * 32, b"w" * 32
OTP = MessageClass.OTP


def open_code(desk, id, reference="login", **fields):  # noqa: A002
    """Accept a message with a code that lives from 10 to 310 and stands one check."""
    opening = Opening(id, "shop", reference, "491701234567", RIGHT, "k1", 1, 10.0, 310.0, 15, 50)
    message = desk.message(id, message_class=OTP, subject="Code", **fields)
    desk.outbox.write(Batch(accepts=[Accept((message,), "shop", challenge=opening)]))


def check(desk, digest=RIGHT, reference="login"):
    """Check the code at 20."""
    desk.outbox.write(Batch(checks=[Check("c", "shop", reference, "491701234567", {"k1": digest}, 20.0, 15, 50)]))


def over(desk, now=100.0):
    """Find what is over."""
    return desk.outbox.read(partial(read_over, now=now, after="", limit=50))


def erase(desk, ids, now=100.0):
    """Erase; gives how many."""
    return desk.outbox.write(Batch(calls=[partial(erase_texts, ids=ids, now=now)])).calls[0]


SENDING = {"state": State.SENDING, "attempt": 1, "fence": 7, "started_at": 11.0}


@pytest.mark.parametrize("end", ["matched", "exhausted", "expired"])
@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.UNCERTAIN])
def test_a_code_that_is_over_needs_its_text_no_more(desk, end, state):
    """However it ended, and whatever became of its message; before that, the text is kept for a repeat."""
    open_code(desk, "m1", state=state)
    before = over(desk)

    if end != "expired":
        check(desk, RIGHT if end == "matched" else WRONG)
    now = 311.0 if end == "expired" else 100.0

    assert ([], ["m1"]) == (before, over(desk, now))
    assert 1 == erase(desk, ["m1"], now)
    erased = desk.outbox.message("m1")
    assert ("", "", state) == (erased.text, erased.subject, erased.state)
    assert [] == over(desk, now)


@pytest.mark.parametrize("state", [State.REJECTED, State.CANCELLED, State.EXPIRED])
def test_a_code_that_never_left_is_over_unless_it_may_go_by_mail(desk, state):
    """Nobody can send or check it; where a mail may take its place, or was sent once more, the text is kept."""
    open_code(desk, "m1", state=state)
    open_code(desk, "m2", "other", state=state, resends=1)
    waits = Opening("m3", "shop", "third", "491701", RIGHT, "k1", 1, 10.0, 310.0, 15, 50, fallback_at=200.0)
    third = desk.message("m3", message_class=OTP, state=state)
    desk.outbox.write(Batch(accepts=[Accept((third,), "shop", challenge=waits)]))
    open_code(desk, "m4", "fourth", state=state)
    desk.accept("m5", submission="m4", message_class=OTP)

    assert ["m1"] == over(desk)


def test_what_is_on_its_way_keeps_its_text(desk):
    """A code that ended while its message is being sent is erased when that has an outcome."""
    open_code(desk, "m1", **SENDING)
    check(desk)

    assert ([], 0) == (over(desk), erase(desk, ["m1"]))
    desk.outbox.write(Batch(settled=[desk.settled("m1")]))
    assert (["m1"], 1) == (over(desk), erase(desk, ["m1"]))


def test_what_waits_although_its_code_has_matched_is_cancelled(desk):
    """It was to be sent once more; a code that stands no more checks leaves as it would, and is erased then."""
    open_code(desk, "m1", resends=1)
    open_code(desk, "m2", reference="other")
    check(desk)
    check(desk, WRONG, "other")

    assert (["m1"], 1) == (over(desk), erase(desk, ["m1", "m2"]))
    assert (State.CANCELLED, State.QUEUED) == (desk.state("m1"), desk.state("m2"))
    assert "" != desk.outbox.message("m2").text


def test_a_repeat_and_a_code_of_the_callers_own_are_erased_when_they_have_left(desk):
    """Neither is needed again; while one is held, an operator may still release it."""
    open_code(desk, "m1", state=State.SENT)
    again = Again("m1", "shop", "login", "m2", 1, 50.0)
    repeat = desk.message("m2", submission="m1", message_class=OTP, **SENDING)
    desk.outbox.write(Batch(accepts=[Accept((repeat,), "shop", challenge=again)]))
    for number, state in enumerate(State, 3):
        desk.accept(f"m{number:02}", message_class=OTP, state=state)
    live = {State.QUEUED, State.SENDING, State.UNCERTAIN}

    assert [f"m{number:02}" for number, state in enumerate(State, 3) if state not in live] == over(desk)
    desk.outbox.write(Batch(settled=[Settled("m2", 1, 7, "SENT", "Accepted", 12.0, 10.0, "smsc")]))
    assert "m2" in over(desk)


def test_other_classes_are_not_touched(desk):
    """They are kept as long as the operator says."""
    for message_class in (MessageClass.TRANSACTIONAL, MessageClass.BULK):
        desk.accept(f"m-{message_class}", message_class=message_class, state=State.SENT)

    assert [] == over(desk)


def test_a_code_whose_reference_was_given_away_is_over(desk):
    """A newer code stands under it, so the old one can be neither checked nor sent again."""
    open_code(desk, "m1", state=State.SENT)
    check(desk)
    open_code(desk, "m2", state=State.SENT)

    assert ["m1"] == over(desk)


def test_what_providers_said_of_it_goes_too(desk):
    """Of the erased message only."""
    for name in ("m1", "m2"):
        desk.accept(name, message_class=OTP, state=State.SENT if name == "m1" else State.QUEUED)
        said = [(name, Exchange(1, 20.0, "POST ***", "ok"))]
        desk.outbox.write(Batch(calls=[partial(keep_exchanges, said=said)]))

    erase(desk, ["m1"])

    assert [0, 1] == [len(desk.outbox.read(partial(read_exchanges, message_id=one))) for one in ("m1", "m2")]


def test_they_are_found_in_the_order_of_their_ids_a_few_at_a_time(desk):
    """So that many are erased in small transactions, and those that stay do not stand in the way."""
    for number in range(5):
        desk.accept(f"m{number}", message_class=OTP, state=State.QUEUED if number == 1 else State.SENT)

    first = desk.outbox.read(partial(read_over, now=100.0, after="", limit=2))
    rest = desk.outbox.read(partial(read_over, now=100.0, after=first[-1], limit=9))

    assert (["m0", "m2"], ["m3", "m4"]) == (first, rest)
