"""The way out over SMPP 3.4: binds, keeps the window full, reports receipts, reconnects."""

import asyncio
import random
import ssl
import time
from contextlib import suppress
from functools import cached_property, partial
from typing import ClassVar

import structlog

from smshub.connectors.base import ConnectorSettings, Debug, wanted
from smshub.connectors.smpp.delivery import Delivery, Part, Waiting
from smshub.connectors.smpp.inbox import Inbox
from smshub.connectors.smpp.link import BindRefusedError, Link, SessionOver
from smshub.connectors.smpp.outcomes import CREDENTIALS, outcome_of
from smshub.connectors.smpp.settings import SmppSettings, zone_of
from smshub.connectors.smpp.texts import Texts, Unsendable
from smshub.domain.contracts import Capabilities, ConnectorState, Events, Settle
from smshub.domain.delivery import Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.domain.numbers import masked
from smshub.protocols.smpp.codec import LocalProtocolError
from smshub.protocols.smpp.events import (
    BindMode,
    Credentials,
    Event,
    Limits,
    Requested,
    Responded,
    Sent,
    Unanswered,
    Unbound,
    Violation,
)
from smshub.protocols.smpp.pdus import UNANSWERED, Command, Pdu, command_name
from smshub.protocols.smpp.receipt import is_receipt, parse_receipt
from smshub.protocols.smpp.status import Status, status_name
from smshub.settings import SecretMissing

log = structlog.get_logger(__name__)

MODES = {
    "transceiver": (BindMode.TRANSCEIVER,),
    "transmitter": (BindMode.TRANSMITTER,),
    "receiver": (BindMode.RECEIVER,),
    "pair": (BindMode.TRANSMITTER, BindMode.RECEIVER),
}
# So many reports and texts may wait to be on disk; the SMSC is asked to send more of them later.
_MOST_UNKEPT = 1_000
_GIVEN_UP = 60.0  # seconds after which one that could not be written down is not counted any more: it comes again
_GOODBYE = 2.0  # seconds that the answer to our unbind is waited for


def pause(failures: int, initial: float, longest: float, draw: float) -> float:
    """
    Tell how many seconds to wait before connecting again after the n-th failure in a row.

    It doubles from `initial` to `longest`; `draw` in [0, 1) spreads it over the upper half of that.
    """
    return min(longest, initial * 2.0 ** min(failures - 1, 20)) * (0.5 + 0.5 * draw)


# What a submit_sm whose octets are written by `Texts.written` is called.
_SUBMIT = Pdu(Command.SUBMIT_SM)


class Connector:
    """
    A link to a SMSC, or a pair of them.

    A message of several segments is taken while there is room for one; the segments that the window does not take at
    once wait here until answers free it.
    """

    settings_class: ClassVar[type[ConnectorSettings]] = SmppSettings

    def __init__(self, name: str, settings: SmppSettings) -> None:
        self.name = name
        self.settings = settings
        both = settings.mode in ("transceiver", "pair")
        self.capabilities = Capabilities(receipts=settings.receipts and both, flash=True)
        self._texts = Texts(settings)
        self._reasons = {int(code, 0): reason for code, reason in settings.reasons.items()}
        self._zone = zone_of(settings.receipt_zone)
        self._limits = Limits(
            window=settings.window, enquire_link=settings.enquire_link, response=settings.response_timeout
        )
        self._events: Events | None = None
        self._sending: Link | None = None
        self._waiting = Waiting()
        self._stopping = False
        self._drained: asyncio.Event | None = None
        self._errors: dict[BindMode, str] = {}
        self._inbox = Inbox(settings.gsm7_alphabet)
        self._unkept: dict[tuple[int, int], float] = {}  # by link and sequence, since when

    # --- what the engine asks (domain.contracts.Connector) ----------------------------------------------------------

    def room(self) -> int:
        """How many more segments the window takes."""
        link = self._sending
        if link is None or link.paused or self._stopping:
            return 0
        return max(0, link.session.room - len(self._waiting))

    def state(self) -> ConnectorState:
        """Up while there is a bind that can send; what is wrong with the other one of a pair is told as well."""
        up = self._sending is not None and not self._stopping
        return ConnectorState(up, "; ".join(self._errors.values()) or None)

    def submit(self, message: Message, settle: Settle) -> None:
        """Send a message, each of its segments by a submit_sm."""
        now = time.time()
        if self._sending is None or self._stopping:
            self._later(settle, Deferred(Reason.UNREACHABLE, detail=self.state().error or "not bound"))
            return
        if message.expires_at <= now:
            self._later(settle, Deferred(Reason.EXPIRED, detail="its time ran out before it left"))
            return
        try:
            body = self._texts.written(message, now)
            if body is not None and self._at_once(message, body, settle):
                return
            pdus = self._texts.pdus(message, now)
        except Unsendable as error:
            self._later(settle, Rejected(error.reason, detail=str(error)))
            return
        except ValueError:
            self._later(settle, Rejected(Reason.CONTENT, detail="the text cannot be encoded"))
            return
        delivery = Delivery(settle, len(pdus), message)
        for number, pdu in enumerate(pdus):
            self._waiting.add(Part(delivery, number, pdu))
        self._fill()

    def _at_once(self, message: Message, body: bytes, settle: Settle) -> bool:
        """Send what is written already, where nothing waits before it and the window has room."""
        link = self._sending
        if link is None or self._waiting or not link.session.room:
            return False
        part = Part(Delivery(settle, 1, message), 0, _SUBMIT)
        part.flush = link.flushes
        link.session.request_written(_SUBMIT, body, link.now(), part)
        link.flush_soon()
        return True

    async def run(self, events: Events) -> None:
        """Keep bound until cancelled."""
        self._events = events
        self._stopping = False
        try:
            async with asyncio.TaskGroup() as group:
                for mode in MODES[self.settings.mode]:
                    group.create_task(self._keep(mode), name=f"{self.name} {mode.name.lower()}")
        finally:
            self._stopping = True
            self._waiting.give_up("the hub stopped")
            self._events = None

    # --- life of a bind ---------------------------------------------------------------------------------------------

    async def _keep(self, mode: BindMode) -> None:
        """Bind and stay bound; when it fails or ends, do it again after a pause."""
        failures = 0
        settings = self.settings
        while True:
            slow = False
            try:
                link = await self._bound(mode)
                failures = 0 if await self._live(mode, link) else failures
            except BindRefusedError as refused:
                slow = refused.status in CREDENTIALS
                refusal = "the credentials are refused" if slow else "the bind is refused"
                self._failed(mode, f"{refusal} ({status_name(refused.status)})")
            except SessionOver as over:
                self._failed(mode, f"no bind: {over.why}")
            except (OSError, UnicodeError, LocalProtocolError, SecretMissing) as error:
                self._failed(mode, self._words(error))
            failures += 1
            wait = pause(failures, settings.backoff_initial, settings.backoff_max, random.random())  # noqa: S311 - jitter
            await asyncio.sleep(settings.backoff_max if slow else wait)

    async def _bound(self, mode: BindMode) -> Link:
        """Connect and bind; raises what `_keep` catches."""
        settings = self.settings
        password = settings.password.reveal() if settings.password else ""
        link = Link(self._limits, self._handle)
        credentials = Credentials(
            settings.system_id,
            password,
            settings.system_type,
            settings.addr_ton,
            settings.addr_npi,
            settings.address_range,
        )
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await asyncio.get_running_loop().create_connection(
                    lambda: link,
                    settings.host,
                    settings.port,
                    ssl=self._tls if settings.tls else None,
                    server_hostname=(settings.tls_name or settings.host) if settings.tls else None,
                )
            await link.bind(mode, credentials)
        except BaseException:
            link.abort()
            raise
        return link

    async def _live(self, mode: BindMode, link: Link) -> bool:
        """Be bound until it ends, and tell whether it was of use."""
        began = link.now()
        self._errors.pop(mode, None)
        if mode is not BindMode.RECEIVER:
            self._sending = link
        elif self.settings.mode == "receiver":
            self._errors[mode] = "bound as receiver: it only takes receipts"
        log.info("smpp.bound", connector=self.name, mode=mode.name.lower())
        self._changed()
        try:
            await asyncio.wait((link.ended,))
        except asyncio.CancelledError:
            await self._leave(link)
            raise
        finally:
            link.abort()
            if link is self._sending:
                self._sending = None
                self._waiting.give_up("the link was lost")
        self._failed(mode, str(link.ended.result()))
        return link.answered or link.now() - began > self.settings.backoff_max

    async def _leave(self, link: Link) -> None:
        """Take no more, wait for the answers to what is in flight, say goodbye."""
        self._stopping = True
        self._changed()
        if link is self._sending and (link.session.in_flight or self._waiting):
            self._drained = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), self.settings.grace)
        link.unbind()
        await asyncio.wait((link.ended,), timeout=_GOODBYE)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        settings = self.settings
        context = ssl.create_default_context(cafile=settings.tls_ca)
        if not settings.tls_verify:
            log.warning("smpp.certificate_not_verified", connector=self.name)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _words(self, error: Exception) -> str:
        """Tell why there is no connection; the settings' secrets are in none of these errors."""
        where = f"{self.settings.host}:{self.settings.port}"
        match error:
            case ssl.SSLCertVerificationError():
                return f"the certificate of {where} is not accepted: {error.verify_message}"
            case TimeoutError():
                return f"{where} does not answer"
            case OSError():
                return f"{where} cannot be reached: {error.strerror or str(error) or type(error).__name__}"
            case _:
                return f"cannot bind: {error}"

    def _failed(self, mode: BindMode, why: str) -> None:
        if self._errors.get(mode) != why:
            log.warning("smpp.down", connector=self.name, mode=mode.name.lower(), why=why)
        self._errors[mode] = why
        self._changed()

    # --- what the links bring ---------------------------------------------------------------------------------------

    def _handle(self, link: Link, events: list[Event]) -> None:
        """Take what one read brought; the engine is told once."""
        for event in events:
            match event:
                case Responded(pdu, _, part):
                    link.answered = True
                    outcome = outcome_of(pdu, self._reasons)
                    if self.settings.debug is not Debug.OFF:
                        self._exchanged(part, pdu, outcome)
                    self._waiting.settle(part, outcome)
                case Requested(pdu):
                    self._requested(link, pdu)
                case Unanswered(requests):
                    self._unanswered(link, requests)
                case Unbound(why):
                    if link is self._sending:
                        self._sending = None
                        self._waiting.give_up(str(why))
                case Violation(what, command, sequence, status):
                    self._violated(what, command, sequence, status)
                case _:
                    pass  # the bind's, which `_bound` waits for
        self._fill()
        if self._drained is not None and not link.session.in_flight and not self._waiting:
            self._drained.set()
        self._changed()

    def _exchanged(self, part: Part, pdu: Pdu, outcome: Outcome) -> None:
        """Tell what was said of one segment, without its text and number."""
        if self._events is None or not wanted(self.settings.debug, outcome):
            return
        message = part.delivery.message
        said = f"submit_sm, segment {part.number + 1} of {message.segments}, {message.encoding}"
        sender = f"source_addr {message.originator!r}, destination_addr {masked(message.to)}"
        status = f"command_status 0x{pdu.status:08X} ({status_name(pdu.status)})"
        answer = f"{command_name(pdu.command)}, {status}, message_id {pdu.text('message_id')!r}"
        self._events.exchanged(message, f"{said}\n{sender}", answer)

    def _fill(self) -> None:
        """Give the window what waits for it."""
        link = self._sending
        if link is None or not self._waiting:
            return
        room = link.session.room
        now = link.now()
        while room > 0 and self._waiting:
            part = self._waiting.next()
            part.flush = link.flushes
            try:
                link.session.request(part.pdu, now, part)
            except LocalProtocolError as error:
                refused = Deferred(Reason.MISCONFIGURED, detail=str(error))
                asyncio.get_running_loop().call_soon(self._waiting.settle, part, refused)
            else:
                room -= 1
        link.flush_soon()

    def _unanswered(self, link: Link, requests: tuple[Sent, ...]) -> None:
        why = "the link was lost" if link.session.closed else f"no answer in {self.settings.response_timeout:g} s"
        for sent in requests:
            part = sent.token
            if isinstance(part, Part):
                written = link.flushes > part.flush
                outcome = Uncertain(detail=why) if written else Deferred(Reason.UNREACHABLE, detail=why)
                self._waiting.settle(part, outcome)

    def _requested(self, link: Link, pdu: Pdu) -> None:
        """Take a receipt, or a text of somebody: both are answered when they are on disk."""
        if pdu.command in UNANSWERED:
            return
        if self._events is None or not self._may_keep(link, pdu):
            link.session.respond(pdu, Status.ESME_RX_T_APPN)
        elif is_receipt(pdu):
            receipt = parse_receipt(pdu, time.time(), spelling=self.settings.receipt_ids, zone=self._zone)
            if receipt is None:
                log.warning("smpp.receipt_unreadable", connector=self.name, sequence=pdu.sequence)
                self._stored(link, pdu)
                return
            self._events.receipt(receipt, partial(self._stored, link, pdu))
        else:
            self._events.incoming(self._inbox.take(pdu, time.time()), partial(self._stored, link, pdu))

    def _may_keep(self, link: Link, pdu: Pdu) -> bool:
        now = link.now()
        if len(self._unkept) >= _MOST_UNKEPT:
            self._unkept = {key: since for key, since in self._unkept.items() if now - since < _GIVEN_UP}
            if len(self._unkept) >= _MOST_UNKEPT:
                return False
        self._unkept[id(link), pdu.sequence] = now
        return True

    def _stored(self, link: Link, pdu: Pdu) -> None:
        self._unkept.pop((id(link), pdu.sequence), None)
        link.session.respond(pdu)
        link.flush_soon()

    def _violated(self, what: str, command: int, sequence: int, status: int) -> None:
        log.debug(
            "smpp.violation",
            connector=self.name,
            what=what,
            command=command_name(command),
            sequence=sequence,
            status=status_name(status),
        )

    def _changed(self) -> None:
        if self._events is not None:
            self._events.changed()

    @staticmethod
    def _later(settle: Settle, outcome: Outcome) -> None:
        asyncio.get_running_loop().call_soon(settle, outcome)
