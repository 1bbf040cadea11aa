"""
Who is calling: names and passwords of accounts or of a directory's users, API keys, client certificates.

Every request carries its credentials, and a password hash is slow by design, so what was verified once is remembered
for a minute. Failures slow the next tries of their name and of their place down (slowing.py); credentials that were
right before are not slowed, so nobody is locked out by others.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import argon2
import bcrypt
import msgspec

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.frontends.slowing import Slowing

REMEMBER = 60.0
REMEMBERED = 10_000
LONGEST_PASSWORD = 1_024
LONGEST_NAME = 255
# Hashes that may wait for a thread; each takes a tenth of a second and more.
MOST_HASHES = 64
DIGEST_PREFIX = "sha256:"

ARGON2_PREFIX = "$argon2"
BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")


class Login(msgspec.Struct, frozen=True):
    """
    An account with what proves it: a password (or its hash), API keys (or their digests), certificates, a program.

    A password's hash is argon2 or bcrypt; a key's digest is written `sha256:` and 64 hexadecimal digits, a certificate
    likewise by its fingerprint, or as `CN=` and the name of its subject.
    `token_life` is in seconds; `origins` are those whose pages may call for it. Never printed.
    """

    account: Account
    username: str | None = None
    password: str | None = None
    api_keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    program_sid: str | None = None
    program_key: str | None = None
    token_life: int = 15_724_800
    origins: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Login({self.account.name})"


class Users(Protocol):
    """A directory whose users may call."""

    async def account(self, username: str, password: str) -> Account | None:
        """Tell the account of a user, None where the name or the password is wrong. Raises `Refused` (UNAVAILABLE)."""

    def close(self) -> None:
        """End its threads."""


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
        self._slowing = Slowing(now=now, sleep=sleep)
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, tuple[Account, float]] = OrderedDict()
        self._verifying: dict[tuple[bytes, str], asyncio.Task[Account]] = {}
        self._hashing = 0
        self._users: Users | None = None
        self._reserved: frozenset[str] = frozenset()
        self.generation = 0
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="smshub-passwords")
        self._hasher = argon2.PasswordHasher()
        self._nobody: str | None = None
        self.load(logins)

    def load(self, logins: Iterable[Login]) -> None:
        """Take over a changed set of accounts; forget what was verified."""
        self._by_name: dict[str, Login] = {}
        self._by_key: dict[bytes, Account] = {}
        self._by_certificate: dict[str, Account] = {}
        self._by_program: dict[str, Login] = {}
        self._origins: dict[str, frozenset[str]] = {}
        for login in logins:
            if login.username is not None:
                self._by_name[login.username] = login
            for key in login.api_keys:
                self._by_key[_kept_digest(key)] = login.account
            for certificate in login.certificates:
                self._by_certificate[certificate] = login.account
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
        # What is being verified just now was looked up before, and is not remembered either.
        self.generation += 1

    def ask(self, users: Users | None, reserved: Iterable[str] = ()) -> None:
        """
        Let the users of a directory in, or those of none any more; forget what was verified.

        `reserved` are the names of all accounts, also of those that may not call: no user comes under one of them.
        """
        if self._users is not None and self._users is not users:
            self._users.close()
        self._users = users
        self._reserved = frozenset(name.casefold() for name in reserved)
        self.forget()

    def program(self, sid: str) -> Login | None:
        """Find an account by its ProgramSID."""
        return self._by_program.get(sid)

    def origins_of(self, account: Account) -> frozenset[str]:
        """Tell the origins whose pages may call for an account; `origins` are those of all."""
        return self._origins.get(account.name, frozenset())

    def account_of_key(self, key: str) -> Account | None:
        """Tell the account of an API key at once, None where it is nobody's."""
        return self._by_key.get(_digest(key))

    def account_of_certificate(self, names: Iterable[str]) -> Account | None:
        """Tell the account of a client certificate that TLS has verified, by its fingerprint or its name."""
        return next((self._by_certificate[name] for name in names if name in self._by_certificate), None)

    def close(self) -> None:
        """End the threads."""
        if self._users is not None:
            self._users.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def remembered(self, token: bytes) -> Account | None:
        """Tell the account of a credential (any bytes, such as a header) that was verified within the last minute."""
        found = self._remembered.get(self._mark(token))
        if found is None or found[1] <= self._now():
            return None
        return found[0]

    def remember(
        self, token: bytes, account: Account, seconds: float = REMEMBER, *, generation: int | None = None
    ) -> None:
        """
        Remember for so long that this credential was verified.

        `generation` is that of the moment at which it was looked up; where accounts have changed since, it is not.
        """
        if generation is not None and generation != self.generation:
            return
        mark = self._mark(token)
        self._remembered[mark] = (account, self._now() + seconds)
        self._remembered.move_to_end(mark)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def authenticate(self, username: str, password: str, *, source: str) -> Account:
        """Tell the account of a name and password. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        token = b"basic\0" + username.encode("utf-8", "replace") + b"\0" + password.encode("utf-8", "replace")
        account = self.remembered(token)
        if account is not None:
            return account
        # The same credentials at once from many connections, as after a restart, are verified once.
        key = (self._mark(token), source)
        task = self._verifying.get(key)
        if task is None:
            task = self._verifying[key] = asyncio.create_task(self._verify(token, username, password, source))
            task.add_done_callback(lambda done: self._verified(key, done))
        return await asyncio.shield(task)

    def _verified(self, key: tuple[bytes, str], task: "asyncio.Task[Account]") -> None:
        del self._verifying[key]
        if not task.cancelled():
            task.exception()  # it may be that nobody waits for it any more

    async def _verify(self, token: bytes, username: str, password: str, source: str) -> Account:
        generation = self.generation
        mark = self._mark(token)
        # Right before, though more than a minute ago: nobody else knows it, so it is not slowed with the others.
        was_right = mark in self._remembered
        slowing = self._slowing
        trying = slowing.begin_at_once(source, username) if was_right else await slowing.begin(source, username)
        with self._slowing.pending(source, username):
            account = await self._account_of(username, password, in_turn=not was_right)
        if account is None:
            self._remembered.pop(mark, None)
            trying.fail(known=username in self._by_name)
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        trying.succeed()
        self.remember(token, account, generation=generation)
        return account

    async def _account_of(self, username: str, password: str, *, in_turn: bool) -> Account | None:
        login = self._by_name.get(username)
        if login is None and self._users is not None:
            known = username.strip().casefold() in self._reserved or not username or len(username) > LONGEST_NAME
            if not known and password.strip() and len(password) <= LONGEST_PASSWORD:
                return await self._users.account(username, password)
        if await self._matches(None if login is None else login.password, password, in_turn=in_turn):
            return None if login is None else login.account
        return None

    def _mark(self, token: bytes) -> bytes:
        return hashlib.blake2b(token, key=self._key, digest_size=16).digest()

    async def authenticate_program(self, sid: str, key: str, *, source: str) -> Login:
        """Tell the account of a ProgramSID and ProgramKey. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        token = b"program\0" + sid.encode("utf-8", "replace") + b"\0" + key.encode("utf-8", "replace")
        login = self._by_program.get(sid)
        if login is not None and self.remembered(token) == login.account:
            return login
        # Slowed apart from a username that happens to be the same.
        slowed = f"program {sid}"
        trying = await self._slowing.begin(source, slowed)
        generation = self.generation
        login = self._by_program.get(sid)
        with self._slowing.pending(source, slowed):
            right = await self._matches(None if login is None else login.program_key, key)
        if not right or login is None:
            trying.fail(known=login is not None)
            raise Refused(Refusal.UNAUTHENTICATED, "BadProgram")
        trying.succeed()
        self.remember(token, login.account, generation=generation)
        return login

    async def authenticate_key(self, key: str, *, source: str) -> Account:
        """Tell the account of an API key. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        account = self.account_of_key(key)
        if account is None:
            (await self._slowing.begin(source, "")).fail()
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        return account

    async def _matches(self, kept: str | None, password: str, *, in_turn: bool = True) -> bool:
        if len(password) > LONGEST_PASSWORD:
            return False
        if kept is not None and _is_hash(kept):
            return await self._in_thread(self._verify_hash, kept, password, in_turn=in_turn)
        # Of equal length, so that the time taken tells nothing of the password's.
        same = hmac.compare_digest(
            self._mark((kept or "").encode("utf-8", "replace")), self._mark(password.encode("utf-8", "replace"))
        )
        if kept is not None and same:
            return True
        if self._hashes:
            # As much work as for an account with a hash, so that the time taken does not tell which names there are.
            await self._in_thread(self._verify_nobody, "", password, in_turn=in_turn)
        return False

    async def _in_thread(
        self, function: Callable[[str, str], bool], kept: str, password: str, *, in_turn: bool
    ) -> bool:
        if in_turn and self._hashing >= MOST_HASHES:
            raise Refused(Refusal.LIMITED, "AuthSlowed", retry_after=5.0, seconds=5)
        self._hashing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, kept, password)
        finally:
            self._hashing -= 1

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


def _kept_digest(kept: str) -> bytes:
    """Give the digest of a key that is kept in clear, or as `sha256:` and its digest."""
    kind, _, digits = kept.partition(":")
    if kind == DIGEST_PREFIX[:-1] and len(digits) == 64:
        try:
            return bytes.fromhex(digits)
        except ValueError:
            pass
    return _digest(kept)


def _digest(key: str) -> bytes:
    # Keys are random and long, so a plain digest is enough, and a look-up by it tells nothing by its time.
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
