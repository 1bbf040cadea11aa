"""One connection to a SMSC: a session on an asyncio transport, with gathered writes and one timer."""

import asyncio
from collections.abc import Callable
from typing import cast

from smshub.protocols.smpp.events import (
    BindMode,
    BindRefused,
    Bound,
    Credentials,
    End,
    Event,
    Limits,
    Side,
    Unbound,
)
from smshub.protocols.smpp.session import Session

# What is left to write when the session is over may take so long.
_LAST_WORDS = 5.0


class BindRefusedError(Exception):
    """The SMSC refused our bind; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SessionOver(Exception):
    """The session ended before it was bound; `why` says how."""

    def __init__(self, why: End) -> None:
        super().__init__(why)
        self.why = why


class Link(asyncio.Protocol):
    """
    A session and its transport.

    `handle` gets what one read of the socket brought, in one call. `flushes` counts the writes: what was asked of the
    session before the last of them has left.
    """

    def __init__(self, limits: Limits, handle: Callable[["Link", list[Event]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle = handle
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_words: asyncio.TimerHandle | None = None
        self.session = Session(Side.ESME, limits, self._loop.time())
        self.flushes = 0
        self.answered = False
        self.paused = False
        self.bound: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[End] = self._loop.create_future()

    # --- what the connector does ------------------------------------------------------------------------------------

    def now(self) -> float:
        """Tell the session's time."""
        return self._loop.time()

    async def bind(self, mode: BindMode, credentials: Credentials) -> None:
        """Bind. Raises `BindRefusedError`, `SessionOver`, `LocalProtocolError` where the credentials do not fit."""
        self.session.bind(mode, credentials, self.now())
        self.flush()
        await self.bound

    def flush_soon(self) -> None:
        """Write what is to be written at the end of this turn of the loop, in one."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is to be written now."""
        self._flushing = False
        data = self.session.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            self.flushes += 1
        self._arm()

    def unbind(self) -> None:
        """Say goodbye."""
        self.session.unbind(self.now())
        self.flush()

    def abort(self) -> None:
        """Drop the connection."""
        self._take(self.session.receive_eof(self.now()))
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio does ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Let the session read."""
        self._take(self.session.receive_data(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the session know."""
        self._take(self.session.receive_eof(self.now()))
        if self._last_words is not None:
            self._last_words.cancel()

    def pause_writing(self) -> None:
        """The SMSC does not read: no more is to be written."""
        self.paused = True

    def resume_writing(self) -> None:
        """It reads again."""
        self.paused = False
        self._handle(self, [])

    # --- inside -----------------------------------------------------------------------------------------------------

    def _take(self, events: list[Event]) -> None:
        over: End | None = None
        for event in events:
            match event:
                case Bound():
                    self._settle_bound(None)
                case BindRefused(status):
                    self._settle_bound(BindRefusedError(status))
                case Unbound(why):
                    over = why
                case _:
                    pass  # the connector's
        if over is not None:
            self.flush()  # before anybody asks what was written
        self._handle(self, events)
        if over is not None:
            self._end(over)
        else:
            self.flush_soon()

    def _settle_bound(self, error: Exception | None) -> None:
        if self.bound.done():
            return
        if error is None:
            self.bound.set_result(None)
        else:
            self.bound.set_exception(error)
            self.bound.exception()  # nobody may be waiting any more

    def _end(self, why: End) -> None:
        self._settle_bound(SessionOver(why))
        if not self.ended.done():
            self.ended.set_result(why)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._last_words = self._loop.call_later(_LAST_WORDS, self._transport.abort)

    def _arm(self) -> None:
        """Be woken at the session's deadline; a timer that is too early only looks again."""
        deadline = self.session.deadline()
        if deadline is None:
            return
        if self._timer is not None and not self._timer.cancelled():
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._advance)

    def _advance(self) -> None:
        self._timer = None
        self._take(self.session.advance(self.now()))
