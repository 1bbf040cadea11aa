"""The states of a message and what may follow what."""

import pytest

from smshub.domain.message import FINAL, LIVE, TRANSITIONS, State, may_become


def test_every_state_has_its_row():
    """The table knows every state, and leads only to states."""
    assert set(State) == set(TRANSITIONS)
    assert {state for following in TRANSITIONS.values() for state in following} <= set(State)


def test_final_states_lead_nowhere_and_live_ones_do():
    """What is final stays so; what the hub still has to do something with is not final."""
    assert {State.DELIVERED, State.UNDELIVERABLE, State.REJECTED, State.EXPIRED, State.CANCELLED} == FINAL
    assert not LIVE & FINAL


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (State.QUEUED, State.SENDING, True),
        (State.QUEUED, State.SENT, False),  # nothing is sent whose attempt was not written
        (State.SENDING, State.CANCELLED, False),  # its bytes may have left
        (State.SENDING, State.UNCERTAIN, True),
        (State.UNCERTAIN, State.DELIVERED, True),  # a late receipt
        (State.DELIVERED, State.UNDELIVERABLE, False),
        (State.CANCELLED, State.QUEUED, False),
    ],
)
def test_transitions_are_those_of_the_table(before, after, allowed):
    """The transitions that matter most, one by one."""
    assert allowed is may_become(before, after)


def test_every_message_can_come_to_an_end():
    """From every state a final one can be reached."""
    for state in State:
        reached, frontier = {state}, {state}
        while frontier:
            frontier = {after for before in frontier for after in TRANSITIONS[before]} - reached
            reached |= frontier
        assert reached & FINAL
