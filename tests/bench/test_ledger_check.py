"""The judge of the ledger must see each kind of broken promise, or its verdict means nothing."""

import pytest
from bench.ledger_check import Row, Verdict, judge
from bench.ledger_rows import joined

SENT = Row("1", "SENT", ("accepted",))


def verdict(*, acked="a", sunk="a", rows=None, never_twice=False, attempted="abcd") -> Verdict:
    """Judge texts of one letter each; without `rows` each attempted text that was heard of is SENT."""
    rows = {tag: [SENT] for tag in set(acked) | set(sunk)} if rows is None else rows
    return judge(attempted=set(attempted), acked=set(acked), sunk=list(sunk), rows=rows, never_twice=never_twice)


def test_everything_accepted_and_arrived_once_is_a_kept_promise():
    """A run without faults is judged as kept, with its figures."""
    judged = verdict(acked="ab", sunk="ab")

    assert {} == judged.wrong()
    assert judged.ok
    assert (4, 2, 2, 0) == (judged.attempted, judged.acked, judged.sunk, judged.duplicated)


@pytest.mark.parametrize("state", ["REJECTED", "EXPIRED", "CANCELLED", "UNCERTAIN"])
def test_what_the_hub_says_did_not_go_out_is_not_lost(state):
    """A text whose end the hub tells truthfully is no loss."""
    assert {} == verdict(sunk="", rows={"a": [Row("1", state, ("uncertain",))]}).wrong()


def test_an_acknowledged_text_that_the_hub_calls_sent_and_nobody_got_is_lost():
    """Lost and a phantom: the hub says sent, the SMSC never saw it."""
    assert {"lost": ("a",), "phantom": ("a",)} == verdict(sunk="", rows={"a": [SENT]}).wrong()


def test_an_acknowledged_text_without_a_row_is_forgotten_and_lost():
    """An answer before the commit shows as a text that no record of the hub holds."""
    assert {"lost": ("a",), "forgotten": ("a",)} == verdict(sunk="", rows={}).wrong()


def test_a_text_that_came_out_without_a_row_is_unrecorded():
    """A byte that left before the attempt was on disk shows as an arrival that the hub knows nothing of."""
    assert {"unrecorded": ("b",)} == verdict(acked="a", sunk="ab", rows={"a": [SENT]}).wrong()


def test_a_text_that_nobody_sent_is_unexpected():
    """What arrives must have been attempted."""
    assert {"unexpected": ("z",)} == verdict(sunk="az").wrong()


def test_a_second_copy_is_explained_by_an_uncertain_attempt_before_it():
    """A text sent again after an uncertain attempt may arrive twice; deferred attempts change nothing in that."""
    rows = {"a": [Row("1", "SENT", ("deferred", "uncertain", "deferred", "accepted"))]}
    judged = verdict(sunk="aa", rows=rows)

    assert {} == judged.wrong()
    assert 1 == judged.duplicated


@pytest.mark.parametrize(
    "outcomes",
    [("accepted",), ("deferred", "accepted"), ("accepted", "accepted"), (None, "accepted"), ("uncertain",)],
)
def test_a_second_copy_that_the_attempts_do_not_tell_of_is_unexplained(outcomes):
    """Two copies need two attempts that may have left, the first of them uncertain."""
    assert {"unexplained": ("a",)} == verdict(sunk="aa", rows={"a": [Row("1", "SENT", outcomes)]}).wrong()


def test_hold_mode_forbids_even_an_explained_copy():
    """Where an uncertain text is held, none may arrive twice."""
    rows = {"a": [Row("1", "SENT", ("uncertain", "accepted"))]}

    assert {"forbidden": ("a",)} == verdict(sunk="aa", rows=rows, never_twice=True).wrong()


def test_two_rows_for_one_text_and_texts_still_on_the_way_are_told():
    """A reference taken twice and a queue that never drains are both faults."""
    rows = {"a": [SENT, SENT], "b": [Row("2", "QUEUED", ())]}

    assert {"accepted_twice": ("a",), "unsettled": ("b",)} == verdict(rows=rows).wrong()


def test_a_text_that_came_out_though_the_client_heard_nothing_is_recovered():
    """The hub was killed between its commit and its answer: the text goes out, and that is right."""
    judged = verdict(acked="a", sunk="ab")

    assert judged.ok
    assert 1 == judged.recovered


def test_rows_hold_the_earlier_attempts_before_the_current_one():
    """The current attempt lies in the message's row, earlier ones in their own table; the recipient tells the tag."""
    messages = [("m1", "4915100000007", "SENT", 2, "accepted"), ("m2", "4915100000008", "QUEUED", 0, None)]
    attempts = [("m1", 1, "uncertain")]

    found = joined(messages, attempts, "run00")

    assert [Row("m1", "SENT", ("uncertain", "accepted"))] == found["run00-00000007"]
    assert [Row("m2", "QUEUED", ())] == found["run00-00000008"]


def test_the_table_names_what_is_wrong():
    """A broken promise is printed with the first tags that show it."""
    table = verdict(sunk="", rows={}).table()

    assert "lost                 1  WRONG: a" in table.splitlines()
    assert "verdict              BROKEN" in table.splitlines()
