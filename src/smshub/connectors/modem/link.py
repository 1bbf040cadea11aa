"""A serial port with a modem behind it: one command at a time, each with its answer or a limit in time."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Self, cast

from smshub.protocols.gsm.at import CTRL_Z, ESC, Event, Garbage, Line, Parser, Prompt, Result

# The library writes every byte into its log at the level of debugging: PINs and texts are among them.
logging.getLogger("serialx").setLevel(logging.WARNING)

# Lines that nobody asked for, in a second: a modem that says more is out of its mind.
_MOST_LINES = 2_000
_CLOSING = 5.0  # seconds that the system may take to close a port

# What a line begins with that is not a plain answer: an extended result, or something nobody asked for.
_MARKS = ("+", "^", "*", "%", "$", "RING")


class Lost(Exception):
    """The port is gone, or has been given up."""


class Silent(Exception):
    """No answer came in time."""


class Declined(Exception):
    """The modem said no; `result` is its word. `written`: it had the text of a message by then."""

    def __init__(self, result: Result, *, written: bool = False) -> None:
        super().__init__(str(result))
        self.result = result
        self.written = written


class Unsent(Exception):
    """The text of a message has surely not been handed over; the words say why."""


class Unanswered(Exception):
    """The text of a message was handed over, and nobody knows what became of it; the words say why."""


class Link(asyncio.Protocol):
    """
    A port that is open.

    `notice` gets every line that answers no command. `lost` is done, with the reason, when the port is gone.
    """

    def __init__(self, notice: Callable[[Line], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._notice = notice
        self._parser = Parser()
        self._lock = asyncio.Lock()
        self._transport: asyncio.WriteTransport | None = None
        self._lines: list[Line] = []
        self._prefixes: tuple[str, ...] = ()
        self._waiter: asyncio.Future[Event] | None = None
        self._second = (0, 0)
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def open(cls, path: str, baud: int, notice: Callable[[Line], None], within: float) -> Self:
        """Open a port for ourselves alone. Raises `OSError` (also when that takes too long)."""
        import serialx  # noqa: PLC0415 - a tenth of a second that only hubs with modems need

        link = cls(notice)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                await serialx.create_serial_connection(loop, lambda: link, path, baudrate=baud)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what the library says of a device it does not like
            raise OSError(f"{type(error).__name__}: {error}") from None
        return link

    # --- asyncio.Protocol -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End whatever waits."""
        self._lose("the port is gone" if exc is not None else "the port was closed")
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take what the modem says."""
        for event in self._parser.feed(data):
            match event:
                case Line():
                    self._take(event)
                case Result() | Prompt():
                    if self._waiter is not None and not self._waiter.done():
                        self._waiter.set_result(event)
                case Garbage():
                    pass  # whatever it answered is then unanswered

    def _take(self, line: Line) -> None:
        if self._waiter is not None and self._answers(line.text):
            if len(self._lines) < _MOST_LINES:
                self._lines.append(line)
            return
        second = int(self._loop.time())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, count)
        if count > _MOST_LINES:
            self.abort("the modem says more than can be read")
        else:
            self._notice(line)

    def _answers(self, text: str) -> bool:
        """Say whether a line belongs to the command under way."""
        if text.startswith(_MARKS):
            return text.startswith(tuple(filter(None, self._prefixes)))
        return "" in self._prefixes

    # --- life -------------------------------------------------------------------------------------------------------

    def abort(self, why: str) -> None:
        """Give the port up."""
        self._lose(why)
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Give the port up and wait until it is free again."""
        self.abort("the port was closed")
        if self._transport is not None:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes as the port is closed.
            await asyncio.wait((self.closed,), timeout=_CLOSING)

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Lost(self.lost.result()))

    def _write(self, data: bytes) -> None:
        if self.lost.done() or self._transport is None:
            raise Lost(self.lost.result() if self.lost.done() else "the port is not open")
        try:
            self._transport.write(data)
        except OSError as error:
            self.abort("the port is gone")
            raise Lost("the port is gone") from error

    # --- commands ---------------------------------------------------------------------------------------------------

    async def ask(self, command: str, *prefixes: str, within: float) -> list[Line]:
        """
        Send a command and give the lines of its answer: those with these prefixes; "" stands for lines without any.

        Raises `Declined`, `Silent`, `Lost`. After `Silent` the link is not to be used again, since the answer may yet
        come.
        """
        async with self._lock:
            self._lines = []
            self._prefixes = prefixes
            try:
                event = await self._exchange(command.encode("ascii") + b"\r", within)
            finally:
                self._prefixes = ()
            lines = [line for line in self._lines if line.text != command]
            if isinstance(event, Result) and event.ok:
                return lines
            raise Declined(event if isinstance(event, Result) else Result("ERROR", words="a prompt"))

    async def give_up_prompt(self) -> None:
        """Leave a prompt that one before us may have left open, and clear the line."""
        async with self._lock:
            self._write(ESC + b"\r")

    async def submit(
        self, pdu: str, length: int, *, prompt_timeout: float, send_timeout: float, leaving: Callable[[], None]
    ) -> int | None:
        """
        Send one segment; give the reference under which the network has it. `leaving` is called before it leaves.

        None where the modem says OK and no reference: it cannot be known then whether it sent anything. Raises
        `Declined`, `Unsent` and `Unanswered`; after a silence the link is given up.
        """
        async with self._lock:
            self._lines = []
            await self._prompted(length, prompt_timeout)
            self._prefixes = ("+CMGS:",)
            leaving()
            try:
                event = await self._exchange(pdu.encode("ascii") + CTRL_Z, send_timeout)
            except Silent:
                why = f"no answer in {send_timeout:g} s"
                self.abort(why)
                raise Unanswered(why) from None
            except Lost as lost:
                raise Unanswered(str(lost)) from None
            finally:
                self._prefixes = ()
            if not isinstance(event, Result) or not event.ok:
                raise Declined(event if isinstance(event, Result) else Result("ERROR"), written=True)
            return _reference(self._lines)

    async def _prompted(self, length: int, within: float) -> None:
        """Ask for the prompt of a PDU; whatever comes instead, the text has not left."""
        self._parser.prompting = True
        try:
            event = await self._exchange(b"AT+CMGS=%d\r" % length, within)
        except Lost as lost:
            raise Unsent(str(lost)) from None
        except Silent:
            # The prompt may yet come, and would take the next command for a text: leave it, and begin anew.
            why = f"the modem has not asked for the text in {within:g} s"
            with suppress(Lost):
                self._write(ESC)
            self.abort(why)
            raise Unsent(why) from None
        finally:
            self._parser.prompting = False
        if isinstance(event, Result):
            if event.ok:
                raise Unsent("the modem has not asked for the text")
            raise Declined(event)

    async def _exchange(self, data: bytes, within: float) -> Event:
        """Write, and wait for a final result or a prompt. Raises `Silent`, `Lost`."""
        waiter: asyncio.Future[Event] = self._loop.create_future()
        self._waiter = waiter
        try:
            self._write(data)
            async with asyncio.timeout(within):
                return await waiter
        except TimeoutError:
            raise Silent(f"no answer in {within:g} s") from None
        except asyncio.CancelledError:
            # Its answer would be taken for that of the next command.
            self.abort("a command was cut off")
            raise
        finally:
            self._waiter = None
            if waiter.done() and not waiter.cancelled():
                waiter.exception()


def _reference(lines: list[Line]) -> int | None:
    for line in lines:
        value = (line.value("+CMGS:") or "").partition(",")[0].strip()
        if value.isascii() and value.isdigit() and int(value[:4]) <= 0xFF:
            return int(value[:4])
    return None
