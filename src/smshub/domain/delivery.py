"""What a try came to, why, and what the provider reported afterwards: three closed vocabularies."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why a provider did not take a message, in the hub's words; the provider's own code is kept beside it."""

    THROTTLED = "THROTTLED"  # too fast: the same connector later
    TEMPORARY = "TEMPORARY"  # the provider cannot just now: later or elsewhere
    UNREACHABLE = "UNREACHABLE"  # no connection or no bind: nothing was sent
    NO_CREDIT = "NO_CREDIT"  # the operator's account there is empty
    BAD_CREDENTIALS = "BAD_CREDENTIALS"  # the operator's account there is refused
    MISCONFIGURED = "MISCONFIGURED"  # the provider does not understand what the connector is set to send
    INVALID_RECIPIENT = "INVALID_RECIPIENT"  # there is no such number
    INVALID_ORIGINATOR = "INVALID_ORIGINATOR"  # this sender is not allowed
    UNROUTABLE = "UNROUTABLE"  # the provider does not reach this number
    OPTED_OUT = "OPTED_OUT"  # the recipient told this sender to stop: final everywhere
    BARRED = "BARRED"  # the recipient or the sender is blocked
    CONTENT = "CONTENT"  # the text is refused: too long, spam, wrong encoding
    EXPIRED = "EXPIRED"  # its time ran out
    NO_ROUTE = "NO_ROUTE"  # no connector is configured for it
    NO_ANSWER = "NO_ANSWER"  # bytes went out and nothing came back
    UNREADABLE = "UNREADABLE"  # its text was erased, or sealed under another key of the server
    CRASHED = "CRASHED"  # the hub or a custom connector died in between
    UNKNOWN = "UNKNOWN"  # a code that no table knows


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The provider has taken the message. `refs` are its ids for it, one for each segment where it gives one each."""

    refs: tuple[str, ...] = ()
    detail: str | None = None


class Deferred(msgspec.Struct, frozen=True):
    """
    Surely not taken: the hub may try again, here or elsewhere.

    `retry_after` is what the provider asked for, in seconds.
    """

    reason: Reason
    code: str | None = None
    detail: str | None = None
    retry_after: float | None = None


class Rejected(msgspec.Struct, frozen=True):
    """Surely not taken, and never will be: final."""

    reason: Reason
    code: str | None = None
    detail: str | None = None


class Uncertain(msgspec.Struct, frozen=True):
    """Bytes went out and no answer came: nobody can know whether it was taken."""

    reason: Reason = Reason.NO_ANSWER
    detail: str | None = None


Outcome = Accepted | Deferred | Rejected | Uncertain


class ReceiptState(StrEnum):
    """A delivery report in the words of SMPP's `message_state` (SMPP 3.4 §5.2.28)."""

    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIVERABLE"
    ACCEPTED = "ACCEPTED"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"


# Reports after which the provider says no more. ENROUTE, ACCEPTED and UNKNOWN may be followed by another.
FINAL_RECEIPTS = frozenset(
    {
        ReceiptState.DELIVERED,
        ReceiptState.EXPIRED,
        ReceiptState.DELETED,
        ReceiptState.UNDELIVERABLE,
        ReceiptState.REJECTED,
    }
)


class Balance(msgspec.Struct, frozen=True):
    """What is left on the operator's account with a provider; `unit` is a currency or what the provider counts in."""

    amount: float
    unit: str = "credits"


class Receipt(msgspec.Struct, frozen=True):
    """
    A provider's delivery report on one message or one segment of it.

    `ref` is the id that the provider gave when it accepted, `aliases` other spellings of the same id (SMSCs answer a
    submit in hexadecimal and report in decimal, or the other way round), `code` its own error code, `at` the time it
    states or was received, in seconds since 1970.
    """

    ref: str
    state: ReceiptState
    at: float
    code: str | None = None
    aliases: tuple[str, ...] = ()
