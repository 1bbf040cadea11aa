"""
A simulator of a mail server for `smshub simulate smtp`, for `smshub demo` and for tests: RFC 5321 as far as it goes.

It keeps what it is given, byte for byte, hands nothing on, and plays a fault script: a step for each mail.
"""

import asyncio
import base64
import binascii
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from smshub.simulators.faults import Action, Script, Step

MAX_LINE = 2_048
MAX_SIZE = 1_048_576
MAX_READERS = 100
MAX_KEPT = 10_000
# Seconds for which a client may be silent, RFC 5321 §4.5.3.2.7.
PATIENCE = 300.0

ACTIONS = frozenset(
    {
        Action.ACCEPT,
        Action.REFUSE,
        Action.THROTTLE,
        Action.DELAY,
        Action.HANG,
        Action.LATE,
        Action.DROP,
        Action.GARBAGE,
        Action.TRUNCATE,
    }
)
# What these steps are answered to is written down as taken.
TAKING = ACTIONS - {Action.REFUSE, Action.THROTTLE, Action.DROP}

# These refuse the mail, once it was given; every other code refuses the reader.
OF_THE_MAIL = frozenset({"552", "554"})
WORDS: Mapping[str, str] = {
    "421": "4.3.2 closing",
    "450": "4.2.1 greylisted",
    "451": "4.7.1 too fast",
    "530": "5.7.0 sign in first",
    "535": "5.7.8 wrong credentials",
    "550": "5.1.1 no such reader",
    "552": "5.3.4 too large",
    "553": "5.1.3 no such address",
    "554": "5.7.1 not wanted",
}
GARBAGE = b"\x00\x17\xff?? \x80\x81\r\n"

_PATH = re.compile(rb"<([^<>\s\x00-\x1f\x7f]*)>(?: [ -~]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came: envelope, bytes (dots undoubled), who had signed in, and whether over TLS."""

    sender: str
    readers: tuple[str, ...]
    content: bytes
    action: Action
    username: str = ""
    secure: bool = False

    @property
    def message(self) -> EmailMessage:
        """The mail, read."""
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        """Its plain text."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content())


class SmtpSimulator:
    """
    A small mail server.

    `script` are the faults, `users` the credentials that are right (none: any), `writer` is given a line for each mail
    taken. `tls` is offered by STARTTLS, or, with `implicit`, spoken from the first byte. What came is in `received`,
    the newest `MAX_KEPT`; `arrived` is released once for each mail, taken or not. `sessions` counts connections.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        users: Mapping[str, str] | None = None,
        writer: Callable[[str], None] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
    ) -> None:
        self.script = script or Script()
        self.users = dict(users or {})
        self.tls = tls
        self.received: deque[Received] = deque(maxlen=MAX_KEPT)
        self.arrived = asyncio.Semaphore(0)
        self.sessions = 0
        self._writer = writer
        self._implicit = implicit
        self._server: asyncio.Server | None = None
        self._dialogues: set[asyncio.Task[None]] = set()

    @property
    def mails(self) -> list[Received]:
        """Every mail taken, oldest first."""
        return [one for one in self.received if one.action in TAKING]

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and give the port. Raises OSError."""
        context = self.tls if self._implicit else None
        self._server = await asyncio.start_server(self._serve, host, port, ssl=context, reuse_address=True)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut every connection and close."""
        if self._server is not None:
            self._server.close()
        for dialogue in tuple(self._dialogues):
            dialogue.cancel()
        await asyncio.gather(*self._dialogues, return_exceptions=True)
        self._server = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Run within a block and give the port."""
        port = await self.start()
        try:
            yield port
        finally:
            await self.stop()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        task = asyncio.create_task(_Dialogue(self, reader, writer).run())
        self._dialogues.add(task)
        task.add_done_callback(self._dialogues.discard)

    @property
    def offers_tls(self) -> bool:
        """Whether a connection begins in clear and may be protected."""
        return self.tls is not None and not self._implicit

    def note(self, one: Received) -> None:
        """Keep a mail and tell of it."""
        self.received.append(one)
        self.arrived.release()
        if self._writer is not None and one.action in TAKING:
            line = f"{', '.join(one.readers)} from {one.sender}: {one.message['subject']}: {one.text.strip()}"
            self._writer("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))

    def right(self, username: str, password: str) -> bool:
        """Say whether credentials count."""
        return bool(username and password) and (not self.users or self.users.get(username) == password)


class _Ended(Exception):
    """The connection is over."""


class _Dialogue:
    """One connection."""

    def __init__(self, simulator: SmtpSimulator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._simulator = simulator
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._secure = writer.get_extra_info("ssl_object") is not None
        self._greeted = False
        self._username = ""
        self._forget()

    def _forget(self) -> None:
        self._sender: str | None = None
        self._readers: list[str] = []
        self._step = Step(Action.ACCEPT)

    async def run(self) -> None:
        """Talk until the client or the script ends it."""
        try:
            with suppress(_Ended, OSError, TimeoutError, ssl.SSLError):
                await self._say("220 simulator ESMTP")
                while True:
                    await self._answer(await self._line())
        finally:
            self._writer.transport.abort() if self._step.action is Action.DROP else self._writer.close()

    async def _say(self, *lines: str) -> None:
        code = lines[0][:3]
        rows = [f"{code}{'-' if more else ' '}{line[4:]}\r\n" for more, line in zip(_more(lines), lines, strict=True)]
        await self._write("".join(rows).encode("ascii", "replace"))

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _fill(self) -> None:
        data = await asyncio.wait_for(self._reader.read(65_536), PATIENCE)
        if not data:
            raise _Ended
        self._buffer += data

    async def _line(self) -> bytes:
        """Read a command; its end is CR LF and nothing else."""
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE:
                await self._say("500 5.5.2 line too long")
                raise _Ended
            await self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def _answer(self, line: bytes) -> None:  # noqa: C901 - a case for each command
        verb, _, rest = line.partition(b" ")
        match verb.upper():
            case b"EHLO" | b"HELO":
                await self._greet(verb.upper() == b"EHLO")
            case b"STARTTLS" if self._simulator.offers_tls and not self._secure:
                await self._protect()
            case b"AUTH" if self._greeted:
                await self._sign_in(rest)
            case b"MAIL" if self._greeted and self._sender is None:
                await self._from(rest)
            case b"RCPT" if self._sender is not None:
                await self._to(rest)
            case b"DATA" if self._readers:
                await self._data()
            case b"RSET":
                self._forget()
                await self._say("250 2.0.0 forgotten")
            case b"NOOP":
                await self._say("250 2.0.0 here")
            case b"QUIT":
                await self._say("221 2.0.0 goodbye")
                raise _Ended
            case b"MAIL" | b"RCPT" | b"DATA" | b"AUTH":
                await self._say("503 5.5.1 not now")
            case _:
                await self._say("502 5.5.1 what?")

    async def _greet(self, extended: bool) -> None:
        self._greeted = True
        self._forget()
        if not extended:
            await self._say("250 simulator")
            return
        more = ["250 STARTTLS"] if self._simulator.offers_tls and not self._secure else []
        await self._say("250 simulator", f"250 SIZE {MAX_SIZE}", "250 AUTH PLAIN LOGIN", *more, "250 8BITMIME")

    async def _protect(self) -> None:
        if self._buffer:  # RFC 3207 §4.2: what was said before the protection does not count after it
            raise _Ended
        await self._say("220 2.0.0 go on")
        assert self._simulator.tls is not None
        await self._writer.start_tls(self._simulator.tls)
        self._secure, self._greeted = True, False

    async def _sign_in(self, rest: bytes) -> None:
        """RFC 4954: PLAIN, with or without an initial response, and LOGIN."""
        mechanism, _, initial = rest.partition(b" ")
        try:
            match mechanism.upper():
                case b"PLAIN":
                    _, name, password = _unpacked(initial or await self._asked("")).split(b"\0")
                case b"LOGIN":
                    name = _unpacked(initial or await self._asked("VXNlcm5hbWU6"))
                    password = _unpacked(await self._asked("UGFzc3dvcmQ6"))
                case _:
                    await self._say("504 5.5.4 no such mechanism")
                    return
            username = name.decode()
            right = self._simulator.right(username, password.decode())
        except ValueError:
            await self._say("501 5.5.2 cannot be read")
            return
        if not right:
            await self._say("535 5.7.8 wrong credentials")
            return
        self._username = username
        await self._say("235 2.7.0 welcome")

    async def _asked(self, prompt: str) -> bytes:
        await self._say(f"334 {prompt}")
        return await self._line()

    async def _from(self, rest: bytes) -> None:
        address = _address(rest, b"FROM:")
        if address is None:
            await self._say("501 5.1.7 no address")
        elif self._simulator.users and not self._username:
            await self._say("530 5.7.0 sign in first")
        else:
            self._sender = address
            await self._say("250 2.1.0 noted")

    async def _to(self, rest: bytes) -> None:
        address = _address(rest, b"TO:")
        if not address:
            await self._say("501 5.1.3 no address")
            return
        if len(self._readers) >= MAX_READERS:
            await self._say("452 4.5.3 too many readers")
            return
        if not self._readers:
            self._step = self._simulator.script.next()
        code = self._refusal()
        if code is not None and code not in OF_THE_MAIL:
            self._simulator.note(self._received(address, content=b""))
            await self._say(f"{code} {WORDS.get(code, 'refused')}")
            if code == "421":
                raise _Ended
            return
        self._readers.append(address)
        await self._say("250 2.1.5 noted")

    def _refusal(self) -> str | None:
        match self._step.action:
            case Action.REFUSE:
                return self._step.argument or "550"
            case Action.THROTTLE:
                return "451"
            case _:
                return None

    def _received(self, *readers: str, content: bytes) -> Received:
        sender, action = self._sender or "", self._step.action
        return Received(sender, readers, content, action, self._username, self._secure)

    async def _data(self) -> None:
        await self._say("354 go on")
        raw = await self._content()
        if raw is None:
            self._forget()
            await self._say("552 5.3.4 too large")
            return
        # RFC 5321 §4.5.2: a dot at the beginning of a line was doubled.
        content = re.sub(rb"(\A|\r\n)\.", rb"\1", raw)
        if self._step.action is Action.DELAY:
            await asyncio.sleep(self._step.seconds)
        self._simulator.note(self._received(*self._readers, content=content))
        await self._end()
        self._forget()

    async def _content(self) -> bytes | None:
        """Read up to the line of one dot; None for a mail that is too large."""
        large = False
        if self._buffer.startswith(b".\r\n"):
            self._buffer = self._buffer[3:]
            return b""
        while (end := self._buffer.find(b"\r\n.\r\n")) < 0:
            if len(self._buffer) > MAX_SIZE:
                large, self._buffer = True, self._buffer[-4:]
            await self._fill()
        content, self._buffer = self._buffer[: end + 2], self._buffer[end + 5 :]
        return None if large or len(content) > MAX_SIZE else content

    async def _end(self) -> None:
        """Answer a mail, well or badly."""
        match self._step.action:
            case Action.REFUSE:
                code = self._step.argument or "554"
                await self._say(f"{code} {WORDS.get(code, 'refused')}")
            case Action.DROP:
                raise _Ended
            case Action.HANG:
                await asyncio.Event().wait()
            case Action.GARBAGE:
                await self._write(GARBAGE)
            case Action.TRUNCATE:
                await self._write(b"250 2.0")
                raise _Ended
            case Action.LATE:
                await asyncio.sleep(self._step.seconds)
                await self._say("250 2.0.0 kept")
            case _:
                await self._say("250 2.0.0 kept")


def _more(lines: tuple[str, ...]) -> list[bool]:
    return [True] * (len(lines) - 1) + [False]


def _address(rest: bytes, word: bytes) -> str | None:
    """Read `FROM:<address>` or `TO:<address>`, with what may follow; None where it is neither."""
    if rest[: len(word)].upper() != word:
        return None
    found = _PATH.fullmatch(rest[len(word) :].strip(b" "))
    return None if found is None else found[1].decode("ascii", "replace")


def _unpacked(data: bytes) -> bytes:
    """Decode base64. Raises ValueError."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError from error
