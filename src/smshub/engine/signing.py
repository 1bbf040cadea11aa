"""Texts that wait for their recipient's word (domain.signing.Signing)."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from smshub.domain.accounts import Account
from smshub.domain.commands import CATALOGUE, Refusal, Refused, SendTexts, Submitted
from smshub.domain.signing import Answer, Page, Signed, SignText, invitation
from smshub.engine.committer import Committer
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox
from smshub.store.signatures import answer_signature, open_signature, read_signature

TOKEN_BYTES = 16
PATH = "/sign/"
# Where other nodes take answers too, the database is asked for them so often, in seconds.
POLL = 1.0
RETRY_AFTER = 5.0

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Signing:
    """
    Sends links, and wakes those who wait for the answers.

    A call holds a place of `limit` while it waits, and no account more than half of them. `public_url` and `catalogue`
    are those of the configuration of the moment. `shared`: an answer may come in at another node.
    """

    def __init__(
        self,
        *,
        send: Callable[[Account, SendTexts], Awaitable[Submitted]],
        committer: Committer,
        outbox: Outbox,
        shared: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._send = send
        self._committer = committer
        self._outbox = outbox
        self._poll = POLL if shared else None
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Answer | None]] = {}
        self._held: dict[str, int] = {}
        self._stopped = False
        self.limit = 500
        self.public_url: str | None = None
        self.catalogue: Mapping[str, str] = CATALOGUE

    def apply(self, limit: int, public_url: str | None, catalogue: Mapping[str, str]) -> None:
        """Take over a changed configuration."""
        self.limit, self.public_url, self.catalogue = limit, public_url, catalogue

    def stop(self) -> None:
        """Let nobody wait any longer: the hub stops. The links still work when it is back."""
        self._stopped = True
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)

    async def ask(self, account: Account, command: SignText) -> Signed:
        """Send the text with a link and wait for the answer. Raises `Refused`."""
        held = self._held.get(account.name, 0)
        if self._stopped:
            raise _stopping()
        if len(self._waiting) >= self.limit or held >= max(1, self.limit // 2):
            raise Refused(Refusal.LIMITED, "SignBusy", retry_after=RETRY_AFTER, seconds=round(RETRY_AFTER))
        token = secrets.token_urlsafe(TOKEN_BYTES)
        digest = _digest(token)
        future = self._waiting[digest] = asyncio.get_running_loop().create_future()
        self._held[account.name] = held + 1
        try:
            return Signed(await self._ask(account, command, token, future))
        except StoreUnavailable:
            raise _unavailable() from None
        finally:
            del self._waiting[digest]
            self._held[account.name] -= 1
            if not self._held[account.name]:
                del self._held[account.name]

    async def _ask(
        self, account: Account, command: SignText, token: str, future: "asyncio.Future[Answer | None]"
    ) -> Answer:
        until = asyncio.get_running_loop().time() + command.timeout
        now = self._clock()
        digest = _digest(token)
        begin = partial(
            open_signature,
            digest=digest,
            account=account.name,
            text=command.text,
            now=now,
            expires_at=now + command.timeout,
        )
        await self._committer.call(begin)
        template = self.catalogue.get("SignText") or CATALOGUE["SignText"]
        link = f"{self.public_url or command.origin}{PATH}{token}"
        text = SendTexts(
            to=command.to,
            text=invitation(template, command.text, link),
            valid_for=command.timeout,
            client=command.client,
            source=command.source,
        )
        try:
            await self._send(account, text)
        except Refused:
            await self._end(digest)
            raise
        return await self._wait(digest, future, until)

    async def _wait(self, digest: str, future: "asyncio.Future[Answer | None]", until: float) -> Answer:
        loop = asyncio.get_running_loop()
        while (left := until - loop.time()) > 0:
            done, _ = await asyncio.wait({future}, timeout=left if self._poll is None else min(left, self._poll))
            if done:
                answer = future.result()
                if answer is None:
                    raise _stopping()
                return answer
            if self._poll is not None:
                page = await asyncio.to_thread(self._outbox.read, partial(read_signature, digest=digest, now=0.0))
                if page is not None and page.answer is not Answer.OPEN:
                    return page.answer
        return await self._end(digest)

    async def _end(self, digest: str) -> Answer:
        """Let the time be over, unless an answer came first; gives what counts."""
        found = None
        # Where it cannot be written down, the request still ends by its own time.
        with suppress(StoreUnavailable):
            found = await self._committer.call(
                partial(answer_signature, digest=digest, answer=Answer.EXPIRED, now=self._clock())
            )
        return found or Answer.EXPIRED

    async def look(self, token: str) -> Page | None:
        """Tell what the page of a link shows. Raises `Refused` (UNAVAILABLE)."""
        if not _TOKEN.fullmatch(token):
            return None
        question = partial(read_signature, digest=_digest(token), now=self._clock())
        try:
            return await asyncio.to_thread(self._outbox.read, question)
        except StoreUnavailable:
            raise _unavailable() from None

    async def answer(self, token: str, *, accepted: bool) -> Page | None:
        """Take the recipient's answer; gives how the request stands then. Raises `Refused` (UNAVAILABLE)."""
        if not _TOKEN.fullmatch(token):
            return None
        digest = _digest(token)
        said = Answer.ACCEPTED if accepted else Answer.REFUSED
        try:
            counts = await self._committer.call(
                partial(answer_signature, digest=digest, answer=said, now=self._clock())
            )
        except StoreUnavailable:
            raise _unavailable() from None
        if counts is None:
            return None
        future = self._waiting.get(digest)
        if future is not None and not future.done() and counts is not Answer.OPEN:
            future.set_result(counts)
        return Page(counts)


def _digest(token: str) -> str:
    # The token is random and long, so a plain digest is enough.
    return hashlib.sha256(token.encode()).hexdigest()


def _stopping() -> Refused:
    return Refused(Refusal.UNAVAILABLE, "Stopping", retry_after=2.0)


def _unavailable() -> Refused:
    return Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=1.0)
