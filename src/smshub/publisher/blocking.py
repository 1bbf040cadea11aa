"""The publisher for programs without asyncio: the same methods, on an event loop in a thread of its own."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from smshub.publisher.answers import Answer
from smshub.publisher.client import AsyncPublisher, settings_from
from smshub.publisher.payloads import Id
from smshub.publisher.settings import Settings

# Seconds that closing may take.
PATIENCE: Final = 5.0


class Publisher:
    """
    Asks a hub, or an OTP-Pi, to send, to make and check codes, to block; each method waits for its answer.

    Takes `Settings`, or their fields by name, or a file (`from_ini`). Methods, answers and exceptions are those of
    `AsyncPublisher`. It may be used from several threads, from within an event loop (which then waits), and after a
    fork, which takes no connection along. `close`, or the end of a `with`, lets go of everything.
    """

    def __init__(self, settings: Settings | None = None, /, **keys: Any) -> None:
        self.settings = AsyncPublisher(settings, **keys).settings
        self._starting = threading.Lock()
        self._worker: _Worker | None = None
        self._end: Callable[[], object] = _nothing

    @classmethod
    def from_ini(cls, path: str | Path, *, method: str | None = None) -> Self:
        """
        Read OTP-Publisher's file; `method` speaks another way than it says.

        What is passed over is a `ConfigWarning`. Raises `ConfigError`.
        """
        return cls(settings_from(path, method))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection; the next method makes new ones."""
        with self._starting:
            self._worker = None
            self._end()

    def create_otp(
        self,
        receiver: str,
        id: Id,  # noqa: A002 - the name it has on the wire
        reference: Id,
        lifetime: float,
        message_format: str,
        params: Sequence[Id] = (),
        subject: str | None = None,
    ) -> Answer:
        """Have a code made and sent; see `AsyncPublisher.create_otp`."""
        return self._do(
            lambda to: to.create_otp(receiver, id, reference, lifetime, message_format, params, subject),
        )

    def verify_otp(self, receiver: str, code: str, reference: Id, params: Sequence[Id] = ()) -> Answer:
        """Check a code: 0000 once, 1202 for a wrong one, 1203 for one that came too late."""
        return self._do(lambda to: to.verify_otp(receiver, code, reference, params))

    def send_sms(self, receiver: str, id: Id, lifetime: float | None, message: str) -> Answer:  # noqa: A002
        """Send a text; `lifetime` are the seconds after which it is worth nothing, None leaves that to the server."""
        return self._do(lambda to: to.send_sms(receiver, id, lifetime, message))

    def send_email(
        self,
        receiver: str,
        id: Id,  # noqa: A002
        lifetime: float | None,
        message: str,
        subject: str,
    ) -> Answer:
        """Send a mail."""
        return self._do(lambda to: to.send_email(receiver, id, lifetime, message, subject))

    def send_message(
        self,
        receiver: str,
        id: Id,  # noqa: A002
        lifetime: float | None,
        message: str,
        subject: str | None = None,
    ) -> Answer:
        """Send a text, or a mail where the receiver has an @."""
        return self._do(lambda to: to.send_message(receiver, id, lifetime, message, subject))

    def block_msisdn(self, receiver: str) -> Answer:
        """Have a number blocked."""
        return self._do(lambda to: to.block_msisdn(receiver))

    def unblock_msisdn(self, receiver: str) -> Answer:
        """Lift the block of a number."""
        return self._do(lambda to: to.unblock_msisdn(receiver))

    def request_ussd(self, ussd_code: str, modem_id: str) -> Answer:
        """Ask the network through a modem; `data` has `ussd_content` and `replyable`."""
        return self._do(lambda to: to.request_ussd(ussd_code, modem_id))

    def get_modem_list(self) -> Answer:
        """Ask for the modems: `data["modem_list"]`, by their ids."""
        return self._do(lambda to: to.get_modem_list())

    def request(self, payload: Mapping[str, Any]) -> Answer:
        """Ask for anything: a document `{"command", "data"}` as it goes over the wire."""
        return self._do(lambda to: to.request(payload))

    def _do(self, ask: Callable[[AsyncPublisher], Coroutine[Any, Any, Answer]]) -> Answer:
        with self._starting:
            if self._worker is None or self._worker.process != os.getpid():
                self._worker = _Worker(self.settings)
                self._end = weakref.finalize(self, self._worker.end)
            worker = self._worker
        return worker.do(ask)


def _nothing() -> None:
    """End where nothing has begun."""


class _Worker:
    """A thread with an event loop and the connections on it; `process` is the one that it runs in."""

    # What was inherited by a fork: never touched again, so that nothing is said on a connection of the parent's.
    inherited: Final[list["_Worker"]] = []

    def __init__(self, settings: Settings) -> None:
        self.process = os.getpid()
        self._client = AsyncPublisher(settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smshub publisher", daemon=True)
        self._thread.start()

    def do(self, ask: Callable[[AsyncPublisher], Coroutine[Any, Any, Answer]]) -> Answer:
        """Run something on the loop and wait for it."""
        future = asyncio.run_coroutine_threadsafe(ask(self._client), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def end(self) -> None:
        """Close the connections and end the thread."""
        if self.process != os.getpid():
            self.inherited.append(self)
            return
        if self._loop.is_closed():
            return
        future = asyncio.run_coroutine_threadsafe(self._client.close(), self._loop)
        with suppress(Exception):
            future.result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        if not self._thread.is_alive():
            self._loop.close()
