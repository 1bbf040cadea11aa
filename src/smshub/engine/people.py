"""Signs people in: argon2id, a code of an authenticator where they want one, sessions of their own."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Row

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
# Verifications at once: each takes a core and some memory for a tenth of a second.
AT_ONCE = 2
_LONGEST_TOKEN = 64


class Trying(Protocol):
    """A try under way."""

    def fail(self) -> None:
        """Count it."""

    def succeed(self) -> None:
        """Forgive the ones before."""


class Slow(Protocol):
    """What slows wrong tries down."""

    async def begin(self, source: str, name: str) -> Trying:
        """Wait as long as the failures of before ask for. Raises `Refused` (LIMITED)."""


class Passwords:
    """Hashes and verifies passwords in threads, a few at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a password. Raises `Refused` where it is too short or too long."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            limits = {"least": SHORTEST_PASSWORD, "most": LONGEST_PASSWORD}
            raise Refused(Refusal.MALFORMED, "BadPassword", member="password", **limits)
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password is the one; it takes as long where there is none (None)."""
        if len(password) > LONGEST_PASSWORD:
            return False
        async with self._turns:
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
        return await self._open(checked, source)

    def has_user(self) -> None:
        """Learn that there is a user: the secret for the first counts no more."""
        self._setup.forget()

    # --- signing in and out -----------------------------------------------------------------------------------------

    async def sign_in(self, name: str, password: str, code: str, source: str) -> str:
        """Give the token of a new session. Raises `Refused`."""
        trying = await self._slowing.begin(source, f"console:{name[:64]}")
        row = await asyncio.to_thread(self.outbox.read, partial(store.read_user, name=name[:64]))
        right = await self.passwords.verify(None if row is None else row.password, password)
        if row is None or not right or row.disabled:
            trying.fail()
            raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed")
        if row.totp is not None:
            if not code:
                raise Refused(Refusal.UNAUTHENTICATED, "CodeNeeded", member="code")
            if not await self._use_code(row, code):
                trying.fail()
                raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed")
        trying.succeed()
        await self._note(f"console:{row.name}", "SignIn", source)
        return await self._open(row.name, source)

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
            return self._account_of(row.account or "")
        return Account(f"console:{row.name}", role=Role(row.role))

    async def _open(self, name: str, source: str) -> str:
        token = secrets.token_urlsafe(32)
        begin = partial(store.open_session, digest=_digest(token), user_name=name, source=source, now=self.clock())
        await self.committer.call(begin)
        return token

    # --- one's own password and authenticator -----------------------------------------------------------------------

    async def change_password(self, session: Session, old: str, new: str, source: str) -> str:
        """Change one's own password, end every session, and begin a new one. Raises `Refused`."""
        row = await self._again(session, old, source)
        changed = {**row._mapping, "password": await self.passwords.hash(new), "changed_at": self.clock()}  # noqa: SLF001
        await self.committer.call(partial(store.put_user, row=changed, ends_sessions=True))
        await self._note(session.account.name, "ChangePassword", f"users.{row.name}")
        return await self._open(row.name, source)

    async def begin_totp(self, session: Session) -> tuple[str, str]:
        """Draw a secret for an authenticator, in base32 and as an address."""
        secret = totp.draw_secret()
        return secret, totp.address_of(secret, session.user.name, "smshub")

    async def confirm_totp(self, session: Session, secret: str, code: str) -> None:
        """Ask for codes of this secret from now on. Raises `Refused`."""
        now = self.clock()
        try:
            step = totp.step_of(secret, code, now)
        except ValueError:
            step = None
        row = await asyncio.to_thread(self.outbox.read, partial(store.read_user, name=session.user.name))
        if step is None or row is None:
            raise Refused(Refusal.MALFORMED, "CodeWrong", member="code")
        sealed = self._seal.close(secret, row.name)
        changed = {**row._mapping, "totp": sealed, "totp_step": step, "changed_at": now}  # noqa: SLF001
        await self.committer.call(partial(store.put_user, row=changed, ends_sessions=False))
        await self._note(session.account.name, "ConfirmTotp", f"users.{row.name}")

    async def _again(self, session: Session, password: str, source: str) -> Row[Any]:
        trying = await self._slowing.begin(source, f"console:{session.user.name}")
        row = await asyncio.to_thread(self.outbox.read, partial(store.read_user, name=session.user.name))
        if row is None or not await self.passwords.verify(row.password, password):
            trying.fail()
            raise Refused(Refusal.UNAUTHENTICATED, "SignInFailed", member="old")
        trying.succeed()
        return row

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
