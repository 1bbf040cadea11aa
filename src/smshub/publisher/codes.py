"""
One-time passwords made and checked here (`manage_otp`): a folder with one small file for each reference.

A file's name and its content tell nothing: both are HMAC-SHA256 under a key, of a code there is only its digest with a
nonce. Every change is made under one lock across processes, and is on disk before it counts: a check is charged before
it compares, a code that matches is gone when that is told. Symbolic links are not followed. Needs POSIX.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smshub.publisher.answers import EXPIRED, INVALID_OTP
from smshub.publisher.errors import CacheError
from smshub.publisher.payloads import four

DIGITS: Final = 6
KEY_FILE: Final = "cache.key"
LOCK_FILE: Final = "cache.lock"
LARGEST: Final = 4_096
# Seconds between two searches for what has expired.
SWEEP_EVERY: Final = 60.0

_NAME: Final = re.compile(r"[0-9a-f]{64}\.otp")
_TEMPORARY: Final = re.compile(r"[0-9a-f]{32}\.tmp")
_SUCCESS: Final = "0000"

Params = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Record:
    """What a file holds: times are in seconds since 1970, the rest is hexadecimal."""

    nonce: str
    mac: str
    made: float
    expires: float
    tries: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """A new code, and what tells its record from a later one of the same reference."""

    code: str
    name: str
    nonce: str


class LocalCodes:
    """
    The codes in one folder.

    `key` is the secret; without it there is one in the folder (`cache.key`), made at the first use. `longest` is the
    most seconds that a code lives, `kept` how many seconds after its making an expired one is still told to be so,
    `most_tries` how many checks it stands. All methods may raise `CacheError`.
    """

    def __init__(
        self, folder: str | Path, key: str = "", *, longest: float = 600, kept: float = 300, most_tries: int = 5
    ) -> None:
        self._folder = Path(folder)
        self._given = key.encode()
        self._longest = longest
        self._kept = kept
        self._most_tries = most_tries
        self._swept = -SWEEP_EVERY

    def create(
        self, reference: str, receiver: str, params: tuple[str, ...], lifetime: float, now: float
    ) -> Made | None:
        """Make a code; None where the reference has one that is alive."""
        with self._locked() as (folder, key):
            self._sweep(folder, now)
            name = _name(key, reference)
            found = _read(folder, name)
            if found is not None and now < found.expires:
                return None
            code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
            nonce = secrets.token_hex(16)
            mac = _mac(key, nonce, reference, receiver, four(params), code)
            _write(folder, name, _Record(nonce, mac, now, now + min(lifetime, self._longest)))
            return Made(code, name, nonce)

    def forget(self, made: Made) -> None:
        """Free the reference of a code that was not sent."""
        with self._locked() as (folder, _):
            found = _read(folder, made.name)
            if found is not None and found.nonce == made.nonce:
                _remove(folder, made.name)

    def check(self, reference: str, receiver: str, code: str, params: tuple[str, ...], now: float) -> str:
        """Check a code, and give OTP-Pi's word: 0000 (once), 1202 or 1203."""
        with self._locked() as (folder, key):
            name = _name(key, reference)
            found = _read(folder, name)
            if found is None:
                return INVALID_OTP
            if now >= found.expires:
                _remove(folder, name)
                return EXPIRED
            if found.tries >= self._most_tries:
                return INVALID_OTP
            _write(folder, name, replace(found, tries=found.tries + 1))
            mac = _mac(key, found.nonce, reference, receiver, four(params), code)
            if not hmac.compare_digest(mac, found.mac):
                return INVALID_OTP
            _remove(folder, name)
            return _SUCCESS

    # --- the folder -------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[tuple[int, bytes]]:
        """Hold the folder for this thread of this process alone; gives its descriptor and the key."""
        try:
            import fcntl  # noqa: PLC0415 - not there on Windows
        except ImportError:
            raise CacheError("local codes need a POSIX system") from None
        try:
            folder = self._open()
            try:
                lock = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    yield folder, self._given or _key(folder)
                finally:
                    os.close(lock)
            finally:
                os.close(folder)
        except OSError as error:
            raise CacheError(f"{self._folder}: {error.strerror or type(error).__name__}") from error

    def _open(self) -> int:
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700, parents=True)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        found = os.fstat(folder)
        unsafe = None
        if found.st_uid != os.geteuid():
            unsafe = "belongs to another user"
        elif found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            unsafe = "others may enter it; give the codes a folder of their own (chmod 700)"
        if unsafe is not None:
            os.close(folder)
            raise CacheError(f"{self._folder}: {unsafe}")
        return folder

    def _sweep(self, folder: int, now: float) -> None:
        """Remove what has expired and is not to be told of any more, and what a crash has left half written."""
        if abs(now - self._swept) < SWEEP_EVERY:
            return
        self._swept = now
        for name in os.listdir(folder):
            if _TEMPORARY.fullmatch(name):
                os.unlink(name, dir_fd=folder)
            elif _NAME.fullmatch(name):
                found = _read(folder, name)
                if found is not None and now >= max(found.expires, found.made + self._kept):
                    os.unlink(name, dir_fd=folder)


def _name(key: bytes, reference: str) -> str:
    return f"{_digest(key, 'reference', reference)}.otp"


def _mac(key: bytes, nonce: str, reference: str, receiver: str, params: Params, code: str) -> str:
    return _digest(key, "code", nonce, reference, receiver, *params, code)


def _digest(key: bytes, *parts: str) -> str:
    """Make the digest of texts, each with its length before it, so that no two lists of them are alike."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        mac.update(len(raw).to_bytes(8, "big") + raw)
    return mac.hexdigest()


def _key(folder: int) -> bytes:
    """Read the key of the folder, or make it. Called under the lock."""
    try:
        opened = os.open(KEY_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        key = secrets.token_hex(32).encode()
        _put(folder, KEY_FILE, key)
        return key
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(opened)
        key = file.read(LARGEST)
    if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or len(key) < 32:
        raise CacheError(f"{KEY_FILE} is no key that only its owner may read")
    return key


def _read(folder: int, name: str) -> _Record | None:
    """Read a record; None where there is none, or something else under its name."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None
        raw = file.read(LARGEST)
    try:
        nonce, mac, made, expires, tries = json.loads(raw)
        return _Record(str(nonce), str(mac), float(made), float(expires), int(tries))
    except (ValueError, TypeError, RecursionError):
        return None


def _write(folder: int, name: str, record: _Record) -> None:
    _put(folder, name, json.dumps([record.nonce, record.mac, record.made, record.expires, record.tries]).encode())


def _put(folder: int, name: str, content: bytes) -> None:
    """Write a file whole or not at all, on disk when this returns."""
    temporary = f"{secrets.token_hex(16)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(opened)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _remove(folder: int, name: str) -> None:
    """Remove a file, for good when this returns."""
    os.unlink(name, dir_fd=folder)
    os.fsync(folder)
