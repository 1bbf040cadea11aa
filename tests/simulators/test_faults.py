"""Fault scripts are read into steps and played in their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.simulators.faults import Action, BadScript, Report, Script, Step

WRITTEN = [
    ("accept", Step(Action.ACCEPT)),
    ("accept 5", Step(Action.ACCEPT, count=5)),
    ("ACCEPT x5", Step(Action.ACCEPT, count=5)),
    ("throttle 3", Step(Action.THROTTLE, count=3)),
    ("refuse", Step(Action.REFUSE)),
    ("refuse 105", Step(Action.REFUSE, "105")),
    ("refuse 0x58 2", Step(Action.REFUSE, "0x58", count=2)),
    ("refuse x2", Step(Action.REFUSE, count=2)),
    ("delay 2s", Step(Action.DELAY, seconds=2.0)),
    ("delay 0.5 4", Step(Action.DELAY, seconds=0.5, count=4)),
    ("late 200ms", Step(Action.LATE, seconds=0.2)),
    ("late 1m", Step(Action.LATE, seconds=60.0)),
    ("hang", Step(Action.HANG)),
    ("drop 2", Step(Action.DROP, count=2)),
    ("duplicate", Step(Action.DUPLICATE)),
    ("garbage", Step(Action.GARBAGE)),
    ("drip", Step(Action.DRIP)),
    ("huge", Step(Action.HUGE)),
    ("truncate", Step(Action.TRUNCATE)),
    ("redirect", Step(Action.REDIRECT)),
    ("receipt bad", Step(Action.RECEIPT, Report.BAD)),
    ("receipt late 5s 3", Step(Action.RECEIPT, Report.LATE, 5.0, 3)),
    ("receipt twice 2", Step(Action.RECEIPT, Report.TWICE, count=2)),
]


@pytest.mark.parametrize(("text", "step"), WRITTEN)
def test_a_step_is_read(text, step):
    """Each way to write a step gives the step beside it."""
    assert (step,) == Script.parse(text).steps


def test_steps_are_parted_by_semicolons_and_lines():
    """A comment ends its line, empty steps do not count."""
    text = "accept 2; hang;; # then\n\n  # nothing here\ndrop # accept\n"

    steps = Script.parse(text).steps

    assert (Step(Action.ACCEPT, count=2), Step(Action.HANG), Step(Action.DROP)) == steps


def test_each_request_takes_the_next_step_and_the_last_repeats():
    """Counts are played out, and the end of the script goes on for ever."""
    script = Script.parse("accept 2; throttle; refuse 105")

    played = [script.next().action for _ in range(6)]

    assert ["accept", "accept", "throttle", "refuse", "refuse", "refuse"] == played


def test_receipts_are_a_row_of_their_own():
    """A receipt step is not an answer: both rows go their own pace."""
    script = Script.parse("receipt bad 2; drop; receipt none; accept")

    assert ["drop", "accept"] == [script.next().action for _ in range(2)]
    assert ["bad", "bad", "none", "none"] == [script.next_receipt().argument for _ in range(4)]


def test_a_script_without_steps_accepts():
    """Nothing written means that all goes well."""
    script = Script.parse("  # nothing\n")

    assert (Action.ACCEPT, Report.GOOD) == (script.next().action, script.next_receipt().argument)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accept; hnag", "line 1, 'hnag': there is no step 'hnag' here; did you mean 'hang'?"),
        ("accept\n\nfoo", "line 3, 'foo': there is no step 'foo' here; there are accept, "),
        ("delay", "line 1, 'delay': it needs a number of seconds"),
        ("delay soon", "needs a number of seconds"),
        ("delay 9999s", "at most 3600 seconds"),
        ("accept 0", "'0' is not a count from 1 to 1000000"),
        ("accept -1", "'-1' is not a count"),
        ("accept many", "'many' is not a count"),
        ("accept 1 2", "'2' is one word too many"),
        ("receipt", "a receipt is one of good, bad, none, late, early, twice"),
        ("receipt late", "needs a number of seconds"),
        ("accept;" * 10_000, "at most 65536 are read"),
    ],
)
def test_an_error_says_where_and_what(text, message):
    """What cannot be read is named with its line, its step and what it needs."""
    with pytest.raises(BadScript) as caught:
        Script.parse(text)

    assert message in str(caught.value)


def test_a_simulator_may_refuse_steps_that_it_cannot_play():
    """An SMSC has nobody to redirect to."""
    with pytest.raises(BadScript, match="there is no step 'redirect' here"):
        Script.parse("redirect", allowed=[Action.ACCEPT, Action.DROP])


def test_a_script_is_read_from_a_file(tmp_path):
    """One step on each line, with comments."""
    path = tmp_path / "faults"
    path.write_text("accept 3  # warm up\nhang\n")

    assert (Step(Action.ACCEPT, count=3), Step(Action.HANG)) == Script.load(path).steps


def test_a_script_file_that_is_not_there_is_told(tmp_path):
    """The path is named."""
    with pytest.raises(BadScript, match=r"missing cannot be read \(FileNotFoundError\)"):
        Script.load(tmp_path / "missing")


@given(st.text(max_size=60))
def test_any_text_is_a_script_or_a_bad_script(text):
    """Nothing but `BadScript` comes out of reading, and what is read can be played."""
    try:
        script = Script.parse(text)
    except BadScript:
        return
    assert script.next().action in Action
