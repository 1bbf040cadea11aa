"""The publisher for asyncio: a method for each command."""

import asyncio
import secrets
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from smshub.publisher import ini, payloads
from smshub.publisher.answers import DUPLICATED, PUBLISHED, UNAUTHENTICATED, Answer, answer_of, load, read
from smshub.publisher.codes import LocalCodes
from smshub.publisher.errors import ConfigWarning, InvalidArgument
from smshub.publisher.exchange import Broker, broker_of, exchange
from smshub.publisher.payloads import Id
from smshub.publisher.settings import Settings

if TYPE_CHECKING:
    from smshub.publisher.transports.rest import Rest


class AsyncPublisher:
    """
    Asks a hub, or an OTP-Pi, to send, to make and check codes, to block.

    Takes `Settings`, or their fields by name. A method gives an `Answer`; `ok` says yes. Over a broker without a
    `callback_topic` nobody answers: the answer then is `published`. Every method may raise `NotSent` (surely not
    taken), `Unconfirmed` (nobody knows), `NoAnswer` and `BadAnswer` (both `Unconfirmed`), and `InvalidArgument`.

    Methods may run side by side. Connections are kept until `close`, or the end of an `async with`.
    """

    def __init__(self, settings: Settings | None = None, /, **keys: Any) -> None:
        if settings is not None and keys:
            raise TypeError("give Settings or their fields, not both")
        self.settings = settings if settings is not None else Settings(**keys)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker: Broker | None = None
        self._rest: Rest | None = None
        self._codes = _codes(self.settings)

    @classmethod
    def from_ini(cls, path: str | Path, *, method: str | None = None) -> Self:
        """
        Read OTP-Publisher's file; `method` speaks another way than it says.

        What is passed over is a `ConfigWarning`. Raises `ConfigError`.
        """
        return cls(settings_from(path, method))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of every connection; the next method makes new ones."""
        self._on_this_loop()
        broker, rest, self._broker, self._rest = self._broker, self._rest, None, None
        for one in (broker, rest):
            if one is not None:
                await one.close()

    # --- the commands -----------------------------------------------------------------------------------------------

    async def create_otp(
        self,
        receiver: str,
        id: Id,  # noqa: A002 - the name it has on the wire
        reference: Id,
        lifetime: float,
        message_format: str,
        params: Sequence[Id] = (),
        subject: str | None = None,
    ) -> Answer:
        """
        Have a code made and sent; `message_format` has one %s where it goes.

        `reference` and up to four `params` must be the same when it is checked; `lifetime` is in seconds. 1201: the
        reference has a code that is alive. With `manage_otp` the code is made here and goes out as a `send-message`;
        a code that could not be sent leaves its reference free.
        """
        if self._codes is None:
            now = time.time()
            return await self.request(
                payloads.request_otp(receiver, id, reference, lifetime, message_format, params, subject, now)
            )
        return await self._create_here(
            self._codes, receiver, id, str(reference), lifetime, message_format, payloads.four(params), subject
        )

    async def verify_otp(self, receiver: str, code: str, reference: Id, params: Sequence[Id] = ()) -> Answer:
        """Check a code: 0000 once, 1202 for a wrong one, 1203 for one that came too late."""
        now = time.time()
        document = payloads.verify_otp(receiver, code, reference, params, now)
        if self._codes is None:
            return await self.request(document)
        given = payloads.four(params)
        verdict = await asyncio.to_thread(self._codes.check, str(reference), receiver, code, given, now)
        data = {name: document["data"][name] for name in ("reference", "receiver", "date_time")}
        return answer_of({"command": "verify-otp", "response_code": verdict, "data": data}, "verify-otp")

    async def send_sms(self, receiver: str, id: Id, lifetime: float | None, message: str) -> Answer:  # noqa: A002
        """Send a text; `lifetime` are the seconds after which it is worth nothing, None leaves that to the server."""
        return await self.request(self._text("send-sms", receiver, id, lifetime, message))

    async def send_email(
        self,
        receiver: str,
        id: Id,  # noqa: A002
        lifetime: float | None,
        message: str,
        subject: str,
    ) -> Answer:
        """Send a mail."""
        document = self._text(self.settings.email_command, receiver, id, lifetime, message, subject)
        answer = await self.request(document)
        if self.settings.method == "REST" and not answer.raw and document["command"] == "send-email":
            # An OTP-Pi knows it by its other name only, and says so with an empty object.
            return await self.request({**document, "command": "send-mail"})
        return answer

    async def send_message(
        self,
        receiver: str,
        id: Id,  # noqa: A002
        lifetime: float | None,
        message: str,
        subject: str | None = None,
    ) -> Answer:
        """Send a text, or a mail where the receiver has an @."""
        return await self.request(self._text("send-message", receiver, id, lifetime, message, subject))

    async def block_msisdn(self, receiver: str) -> Answer:
        """Have a number blocked."""
        return await self.request(payloads.plain("block-msisdn", time.time(), receiver=receiver))

    async def unblock_msisdn(self, receiver: str) -> Answer:
        """Lift the block of a number."""
        return await self.request(payloads.plain("unblock-msisdn", time.time(), receiver=receiver))

    async def request_ussd(self, ussd_code: str, modem_id: str) -> Answer:
        """Ask the network through a modem; `data` has `ussd_content` and `replyable`."""
        return await self.request(payloads.plain("request-ussd", time.time(), ussd_code=ussd_code, modem_id=modem_id))

    async def get_modem_list(self) -> Answer:
        """Ask for the modems: `data["modem_list"]`, by their ids."""
        return await self.request(payloads.plain("get-modem-list", time.time()))

    async def request(self, payload: Mapping[str, Any]) -> Answer:
        """Ask for anything: a document `{"command", "data"}` as it goes over the wire."""
        command = str(payload.get("command", ""))
        if self.settings.method == "REST":
            return await self._over_rest(payload, command)
        callback = payload.get("callback_topic") or self._fresh_topic()
        if callback is not None:
            if not isinstance(callback, str):
                raise InvalidArgument("callback_topic must be a string")
            payload = {"callback_delay": self.settings.callback_delay, **payload, "callback_topic": callback}
        document = payloads.encode(payload)
        self._on_this_loop()
        if self._broker is None:
            self._broker = broker_of(self.settings)
        answer = await exchange(self._broker, self.settings, document, command, callback)
        return _published(command) if answer is None else answer

    # --- what they share --------------------------------------------------------------------------------------------

    def _text(
        self, command: str, receiver: str, asked: Id, lifetime: float | None, message: str, subject: str | None = None
    ) -> payloads.Document:
        given = lifetime if self.settings.send_expiration else None
        return payloads.text(command, receiver, asked, given, message, time.time(), subject)

    async def _over_rest(self, payload: Mapping[str, Any], command: str) -> Answer:
        from smshub.publisher.transports.rest import Rest  # noqa: PLC0415 - loads an HTTP library

        document = payloads.encode(payload)
        self._on_this_loop()
        if self._rest is None:
            self._rest = Rest(self.settings)
        status, body = await self._rest.ask(document)
        if status == 401:
            found = load(body) or {"response_code": UNAUTHENTICATED}
            return answer_of({"error": "the server does not know these credentials", **found}, command)
        return read(body, command)

    async def _create_here(
        self,
        codes: LocalCodes,
        receiver: str,
        asked: Id,
        reference: str,
        lifetime: float,
        message_format: str,
        params: tuple[str, str, str, str],
        subject: str | None,
    ) -> Answer:
        payloads.filled(message_format, "")
        lifetime = min(lifetime, self.settings.max_lifetime)
        self._text("send-message", receiver, asked, lifetime, "")
        made = await asyncio.to_thread(codes.create, reference, receiver, params, lifetime, time.time())
        if made is None:
            return answer_of(
                {"command": "request-otp", "response_code": DUPLICATED, "error_message": "Duplicated", "data": {}}, ""
            )
        gone = False
        try:
            text = payloads.filled(message_format, made.code)
            answer = await self.send_message(receiver, asked, lifetime, text, subject)
            gone = answer.ok or answer.published
        finally:
            if not gone:
                await asyncio.shield(asyncio.to_thread(codes.forget, made))
        return _published("request-otp") if answer.published else answer

    def _fresh_topic(self) -> str | None:
        """
        Give a topic on which only this request is answered; None where no answers are asked for.

        The documents have nothing else by which an answer could be told from one that came late.
        """
        if not self.settings.callback_topic:
            return None
        return f"{self.settings.callback_topic}{secrets.token_hex(12)}"

    def _on_this_loop(self) -> None:
        """Leave connections behind that belong to an event loop that is over."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._broker, self._rest = loop, None, None


def settings_from(path: str | Path, method: str | None = None, warn: Callable[[str], None] | None = None) -> Settings:
    """Read a file; a line about each thing that was passed over goes to `warn`, or is a `ConfigWarning`."""
    settings, notes = ini.read(path, method)
    for note in notes:
        if warn is None:
            warnings.warn(note, ConfigWarning, stacklevel=3)
        else:
            warn(note)
    return settings


def _codes(settings: Settings) -> LocalCodes | None:
    if not settings.manage_otp:
        return None
    return LocalCodes(
        settings.cache_dir,
        settings.cache_key,
        longest=settings.max_lifetime,
        kept=settings.cache_max_age,
        most_tries=settings.max_tries,
    )


def _published(command: str) -> Answer:
    """Make the answer that OTP-Publisher gives where only a broker has said yes."""
    data = {"date_time": int(time.time())}
    return answer_of({"command": command, "response_code": PUBLISHED, "data": data}, command)
