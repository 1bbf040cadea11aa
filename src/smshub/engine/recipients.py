"""One recipient's data: told, and erased."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.addresses import blocking_key, is_address
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.numbers import masked
from smshub.domain.upkeep import EraseRecipient, ExportRecipient, RecipientData, RecipientErased
from smshub.engine.accepting import recipient_of
from smshub.engine.blocklist import Blocked
from smshub.engine.committer import Committer
from smshub.engine.privacy import Privacy, all_shown
from smshub.store import recipients as store
from smshub.store.outbox import Outbox
from smshub.store.parked import drop_parked, read_parked, read_parked_page

log = structlog.get_logger(__name__)

# How long messages that are with a provider are waited for, and how often they are looked at, in seconds.
PATIENCE = 20.0
LOOK_EVERY = 0.25
TIDY_TRIES = 20
BATCH = 200
PAGE = 500
# A number of fewer digits may stand anywhere by chance.
SHORTEST = 7
# What people put between the digits of a number.
_BETWEEN = str.maketrans("", "", " -./()")


class Recipients:
    """Exports and erases by number or mail address; both take an administrator. `clock` gives seconds since 1970."""

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        privacy: Privacy,
        blocked: Blocked,
        *,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._privacy = privacy
        self._blocked = blocked
        self._clock = clock
        self._patience = patience

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ExportRecipient: self.export, EraseRecipient: self.erase}

    async def export(self, account: Account, command: ExportRecipient) -> RecipientData:
        """Tell all that is kept of a recipient. Raises `Refused`."""
        to = _recipient(account, command.to)
        found = await asyncio.to_thread(self._outbox.read, partial(store.read_recipient, to=to))
        log.info("recipient.exported", by=account.name, to=masked(to), messages=len(found.messages))
        return msgspec.structs.replace(found, messages=all_shown(found.messages))

    async def erase(self, account: Account, command: EraseRecipient) -> RecipientErased:
        """Erase a recipient. Raises `Refused`."""
        to = _recipient(account, command.to)
        pseudonym = self._privacy.pseudonym(to)
        found = await asyncio.to_thread(self._outbox.read, partial(store.find_messages, to=to))
        ids = [message_id for message_id, _ in found]
        cancelled = await self._end(ids)
        call = self._committer.call
        count = await self._each(ids, partial(store.erase_messages, pseudonym=pseudonym))
        erased = RecipientErased(
            messages=count,
            left=len(ids) - count,
            cancelled=cancelled,
            incoming=await call(partial(store.erase_incoming, to=to)),
            codes=await call(partial(store.erase_codes, to=to)),
            decisions=await call(partial(store.erase_decisions, to=to, pseudonym=pseudonym)),
            parked=await self._erase_parked(to, {written for _, written in found}),
            blocked=await call(partial(store.erase_block, to=to, pseudonym=pseudonym)),
            files=await self._tidy(),
        )
        await self._blocked.refresh()
        log.info("recipient.erased", by=account.name, to=masked(to), messages=erased.messages, left=erased.left)
        return erased

    async def _end(self, ids: Collection[str]) -> int:
        """Cancel what waits, until nothing is with a provider any more, or patience is over; gives how many."""
        until = time.monotonic() + self._patience
        cancelled = 0
        while True:
            cancelled += await self._each(ids, partial(store.cancel_waiting, now=self._clock()))
            moving = await asyncio.to_thread(self._outbox.read, partial(store.count_sending, ids=ids))
            if not moving or time.monotonic() >= until:
                return cancelled
            await asyncio.sleep(LOOK_EVERY)

    async def _each(self, ids: Collection[str], change: Callable[..., int]) -> int:
        """Change messages, a few in each transaction; gives how many."""
        every = list(ids)
        return sum(
            [
                await self._committer.call(partial(change, ids=every[start : start + BATCH]))
                for start in range(0, len(every), BATCH)
            ]
        )

    async def _erase_parked(self, to: str, written: Collection[str]) -> int:
        """Drop the parked documents in which a recipient stands, as it is kept or as callers wrote it."""
        spellings = {to, *written}
        found = await asyncio.to_thread(self._parked_with, spellings)
        return sum([await self._committer.call(partial(drop_parked, parked_id=one)) for one in found])

    def _parked_with(self, spellings: Collection[str]) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = self._outbox.read(partial(read_parked_page, limit=PAGE, cursor=cursor))
            for entry in page.documents:
                parked = self._outbox.read(partial(read_parked, parked_id=entry.id))
                if parked is not None:
                    document = self._privacy.open_document(parked.document, parked.id).decode("latin-1")
                    found += [parked.id] * any(_stands_in(document, one) for one in spellings)
            cursor = page.cursor
            if cursor is None:
                return found

    async def _tidy(self) -> bool:
        """Write the database anew, so that nothing is left in unused parts of it, and leave nothing beside it."""
        rewritten = await self._committer.rewrite()
        for _ in range(TIDY_TRIES):
            if await self._committer.tidy():
                return rewritten
            await asyncio.sleep(LOOK_EVERY)
        return False


def _recipient(account: Account, written: str) -> str:
    if not account.administers:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
    return blocking_key(recipient_of(account, written))


def _stands_in(document: str, recipient: str) -> bool:
    if is_address(recipient):
        return recipient.lower() in document.lower()
    plain = recipient.translate(_BETWEEN)
    return len(plain) >= SHORTEST and plain in document.translate(_BETWEEN)
