"""
An OTP-Pi that is not there, for `smshub simulate otppi` and for tests: its REST interface, quirks and all.

It answers as the appliance's source does, not as its documentation says: an empty 401, `{}` for a command that it does
not know (`send-email` is one: it listens to `send-mail`), `send-message` always `0000`, no limit to tries, a reference
that stays taken when its text has failed. Everything is in memory. Texts are what its modem would have sent.
"""

import asyncio
import json
import re
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import BasicAuth, web

from smshub.simulators.faults import Action, Script

PATHS: Final = ("/api/otp", "/api/message", "/api/sms", "/api/email", "/api/block", "/api/unblock")
MAX_BODY: Final = 1_048_576
MAX_KEPT: Final = 10_000
ACTIONS: Final = frozenset({Action.ACCEPT, Action.REFUSE, Action.DELAY, Action.HANG, Action.DROP})

_NOT_FOUND: Final = "<h1>404 Not Found</h1>No context found for request"
_NO_DEVICE: Final = {"response_code": "1101", "error": "No device connected", "data": {}}
_PARAMS: Final = ("param1", "param2", "param3", "param4")
# What Java's String.format takes for a place; the appliance gives it the one code.
_PLACE: Final = re.compile(r"%(.)?", re.DOTALL)

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """One text or mail that left it; `subject` is a mail's."""

    receiver: str
    message: str
    subject: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class _Challenge:
    """A code under its reference, with all that it is bound to; `expires` in seconds since 1970."""

    bound: tuple[str, ...]
    expires: float


class _Broken(Exception):
    """The appliance's thread dies: the connection is closed without an answer."""


class OtpPiSimulator:
    """
    The REST interface of an OTP-Pi.

    `users` are names and passwords (none: any that are not empty). `script` says what becomes of each request: with
    `refuse` its modem is gone. `drop_expired` is the appliance's setting of that name, with which it loses every text
    that has an `expiration`. `texts` are those that left, the newest `MAX_KEPT`; `writer` is given a line for each.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        users: Mapping[str, str] | None = None,
        drop_expired: bool = False,
        writer: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.script = script or Script()
        self.users = dict(users or {})
        self.texts: deque[Text] = deque(maxlen=MAX_KEPT)
        self.blocked: dict[str, bool] = {}
        self._drop_expired = drop_expired
        self._writer = writer
        self._clock = clock
        self._challenges: dict[str, _Challenge] = {}
        self._modem = True
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and give the port. Raises OSError."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, host, port, reuse_address=True).start()
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Let go of whoever hangs and close."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Run within a block and give the address to send to."""
        port = await self.start()
        try:
            yield f"http://127.0.0.1:{port}/api/otp"
        finally:
            await self.stop()

    # --- HTTP -------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith(PATHS):
            return web.Response(status=404, text=_NOT_FOUND, content_type="text/html")
        if not self._known(request.headers.get("Authorization", "")):
            refused = web.StreamResponse(status=401)
            refused.enable_chunked_encoding()
            return refused
        if request.method not in {"POST", "PUT"}:
            return web.Response(status=405)
        step = self.script.next()
        self._modem = step.action is not Action.REFUSE
        if step.action is Action.DELAY:
            await self._wait(step.seconds)
        if step.action is Action.DROP:
            return self._closed(request)
        try:
            answer = self.answer(await request.read())
        except _Broken:
            return self._closed(request)
        if step.action is Action.HANG:
            await self._wait(None)
        body = json.dumps(answer, indent=4)
        return web.Response(body=body.encode(), headers={"Content-Type": "application/json"})

    def _known(self, header: str) -> bool:
        try:
            given = BasicAuth.decode(header, encoding="utf-8")
        except ValueError:
            return False
        password = given.password.partition(":")[0]  # it ends at the second colon of the pair
        if not self.users:
            return bool(given.login and password)
        return given.login in self.users and self.users[given.login] == password

    def _closed(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    # --- commands ---------------------------------------------------------------------------------------------------

    def answer(self, body: bytes) -> Answer:
        """Carry out a request and give its answer."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
            return {}
        if document.get("command") == "echo":
            return document
        return self._carried_out(document.get("command"), document["data"])

    def _carried_out(self, name: object, data: Answer) -> Answer:
        match name:
            case "request-otp":
                return self._request_otp(data)
            case "verify-otp":
                return self._verify_otp(data)
            case "send-sms":
                return {"command": name, **self._sent(data)}
            case "send-message":
                # Whatever it came to, the appliance writes its success over it.
                return {"command": name, "data": {}, **self._sent(data), "response_code": "0000"}
            case "send-mail":
                self._out(_text(data, "receiver"), _text(data, "message"), _text(data, "subject") or "-")
                return {"command": name, "response_code": "0000", "message": "The message was sent successfuly"}
            case "block-msisdn" | "unblock-msisdn" if _text(data, "receiver").strip():
                self.blocked[_canonical(_text(data, "receiver"))] = name == "block-msisdn"
                return {"command": name, "response_code": "0000"}
            case "get-modem-list":
                return {"command": name, "response_code": "0000", "data": {"modem_list": {MODEM["id"]: MODEM}}}
            case "request-ussd":
                return {"command": name, **self._ussd(data)}
            case _:
                return {}

    def _request_otp(self, data: Answer) -> Answer:
        reference = _text(data, "reference").strip()
        if reference in self._challenges:
            return {"command": "request-otp", "response_code": "1201", "data": {}}
        receiver = _text(data, "receiver").strip()
        code = f"{secrets.randbelow(10**6):06}"
        bound = (code, receiver, *(_text(data, name).strip() for name in _PARAMS))
        # Kept before it is sent, and kept when that fails; without an expiration it has expired already.
        self._challenges[reference] = _Challenge(bound, _number(data, "expiration"))
        text = _formatted(_text(data, "message"), code)
        if not self._modem:
            return {"command": "request-otp", "response_code": "1102", "data": {}}
        self._out(receiver, text, _text(data, "subject"))
        return {"command": "request-otp", "response_code": "0000", "data": _repeated(data)}

    def _verify_otp(self, data: Answer) -> Answer:
        reference = _text(data, "reference").strip()
        found = self._challenges.get(reference)
        given = (_text(data, name).strip() for name in ("receiver", *_PARAMS))
        bound = (_text(data, "otp"), *given)
        if found is None:
            code = "1202"
        elif self._clock() > found.expires:
            code = "1203"
        elif found.bound != bound:
            code = "1202"
        else:
            code = "0000"
            del self._challenges[reference]
        return {"command": "verify-otp", "response_code": code, "data": _repeated(data)}

    def _sent(self, data: Answer) -> Answer:
        """Send a text or, with an @, a mail."""
        receiver, message = _text(data, "receiver"), _text(data, "message")
        if "@" in receiver:
            self._out(receiver, message, _text(data, "subject") or "-")
            return {"response_code": "0000", "message": "The message was sent successfuly"}
        if self._drop_expired and _number(data, "expiration") and self._clock() * 1000 > _number(data, "expiration"):
            return {"data": {}}  # it compares milliseconds with seconds
        if not self._modem:
            return dict(_NO_DEVICE)
        self._out(receiver, message)
        return {"response_code": "0000", "data": {"modemID": MODEM["id"], "result": "+CMGW: 1\r\n\r\nOK\r\n"}}

    def _ussd(self, data: Answer) -> Answer:
        if not self._modem or _text(data, "modem_id") != MODEM["id"]:
            return {"response_code": "1102", "data": {}}
        said = f"You asked {_text(data, 'ussd_code')}. Your balance is 10."
        raw = f'+CUSD: 0,"{said}",15'
        return {
            "response_code": "0000",
            "data": {"ussd_content": said, "ussd_content_raw": raw, "replyable": False},
        }

    def _out(self, receiver: str, message: str, subject: str = "") -> None:
        self.texts.append(Text(receiver, message, subject))
        if self._writer is not None:
            line = f"to {receiver}: {message}"
            self._writer("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))


MODEM: Final[Mapping[str, Any]] = {
    "id": "sim1",
    "name": "Simulated modem",
    "port": "/dev/ttyUSB0",
    "imei": "490154203237518",
    "imsi": "001010123456789",
    "iccid": "8900100000000000000",
    "smsCenter": "+00101000000",
    "copsOperator": "Simulated",
    "active": True,
    "connected": True,
    "defaultModem": True,
    "internetAccess": False,
    "internetConnected": False,
    "signalStrength": {"value": 20, "rssi": -73, "ber": 0, "condition": "Good", "class": "good"},
}


def _text(data: Answer, name: str) -> str:
    """Read a member as text, as Java's library would."""
    value = data.get(name)
    return "" if value is None else str(value)


def _number(data: Answer, name: str) -> float:
    try:
        return float(data.get(name) or 0)
    except (TypeError, ValueError):
        return 0.0


def _repeated(data: Answer) -> Answer:
    """Give what an answer repeats; the time comes back as text, whatever it was."""
    return {name: _text(data, name) for name in ("reference", "receiver", "date_time")}


def _formatted(message: str, code: str) -> str:
    """Put the code into a message as String.format does. Raises `_Broken` for what it takes exception to."""
    places = 0
    for found in _PLACE.finditer(message):
        if found[1] not in {"s", "%"}:
            raise _Broken
        places += found[1] == "s"
    if places > 1:
        raise _Broken
    return _PLACE.sub(lambda found: code if found[1] == "s" else "%", message)


def _canonical(number: str) -> str:
    """Write a number as its list of the blocked has it: an Indonesian one."""
    digits = number.strip().removeprefix("+")
    return f"62{digits[1:]}" if digits.startswith("0") else digits
