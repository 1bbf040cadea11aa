"""The life of a message as a list of events, in words (pure)."""

from collections.abc import Iterator

import msgspec

from smshub.console.wording import reason_words, receipt_words, state_words
from smshub.domain.commands import Shown
from smshub.domain.message import FINAL, Attempt, Message, MessageClass, State


class Event(msgspec.Struct, frozen=True):
    """
    Something that happened to a message; `at` is in seconds since 1970, None where it is not known.

    `what` is short, `words` tell it, `facts` are pairs of a name and what the provider said.
    """

    at: float | None
    what: str
    words: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def timeline_of(shown: Shown) -> tuple[Event, ...]:
    """Tell what happened, in its order, and what comes next."""
    message = shown.message
    events = [Event(message.created_at, "Accepted", f"On disk, from the account {message.account}.")]
    for attempt in shown.attempts:
        events += _attempt(attempt)
    # A report comes last whatever its time: providers write theirs to the minute, by clocks of their own.
    events += _receipt(message)
    return (*events, Event(None, message.state.value, _standing(message)))


def _attempt(attempt: Attempt) -> Iterator[Event]:
    begun = f"Try {attempt.number} on {attempt.connector}"
    yield Event(attempt.started_at, begun, "Written down before its first byte left.")
    if attempt.settled_at is None and attempt.outcome is None:
        return
    facts = (("Reason", attempt.reason), ("Code", attempt.code), ("Detail", attempt.detail))
    ref = (("The provider's id", attempt.provider_ref),)
    yield Event(
        attempt.settled_at,
        f"Try {attempt.number}: {attempt.outcome or 'over'}",
        reason_words(attempt.reason),
        tuple((name, value) for name, value in (*facts, *ref) if value),
    )


def _receipt(message: Message) -> Iterator[Event]:
    if message.receipt_state is not None:
        facts = (("Code", message.receipt_code),) if message.receipt_code else ()
        words = receipt_words(message.receipt_state)
        told = tuple((name, value) for name, value in facts if value)
        yield Event(message.receipt_at, f"Report: {message.receipt_state}", words, told)


def _standing(message: Message) -> str:
    words = state_words(message.state)
    if message.state in FINAL and message.reason and message.state is not State.DELIVERED:
        return f"{words} {reason_words(message.reason)}".strip()
    return words


def cancellable(state: State) -> bool:
    """Tell whether a message may be cancelled."""
    return state in {State.QUEUED, State.UNCERTAIN}


def repeatable(message: Message) -> bool:
    """Tell whether a message can be written again as a new one: a code never, nor what has lost its text."""
    return message.message_class is not MessageClass.OTP and bool(message.text)
