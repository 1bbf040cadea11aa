"""Signs people in: argon2id, a code of an authenticator where they want one, sessions of their own."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, Row

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Refusal, Refused
from smshub.domain.users import IDLE, LONGEST_PASSWORD, LONGEST_SESSION, SHORTEST_PASSWORD, USER_NAME, Session
from smshub.engine import totp
from smshub.engine.committer import Committer
from smshub.engine.sealing import Broken, Seal
from smshub.engine.setup import SetupSecret
from smshub.store import users as store
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

# A session in use is noted so often, in seconds.
NOTE_EVERY = 60.0
# Verifications for strangers that may wait: each takes a core and some memory for a tenth of a second.
MOST_HASHES = 32
_LONGEST_TOKEN = 64


class Trying(Protocol):
    """A try under way. `belongs`: its name has succeeded from its place before."""

    belongs: bool

    def fail(self, *, known: bool = False) -> None:
        """Count it, and tell the log; the name only where it is `known`."""

    def succeed(self) -> None:
        """Forgive the ones before."""


class Slow(Protocol):
    """What slows wrong tries down."""

    async def begin(self, source: str, name: str) -> Trying:
        """Wait as long as the failures of before ask for. Raises `Refused` (LIMITED)."""

    def pending(self, source: str, name: str) -> AbstractContextManager[None]:
        """Count a try as under way while it lasts."""


class Passwords:
    """
    Hashes and verifies passwords in threads: one at a time for strangers, and one for those who are known.

    So whoever is known never waits behind strangers, and these never take more than a core's worth.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._known = asyncio.Lock()
        self._strangers = asyncio.Lock()
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a password. Raises `Refused` where it is too short or too long."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            limits = {"least": SHORTEST_PASSWORD, "most": LONGEST_PASSWORD}
            raise Refused(Refusal.MALFORMED, "BadPassword", member="password", **limits)
        async with self._known:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str, *, known: bool) -> bool:
        """
        Tell whether a password is the one; it takes as long where there is none (None).

        Raises `Refused` (LIMITED) where too many wait of those who are not `known`.
        """
        if len(password) > LONGEST_PASSWORD:
            return False
        if known:
            async with self._known:
                return await self._verify(hashed, password)
        if self._waiting >= MOST_HASHES:
            raise Refused(Refusal.LIMITED, "AuthSlowed", retry_after=5.0, seconds=5)
        self._waiting += 1
        try:
            async with self._strangers:
                return await self._verify(hashed, password)
        finally:
            self._waiting -= 1

    async def _verify(self, hashed: str | None, password: str) -> bool:
        if hashed is None and self._nobody is None:
            self._nobody = await asyncio.to_thread(self._hasher.hash, secrets.token_urlsafe())
        matches = await asyncio.to_thread(self._matches, hashed or self._nobody or "", password)
        return matches and hashed is not None

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False


class Sessions:
    """
    Signs people in and out (domain.users.People).

    `account_of` gives an account of the configuration by its name, `note` writes into the audit log.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        key: bytes,
        *,
        slowing: Slow,
        setup: SetupSecret,
        account_of: Callable[[str], Account | None],
        note: Callable[..., Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.outbox = outbox
        self.committer = committer
        self._seal = Seal(key, "authenticators")
        self._csrf_key = hmac.digest(key, b"smshub csrf", "sha256")
        self._slowing = slowing
        self._setup = setup
        self._account_of = account_of
        self._note = note
        self.clock = clock
        self.passwords = Passwords()

    # --- the first user ---------------------------------------------------------------------------------------------

    async def needs_setup(self) -> bool:
        """Whether there is no user yet."""
        return not await asyncio.to_thread(self.outbox.read, store.any_user)

    async def prepare(self) -> None:
        """Draw the one-time secret where there is no user yet, and tell where it lies; never the secret itself."""
        if not await self.needs_setup():
            return
        try:
            self._setup.make()
        except OSError as error:
            log.warning("console.no_setup", file=str(self._setup.file), why=error.strerror)  # the hub works without
            return
        log.info("console.setup", secret_is_in=str(self._setup.file), page="/console/setup")

    async def set_up(self, secret: str, name: str, password: str, source: str) -> str:
        """Make the first administrator for whom knows the secret. Raises `Refused`."""
        trying = await self._slowing.begin(source, "")
        if not await self.needs_setup() or not self._setup.is_it(secret):
            trying.fail()
            raise Refused(Refusal.UNAUTHENTICATED, "SetupSecretWrong", member="secret")
        checked = check_name(name)
        row = new_row(checked, Role.ADMINISTRATOR, None, await self.passwords.hash(password), self.clock())
        if not await self.committer.call(partial(store.add_first_user, row=row)):
            raise Refused(Refusal.UNAUTHENTICATED, "SetupSecretWrong", member="secret")
        self.has_user()
        await self._note(f"console:{checked}", "SetUp", f"users.{checked}")
        return await self._open(checked, row["changed_at"], source)

    def has_user(self) -> None:
        """Learn that there is a user: the secret for the first counts no more."""
        self._setup.forget()

    # --- signing in and out -----------------------------------------------------------------------------------------

    async def sign_in(self, name: str, password: str, code: str, source: str) -> str:
        """Give the token of a new session. Raises `Refused`."""
        who = f"console:{name[:64]}"
        trying = await self._slowing.begin(source, who)
        with self._slowing.pending(source, who):
            row = await asyncio.to_thread(self.outbox.read, partial(store.read_user, name=name[:64]))
            hashed = None if row is None else row.password
            right = await self.passwords.verify(hashed, password, known=trying.belongs)
        if row is None or not right or row.disabled:
            trying.fail(known=row is not None)
            raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed")
        if row.totp is not None:
            if not code:
                raise Refused(Refusal.UNAUTHENTICATED, "CodeNeeded", member="code")
            if not await self._try_code(row, code):
                trying.fail(known=True)
                raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed")
        token = await self._open(row.name, row.changed_at, source)
        trying.succeed()
        await self._note(f"console:{row.name}", "SignIn", source)
        return token

    async def session(self, token: str, *, used: bool = True) -> Session | None:
        """Tell who has this token; None where its session is over. What a page asks of its own accord is not `used`."""
        if not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii():
            return None
        digest = _digest(token)
        found = await asyncio.to_thread(self.outbox.read, partial(store.read_session, digest=digest))
        now = self.clock()
        if found is None:
            return None
        begun, seen, row = found
        if row.disabled or now - seen > IDLE or now - begun > LONGEST_SESSION:
            return None
        account = self._account(row)
        if account is None:
            return None
        if used and now - seen > NOTE_EVERY:
            await self.committer.call(partial(store.see_session, digest=digest, now=now))
        csrf = hmac.digest(self._csrf_key, token.encode(), "sha256").hex()
        return Session(store.user_of(row), account, csrf)

    async def sign_out(self, token: str) -> None:
        """End a session."""
        await self.committer.call(partial(store.close_session, digest=_digest(token[:_LONGEST_TOKEN])))

    def _account(self, row: Row[Any]) -> Account | None:
        if Role(row.role) is Role.ACCOUNT:
            # Whatever else the account's own role lets its programs do: its people see what is the account's.
            account = self._account_of(row.account or "")
            return None if account is None else msgspec.structs.replace(account, role=Role.ACCOUNT)
        return Account(f"console:{row.name}", role=Role(row.role))

    async def _open(self, name: str, changed_at: float, source: str) -> str:
        """Begin a session of a user who was looked at. Raises `Refused`."""
        token = secrets.token_urlsafe(32)
        digest, now = _digest(token), self.clock()
        await self._write(
            name, changed_at, lambda connection, _: store.open_session(connection, digest, name, source, now)
        )
        return token

    async def _change(self, seen: Row[Any], changed: Mapping[str, Any], *, ends_sessions: bool) -> None:
        """Change a user who was looked at. Raises `Refused`."""

        def change(connection: Connection, row: Row[Any]) -> None:
            # SQLAlchemy's own name for it.
            store.put_user(connection, {**row._mapping, **changed}, ends_sessions=ends_sessions)  # noqa: SLF001

        await self._write(seen.name, seen.changed_at, change)

    async def _write(self, name: str, changed_at: float, write: Callable[[Connection, Row[Any]], None]) -> None:
        """
        Write something about a user, unless they were changed since they were looked at. Raises `Refused`.

        A password takes a tenth of a second to verify, and meanwhile an administrator may have shut its user out.
        """

        def unless_changed(connection: Connection) -> bool:
            store.alone(connection)
            row = store.read_user(connection, name)
            if row is None or row.changed_at != changed_at:
                return False
            write(connection, row)
            return True

        if not await self.committer.call(unless_changed):
            raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed")

    # --- one's own password and authenticator -----------------------------------------------------------------------

    async def change_password(self, session: Session, old: str, new: str, source: str) -> str:
        """Change one's own password, end every session, and begin a new one. Raises `Refused`."""
        row = await self._again(session, old, source)
        hashed = await self.passwords.hash(new)
        now = self.clock()
        await self._change(row, {"password": hashed, "changed_at": now}, ends_sessions=True)
        await self._note(session.account.name, "ChangePassword", f"users.{row.name}")
        return await self._open(row.name, now, source)

    async def begin_totp(self, session: Session) -> tuple[str, str]:
        """Draw a secret for an authenticator, in base32 and as an address."""
        secret = totp.draw_secret()
        return secret, totp.address_of(secret, session.user.name, "smshub")

    async def confirm_totp(self, session: Session, secret: str, code: str, password: str, source: str) -> None:
        """Ask for codes of this secret from now on, of whoever knows the password. Raises `Refused`."""
        row = await self._again(session, password, source)
        now = self.clock()
        try:
            step = totp.step_of(secret, code, now)
        except ValueError:
            step = None
        if step is None:
            raise Refused(Refusal.MALFORMED, "CodeWrong", member="code")
        changed = {"totp": self._seal.close(secret, row.name), "totp_step": step, "changed_at": now}
        await self._change(row, changed, ends_sessions=False)
        await self._note(session.account.name, "ConfirmTotp", f"users.{row.name}")

    async def _again(self, session: Session, password: str, source: str) -> Row[Any]:
        name = session.user.name
        who = f"console:{name}"
        trying = await self._slowing.begin(source, who)
        with self._slowing.pending(source, who):
            row = await asyncio.to_thread(self.outbox.read, partial(store.read_user, name=name))
            hashed = None if row is None else row.password
            right = await self.passwords.verify(hashed, password, known=trying.belongs)
        if row is None or not right:
            trying.fail(known=row is not None)
            raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed", member="old")
        trying.succeed()
        return row

    async def _try_code(self, row: Row[Any], code: str) -> bool:
        # Codes are short, so wrong ones slow the next down wherever they come from (RFC 4226 §7.3). Only who knows the
        # password gets as far as that.
        trying = await self._slowing.begin(f"codes of {row.name}", row.name)
        right = await self._use_code(row, code)
        if right:
            trying.succeed()
        else:
            trying.fail(known=True)
        return right

    async def _use_code(self, row: Row[Any], code: str) -> bool:
        try:
            step = totp.step_of(self._seal.open(row.totp, row.name), code.strip(), self.clock())
        except Broken:
            log.error("console.authenticator_unreadable", user=row.name)  # noqa: TRY400 - no fault of the code
            return False
        if step is None:
            return False
        return await self.committer.call(partial(store.use_totp_step, name=row.name, step=step))

    async def forget(self) -> None:
        """Drop the sessions that are over."""
        now = self.clock()
        await self.committer.call(
            partial(store.forget_sessions, seen_before=now - IDLE, begun_before=now - LONGEST_SESSION)
        )


def check_name(name: str) -> str:
    """Check the name of a user. Raises `Refused`."""
    if not USER_NAME.fullmatch(name):
        raise Refused(Refusal.MALFORMED, "BadUserName", member="name")
    return name


def new_row(name: str, role: Role, account: str | None, password: str, now: float) -> dict[str, Any]:
    """Make the row of a new user; `password` is hashed."""
    return {
        "name": name,
        "password": password,
        "role": role.value,
        "account": account,
        "totp": None,
        "totp_step": 0,
        "disabled": False,
        "created_at": now,
        "changed_at": now,
    }


def _digest(token: str) -> str:
    # The token is random and long, so a plain digest is enough.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
