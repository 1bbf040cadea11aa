"""Keeps what was said between the hub and the providers, a handful at a time, beside everything else."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.exchanges import Exchange, Exchanges, ShowExchanges
from smshub.engine.committer import Committer
from smshub.store.errors import StoreUnavailable
from smshub.store.exchanges import keep_exchanges, read_exchanges
from smshub.store.outbox import Outbox

# As many wait at the most to be written; of a flood the newest are kept.
MOST_WAITING = 500
EVERY = 0.25


class Notebook:
    """Gathers exchanges and writes them from time to time: they are for people, and nothing waits for them."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._waiting: list[tuple[str, Exchange]] = []
        self._writing: asyncio.Task[None] | None = None

    def note(self, message_id: str, attempt: int, request: str, answer: str) -> None:
        """Keep what was said in an attempt. Returns at once."""
        self._waiting.append((message_id, Exchange(attempt, time.time(), request, answer)))
        del self._waiting[:-MOST_WAITING]
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="exchanges")

    async def _write(self) -> None:
        await asyncio.sleep(EVERY)
        self._writing = None
        await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        said, self._waiting = self._waiting, []
        if said:
            with suppress(StoreUnavailable):
                await self._committer.call(partial(keep_exchanges, said=said))


class ExchangeRoom:
    """Shows what was said. It takes an auditor: numbers and texts are masked, but providers say all sorts of things."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ShowExchanges: self._show}

    async def _show(self, account: Account, command: ShowExchanges) -> Exchanges:
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return Exchanges(await asyncio.to_thread(self._outbox.read, partial(read_exchanges, message_id=command.id)))
