"""What the words of the hub mean, for people."""

from collections.abc import Mapping
from typing import Final

from smshub.cli.reference import STATES
from smshub.domain.delivery import Reason, ReceiptState
from smshub.domain.message import State

REASONS: Final[Mapping[Reason, str]] = {
    Reason.THROTTLED: "The provider takes texts more slowly; it is tried again there.",
    Reason.TEMPORARY: "The provider cannot just now; it is tried again, there or elsewhere.",
    Reason.UNREACHABLE: "There was no connection to the provider; nothing was sent.",
    Reason.NO_CREDIT: "Your account with the provider is empty.",
    Reason.BAD_CREDENTIALS: "The provider refuses the credentials of the connector.",
    Reason.MISCONFIGURED: "The provider does not understand what the connector is set to send.",
    Reason.INVALID_RECIPIENT: "There is no such number.",
    Reason.INVALID_ORIGINATOR: "The provider does not allow this sender.",
    Reason.UNROUTABLE: "The provider does not reach this number.",
    Reason.OPTED_OUT: "The recipient has told this sender to stop.",
    Reason.BARRED: "The recipient or the sender is blocked.",
    Reason.CONTENT: "The text is refused: too long, taken for spam, or in a wrong encoding.",
    Reason.EXPIRED: "Its time ran out.",
    Reason.NO_ROUTE: "No connector is configured for it.",
    Reason.NO_ANSWER: "Bytes went out and nothing came back: it may have arrived.",
    Reason.CRASHED: "The hub or the connector's own code ended in between: it may have arrived.",
    Reason.UNREADABLE: "Its text was erased, or was sealed under another key of the hub.",
    Reason.UNKNOWN: "The provider gave a code that the hub does not know.",
}

RECEIPTS: Final[Mapping[ReceiptState, str]] = {
    ReceiptState.ENROUTE: "The network has it and tries to deliver it.",
    ReceiptState.DELIVERED: "The handset has it.",
    ReceiptState.EXPIRED: "The network gave up: the handset could not be reached in time.",
    ReceiptState.DELETED: "It was deleted in the network.",
    ReceiptState.UNDELIVERABLE: "The handset will not get it.",
    ReceiptState.ACCEPTED: "The network has taken it on the recipient's behalf.",
    ReceiptState.UNKNOWN: "The network does not know what became of it.",
    ReceiptState.REJECTED: "The network refuses it.",
}


def state_words(state: State) -> str:
    """Tell what a state means."""
    return STATES[state]


def reason_words(reason: str | None) -> str:
    """Tell what a reason means; nothing of one that is unknown here."""
    return REASONS.get(Reason(reason), "") if reason in set(Reason) else ""


def receipt_words(state: str | None) -> str:
    """Tell what a report means."""
    return RECEIPTS.get(ReceiptState(state), "") if state in set(ReceiptState) else ""
