"""The life of a message, told in its order and in words."""

from smshub.cli.reference import STATES
from smshub.console.timeline import cancellable, timeline_of
from smshub.console.wording import REASONS, RECEIPTS, reason_words, receipt_words
from smshub.domain.commands import Shown
from smshub.domain.delivery import Reason, ReceiptState
from smshub.domain.message import Attempt, Message, State, may_become


def message(**members):
    """Make a message."""
    usual = {
        "id": "m1", "submission": "m1", "account": "shop", "to": "491701234567", "to_written": "+491701234567",
        "text": "Hello", "created_at": 100.0, "due_at": 100.0, "expires_at": 900.0,
    }  # fmt: skip
    return Message(**{**usual, **members})


def test_every_word_of_the_hub_is_explained():
    """Each state, reason and report has its sentence; a word from elsewhere has none, and breaks nothing."""
    assert set(State) == STATES.keys()
    assert set(Reason) == REASONS.keys()
    assert set(ReceiptState) == RECEIPTS.keys()
    assert ["", "", "", ""] == [reason_words("odd"), reason_words(None), receipt_words("odd"), receipt_words(None)]


def test_a_life_is_told_in_its_order():
    """Each try with its end and what the provider said, the report last even where its clock is behind, and now."""
    tries = (
        Attempt(1, "a", 101.0, 102.0, "deferred", "THROTTLED", "88", "slow down"),
        Attempt(2, "b", 110.0, 111.0, "accepted", provider_ref="r-1"),
    )
    ended = message(state=State.UNDELIVERABLE, receipt_state="UNDELIVERABLE", receipt_code="001", receipt_at=60.0)

    life = timeline_of(Shown(ended, tries))

    assert [
        (100.0, "Accepted"),
        (101.0, "Try 1 on a"),
        (102.0, "Try 1: deferred"),
        (110.0, "Try 2 on b"),
        (111.0, "Try 2: accepted"),
        (60.0, "Report: UNDELIVERABLE"),
        (None, "UNDELIVERABLE"),
    ] == [(event.at, event.what) for event in life]
    assert (("Reason", "THROTTLED"), ("Code", "88"), ("Detail", "slow down")) == life[2].facts
    assert REASONS[Reason.THROTTLED] == life[2].words
    assert (("Code", "001"),) == life[5].facts


def test_a_try_that_goes_on_has_no_end_yet():
    """Nothing is made up."""
    life = timeline_of(Shown(message(state=State.SENDING), (Attempt(1, "a", 101.0),)))

    assert ["Accepted", "Try 1 on a", "SENDING"] == [event.what for event in life]


def test_what_was_refused_says_why_at_the_end():
    """The reason of the message stands in words beside its state."""
    life = timeline_of(Shown(message(state=State.REJECTED, reason="INVALID_RECIPIENT"), ()))

    assert f"{STATES[State.REJECTED]} There is no such number." == life[-1].words


def test_cancelling_is_offered_where_it_can_be_done():
    """By the table of states."""
    assert {state for state in State if may_become(state, State.CANCELLED)} == set(filter(cancellable, State))
