"""One modem: found, unlocked, set up, watched; what it sends and what it brings."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from smshub.connectors.modem.link import Declined, Link, Lost, Silent, Unanswered, Unsent
from smshub.connectors.modem.mailbox import Mailbox
from smshub.connectors.modem.outcomes import of_parts, outcome_of
from smshub.connectors.modem.references import References
from smshub.connectors.modem.settings import ModemSettings
from smshub.connectors.modem.setup import Locked, home_memory, identify, look, prepare, unlock
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Receipt, Uncertain
from smshub.domain.incoming import Incoming, ModemView, UssdAnswered
from smshub.protocols.gsm.at import Line
from smshub.protocols.gsm.ussd import Told, UssdLine, packed, read_answer

log = structlog.get_logger(__name__)


class Above(Protocol):
    """What a modem tells its connector."""

    def changed(self) -> None:
        """It may send now, or may not any more."""

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """A report came."""

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """A text came in."""


class UssdFailed(Exception):
    """The network has given no answer; the words say why."""


class Modem:
    """
    A modem on one port.

    `ready` is whether it is registered and may send. `busy` belongs to the connector: one text at a time.
    """

    def __init__(self, name: str, port: str, settings: ModemSettings, above: Above) -> None:
        self.name = name
        self.port = port
        self.settings = settings
        self.ready = False
        self.busy = False
        self.error: str | None = "not found yet"
        self._above = above
        self._view = ModemView(id=name, connector="", port=port, connected=False)
        self._link: Link | None = None
        self._locked: Locked | None = None
        self._references = References()
        self._attention = asyncio.Event()
        self._mailbox = Mailbox(name, settings, above, self._references, self._attention)
        self._ussd: asyncio.Future[UssdLine] | None = None
        self._ussd_lock = asyncio.Lock()

    # --- telling ----------------------------------------------------------------------------------------------------

    def view(self, connector: str, *, default: bool) -> ModemView:
        """Tell it as an operator sees it."""
        return msgspec.structs.replace(
            self._view, connector=connector, connected=self.ready, default=default, error=self.error
        )

    @property
    def card(self) -> str:
        """What names the SIM in references: a digest of its IMSI, or of the modem's own number, or its name here."""
        identity = self._view.imsi or self._view.imei
        return hashlib.blake2b(identity.encode(), digest_size=6).hexdigest() if identity else self.name

    def _tell(self, *, ready: bool, error: str | None) -> None:
        if error is not None and error != self.error:
            log.warning("modem.down", modem=self.name, why=error)
        elif ready and not self.ready:
            log.info("modem.ready", modem=self.name, operator=self._view.operator, signal=self._view.signal)
        changed = (ready, error) != (self.ready, self.error)
        self.ready, self.error = ready, error
        if changed:
            self._above.changed()

    # --- life -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look for the modem, keep it at work, and look again when it is gone, until cancelled."""
        settings = self.settings
        while True:
            try:
                link = await Link.open(self.port, settings.baud, self._noticed, settings.command_timeout)
            except OSError as error:
                self._tell(
                    ready=False,
                    error=f"{self.port} cannot be opened: {error.strerror or str(error) or type(error).__name__}",
                )
            else:
                await self._live(link)
            await asyncio.sleep(settings.retry)

    async def _live(self, link: Link) -> None:
        """Be at work until the port is gone or the modem makes no sense."""
        self._link = link
        try:
            await self._start(link)
            while True:
                await self._turn(link)
        except Locked as locked:
            self._locked = locked
            self._tell(ready=False, error=str(locked))
        except (Lost, Silent, Declined) as error:
            why = link.lost.result() if link.lost.done() else f"the modem does not do as it should: {error}"
            self._tell(ready=False, error=why)
        finally:
            self.ready = False
            self._link = None
            self._view = msgspec.structs.replace(self._view, signal=99, ber=99, dbm=None, condition="")
            await link.close()

    async def _start(self, link: Link) -> None:
        await prepare(link, self.settings)
        if self._locked is not None:
            await self._locked.still(link, self.settings.command_timeout)
            self._locked = None
        await unlock(link, self.settings, self.port)
        self._view = await identify(link, self.settings, self._view)
        self._mailbox.begin(self.card, await home_memory(link, self.settings.command_timeout))

    async def _turn(self, link: Link) -> None:
        """Look after what is due, then wait for more of it."""
        seen = await look(link, self.settings, self._view)
        self._view = seen.view
        self._tell(ready=seen.registered, error=None if seen.registered else seen.why)
        waiting = self.settings.poll if seen.registered else min(self.settings.poll, self.settings.retry)
        until = asyncio.get_running_loop().time() + waiting
        self._mailbox.look_again()
        while (left := until - asyncio.get_running_loop().time()) > 0:
            self._attention.clear()
            if seen.registered:
                await self._mailbox.tend(link)
            attention = asyncio.create_task(self._attention.wait())
            try:
                await asyncio.wait((attention, link.lost), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                attention.cancel()
            if link.lost.done():
                raise Lost(link.lost.result())

    # --- sending ----------------------------------------------------------------------------------------------------

    async def send(self, pdus: list[tuple[str, int]], to: str, progress: list[Outcome]) -> Outcome:
        """
        Send the segments of a text, one after the other, until one is not taken.

        `progress` holds what it would come to were it cut off at that moment.
        """
        refs: list[str] = []
        last: Outcome = Deferred(Reason.UNREACHABLE, detail="the modem is gone")
        for pdu, length in pdus:
            link = self._link
            if link is None or not self.ready:
                last = Deferred(Reason.UNREACHABLE, detail=self.error or "the modem is gone")
                break
            last = await self._send_one(link, pdu, length, progress)
            if not isinstance(last, Accepted):
                break
            number = int(last.refs[0])
            refs.append(self._references.sent(self.card, number, to, time.time()))
        outcome = of_parts(tuple(refs), len(pdus), last)
        progress[:] = [outcome]
        return outcome

    async def _send_one(self, link: Link, pdu: str, length: int, progress: list[Outcome]) -> Outcome:
        settings = self.settings

        def leaving() -> None:
            progress[:] = [Uncertain(Reason.CRASHED, "the hub stopped before the modem answered")]

        try:
            number = await link.submit(
                pdu,
                length,
                prompt_timeout=settings.prompt_timeout,
                send_timeout=settings.send_timeout,
                leaving=leaving,
            )
        except Unsent as unsent:
            return Deferred(Reason.UNREACHABLE, detail=str(unsent))
        except Unanswered as unanswered:
            return Uncertain(detail=str(unanswered))
        except Declined as declined:
            return outcome_of(declined.result, written=declined.written)
        if number is None:
            return Uncertain(detail="the modem said OK, but not that it has sent it")
        return Accepted((str(number),))

    # --- what the modem says of its own accord ----------------------------------------------------------------------

    def _noticed(self, line: Line) -> None:
        """Take a line that answers nothing. What needs a command waits for its turn."""
        if line.pdu is not None and line.text.startswith(("+CMT:", "+CDS:")):
            self._mailbox.direct(line.pdu)
        elif (value := line.value("+CMTI:")) is not None or (value := line.value("+CDSI:")) is not None:
            self._mailbox.told(value)
        elif (value := line.value("+CUSD:")) is not None:
            answer = read_answer(value)
            if answer is not None and self._ussd is not None and not self._ussd.done():
                self._ussd.set_result(answer)

    # --- USSD -------------------------------------------------------------------------------------------------------

    async def ussd(self, code: str) -> UssdAnswered:
        """Send a code and give what the network says. Raises `UssdFailed`."""
        async with self._ussd_lock:
            link = self._link
            if link is None or not self.ready:
                raise UssdFailed(self.error or "the modem is gone")
            self._ussd = asyncio.get_running_loop().create_future()
            try:
                return await self._ask_ussd(link, code, self._ussd)
            except Declined as declined:
                raise UssdFailed(str(declined.result)) from None
            except (Silent, Lost) as error:
                link.abort(str(error))
                raise UssdFailed(str(error)) from None
            finally:
                self._ussd = None

    async def _ask_ussd(self, link: Link, code: str, answered: asyncio.Future[UssdLine]) -> UssdAnswered:
        settings = self.settings
        timeout = settings.ussd_timeout
        try:
            await link.ask(f'AT+CUSD=1,"{code}",15', within=timeout)
        except Declined:
            # Some modems want the code as they would send it.
            await link.ask(f'AT+CUSD=1,"{packed(code)}",15', within=timeout)
        await asyncio.wait((answered, link.lost), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            if link.lost.done():
                raise UssdFailed(link.lost.result())
            await link.ask("AT+CUSD=2", within=settings.command_timeout)
            raise UssdFailed(f"the network has not answered in {timeout:g} s")
        answer = answered.result()
        if answer.told in {Told.NOT_SUPPORTED, Told.TIMEOUT} or (answer.told is Told.ENDED and not answer.content):
            words = {Told.NOT_SUPPORTED: "the network does not know this code", Told.TIMEOUT: "the network timed out"}
            raise UssdFailed(words.get(answer.told, "the network ended it"))
        return UssdAnswered(answer.content, answer.raw, answer.told is Told.REPLY)
