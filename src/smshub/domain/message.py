"""A message: one text to one recipient, its states and what may follow what."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class MessageClass(StrEnum):
    """What a message is for: it decides its lane, its default validity and what follows an uncertain try."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    BULK = "bulk"


class MessageType(StrEnum):
    """How the handset treats a text: keep it, or show it at once and keep nothing (class 0)."""

    NORMAL = "normal"
    FLASH = "flash"


class State(StrEnum):
    """What has become of a message."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    UNDELIVERABLE = "UNDELIVERABLE"
    UNCERTAIN = "UNCERTAIN"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


# Every transition there is. The diagram in the documentation is generated from this table.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.REJECTED, State.CANCELLED, State.EXPIRED}),
    State.SENDING: frozenset({State.SENT, State.QUEUED, State.REJECTED, State.UNCERTAIN}),
    State.SENT: frozenset({State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED}),
    State.UNCERTAIN: frozenset(
        {
            State.SENT,
            State.DELIVERED,
            State.UNDELIVERABLE,
            State.QUEUED,
            State.REJECTED,
            State.CANCELLED,
            State.EXPIRED,
        }
    ),
    State.DELIVERED: frozenset(),
    State.UNDELIVERABLE: frozenset(),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}

FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)

# States from which the hub itself still has something to do. A SENT message waits for the provider's receipt only.
LIVE = frozenset({State.QUEUED, State.SENDING, State.UNCERTAIN})


def may_become(before: State, after: State) -> bool:
    """Say whether a message in state `before` may go to state `after`."""
    return after in TRANSITIONS[before]


class Message(msgspec.Struct, frozen=True, gc=False):
    """
    One text to one recipient: a row of the outbox.

    Times are seconds since 1970 (UTC). `to` is E.164 digits without `+`, or an e-mail address; `to_written` is the
    receiver as the caller wrote it. `attempt` counts the tries that were begun, `resends` the repeats that the hub
    made of its own accord after an uncertain one. `fence` is the token of the lease under which the last try was begun.
    `subject` is that of a mail. A `pinned` one was given to its connector by name and never takes another.
    """

    id: str
    submission: str
    account: str
    to: str
    to_written: str
    text: str
    created_at: float
    due_at: float
    expires_at: float
    originator: str = ""
    message_class: MessageClass = MessageClass.TRANSACTIONAL
    flash: bool = False
    encoding: str = "GSM7"
    segments: int = 1
    client: str = ""
    source: str = ""
    state: State = State.QUEUED
    connector: str = ""
    attempt: int = 0
    resends: int = 0
    fence: int = 0
    started_at: float | None = None
    settled_at: float | None = None
    outcome: str | None = None
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    provider_ref: str | None = None
    receipt_state: str | None = None
    receipt_code: str | None = None
    receipt_at: float | None = None
    subject: str = ""
    pinned: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """One try of a message on one connector; kept, so that a message's timeline can be told."""

    number: int
    connector: str
    started_at: float
    settled_at: float | None = None
    outcome: str | None = None
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    provider_ref: str | None = None
