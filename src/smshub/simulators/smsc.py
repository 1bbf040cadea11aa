"""
A message centre (SMSC) for demos, tests and first steps: real SMPP 3.4 on a loopback port, no handset behind it.

It takes what an ESME submits, prints each text once it is whole, and reports it delivered, unless its fault script
says otherwise (`smshub.simulators.faults`).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.gsm7 import encode_gsm7
from smshub.domain.text import Encoding, split
from smshub.protocols.smpp.contents import decode_text, part_of
from smshub.protocols.smpp.events import Event, Limits, Requested, Responded, Side, State, Unbound
from smshub.protocols.smpp.pdus import BINDS, Command, Pdu, Value
from smshub.protocols.smpp.receipt import format_receipt
from smshub.protocols.smpp.session import Session
from smshub.protocols.smpp.status import Status
from smshub.simulators.faults import Action, Report, Script, Step

# What this simulator can do wrong; the rest of the actions are for providers that speak HTTP.
FAULTS = (
    Action.ACCEPT,
    Action.REFUSE,
    Action.THROTTLE,
    Action.DELAY,
    Action.HANG,
    Action.DROP,
    Action.LATE,
    Action.DUPLICATE,
    Action.GARBAGE,
    Action.RECEIPT,
)

_UNFINISHED = 1_000  # long texts of which parts are missing are forgotten beyond so many


@dataclass(frozen=True, slots=True)
class Received:
    """One submit_sm: its addresses, its text (this segment's), what the centre called it and how it was answered."""

    source: str
    to: str
    text: str
    message_id: str
    action: Action
    at: float
    pdu: Pdu = field(repr=False)


class SmscSimulator:
    """
    The message centre. `received` lists every submit_sm; `show` gets a line for each whole text.

    With `system_id` and `password` binds must carry them. `throughput` is how many submits a second are taken before
    the rest is answered ESME_RTHROTTLED. `receipt_delay` is in seconds. With `reply` each handset that gets a text
    answers with that one.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        system_id: str | None = None,
        password: str | None = None,
        throughput: float | None = None,
        receipt_delay: float = 0.05,
        show: Callable[[str], None] | None = None,
        reply: str | None = None,
    ) -> None:
        self.reply = reply
        self.script = script or Script()
        self.system_id = system_id
        self.password = password
        self.throughput = throughput
        self.receipt_delay = receipt_delay
        self.show = show
        self.received: list[Received] = []
        self.links: set[_Link] = set()
        self.owed: list[Pdu] = []  # reports and texts for which nobody was bound
        self.answered: deque[Pdu] = deque(maxlen=1_000)  # the answers to what was delivered
        self._server: asyncio.Server | None = None
        self._count = 0
        self._second = (0, 0)
        self._parts: dict[tuple[str, str, int], dict[int, str]] = {}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; give the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Link(self), host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Close every link and stop listening."""
        if self._server is None:
            return
        self._server.close()
        for link in list(self.links):
            link.abort()
        await self._server.wait_closed()
        self._server = None

    def new_id(self) -> str:
        """Call the next message something."""
        self._count += 1
        return f"{self._count:08x}"

    def too_fast(self) -> bool:
        """Count a submit and say whether it is beyond what this second allows."""
        if self.throughput is None:
            return False
        second = int(time.monotonic())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, count)
        return count > self.throughput

    def take(self, pdu: Pdu, message_id: str, action: Action) -> Received:
        """Note a submit_sm and show its text when it is whole."""
        number, total, reference = part_of(pdu)
        received = Received(
            source=pdu.text("source_addr"),
            to=pdu.text("destination_addr"),
            text=decode_text(pdu.number("data_coding"), pdu.user_data),
            message_id=message_id,
            action=action,
            at=time.time(),
            pdu=pdu,
        )
        self.received.append(received)
        if action in {Action.REFUSE, Action.THROTTLE}:
            return received
        if total == 1:
            self._show(received, received.text, 1)
            return received
        key = (received.source, received.to, reference)
        parts = self._parts.setdefault(key, {})
        parts[number] = received.text
        if len(parts) == total:
            del self._parts[key]
            self._show(received, "".join(parts[place] for place in sorted(parts)), total)
        while len(self._parts) > _UNFINISHED:
            del self._parts[next(iter(self._parts))]
        return received

    def write(self, source: str, to: str, text: str, *, data_coding: int | None = None) -> None:
        """
        Let somebody send a text to a number of the ESME's: a deliver_sm for each segment.

        Raises ValueError where it cannot be cut. With `data_coding` it is written in one, in GSM 03.38, Latin 1 or
        UCS-2 as that says.
        """
        self._count += 1
        for segment in split(text, reference=self._count % 256):
            coding = (0x08 if segment.encoding is Encoding.UCS2 else 0x00) if data_coding is None else data_coding
            charset = {0x01: "latin-1", 0x03: "latin-1", 0x08: "utf-16-be"}.get(coding)
            octets = segment.text.encode(charset) if charset else encode_gsm7(segment.text)
            fields: dict[str, Value] = {
                "source_addr": source,
                "source_addr_ton": 1 if source.isdigit() else 5,  # SMPP 3.4 §5.2.5
                "source_addr_npi": 1 if source.isdigit() else 0,
                "destination_addr": to,
                "dest_addr_ton": 1 if to.isdigit() else 5,
                "dest_addr_npi": 1 if to.isdigit() else 0,
                "esm_class": 0x40 if segment.udh else 0,
                "data_coding": coding,
                "short_message": segment.udh + octets,
            }
            self.deliver(Pdu(Command.DELIVER_SM, fields))

    def deliver(self, pdu: Pdu) -> None:
        """Send a deliver_sm over any link that receives; without one, when there is."""
        for link in self.links:
            if link.bound_to_receive:
                link.deliver(pdu)
                return
        self.owed.append(pdu)

    def _show(self, received: Received, text: str, segments: int) -> None:
        if self.show is not None:
            flash = " flash" if received.pdu.number("data_coding") & 0xF3 == 0x10 else ""
            many = f" ({segments} segments)" if segments > 1 else ""
            printable = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
            self.show(f"{received.source or '-'} -> {received.to}{flash}{many}: {printable}")
        if self.reply is not None:
            self.write(received.to, received.source, self.reply)


class _Link(asyncio.Protocol):
    """One connection of an ESME."""

    def __init__(self, smsc: SmscSimulator) -> None:
        self._smsc = smsc
        self._loop = asyncio.get_running_loop()
        self._session = Session(Side.SMSC, Limits(), self._loop.time())
        self._timers: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's by class.
        self._transport = cast("asyncio.Transport", transport)
        self._smsc.links.add(self)
        self._watch()

    def connection_lost(self, error: Exception | None) -> None:
        self._smsc.links.discard(self)
        self._session.receive_eof(self._loop.time())
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._handle(self._session.receive_data(data, self._loop.time()))

    def deliver(self, pdu: Pdu) -> None:
        """Send a deliver_sm."""
        if self.bound_to_receive:
            self._session.request(pdu, self._loop.time())
            self._flush()

    @property
    def bound_to_receive(self) -> bool:
        """Whether this link takes deliver_sm."""
        return self._session.state in {State.BOUND_RX, State.BOUND_TRX}

    def _watch(self) -> None:
        deadline = self._session.deadline()
        if deadline is not None:
            self._later(max(deadline - self._loop.time(), 0.01), self._advance)

    def _advance(self) -> None:
        self._handle(self._session.advance(self._loop.time()))
        self._watch()

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        timer: asyncio.TimerHandle

        def run() -> None:
            self._timers.discard(timer)
            if not self._transport.is_closing():
                function()

        timer = self._loop.call_later(seconds, run)
        self._timers.add(timer)

    def _flush(self) -> None:
        data = self._session.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Requested(pdu=pdu) if pdu.command in BINDS:
                    self._bind(pdu)
                case Requested(pdu=pdu) if pdu.command == Command.SUBMIT_SM:
                    self._submit(pdu)
                case Requested(pdu=pdu):
                    self._answer(pdu, Status.ESME_RINVCMDID)
                case Unbound():
                    self._flush()
                    self._transport.close()
                case Responded(pdu=pdu):
                    self._smsc.answered.append(pdu)
                case _:  # what was violated has been answered
                    pass
            if self._transport.is_closing():
                return
        self._flush()

    def _answer(self, pdu: Pdu, status: int, **fields: str) -> None:
        if not self._session.closed:
            self._session.respond(pdu, status, **fields)

    def _bind(self, pdu: Pdu) -> None:
        smsc = self._smsc
        if smsc.system_id is not None and pdu.text("system_id") != smsc.system_id:
            self._answer(pdu, Status.ESME_RINVSYSID)
        elif smsc.password is not None and pdu.text("password") != smsc.password:
            self._answer(pdu, Status.ESME_RINVPASWD)
        else:
            self._answer(pdu, Status.ESME_ROK, system_id="smshub-smsc")
            if self.bound_to_receive:
                owed, smsc.owed = smsc.owed, []
                for receipt in owed:
                    self.deliver(receipt)

    def _submit(self, pdu: Pdu) -> None:
        step = Step(Action.THROTTLE) if self._smsc.too_fast() else self._smsc.script.next()
        message_id = self._smsc.new_id()
        received = self._smsc.take(pdu, message_id, step.action)
        accept = partial(self._accept, pdu, received)
        match step.action:
            case Action.REFUSE:
                code = step.argument or ""
                self._answer(pdu, _status(code))
            case Action.THROTTLE:
                self._answer(pdu, Status.ESME_RTHROTTLED)
            case Action.HANG:
                pass
            case Action.DROP:
                self.abort()
            case Action.DELAY | Action.LATE:
                self._later(step.seconds, accept)
            case Action.DUPLICATE:
                accept()
                self._answer(pdu, Status.ESME_ROK, message_id=message_id)
            case Action.GARBAGE:
                self._transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            case _:
                accept()

    def _accept(self, pdu: Pdu, received: Received) -> None:
        step = self._smsc.script.next_receipt()
        wanted = pdu.number("registered_delivery") & 0x03 == 1  # SMPP 3.4 §5.2.17
        report = Report(step.argument) if wanted and step.argument else Report.NONE
        if report is Report.EARLY:
            self._report(received, ReceiptState.DELIVERED)
        self._answer(pdu, Status.ESME_ROK, message_id=received.message_id)
        self._flush()
        delay = step.seconds if report is Report.LATE else self._smsc.receipt_delay
        state = ReceiptState.UNDELIVERABLE if report is Report.BAD else ReceiptState.DELIVERED
        # The centre's own timers: it still owes the report when this link is gone.
        if report in {Report.GOOD, Report.BAD, Report.LATE, Report.TWICE}:
            self._loop.call_later(delay, self._report, received, state)
        if report is Report.TWICE:
            self._loop.call_later(delay * 2, self._report, received, state)

    def _report(self, received: Received, state: ReceiptState) -> None:
        """Report on a message, over this link or another one that receives; without one, when there is."""
        code = "000" if state is ReceiptState.DELIVERED else "001"
        receipt = Receipt(ref=received.message_id, state=state, at=time.time(), code=code)
        fields: dict[str, Value] = {
            **format_receipt(receipt, submitted_at=received.at, text=received.text.encode("ascii", "replace")),
            "source_addr": received.to,
            "source_addr_ton": received.pdu.number("dest_addr_ton"),
            "source_addr_npi": received.pdu.number("dest_addr_npi"),
            "destination_addr": received.source,
        }
        pdu = Pdu(Command.DELIVER_SM, fields)
        if self.bound_to_receive:
            self.deliver(pdu)
        else:
            self._smsc.deliver(pdu)


def _status(code: str) -> int:
    """Read the code of a `refuse` step: a name of the specification or a number; without one, a system error."""
    if code.upper() in Status.__members__:
        return Status[code.upper()]
    try:
        return int(code, 0)
    except ValueError:
        return Status.ESME_RSYSERR
