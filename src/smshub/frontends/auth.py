"""
Who is calling: names and passwords, and API keys.

Every request carries its credentials, and a password hash is slow by design, so what was verified once is remembered
for a minute. Failures from one place are slowed, whoever they claim to be; what was verified before is not.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import argon2
import bcrypt
import msgspec

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused

REMEMBER = 60.0
REMEMBERED = 10_000
FIRST_DELAY = 0.25
LONGEST_DELAY = 10.0
FORGIVEN_AFTER = 300.0
WATCHED = 10_000
MOST_WAITING = 32
LONGEST_PASSWORD = 1_024

ARGON2_PREFIX = "$argon2"
BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")


class Login(msgspec.Struct, frozen=True):
    """
    An account with what proves it: a password (or its argon2 or bcrypt hash), API keys, a program's pair.

    `token_life` is in seconds; `origins` are those whose pages may call for it. Never printed.
    """

    account: Account
    username: str | None = None
    password: str | None = None
    api_keys: tuple[str, ...] = ()
    program_sid: str | None = None
    program_key: str | None = None
    token_life: int = 15_724_800
    origins: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Login({self.account.name})"


class _Failures(msgspec.Struct):
    """How often a caller failed in a row, when last, and how many of its requests wait."""

    count: int = 0
    at: float = 0.0
    waiting: int = 0


class Gatekeeper:
    """Verifies credentials (domain.contracts.Gate). `now` is monotonic seconds; `sleep` waits."""

    def __init__(
        self,
        logins: Iterable[Login] = (),
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[Account, float]] = OrderedDict()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="smshub-passwords")
        self._hasher = argon2.PasswordHasher()
        self._nobody: str | None = None
        self.load(logins)

    def load(self, logins: Iterable[Login]) -> None:
        """Take over a changed set of accounts; forget what was verified."""
        self._by_name: dict[str, Login] = {}
        self._by_key: dict[bytes, Account] = {}
        self._by_program: dict[str, Login] = {}
        self._origins: dict[str, frozenset[str]] = {}
        for login in logins:
            if login.username is not None:
                self._by_name[login.username] = login
            for key in login.api_keys:
                self._by_key[_digest(key)] = login.account
            if login.program_sid is not None:
                self._by_program[login.program_sid] = login
            if login.origins:
                self._origins[login.account.name] = login.origins
        self.origins = frozenset().union(*self._origins.values())
        programs = self._by_program.values()
        kept = [*(login.password for login in self._by_name.values()), *(login.program_key for login in programs)]
        self._hashes = any(_is_hash(one) for one in kept)
        self.forget()

    def forget(self) -> None:
        """Forget what was verified, so that everything is verified again."""
        self._remembered.clear()

    def program(self, sid: str) -> Login | None:
        """Find an account by its ProgramSID."""
        return self._by_program.get(sid)

    def origins_of(self, account: Account) -> frozenset[str]:
        """Tell the origins whose pages may call for an account; `origins` are those of all."""
        return self._origins.get(account.name, frozenset())

    def account_of_key(self, key: str) -> Account | None:
        """Tell the account of an API key at once, None where it is nobody's."""
        return self._by_key.get(_digest(key))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def remembered(self, token: bytes) -> Account | None:
        """Tell the account of a credential (any bytes, such as a header) that was verified within the last minute."""
        found = self._remembered.get(hashlib.blake2b(token, key=self._key, digest_size=16).digest())
        if found is None or found[1] < self._now():
            return None
        return found[0]

    def remember(self, token: bytes, account: Account, seconds: float = REMEMBER) -> None:
        """Remember for so long that this credential was verified."""
        digest = hashlib.blake2b(token, key=self._key, digest_size=16).digest()
        self._remembered[digest] = (account, self._now() + seconds)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def authenticate(self, username: str, password: str, *, source: str) -> Account:
        """Tell the account of a name and password. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        token = b"basic\0" + username.encode("utf-8", "replace") + b"\0" + password.encode("utf-8", "replace")
        account = self.remembered(token)
        if account is not None:
            return account
        failures = await self._wait(source, username)
        login = self._by_name.get(username)
        if not await self._matches(None if login is None else login.password, password) or login is None:
            self._failed(failures)
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        self._failures.pop((source, username), None)
        self.remember(token, login.account)
        return login.account

    async def authenticate_program(self, sid: str, key: str, *, source: str) -> Login:
        """Tell the account of a ProgramSID and ProgramKey. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        token = b"program\0" + sid.encode("utf-8", "replace") + b"\0" + key.encode("utf-8", "replace")
        login = self._by_program.get(sid)
        if login is not None and self.remembered(token) == login.account:
            return login
        # Slowed apart from a username that happens to be the same.
        slowed = f"program {sid}"
        failures = await self._wait(source, slowed)
        login = self._by_program.get(sid)
        if not await self._matches(None if login is None else login.program_key, key) or login is None:
            self._failed(failures)
            raise Refused(Refusal.UNAUTHENTICATED, "BadProgram")
        self._failures.pop((source, slowed[:64]), None)
        self.remember(token, login.account)
        return login

    async def authenticate_key(self, key: str, *, source: str) -> Account:
        """Tell the account of an API key. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        account = self.account_of_key(key)
        if account is None:
            failures = await self._wait(source, "")
            self._failed(failures)
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        return account

    async def _wait(self, source: str, username: str) -> _Failures:
        """Let a caller that failed before wait, twice as long each time."""
        caller = (source, username[:64])
        failures = self._failures.get(caller)
        now = self._now()
        if failures is None or (not failures.waiting and now - failures.at > FORGIVEN_AFTER):
            failures = self._failures[caller] = _Failures(at=now)
            while len(self._failures) > WATCHED:
                self._failures.popitem(last=False)
        if failures.count:
            delay = min(FIRST_DELAY * 2.0 ** min(failures.count - 1, 10), LONGEST_DELAY)
            if failures.waiting >= MOST_WAITING:
                raise Refused(Refusal.LIMITED, "AuthSlowed", retry_after=delay, seconds=max(1, round(delay)))
            failures.waiting += 1
            try:
                await self._sleep(delay)
            finally:
                failures.waiting -= 1
        return failures

    def _failed(self, failures: _Failures) -> None:
        failures.count += 1
        failures.at = self._now()

    async def _matches(self, kept: str | None, password: str) -> bool:
        if len(password) > LONGEST_PASSWORD:
            return False
        if kept is None:
            if self._hashes:
                # As much work as for a name that there is, so that the time taken does not tell which there are.
                await self._in_thread(self._verify_nobody, "", password)
            return False
        if _is_hash(kept):
            return await self._in_thread(self._verify_hash, kept, password)
        return hmac.compare_digest(kept.encode(), password.encode("utf-8", "replace"))

    async def _in_thread(self, function: Callable[[str, str], bool], kept: str, password: str) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, kept, password)

    def _verify_nobody(self, _: str, password: str) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._verify_hash(self._nobody, password)

    def _verify_hash(self, kept: str, password: str) -> bool:
        try:
            if kept.startswith(ARGON2_PREFIX):
                return self._hasher.verify(kept, password)
            # bcrypt itself knows 72 bytes and no NUL; longer ones were cut when the hash was made.
            return bcrypt.checkpw(password.encode("utf-8", "replace")[:72], kept.encode())
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError, ValueError):
            return False


def _is_hash(password: str | None) -> bool:
    return password is not None and password.startswith((ARGON2_PREFIX, *BCRYPT_PREFIXES))


def _digest(key: str) -> bytes:
    # Keys are random and long, so a plain digest is enough, and a look-up by it tells nothing by its time.
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
