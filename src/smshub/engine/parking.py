"""Documents from brokers that could not be handled: kept, listed, shown and dropped."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from smshub.domain.accounts import Account
from smshub.domain.commands import Done, DropParked, ListParked, Parked, ParkedPage, Refusal, Refused, Reply, ShowParked
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.engine.privacy import Privacy
from smshub.store import parked as store
from smshub.store.outbox import Outbox


class Parking:
    """Keeps what the doors on brokers cannot handle, until an operator has looked at it."""

    def __init__(
        self, outbox: Outbox, committer: Committer, privacy: Privacy, clock: Callable[[], float] = time.time
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._privacy = privacy
        self._clock = clock
        self._ids = Ids(clock)

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give what carries out each command about them."""
        return {ListParked: self.list, ShowParked: self.show, DropParked: self.drop}

    async def park(self, frontend: str, document: bytes, tries: int, error: str) -> None:
        """Keep a document, sealed, for it may hold a code; on disk when this returns. Raises `StoreUnavailable`."""
        name = self._ids()
        kept = self._privacy.close_document(document[: store.LARGEST], name)
        one = Parked(name, frontend, self._clock(), tries, error, len(document), kept)
        await self._committer.call(partial(store.park, one=one))

    async def list(self, account: Account, command: ListParked) -> ParkedPage:
        """List them, newest first. Raises `Refused`."""
        _need(account.sees_all)
        question = partial(store.read_parked_page, limit=command.limit, cursor=command.cursor)
        return await asyncio.to_thread(self._outbox.read, question)

    async def show(self, account: Account, command: ShowParked) -> Parked:
        """Show one, empty where it was sealed under another key. Raises `Refused`."""
        _need(account.sees_all)
        found = await asyncio.to_thread(self._outbox.read, partial(store.read_parked, parked_id=command.id))
        if found is None:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="parked document")
        return msgspec.structs.replace(found, document=self._privacy.open_document(found.document, found.id))

    async def drop(self, account: Account, command: DropParked) -> Done:
        """Throw one away. Raises `Refused`."""
        _need(account.operates)
        if not await self._committer.call(partial(store.drop_parked, parked_id=command.id)):
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="parked document")
        return Done(f"the document {command.id} is dropped")


def _need(allowed: bool) -> None:
    if not allowed:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
