"""The texts that came in: kept, and what is asked of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.incoming import DropIncoming, Incoming, IncomingPage, ListIncoming
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.store.errors import StoreUnavailable
from smshub.store.incoming import drop_incoming, keep_incoming, read_incoming
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

_ids = Ids()


async def keep(committer: Committer, text: Incoming, connector: str, stored: Callable[[], None]) -> None:
    """Put a text on disk and say so; where that cannot be, nothing is said, and its connector offers it again."""
    whole = msgspec.structs.replace(text, id=text.id or _ids(), connector=connector)
    try:
        new = await committer.call(partial(keep_incoming, one=whole))
    except StoreUnavailable:
        return
    log.info("text.came_in", connector=connector, new=new)
    stored()


class Inbox:
    """Lists and drops what came in; both take an operator, reading an auditor."""

    def __init__(self, outbox: Outbox, committer: Committer) -> None:
        self._outbox = outbox
        self._committer = committer

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ListIncoming: self._list, DropIncoming: self._drop}

    async def _list(self, account: Account, command: ListIncoming) -> IncomingPage:
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return await asyncio.to_thread(self._outbox.read, partial(read_incoming, asked=command))

    async def _drop(self, account: Account, command: DropIncoming) -> Done:
        if not account.operates:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        if not await self._committer.call(partial(drop_incoming, incoming_id=command.id)):
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="text that came in")
        return Done("it is dropped")
