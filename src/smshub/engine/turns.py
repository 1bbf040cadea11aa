"""What only one of several nodes may do at a time, by leases in the database they share."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from smshub.engine.committer import Committer
from smshub.store.errors import StoreUnavailable
from smshub.store.leases import acquire_lease, release_lease, renew_lease

log = structlog.get_logger(__name__)

LEASE = 15.0
RENEW_AFTER = LEASE / 3


class Turns:
    """
    Leases of one node (domain.following.Turns). `shared` is False where no other node writes to the database.

    `now` is monotonic seconds, `clock` seconds since 1970.
    """

    def __init__(
        self,
        committer: Committer,
        owner: str,
        *,
        shared: bool,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._committer = committer
        self._owner = owner
        self._shared = shared
        self._now = now
        self._clock = clock
        self._held: dict[str, tuple[int, float]] = {}  # the token, and when it was last renewed

    async def mine(self, name: str) -> bool:
        """Tell whether it is this node's turn. Must be asked more often than a lease lasts."""
        if not self._shared:
            return True
        now = self._now()
        held = self._held.get(name)
        if held is not None and now - held[1] < RENEW_AFTER:
            return True
        try:
            if held is not None and await self._renew(name, held[0]):
                self._held[name] = (held[0], now)
                return True
            self._held.pop(name, None)
            fence = await self._committer.call(
                partial(acquire_lease, name=_lease(name), owner=self._owner, now=self._clock(), ttl=LEASE)
            )
        except StoreUnavailable:
            return held is not None and now - held[1] < LEASE
        if held is not None:
            log.warning("turn.lost", name=name)
        if fence is None:
            return False
        self._held[name] = (fence, now)
        return True

    async def give_back(self, name: str) -> None:
        """Let another node have it at once."""
        held = self._held.pop(name, None)
        if held is not None:
            with suppress(StoreUnavailable):
                await self._committer.call(partial(release_lease, name=_lease(name), owner=self._owner, fence=held[0]))

    async def _renew(self, name: str, fence: int) -> bool:
        renew = partial(renew_lease, name=_lease(name), owner=self._owner, fence=fence, now=self._clock(), ttl=LEASE)
        return await self._committer.call(renew)


def _lease(name: str) -> str:
    # Connectors have leases too, under their own names, in which there is no blank.
    return f"frontend {name}"
