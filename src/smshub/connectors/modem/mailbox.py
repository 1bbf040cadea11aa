"""What comes in on one modem: texts and reports, taken off the SIM only when they are on disk."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from smshub.connectors.modem.inbox import Joiner, Stored, Whole
from smshub.connectors.modem.link import Declined, Link
from smshub.connectors.modem.outcomes import state_of
from smshub.connectors.modem.references import References
from smshub.connectors.modem.settings import ModemSettings
from smshub.domain.delivery import Receipt
from smshub.domain.incoming import Incoming
from smshub.domain.numbers import masked
from smshub.protocols.gsm.at import Line, fields
from smshub.protocols.gsm.octets import TpduError
from smshub.protocols.gsm.tpdu import Deliver, StatusReport, decode

log = structlog.get_logger(__name__)

MEMORIES = frozenset({"SM", "ME", "MT", "SR"})

Place = tuple[str, int]


class Above(Protocol):
    """Where receipts and texts go."""

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """A report came."""

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """A text came in."""


class Mailbox:
    """
    The memories of one modem and its SIM, for as long as it stays plugged in.

    `card` names the SIM, `home` the memory where texts are kept ("": the modem does not say). `attention` is set when
    there is something to do.
    """

    def __init__(
        self, name: str, settings: ModemSettings, above: Above, references: References, attention: asyncio.Event
    ) -> None:
        self._name = name
        self._settings = settings
        self._above = above
        self._references = references
        self._attention = attention
        self.begin("", "")

    def begin(self, card: str, home: str) -> None:
        """Forget what lay on another card, or on this one before it was plugged in anew."""
        self._card = card
        self._home = home if home in MEMORIES else ""
        self._current = self._home
        self._due: set[str] = {self._home}
        self._joiners: dict[str, Joiner] = {}
        self._offered: set[Place] = set()
        self._kept: set[Place] = set()
        self._finished: list[Place] = []
        self._life = object()

    # --- what the modem says of its own accord ----------------------------------------------------------------------

    def told(self, value: str) -> None:
        """Take `+CMTI` or `+CDSI`: something lies in a memory."""
        memory = (fields(value) or [""])[0]
        self._due.add(memory if memory in MEMORIES else self._home)
        self._attention.set()

    def direct(self, pdu: str) -> None:
        """Take a PDU that the modem keeps nowhere."""
        read = self._decode(pdu)
        if isinstance(read, StatusReport):
            self._report(read, _nothing)
        elif isinstance(read, Deliver):
            for whole in Joiner(self._card, 0.0).join([Stored(-1, pdu, read)], 0.0):
                self._above.incoming(self._incoming(whole), _nothing)

    # --- what takes commands ----------------------------------------------------------------------------------------

    def look_again(self) -> None:
        """Have everything read again; what was offered and is not on disk yet is offered once more."""
        self._offered.clear()
        self._due.add(self._home)

    async def tend(self, link: Link) -> None:
        """Delete what is on disk, read what is due, until there is nothing more. Raises `Silent`, `Lost`."""
        while self._finished or (self._due and self._settings.inbox):
            if self._finished:
                await self._delete(link, self._finished.pop())
            else:
                await self._read(link, self._due.pop())

    async def _select(self, link: Link, memory: str) -> bool:
        if memory in {"", self._current}:
            return True
        try:
            await link.ask(f'AT+CPMS="{memory}"', "+CPMS:", within=self._settings.command_timeout)
        except Declined as declined:
            log.warning("modem.memory_unreadable", modem=self._name, memory=memory, why=str(declined))
            return False
        self._current = memory
        return True

    async def _delete(self, link: Link, place: Place) -> None:
        """Delete one: never all, for more may have come in meanwhile."""
        memory, index = place
        self._offered.discard(place)
        try:
            if await self._select(link, memory):
                await link.ask(f"AT+CMGD={index}", within=self._settings.command_timeout)
        except Declined as declined:
            log.warning("modem.not_deleted", modem=self._name, index=index, why=str(declined))
            self._kept.add(place)

    async def _read(self, link: Link, memory: str) -> None:
        """Read a memory; offer what is whole to the engine, once until the next look."""
        if not await self._select(link, memory):
            return
        try:
            # 4 is "all", TS 27.005 §4.1; a full card takes its time.
            lines = await link.ask("AT+CMGL=4", "+CMGL:", within=self._settings.command_timeout * 4)
        except Declined as declined:
            log.warning("modem.inbox_unreadable", modem=self._name, why=str(declined))
            return
        parts = [part for line in lines if (part := self._sort(line, memory)) is not None]
        joiner = self._joiners.setdefault(memory, Joiner(self._card, self._settings.join_within))
        for whole in joiner.join(parts, asyncio.get_running_loop().time()):
            places = [(memory, index) for index in whole.indexes]
            if self._offered.issuperset(places) or self._kept.issuperset(places):
                continue
            self._offered.update(places)
            log.info("modem.text", modem=self._name, sender=masked(whole.sender), complete=whole.complete)
            self._above.incoming(self._incoming(whole), partial(self._stored, self._life, places))

    def _sort(self, line: Line, memory: str) -> Stored | None:
        """Tell what lies at a place: a part of a text is given, a report told, what is none of ours left alone."""
        index = (fields(line.value("+CMGL:") or "") or [""])[0]
        if line.pdu is None or not index.isascii() or not index.isdigit() or len(index) > 5:
            return None
        read = self._decode(line.pdu)
        if isinstance(read, Deliver):
            return Stored(int(index), line.pdu, read)
        place = (memory, int(index))
        if isinstance(read, StatusReport) and place not in self._offered | self._kept:
            self._offered.add(place)
            self._report(read, partial(self._stored, self._life, [place]))
        return None

    def _stored(self, life: object, places: list[Place]) -> None:
        """Note that what lay there is on disk; nothing is deleted if the modem was plugged in anew since."""
        if life is not self._life:
            return
        if self._settings.delete_read:
            self._finished += places
            self._attention.set()
        else:
            self._kept.update(places)

    # --- what it says -----------------------------------------------------------------------------------------------

    def _decode(self, pdu: str) -> object:
        try:
            return decode(pdu)
        except TpduError as error:
            log.warning("modem.pdu_unreadable", modem=self._name, why=str(error))
            return None

    def _report(self, report: StatusReport, stored: Callable[[], None]) -> None:
        ref, aliases = self._references.of(self._card, report, time.time())
        at = time.time() if report.at is None else report.at
        receipt = Receipt(ref, state_of(report.status), at, f"{report.status:02X}", aliases)
        self._above.receipt(receipt, stored)

    def _incoming(self, whole: Whole) -> Incoming:
        received = time.time() if whole.at is None else whole.at
        return Incoming("", "", whole.sender.removeprefix("+"), self._name, whole.text, received, whole.ref)


def _nothing() -> None:
    """What is kept nowhere needs no tidying."""
