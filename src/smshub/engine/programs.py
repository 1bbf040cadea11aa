"""Programs: which of their tokens are ended, whose key has changed since, and what is said about it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from smshub.domain.commands import Refusal, Refused
from smshub.domain.letters import Letter, Reader
from smshub.engine.committer import Committer
from smshub.engine.letters import Letters
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox
from smshub.store.programs import end_token, end_tokens, note_keys, read_ended

log = structlog.get_logger(__name__)

_PURPOSE = b"smshub: has a ProgramKey changed, 1"

NOTICE = """\
{what}

Account: {account}
When:    {when}
Where:   {where}, on the hub '{node}'

{then}

Neither a key nor a token is in this mail. If nobody told you to expect it, ask whoever runs the hub.
"""
KEY_CHANGED = (
    "The ProgramKey of '{account}' has changed",
    "The ProgramKey with which the programs of this account log in to the SMS hub has changed.",
    "Tokens of before count no longer. A program that still has the old key cannot log in until it has the new one.",
)
TOKENS_ENDED = (
    "The tokens of '{account}' were ended",
    "All tokens with which the programs of this account send over the SMS hub were ended.",
    "The ProgramKey is the same as before: programs that log in again when they are answered with 401 need no change.",
)


def notice(words: tuple[str, str, str], *, account: str, where: str, node: str, now: float) -> tuple[str, str]:
    """Write the subject and the text of a mail about a program."""
    subject, what, then = words
    when = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = NOTICE.format(what=what, account=account, when=when, where=where, node=node, then=then)
    return subject.format(account=account), text


class Programs:
    """
    Reads and writes what the database remembers of programs. `clock` gives seconds since 1970.

    `readers` are those who are told of an account's program, by account; the letter to them is written together with
    what it tells of, so that neither is there without the other. `node` is the name of this hub in it.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        server_key: bytes,
        clock: Callable[[], float],
        *,
        letters: Letters,
        node: str = "",
    ) -> None:
        self.readers: Mapping[str, Reader] = {}
        self._letters = letters
        self._node = node
        self._outbox = outbox
        self._committer = committer
        self._key = hmac.digest(server_key, _PURPOSE, hashlib.sha256)
        self._clock = clock

    async def ended(self, account: str, jti: str) -> tuple[int, bool]:
        """
        Tell the second before which an account's tokens are ended (0: none), and whether this one is by itself.

        Raises `Refused` while the database cannot be read.
        """
        try:
            return await asyncio.to_thread(self._outbox.read, partial(read_ended, account=account, jti=jti))
        except StoreUnavailable:
            raise Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=1.0) from None

    async def changed(self, keys: Mapping[str, str]) -> tuple[str, ...]:
        """Tell the accounts whose ProgramKey is another one than when this was last asked, in this run or before."""
        digests = {
            account: hmac.new(self._key, json.dumps([account, key]).encode(), hashlib.sha256).hexdigest()
            for account, key in keys.items()
        }
        if not digests:
            return ()
        told = {account: self._letter(KEY_CHANGED, account, self.readers[account].where) for account in self.readers}

        def note(connection: Any) -> tuple[str, ...]:
            changed = note_keys(connection, digests, self._clock())
            self._letters.put(connection, [told[account] for account in changed if account in told])
            return changed

        try:
            changed = await self._committer.call(note)
        except StoreUnavailable:
            log.warning("programs.not_noted")  # noticed at the next start or change instead
            return ()
        for account in changed:
            log.info("program.changed", account=account, what=KEY_CHANGED[0].format(account=account))
        if changed:
            self._letters.kick()
        return changed

    async def end_all(self, account: str) -> None:
        """End every token of an account that was issued so far. Raises `StoreUnavailable`."""
        # The second that runs is not over: what is issued in it from now on is dated into the next one.
        not_before = int(self._clock()) + 1
        told = [self._letter(TOKENS_ENDED, account, "the API")] if account in self.readers else []

        def end(connection: Any) -> None:
            end_tokens(connection, account, not_before)
            self._letters.put(connection, told)

        await self._committer.call(end)
        log.info("program.changed", account=account, what=TOKENS_ENDED[0].format(account=account))
        self._letters.kick()

    def _letter(self, words: tuple[str, str, str], account: str, where: str) -> Letter:
        subject, text = notice(words, account=account, where=where, node=self._node, now=self._clock())
        return self._letters.write(self.readers[account], subject, text)

    async def end_one(self, account: str, jti: str, expires_at: float) -> None:
        """End one token. Raises `StoreUnavailable`."""
        now = self._clock()
        await self._committer.call(partial(end_token, account=account, jti=jti, expires_at=expires_at, now=now))
