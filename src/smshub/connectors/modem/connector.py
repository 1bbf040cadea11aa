"""The way out through GSM modems: several in rotation, each with one text at a time."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

import structlog

from smshub.connectors.base import ConnectorSettings, in_short, wanted
from smshub.connectors.modem.modem import Modem, UssdFailed
from smshub.connectors.modem.settings import ModemSettings
from smshub.connectors.modem.texts import Unsendable, pdus_of
from smshub.domain.commands import Refusal, Refused
from smshub.domain.contracts import Capabilities, ConnectorState, Events, Settle
from smshub.domain.delivery import Deferred, Outcome, Reason, Receipt, Rejected, Uncertain
from smshub.domain.incoming import Incoming, ModemView, UssdAnswered
from smshub.domain.message import Message
from smshub.protocols.gsm.ussd import BadCode, check_code

log = structlog.get_logger(__name__)


class Connector:
    """
    Some modems.

    A text is taken while a modem is free; the few that were promised room which is gone meanwhile wait for the next.
    """

    settings_class: ClassVar[type[ConnectorSettings]] = ModemSettings

    def __init__(self, name: str, settings: ModemSettings) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = Capabilities(receipts=settings.reports, flash=True)
        self._modems = [
            Modem(f"{name}-{place}", port, settings, self) for place, port in enumerate(settings.ports, start=1)
        ]
        self._next = 0
        self._waiting: deque[tuple[Message, Settle]] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._events: Events | None = None
        self._stopping = False

    # --- what the engine asks (domain.contracts.Connector) ----------------------------------------------------------

    def room(self) -> int:
        """How many modems are free."""
        if self._events is None or self._stopping:
            return 0
        return max(0, sum(modem.ready and not modem.busy for modem in self._modems) - len(self._waiting))

    def state(self) -> ConnectorState:
        """Up while one modem can send; what is wrong with the others is told as well."""
        up = self._events is not None and not self._stopping and any(modem.ready for modem in self._modems)
        wrong = [f"{modem.name}: {modem.error}" for modem in self._modems if modem.error]
        return ConnectorState(up, "; ".join(wrong)[:400] or None)

    def submit(self, message: Message, settle: Settle) -> None:
        """Send a message with the modem whose turn it is."""
        if not self.state().up:
            self._later(
                settle, Deferred(Reason.UNREACHABLE, detail=self.state().error or "the connector is not running")
            )
            return
        self._waiting.append((message, settle))
        self._give()

    async def run(self, events: Events) -> None:
        """Keep every modem at work until cancelled."""
        self._events = events
        self._stopping = False
        try:
            async with asyncio.TaskGroup() as group:
                lives = [group.create_task(modem.run(), name=modem.name) for modem in self._modems]
                try:
                    await asyncio.gather(*(asyncio.shield(life) for life in lives))
                finally:
                    await self._drain()
                    for life in lives:
                        life.cancel()
        finally:
            self._events = None

    async def _drain(self) -> None:
        """Take no more, wait for what is under way, cut off what takes too long."""
        self._stopping = True
        self._give_up("the hub stopped")
        if self._sending:
            await asyncio.wait(self._sending, timeout=self.settings.grace)
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    # --- sending ----------------------------------------------------------------------------------------------------

    def _give(self) -> None:
        """Give what waits to the modems that are free."""
        while self._waiting and (modem := self._choose()) is not None:
            message, settle = self._waiting.popleft()
            modem.busy = True
            task = asyncio.create_task(self._send(modem, message, settle), name=f"{modem.name} {message.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if self._waiting and not any(modem.ready for modem in self._modems):
            self._give_up("no modem is there any more")

    def _choose(self) -> Modem | None:
        """Choose a modem that is free: the next in turn, or the default one before the others."""
        order = self._modems[self._next :] + self._modems[: self._next]
        if self.settings.rotation == "default":
            order = sorted(self._modems, key=lambda modem: modem is not self.default)
        for modem in order:
            if modem.ready and not modem.busy:
                self._next = (self._modems.index(modem) + 1) % len(self._modems)
                return modem
        return None

    async def _send(self, modem: Modem, message: Message, settle: Settle) -> None:
        progress: list[Outcome] = [Deferred(Reason.UNREACHABLE, detail="not sent")]
        try:
            now = time.time()
            if message.expires_at <= now:
                progress[:] = [Deferred(Reason.EXPIRED, detail="its time ran out before it left")]
                return
            await modem.send(pdus_of(message, self.settings, now), message.to, progress)
        except Unsendable as unsendable:
            progress[:] = [Rejected(unsendable.reason, detail=str(unsendable))]
        except Exception as error:
            log.exception("modem.failed", modem=modem.name)
            progress[:] = [Uncertain(Reason.CRASHED, f"{type(error).__name__} in the connector")]
        finally:
            modem.busy = False
            if self._events is not None and wanted(self.settings.debug, progress[0]):
                self._events.exchanged(message, *in_short(message, progress[0], modem.name))
            settle(progress[0])
            self.changed()

    def _give_up(self, why: str) -> None:
        """Settle what waits: it has not been written."""
        while self._waiting:
            _, settle = self._waiting.popleft()
            self._later(settle, Deferred(Reason.UNREACHABLE, detail=why))

    @staticmethod
    def _later(settle: Settle, outcome: Outcome) -> None:
        asyncio.get_running_loop().call_soon(settle, outcome)

    # --- what the modems tell ---------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Go on with what waits, and tell the engine."""
        self._give()
        if self._events is not None:
            asyncio.get_running_loop().call_soon(self._events.changed)

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """Hand a report on."""
        if self._events is not None:
            self._events.receipt(receipt, stored)

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """Hand a text on."""
        if self._events is not None:
            self._events.incoming(text, stored)

    # --- modems and USSD (domain.contracts.Modems) ------------------------------------------------------------------

    @property
    def default(self) -> Modem:
        """The modem that is asked where none is named."""
        return next((modem for modem in self._modems if modem.port == self.settings.default), self._modems[0])

    def modems(self) -> tuple[ModemView, ...]:
        """Tell every modem."""
        return tuple(modem.view(self.name, default=modem is self.default) for modem in self._modems)

    async def ussd(self, code: str, modem: str) -> UssdAnswered:
        """Send a USSD code through one of the modems and give what the network says. Raises `Refused`."""
        try:
            check_code(code)
        except BadCode as bad:
            raise Refused(Refusal.MALFORMED, "BadUssdCode", member="code", why=str(bad)) from None
        found = next((one for one in self._modems if one.name == modem), None)
        if found is None:
            raise Refused(Refusal.NOT_FOUND, "UnknownModem", member="modem", value=modem[:64])
        try:
            return await found.ussd(code)
        except UssdFailed as failed:
            raise Refused(Refusal.UNAVAILABLE, "UssdFailed", why=str(failed)) from None
