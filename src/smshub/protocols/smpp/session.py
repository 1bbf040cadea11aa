"""One SMPP 3.4 session, ESME or SMSC side, without a socket and without a clock."""

from typing import Any

from smshub.protocols.smpp.codec import HEADER, LocalProtocolError, RemoteProtocolError, decode_body, encode
from smshub.protocols.smpp.events import (
    BOUND,
    MAY_ASK,
    BindMode,
    BindRefused,
    Bound,
    Credentials,
    End,
    Event,
    Limits,
    Requested,
    Responded,
    Sent,
    Side,
    State,
    Unanswered,
    Unbound,
    Violation,
)
from smshub.protocols.smpp.pdus import (
    BINDS,
    BODIES,
    HEADER_LENGTH,
    LAST_SEQUENCE,
    RESPONSE,
    UNANSWERED,
    Command,
    Pdu,
    Value,
    command_name,
)
from smshub.protocols.smpp.status import Status

_OTHER = {Side.ESME: Side.SMSC, Side.SMSC: Side.ESME}
_INTERFACE_VERSION = 0x34  # SMPP 3.4 §5.2.4


class Session:
    """
    One SMPP 3.4 session, either side. Holds no socket and reads no clock.

    Its owner gives it the octets that arrive and the time (`now`, any monotonic seconds), takes `data_to_send`, and
    calls `advance` when `deadline` has come. Every call that gives events may have made octets to send. enquire_link
    and unbind of the peer are answered here; every other request comes as `Requested` and is answered by `respond`.
    """

    def __init__(self, side: Side, limits: Limits, now: float) -> None:
        self.side = side
        self.limits = limits
        self.state = State.OPEN
        self._may_ask = MAY_ASK[side]
        self._peer_may_ask = MAY_ASK[_OTHER[side]]
        self._out: list[bytes] = []
        self._rest = bytearray()
        self._needed = 4
        self._sequence = 0
        self._pending: dict[int, Sent] = {}
        self._binding = False
        self._probe: tuple[int, float] | None = None
        self._unbinding: tuple[int, float, End] | None = None
        self._leaving: tuple[Pdu, float] | None = None
        self._opened_at = now
        self._heard_at = now

    @property
    def in_flight(self) -> int:
        """How many requests of ours wait for their answer; enquire_link and unbind do not count."""
        return len(self._pending)

    @property
    def room(self) -> int:
        """How many more requests the window takes; none unless bound, or once either side has begun to unbind."""
        if self.state is State.OPEN or self.state is State.CLOSED or self._unbinding or self._leaving:
            return 0
        return max(0, self.limits.window - len(self._pending))

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self.state is State.CLOSED

    def data_to_send(self) -> bytes:
        """Give everything that is to be written, gathered, and forget it."""
        out = self._out
        if not out:
            return b""
        self._out = []
        return out[0] if len(out) == 1 else b"".join(out)

    # What the owner does.

    def bind(self, mode: BindMode, credentials: Credentials, now: float) -> None:
        """Ask to be bound; the answer comes as `Bound` or `BindRefused`. Raises `LocalProtocolError`."""
        fields: dict[str, Value] = {
            "system_id": credentials.system_id,
            "password": credentials.password,
            "system_type": credentials.system_type,
            "interface_version": _INTERFACE_VERSION,
            "addr_ton": credentials.addr_ton,
            "addr_npi": credentials.addr_npi,
            "address_range": credentials.address_range,
        }
        self.request(Pdu(int(mode), fields), now)

    def request(self, pdu: Pdu, now: float, token: Any = None) -> int:
        """
        Ask the peer something and give the sequence number; `token` comes back with the answer.

        It does not look at the window: its owner does, by `room`. Raises `LocalProtocolError` where the state forbids
        it or the PDU cannot be written.
        """
        states = self._may_ask.get(pdu.command)
        if states is None or self.state not in states or self._unbinding or self._leaving:
            raise LocalProtocolError(f"no {command_name(pdu.command)} from {self.side.value} while {self.state}")
        if self._pending and pdu.command in BINDS:
            raise LocalProtocolError("a bind waits for its answer")
        sequence = self._next_sequence()
        self._out.append(encode(pdu, sequence))
        if pdu.command not in UNANSWERED:
            self._pending[sequence] = Sent(pdu, token, now + self.limits.response)
        return sequence

    def request_written(self, request: Pdu, body: bytes, now: float, token: Any) -> int:
        """
        Ask what is already written as octets: `body` is that of `request`, whose fields may be left out.

        For whoever writes many alike; otherwise as `request`, and on its answer `request` comes back as it is.
        """
        if self.state not in self._may_ask[request.command] or self._unbinding or self._leaving:
            raise LocalProtocolError(f"no {command_name(request.command)} from {self.side.value} while {self.state}")
        sequence = self._next_sequence()
        self._out.append(HEADER.pack(HEADER_LENGTH + len(body), request.command, 0, sequence) + body)
        self._pending[sequence] = Sent(request, token, now + self.limits.response)
        return sequence

    def respond(self, request: Pdu, status: int = Status.ESME_ROK, **fields: Value) -> None:
        """
        Answer a request of the peer's; answering a bind with ESME_ROK binds the session.

        Once the session is over it does nothing: the peer has gone and will ask again. Raises `LocalProtocolError`.
        """
        if self.closed:
            return
        data = encode(Pdu(request.command | RESPONSE, fields, status, request.sequence))
        if request.command in BOUND and self.side is Side.SMSC:
            self._binding = False
            if status == Status.ESME_ROK:
                self.state = BOUND[request.command]
        self._out.append(data)

    def enquire(self, now: float) -> None:
        """Ask the peer whether it lives, unless it has just been asked."""
        if self._probe is None and self.state not in (State.OPEN, State.CLOSED):
            sequence = self._next_sequence()
            self._probe = (sequence, now + self.limits.response)
            self._out.append(encode(Pdu(Command.ENQUIRE_LINK), sequence))

    def unbind(self, now: float, why: End = End.UNBOUND) -> None:
        """Say goodbye; `Unbound` comes with the answer, or when none came in time."""
        if self._unbinding is None and self.state not in (State.OPEN, State.CLOSED):
            sequence = self._next_sequence()
            self._unbinding = (sequence, now + self.limits.response, why)
            self._out.append(encode(Pdu(Command.UNBIND), sequence))

    def receive_eof(self, now: float) -> list[Event]:
        """Take notice that the connection is gone; what was not written yet will not be."""
        events: list[Event] = []
        self._out.clear()
        self._close(self._unbinding[2] if self._unbinding else End.LOST, events)
        return events

    # What the peer does.

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Take octets that have arrived, cut anywhere. Never raises, whatever they are."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return events
            data = bytes(self._rest)
        at, end = 0, len(data)
        while end - at >= 4:
            length = int.from_bytes(data[at : at + 4], "big")
            if not HEADER_LENGTH <= length <= self.limits.longest:
                # There is no telling where the next PDU begins. SMPP 3.4 §4.3
                self._violated("no such command_length", 0, 0, Status.ESME_RINVCMDLEN, events)
                self._out.append(encode(Pdu(Command.GENERIC_NACK, {}, Status.ESME_RINVCMDLEN)))
                self._close(End.UNFRAMEABLE, events)
                return events
            if length > end - at:
                break
            _, command, status, sequence = HEADER.unpack_from(data, at)
            if command & RESPONSE:
                self._take_response(command, status, sequence, data, at, at + length, events)
            else:
                self._take_request(command, status, sequence, data[at : at + length], now, events)
            if self.closed:
                return events
            at += length
        if at:
            self._heard_at = now
        self._rest = bytearray(data[at:])
        self._needed = length if end - at >= 4 else 4
        return events

    def _take_response(
        self, command: int, status: int, sequence: int, data: bytes, at: int, end: int, events: list[Event]
    ) -> None:
        sent = self._pending.get(sequence)
        nack = command == Command.GENERIC_NACK
        if sent is None or not (nack or sent.pdu.command | RESPONSE == command):
            self._take_other_response(command, status, sequence, events)
            return
        del self._pending[sequence]
        try:
            fields = decode_body(command, data, at + HEADER_LENGTH, end)
        except RemoteProtocolError as error:
            # Its header answers the question; what is behind it is read as far as it can be.
            fields = error.fields
            self._violated(str(error), command, sequence, error.status, events)
        pdu = Pdu(command, fields, status, sequence)
        if sent.pdu.command in BOUND:
            self._take_bind_response(sent.pdu, pdu, events)
        else:
            events.append(Responded(pdu, sent.pdu, sent.token))
            if self._leaving and not self._pending:
                self._let_go(events)

    def _take_other_response(self, command: int, status: int, sequence: int, events: list[Event]) -> None:
        """Match what the session itself asked. What nobody asked is told and not answered, lest two nacks never end."""
        nack = command == Command.GENERIC_NACK
        if self._probe and sequence == self._probe[0] and (nack or command == Command.ENQUIRE_LINK_RESP):
            self._probe = None
        elif self._unbinding and sequence == self._unbinding[0] and (nack or command == Command.UNBIND_RESP):
            self._close(self._unbinding[2], events)
        else:
            self._violated("an answer to nothing that was asked", command, sequence, status, events)

    def _take_bind_response(self, request: Pdu, pdu: Pdu, events: list[Event]) -> None:
        if pdu.status == Status.ESME_ROK and pdu.command != Command.GENERIC_NACK:
            self.state = BOUND[request.command]
            events.append(Bound(pdu))
        else:
            events.append(BindRefused(pdu.status or Status.ESME_RBINDFAIL))

    def _take_request(
        self, command: int, status: int, sequence: int, data: bytes, now: float, events: list[Event]
    ) -> None:
        if command not in BODIES:
            self._refuse(command, sequence, "unknown command", Status.ESME_RINVCMDID, events)
            return
        if self.state not in self._peer_may_ask.get(command, ()) or (command in BINDS and self._binding):
            already = command in BINDS and self.side is Side.SMSC
            fault = Status.ESME_RALYBND if already else Status.ESME_RINVBNDSTS
            self._refuse(command, sequence, f"not allowed while {self.state}", fault, events)
            return
        try:
            fields = decode_body(command, data, HEADER_LENGTH, len(data))
        except RemoteProtocolError as error:
            self._refuse(command, sequence, str(error), error.status, events)
            return
        pdu = Pdu(command, fields, status, sequence)
        if command == Command.ENQUIRE_LINK:
            self.respond(pdu)
        elif command == Command.UNBIND:
            self._leaving = self._leaving or (pdu, now + self.limits.linger)
            if not self._pending:
                self._let_go(events)
        else:
            self._binding = self._binding or command in BINDS
            events.append(Requested(pdu))

    def _refuse(self, command: int, sequence: int, what: str, fault: Status, events: list[Event]) -> None:
        """Answer a request that cannot be taken: by its own response where it has one, else by a generic_nack."""
        self._violated(what, command, sequence, fault, events)
        known = command in BODIES and command not in UNANSWERED
        self._out.append(encode(Pdu(command | RESPONSE if known else Command.GENERIC_NACK, {}, fault, sequence)))

    def _violated(self, what: str, command: int, sequence: int, status: int, events: list[Event]) -> None:
        events.append(Violation(what, command, sequence, status))

    # What time does.

    def deadline(self) -> float | None:
        """Tell when `advance` is to be called, unless something comes before."""
        if self.closed:
            return None
        limits = self.limits
        times = [sent.until for sent in self._oldest()]
        if self.state is State.OPEN:
            if self.side is Side.SMSC and limits.session_init is not None:
                times.append(self._opened_at + limits.session_init)
        elif self._unbinding is None:
            if limits.inactivity is not None:
                times.append(self._heard_at + limits.inactivity)
            if limits.enquire_link is not None and self._probe is None:
                times.append(self._heard_at + limits.enquire_link)
        times.extend(waiting[1] for waiting in (self._probe, self._unbinding, self._leaving) if waiting)
        return min(times, default=None)

    def advance(self, now: float) -> list[Event]:
        """Let time pass: what has waited too long is given up, a silent peer is asked, a dead one left."""
        events: list[Event] = []
        if self.closed:
            return events
        self._expire(now, events)
        if self._leaving and now >= self._leaving[1]:
            self._let_go(events)
        elif self._unbinding and now >= self._unbinding[1]:
            self._close(self._unbinding[2], events)
        elif self._probe and now >= self._probe[1]:
            self._close(End.SILENT, events)
        elif self.state is State.OPEN:
            waited = self.side is Side.SMSC and self.limits.session_init is not None
            if waited and now >= self._opened_at + (self.limits.session_init or 0):
                self._close(End.NOT_BOUND, events)
        elif self._unbinding is None and not self.closed:
            if self.limits.inactivity is not None and now >= self._heard_at + self.limits.inactivity:
                self.unbind(now, End.INACTIVE)
            elif self.limits.enquire_link is not None and now >= self._heard_at + self.limits.enquire_link:
                self.enquire(now)
        return events

    def _expire(self, now: float, events: list[Event]) -> None:
        late = []
        for sequence, sent in list(self._pending.items()):
            if sent.until > now:
                break  # they wait in the order in which they were asked
            late.append(self._pending.pop(sequence))
        if not late:
            return
        events.append(Unanswered(tuple(late)))
        if self.state is State.OPEN:
            self._close(End.SILENT, events)
        elif self._leaving and not self._pending:
            self._let_go(events)
        else:
            self.enquire(now)  # is it only slow, or is nobody there?

    def _oldest(self) -> list[Sent]:
        return [next(iter(self._pending.values()))] if self._pending else []

    def _let_go(self, events: list[Event]) -> None:
        if self._leaving:
            self.respond(self._leaving[0])
        self._close(End.UNBOUND_BY_PEER, events)

    def _close(self, why: End, events: list[Event]) -> None:
        if self.closed:
            return
        self.state = State.CLOSED
        self._rest.clear()
        if self._pending:
            events.append(Unanswered(tuple(self._pending.values())))
            self._pending.clear()
        events.append(Unbound(why))

    def _next_sequence(self) -> int:
        """Number a request, 1 to 0x7FFFFFFF and round again, past those that still wait (SMPP 3.4 §5.1.4)."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        while self._sequence in self._pending:
            self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence
