"""What the committer hands to the outbox in one transaction, and what the outbox answers."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from smshub.domain.challenges import Counted, Verdict
from smshub.domain.delivery import Receipt
from smshub.domain.message import Message, State

# A function of a SQLAlchemy connection; this module is also read by a process that does without SQLAlchemy.
Call = Callable[[Any], Any]


class Opening(msgspec.Struct, frozen=True, tag=True):
    """
    A challenge that begins with the message that carries its code; `id` is that of the message.

    `digest` is the MAC of the code under the key `key_id`; the code itself is never here. The limits are those of
    failures of the recipient (domain.otp.blocked_until). `fallback` is a mail address that the code goes to where its
    text has not left by `fallback_at`; None there: the message goes to it already.
    """

    id: str
    account: str
    reference: str
    recipient: str
    digest: bytes
    key_id: str
    tries: int
    created_at: float
    expires_at: float
    failures_per_hour: int
    lock_after: int
    fallback: str | None = None
    fallback_subject: str | None = None
    fallback_at: float | None = None
    counted: Counted | None = None  # written for the guard, if it opens


class Again(msgspec.Struct, frozen=True, tag=True):
    """The code of a challenge that was sent `sends` times goes out once more with the message `message_id`."""

    id: str
    account: str
    reference: str
    message_id: str
    sends: int
    at: float
    counted: Counted | None = None  # written for the guard


class Instead(msgspec.Struct, frozen=True, tag=True):
    """The code of a challenge goes by mail, with the message `message_id`, in place of texts that surely never left."""

    id: str
    account: str
    reference: str
    message_id: str
    at: float


class Accept(msgspec.Struct, frozen=True):
    """
    One submission: at least one message.

    With a `reference` (the caller's idempotency key) it is kept under account and reference; `fingerprint` tells
    whether a later one with the same key has the same content. A message may already be SENDING: its first attempt is
    then written in the same row. A `challenge` is opened, or sent again, with the message; where it cannot be, neither
    is written.
    """

    messages: tuple[Message, ...]
    account: str
    reference: str | None = None
    fingerprint: str | None = None
    challenge: Opening | Again | Instead | None = None


class Check(msgspec.Struct, frozen=True):
    """
    A code to be checked: the digests that it would have under each key, by the key's id.

    `id` is this check's own, so that one that is written twice matches once. `at` is the time. The limits are those of
    failures of the recipient.
    """

    id: str
    account: str
    reference: str
    recipient: str
    digests: dict[str, bytes]
    at: float
    failures_per_hour: int
    lock_after: int
    counted: Counted | None = None  # written for the guard, if it matches


class Start(msgspec.Struct, frozen=True):
    """The next attempt of a QUEUED message begins: `attempt` is its number, counted from 1."""

    id: str
    attempt: int
    connector: str
    fence: int
    at: float


class Settled(msgspec.Struct, frozen=True):
    """
    What an attempt came to.

    `state` is SENT, QUEUED, REJECTED or UNCERTAIN. `connector` is the one that made the attempt, or, where `state` is
    QUEUED, the one that the message waits for next. `refs` are the provider's ids, one or one for each segment.
    """

    id: str
    attempt: int
    fence: int
    state: str
    outcome: str
    at: float
    due_at: float
    connector: str
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    refs: tuple[str, ...] = ()
    resends: int = 0


class Batch(msgspec.Struct):
    """
    All that one transaction writes, in this order (but `checks` first); `receipts` are pairs of connector and receipt.

    `at` is the time; a receipt of an unknown message is kept from then on (None: from its own time).
    """

    accepts: list[Accept] = msgspec.field(default_factory=list)
    settled: list[Settled] = msgspec.field(default_factory=list)
    receipts: list[tuple[str, Receipt]] = msgspec.field(default_factory=list)
    calls: list[Call] = msgspec.field(default_factory=list)
    starts: list[Start] = msgspec.field(default_factory=list)
    at: float | None = None
    checks: list[Check] = msgspec.field(default_factory=list)


class Replay(msgspec.Struct, frozen=True):
    """The submission that already holds a reference."""

    submission: str
    fingerprint: str


class Held(StrEnum):
    """Why a challenge could not be opened, or sent again."""

    LIVE = "live"  # there is one under this reference that lives
    LOCKED = "locked"  # there were too many wrong codes for this recipient
    OVER = "over"  # it does not live any more
    RACED = "raced"  # it was sent again meanwhile, or is being sent


class Taken(msgspec.Struct, frozen=True):
    """Why the challenge of an accept could not be opened, and until when that is so (None: not for a known time)."""

    why: Held
    until: float | None = None


class Checked(msgspec.Struct, frozen=True):
    """What a check came to, and how many more the challenge stands. `mailed`: what matched went by mail instead."""

    verdict: Verdict
    tries_left: int = 0
    mailed: bool = False


class ReceiptEffect(msgspec.Struct, frozen=True):
    """
    What a receipt came to.

    `message_id` is None where no message is known by its id (it is kept for one to come), `new_state` is None where it
    changed no state: not final, a duplicate, late, or one of several segments.
    """

    message_id: str | None = None
    new_state: State | None = None


class Written(msgspec.Struct):
    """
    What a transaction came to.

    `replays`: for the accepts (by index) whose reference is taken, who holds it; their messages are not written.
    `not_started`, `stale`: ids of the starts and settled attempts that no longer fitted the row; it is unchanged.
    `calls`: the result or the exception of each call. `receipts`: the effect of each receipt.
    `unstorable`: the accepts (by index) with text that no database can keep; nothing of them is written.
    `early`: the effects of receipts that had waited for an attempt settled in this batch. `taken`: for the accepts (by
    index) whose challenge could not be opened, why; nothing of them is written. `checks`: what each check came to.
    """

    replays: dict[int, Replay] = msgspec.field(default_factory=dict)
    not_started: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    calls: list[Any] = msgspec.field(default_factory=list)
    receipts: list[ReceiptEffect] = msgspec.field(default_factory=list)
    unstorable: frozenset[int] = frozenset()
    early: list[ReceiptEffect] = msgspec.field(default_factory=list)
    taken: dict[int, Taken] = msgspec.field(default_factory=dict)
    checks: list[Checked] = msgspec.field(default_factory=list)
