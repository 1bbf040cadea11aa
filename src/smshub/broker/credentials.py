"""
Who may connect: names and passwords of an .htpasswd file, verified in threads.

Publishers of OTP-Publisher's kind connect anew for every message, so what was verified is remembered for a minute, or
until the file changes.
"""

import asyncio
import hashlib
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

import structlog

from smshub.broker import htpasswd
from smshub.broker.handshake import Basic

log = structlog.get_logger(__name__)

REMEMBER = 60.0
REMEMBERED = 10_000
# After so many wrong passwords for a name from one address within a minute, only what was verified before passes.
MOST_FAILURES = 10
FAILURES_WITHIN = 60.0
WATCHED = 10_000
MOST_WAITING = 32

Stamp = tuple[int, int, int] | None


class Verdict(Enum):
    """What came of looking at credentials."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    TOO_MANY_FAILURES = "too many failures"
    BUSY = "busy"


class Credentials:
    """Verifies names and passwords. `now` is monotonic seconds."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._key = secrets.token_bytes(32)
        self._stamp: Stamp = None
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[bool]] = {}
        self._failures: OrderedDict[tuple[str, bytes], list[float]] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="smshub-htpasswd")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, sent: Basic, *, source: str) -> Verdict:
        """Tell whether a name and password are in the file; `source` is the address they came from."""
        stamp = self._look()
        token = self._token(sent)
        if self._remembered.get(token, 0.0) > self._now():
            return Verdict.KNOWN
        caller = (source, sent.name)
        if self._failed_too_often(caller):
            return Verdict.TOO_MANY_FAILURES
        # Many who come at once with the same credentials, as after a restart, wait for one look.
        task = self._under_way.get(token)
        if task is None:
            if len(self._under_way) >= MOST_WAITING:
                return Verdict.BUSY
            task = self._under_way[token] = asyncio.create_task(self._verify_in_thread(sent))
            task.add_done_callback(lambda _: self._under_way.pop(token, None))
        if not await asyncio.shield(task):
            self._note_failure(caller)
            return Verdict.UNKNOWN
        if stamp == self._look():
            self._remember(token)
        return Verdict.KNOWN

    def _token(self, sent: Basic) -> bytes:
        # A name holds no colon, so the joint is unambiguous.
        return hashlib.blake2b(sent.name + b":" + sent.password, key=self._key, digest_size=16).digest()

    def _look(self) -> Stamp:
        """Look at the file; when it is another than before, forget what was verified."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked for at every connection
            stamp: Stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError as error:
            stamp = None
            if self._stamp is not None:
                log.error("broker.htpasswd_unreadable", file=str(self._path), why=type(error).__name__)  # noqa: TRY400
        if stamp != self._stamp:
            self._stamp = stamp
            self._remembered.clear()
        return stamp

    def _remember(self, token: bytes) -> None:
        self._remembered[token] = self._now() + REMEMBER
        self._remembered.move_to_end(token)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _failed_too_often(self, caller: tuple[str, bytes]) -> bool:
        since = self._now() - FAILURES_WITHIN
        recent = [at for at in self._failures.get(caller, ()) if at > since]
        if recent:
            self._failures[caller] = recent
        else:
            self._failures.pop(caller, None)
        return len(recent) >= MOST_FAILURES

    def _note_failure(self, caller: tuple[str, bytes]) -> None:
        self._failures.setdefault(caller, []).append(self._now())
        self._failures.move_to_end(caller)
        while len(self._failures) > WATCHED:
            self._failures.popitem(last=False)

    async def _verify_in_thread(self, sent: Basic) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, sent)

    def _verify(self, sent: Basic) -> bool:
        try:
            kept = htpasswd.find(self._path, sent.name)
            if kept is None or not htpasswd.is_usable(kept):
                if kept is not None:
                    log.warning("broker.hash_not_taken", user=sent.shown, hint="use bcrypt: htpasswd -B FILE USER")
                # As much work as for a name that there is, so that the time taken does not tell which there are.
                decoy = htpasswd.first_hash(self._path)
                if decoy is not None:
                    htpasswd.verify(decoy, sent.password)
                return False
        except OSError as error:
            log.error("broker.htpasswd_unreadable", file=str(self._path), why=type(error).__name__)  # noqa: TRY400
            return False
        return htpasswd.verify(kept, sent.password)
