"""
Handing mail to the named servers: sessions that are used again, servers by turns, and what each answer means.

The one question here is whether a server can have taken the mail. Until the whole of it may have left, a failure is
Deferred and the next server is asked; from then on it is Uncertain, and no other server gets it.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from smshub.connectors.mail import PORTS, BadMail, Mail, SmtpServer, compose
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.settings import SecretMissing

if TYPE_CHECKING:
    from aiosmtplib import SMTP

log = structlog.get_logger(__name__)

# A session is used again within so many seconds, for so many mails: servers close an idle one after minutes.
KEEP = 30.0
MOST_MAILS = 100
# Seconds for which a server that was not there is asked last.
AVOID = 30.0

_READY_FOR_TEXT = 354
_CLOSING = 421
_TOO_LARGE = 552
_SIGN_IN_FIRST = frozenset({530, 534, 535, 538})
_DOTS = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")

# After one of these another server is asked first for a while.
_AVOIDED = frozenset({Reason.UNREACHABLE, Reason.BAD_CREDENTIALS, Reason.MISCONFIGURED})
# Of several servers that would not take a mail, the refusal that is soonest over is told.
_RANK = (Reason.TEMPORARY, Reason.UNREACHABLE, Reason.BAD_CREDENTIALS, Reason.MISCONFIGURED)


class Stage(StrEnum):
    """How far a mail had come when the server answered no; the words say what it refused."""

    DOOR = "the server would not listen"
    SENDER = "the server refused the sender"
    READER = "the server refused the reader"
    TEXT = "the server would not take a mail"
    END = "the server refused the mail"


def judge(stage: Stage, code: int, said: str) -> tuple[Deferred | Rejected, bool]:
    """Tell what a server's no means, and whether another server may know better; its words are not repeated."""
    enhanced = _ENHANCED.match(said)
    full = f"{code} {enhanced[0]}" if enhanced else str(code)
    detail = f"{stage.value} ({full})"
    if code in _SIGN_IN_FIRST:
        return Deferred(Reason.BAD_CREDENTIALS, full, detail), True
    if 400 <= code < 500:
        # Once the mail was given, the engine decides on the next try; the rotation brings it to another server.
        return Deferred(Reason.TEMPORARY, full, detail), stage is not Stage.END
    if not 500 <= code < 600 or (stage in {Stage.DOOR, Stage.SENDER} and code != _TOO_LARGE):
        return Deferred(Reason.MISCONFIGURED, full, detail), True
    if stage is Stage.READER:
        # RFC 3463 §3.8: x.7.x is policy, such as that of a server that does not relay for us.
        policy = enhanced is not None and enhanced[2] == "7"
        return Rejected(Reason.BARRED if policy else Reason.INVALID_RECIPIENT, full, detail), policy
    return Rejected(Reason.CONTENT, full, detail), False


class _Refused(Exception):
    """A server's no, or its absence: what it means, and whether another server may know better."""

    def __init__(self, outcome: Deferred | Rejected, *, elsewhere: bool) -> None:
        super().__init__()
        self.outcome = outcome
        self.elsewhere = elsewhere


class _Stale(Exception):
    """A session that was kept had ended meanwhile; nothing of the mail was given."""


class _Session:
    """A connection to a server that is signed in."""

    def __init__(self, client: "SMTP") -> None:
        self.client = client
        self.mails = 0
        self.idle_since = time.monotonic()

    def usable(self, now: float) -> bool:
        """Say whether another mail may be handed over in it."""
        return self.client.is_connected and self.mails < MOST_MAILS and now - self.idle_since < KEEP

    def end(self) -> None:
        """Close it without waiting for a goodbye."""
        self.client.close()


class Server:
    """One mail server and its idle sessions."""

    def __init__(self, name: str, settings: SmtpServer) -> None:
        self.name = name
        self.settings = settings
        self.avoid_until = 0.0
        self._idle: list[_Session] = []
        self._context: ssl.SSLContext | None = None

    async def hand_over(self, reader: str, message: bytes) -> Outcome:
        """Hand a mail over. Raises `_Refused`, after which the mail has surely not been taken."""
        while (session := self._next_idle()) is not None:
            with suppress(_Stale):
                return await self._in_session(session, reader, message)
        return await self._in_session(await self._open(), reader, message)

    async def close(self) -> None:
        """Say goodbye in every idle session."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_goodbye(session) for session in idle))

    def _next_idle(self) -> _Session | None:
        now = time.monotonic()
        while self._idle:
            session = self._idle.pop()
            if session.usable(now):
                return session
            session.end()
        return None

    async def _open(self) -> _Session:
        import aiosmtplib  # noqa: PLC0415 - only where mail is sent

        try:
            client = aiosmtplib.SMTP(**await asyncio.to_thread(self._options))
            await client.connect()
        except SecretMissing as error:
            raise self._away(Reason.BAD_CREDENTIALS, str(error)) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            raise self._away(Reason.BAD_CREDENTIALS, "the server refused the credentials", error.code) from None
        except aiosmtplib.SMTPResponseException as error:
            raise self._no(Stage.DOOR, error.code, error.message) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
                raise self._away(Reason.MISCONFIGURED, "its certificate is not trusted, or its TLS not ours") from None
            if isinstance(error, aiosmtplib.SMTPNotSupported):
                raise self._away(Reason.MISCONFIGURED, "the server lacks STARTTLS, or our way of signing in") from None
            raise self._away(Reason.UNREACHABLE, f"the server cannot be reached ({type(error).__name__})") from None
        return _Session(client)

    def _options(self) -> dict[str, Any]:
        """Tell the library about the server; reads files."""
        settings = self.settings
        if settings.security != "none" and self._context is None:
            self._context = ssl.create_default_context(cafile=settings.ca)
        return {
            "hostname": settings.host,
            "port": settings.port or PORTS[settings.security],
            "username": settings.username,
            "password": settings.password.reveal() if settings.password is not None else None,
            "use_tls": settings.security == "tls",
            "start_tls": settings.security == "starttls",
            "tls_context": self._context,
            "timeout": settings.timeout,
            "local_hostname": settings.ehlo or _hostname(),
        }

    def _away(self, reason: Reason, why: str, code: int | None = None) -> _Refused:
        detail = f"{self.name}: {why}" + (f" ({code})" if code else "")
        return _Refused(Deferred(reason, str(code) if code else None, detail), elsewhere=True)

    def _no(self, stage: Stage, code: int, said: str) -> _Refused:
        outcome, elsewhere = judge(stage, code, said)
        named = msgspec.structs.replace(outcome, detail=f"{self.name}: {outcome.detail}")
        return _Refused(named, elsewhere=elsewhere)

    async def _in_session(self, session: _Session, reader: str, message: bytes) -> Outcome:
        """Hand a mail over in a session. Raises `_Refused`; `_Stale` where the session had ended meanwhile."""
        kept, session.mails = session.mails > 0, session.mails + 1
        try:
            await self._announce(session.client, reader, kept=kept)
            outcome = await self._give(session.client, message)
        except _Refused:
            await self._reset(session)
            raise
        except BaseException:
            session.end()
            raise
        if isinstance(outcome, Accepted):
            self._keep(session)
        else:
            session.end()
        return outcome

    async def _announce(self, client: "SMTP", reader: str, *, kept: bool) -> None:
        """Name sender and reader and ask for the word; `kept`: the session may have ended since it was last used."""
        import aiosmtplib  # noqa: PLC0415

        stage = Stage.SENDER
        try:
            await client.mail(self.settings.sender)
            stage = Stage.READER
            await client.rcpt(reader)
            stage = Stage.TEXT
            code, said = await client.execute_command(b"DATA")
        except aiosmtplib.SMTPResponseException as error:
            code, said = error.code, error.message
        except (aiosmtplib.SMTPException, OSError) as error:
            if kept:
                raise _Stale from None
            raise self._away(Reason.UNREACHABLE, f"the server went away ({type(error).__name__})") from None
        if code == _CLOSING and kept:
            raise _Stale
        if code != _READY_FOR_TEXT or stage is not Stage.TEXT:
            raise self._no(stage, code, said)

    async def _give(self, client: "SMTP", message: bytes) -> Outcome:
        """Give the mail itself. From here on what has no answer is uncertain."""
        import aiosmtplib  # noqa: PLC0415

        protocol = client.protocol
        if protocol is None or not protocol.is_connected:
            raise self._away(Reason.UNREACHABLE, "the server went away before the mail")
        # RFC 5321 §4.5.2: a dot at the beginning of a line is doubled, a line of one dot is the end.
        protocol.write(_DOTS.sub(b"..", message) + b".\r\n")
        try:
            code, said = await protocol.read_response(timeout=self.settings.timeout)
        except aiosmtplib.SMTPResponseException as error:
            code, said = error.code, error.message
        except (aiosmtplib.SMTPException, OSError) as error:
            return Uncertain(detail=f"{self.name}: no answer to the mail ({type(error).__name__})")
        if 200 <= code < 300:
            return Accepted(detail=self.name)
        if 400 <= code < 600:
            raise self._no(Stage.END, code, said)
        return Uncertain(detail=f"{self.name}: the answer to the mail cannot be read")

    async def _reset(self, session: _Session) -> None:
        """Let a session forget what it refused, and keep it; one that cannot is ended."""
        try:
            code, _ = await session.client.rset(timeout=min(5.0, self.settings.timeout))
        except Exception:  # noqa: BLE001 - whatever it is, the session is of no use any more
            code = 0
        if 200 <= code < 300:
            self._keep(session)
        else:
            session.end()

    def _keep(self, session: _Session) -> None:
        session.idle_since = time.monotonic()
        self._idle.append(session)


class MailServers:
    """The servers of a connector, by turns; one that would not take a mail is followed by the next at once."""

    def __init__(self, servers: Iterable[tuple[str, SmtpServer]]) -> None:
        self._servers = [Server(name, settings) for name, settings in servers]
        self._turn = 0

    async def hand_over(self, mail: Mail, message_id: str) -> Outcome:
        """Hand a mail over to one of them and say what it came to; never raises but when cancelled."""
        refused: Deferred | Rejected | None = None
        for server in self._in_turn():
            try:
                message = compose(mail, server.settings.sender, message_id, datetime.now(UTC))
                return await server.hand_over(mail.to, message)
            except BadMail as error:
                return Rejected(Reason.CONTENT, detail=f"it cannot be written as a mail: {error}")
            except _Refused as no:
                if no.outcome.reason in _AVOIDED:
                    log.warning("mail.server_avoided", server=server.name, why=no.outcome.detail)
                    server.avoid_until = time.monotonic() + AVOID
                if not no.elsewhere:
                    return no.outcome
                refused = no.outcome if refused is None else _sooner_over(refused, no.outcome)
        return refused or Deferred(Reason.MISCONFIGURED, detail="there is no mail server: declare one in [smtp]")

    def _in_turn(self) -> list[Server]:
        """Give the servers beginning with the one whose turn it is, those that were just away at the end."""
        if not self._servers:
            return []
        first, now = self._turn % len(self._servers), time.monotonic()
        self._turn += 1
        return sorted([*self._servers[first:], *self._servers[:first]], key=lambda server: server.avoid_until > now)

    async def close(self) -> None:
        """End every session."""
        await asyncio.gather(*(server.close() for server in self._servers))


def _sooner_over(one: Deferred | Rejected, other: Deferred | Rejected) -> Deferred | Rejected:
    """Choose between two refusals: while one server may take a mail later, it is not refused for good."""

    def rank(no: Deferred | Rejected) -> int:
        return _RANK.index(no.reason) if isinstance(no, Deferred) and no.reason in _RANK else len(_RANK)

    return min(one, other, key=rank)


async def _goodbye(session: _Session) -> None:
    with suppress(Exception):
        await session.client.quit(timeout=1.0)
    session.end()


def _hostname() -> str:
    """Give the host's name as a server takes it; it is not looked up, which could take long."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]{1,255}", name) else "localhost"
