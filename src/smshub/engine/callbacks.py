"""What providers call with: read by the connector, put on disk, and only then answered."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import structlog

from smshub.domain.callbacks import Callback, Called, Forged
from smshub.domain.commands import Refusal, Refused
from smshub.domain.incoming import Incoming
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.engine.outlet import Outlet
from smshub.store.errors import StoreUnavailable
from smshub.store.incoming import keep_incoming

log = structlog.get_logger(__name__)

# A call that says more than this is not taken: providers send one report a call, a few send hundreds.
MOST = 1_000
# Seconds for writing it down; later it is refused, the provider calls again, and a report that is told twice is one.
PATIENCE = 10.0


class Callbacks:
    """Takes the calls of providers for the connectors of the moment; it does not matter which node owns them."""

    def __init__(self, outlets: Mapping[str, Outlet], committer: Committer) -> None:
        self._outlets = outlets
        self._committer = committer
        self._ids = Ids()

    async def called(self, connector: str, callback: Callback) -> Called:
        """
        Check a call, put what it says on disk, and tell how to answer.

        Raises `Refused`: NOT_FOUND where no such connector is called back, FORBIDDEN where the call is not proved to be
        the provider's, MALFORMED where it cannot be read, UNAVAILABLE where it cannot be written down.
        """
        outlet = self._outlets.get(connector)
        reader: Any = None if outlet is None else getattr(outlet.connector, "called", None)
        if reader is None:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="connector that is called back")
        try:
            found: Called = reader(callback)
        except Forged:
            log.warning("callback.forged", connector=connector)
            raise Refused(Refusal.FORBIDDEN, "CallbackForged") from None
        except (ValueError, LookupError, TypeError) as error:
            log.warning("callback.unreadable", connector=connector, kind=type(error).__name__)
            raise Refused(Refusal.MALFORMED, "CallbackUnreadable") from None
        if len(found.receipts) + len(found.texts) > MOST:
            raise Refused(Refusal.MALFORMED, "CallbackUnreadable")
        await self._keep(connector, found)
        return found

    async def _keep(self, connector: str, found: Called) -> None:
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[Any]] = []
        for receipt in found.receipts:
            future: asyncio.Future[Any] = loop.create_future()
            self._committer.receipt(connector, receipt, partial(_done, future))
            waiting.append(future)
        texts = [self._whole(text, connector) for text in found.texts]
        keeping = [self._committer.call(partial(keep_incoming, one=one)) for one in texts]
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*waiting, *keeping)
        except (StoreUnavailable, TimeoutError):
            raise Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=5.0) from None

    def _whole(self, text: Incoming, connector: str) -> Incoming:
        return msgspec.structs.replace(text, id=text.id or self._ids(), connector=connector)


def _done(future: "asyncio.Future[Any]", effect: Any) -> None:
    if not future.done():  # the provider may have gone; what it said stays
        future.set_result(effect)
