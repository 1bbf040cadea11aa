"""What a session tells its owner, who may ask what when, and how long it waits (SMPP 3.4 §2.2, §2.3, §7.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Any

import msgspec

from smshub.protocols.smpp.pdus import LONGEST, Command, Pdu


class Side(Enum):
    """Which end of the link this is: the client that binds (ESME), or the message centre (SMSC)."""

    ESME = "ESME"
    SMSC = "SMSC"


class State(StrEnum):
    """Where a session stands (SMPP 3.4 §2.2)."""

    OPEN = "open"
    BOUND_TX = "bound as transmitter"
    BOUND_RX = "bound as receiver"
    BOUND_TRX = "bound as transceiver"
    CLOSED = "closed"


class BindMode(IntEnum):
    """What a bind is for; its value is the command that asks for it."""

    TRANSMITTER = Command.BIND_TRANSMITTER
    RECEIVER = Command.BIND_RECEIVER
    TRANSCEIVER = Command.BIND_TRANSCEIVER


BOUND: Mapping[int, State] = {
    Command.BIND_TRANSMITTER: State.BOUND_TX,
    Command.BIND_RECEIVER: State.BOUND_RX,
    Command.BIND_TRANSCEIVER: State.BOUND_TRX,
}

_OPEN = frozenset({State.OPEN})
_TX = frozenset({State.BOUND_TX, State.BOUND_TRX})
_RX = frozenset({State.BOUND_RX, State.BOUND_TRX})
_ANY = _TX | _RX

# Who may ask what, and when. SMPP 3.4 §2.3
MAY_ASK: Mapping[Side, Mapping[int, frozenset[State]]] = {
    Side.ESME: {
        Command.BIND_TRANSMITTER: _OPEN,
        Command.BIND_RECEIVER: _OPEN,
        Command.BIND_TRANSCEIVER: _OPEN,
        Command.UNBIND: _ANY,
        Command.ENQUIRE_LINK: _ANY,
        Command.SUBMIT_SM: _TX,
        Command.DATA_SM: _TX,
        Command.QUERY_SM: _TX,
        Command.CANCEL_SM: _TX,
        Command.REPLACE_SM: _TX,
    },
    Side.SMSC: {
        Command.OUTBIND: _OPEN,
        Command.UNBIND: _ANY,
        Command.ENQUIRE_LINK: _ANY,
        Command.DELIVER_SM: _RX,
        Command.DATA_SM: _RX,
        Command.ALERT_NOTIFICATION: _RX,
    },
}


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much and how long; times in seconds, None is never (SMPP 3.4 §7.2).

    `window`: requests that may wait for their answers. `enquire_link`: silence of the peer after which it is asked
    whether it lives. `response`: how long an answer is waited for. `inactivity`: silence after which the session is
    unbound. `session_init`: how long the peer may take to bind. `linger`: when the peer unbinds, how long its answers
    to what is in flight are still waited for.
    """

    window: int = 10
    enquire_link: float | None = 30.0
    response: float = 30.0
    inactivity: float | None = None
    session_init: float | None = 30.0
    linger: float = 2.0
    longest: int = LONGEST


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an ESME says of itself when it binds (SMPP 3.4 §4.1.1)."""

    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


class End(StrEnum):
    """Why a session is over."""

    UNBOUND = "unbound by us"
    UNBOUND_BY_PEER = "unbound by the peer"
    LOST = "the connection was lost"
    SILENT = "the peer does not answer"
    INACTIVE = "nothing happened for too long"
    NOT_BOUND = "the peer did not bind in time"
    UNFRAMEABLE = "the peer sends what is not SMPP"


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A request of ours that waits for its answer until `until`; `token` is its owner's and opaque here."""

    pdu: Pdu
    token: Any
    until: float


class Bound(msgspec.Struct, frozen=True):
    """Our bind was accepted."""

    pdu: Pdu


class BindRefused(msgspec.Struct, frozen=True):
    """Our bind was refused; `status` says why. The owner closes the connection."""

    status: int


class Requested(msgspec.Struct, frozen=True):
    """The peer asks something, and its state allows it: answer with `respond`."""

    pdu: Pdu


class Responded(msgspec.Struct, frozen=True):
    """The peer answered a request: `pdu` is its response or a generic_nack, `token` what came with the request."""

    pdu: Pdu
    request: Pdu
    token: Any


class Unanswered(msgspec.Struct, frozen=True):
    """Requests that nobody will answer any more: their time ran out, or the session is over."""

    requests: tuple[Sent, ...]


class Unbound(msgspec.Struct, frozen=True):
    """The session is over: write what is left to send, then close the connection."""

    why: End


class Violation(msgspec.Struct, frozen=True):
    """The peer broke the protocol. It has been answered where an answer is due; this is for the log."""

    what: str
    command: int
    sequence: int
    status: int


Event = Bound | BindRefused | Requested | Responded | Unanswered | Unbound | Violation
