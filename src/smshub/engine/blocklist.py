"""The blocklist at work: in memory for the hot path, in the database for good."""

import asyncio
import time
from collections.abc import Callable, Container
from functools import partial

import structlog

from smshub.domain.accounts import Account
from smshub.domain.addresses import blocking_key
from smshub.domain.commands import (
    Block,
    BlockedRecipient,
    Blocklist,
    Done,
    ListBlocked,
    Refusal,
    Refused,
    Unblock,
)
from smshub.domain.delivery import Reason
from smshub.engine.accepting import recipient_of
from smshub.engine.committer import Committer
from smshub.engine.privacy import PSEUDONYM, Privacy
from smshub.store import blocklist as store
from smshub.store.changes import reject
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

LONGEST_REASON = 255


class Veiled:
    """A list with recipients that were erased: they stand there under pseudonyms, and are still recognised."""

    def __init__(self, recipients: Container[str], pseudonym: Callable[[str], str]) -> None:
        self._recipients = recipients
        self._pseudonym = pseudonym

    def __contains__(self, recipient: object) -> bool:
        """Whether a recipient is on the list, by its name or its pseudonym."""
        return recipient in self._recipients or self._pseudonym(str(recipient)) in self._recipients


class Blocked:
    """
    The recipients that nobody may reach.

    `recipients` are as they stand on the list. `asked` is asked for every text: the same set, or, while an erased one
    stands there, one that recognises it too; whenever it is another, `tell` is told. They follow the database: each
    change of this node's own with its commit, those of other nodes by `refresh`.
    """

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        privacy: Privacy,
        clock: Callable[[], float] = time.time,
        tell: Callable[[Container[str]], None] = lambda _: None,
    ) -> None:
        self.recipients: set[str] = set()
        self.asked: Container[str] = self.recipients
        self._privacy = privacy
        self._tell = tell
        self._foreign = 0
        self._outbox = outbox
        self._committer = committer
        self._clock = clock
        self._stamp: tuple[int, float, int] = (0, 0.0, 0)
        self._changes = 0
        tell(self.asked)

    async def refresh(self) -> None:
        """Read the list where it is another than before. Raises `StoreUnavailable`."""
        stamp = await asyncio.to_thread(self._outbox.read, store.blocklist_stamp)
        if stamp == self._stamp:
            return
        changes = self._changes
        found = await asyncio.to_thread(self._outbox.read, store.read_blocked)
        if changes != self._changes:
            return  # what was read may be older than what this node has just written: again, the next time
        self._stamp = stamp
        self.recipients -= self.recipients - found
        self.recipients |= found
        self._look()

    def _look(self) -> None:
        """Ask for pseudonyms too while there are any: their digests are not free."""
        veiled = [one for one in self.recipients if one.startswith(PSEUDONYM)]
        if bool(veiled) != isinstance(self.asked, Veiled):
            self.asked = Veiled(self.recipients, self._privacy.pseudonym) if veiled else self.recipients
            self._tell(self.asked)
        foreign = sum(not self._privacy.is_ours(one) for one in veiled)
        if foreign and foreign != self._foreign:
            log.warning("blocklist.not_recognised", count=foreign, why="erased under another server.secret")
        self._foreign = foreign

    async def block(self, account: Account, command: Block) -> BlockedRecipient:
        """Put a recipient on the list and reject what waits for it. Raises `Refused`."""
        if not (command.own or account.operates):
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        reason = command.reason
        if len(reason) > LONGEST_REASON or not reason.isprintable():
            raise Refused(Refusal.MALFORMED, "BadBlockReason", member="reason", limit=LONGEST_REASON)
        to = blocking_key(recipient_of(account, command.to))
        wanted = BlockedRecipient(to, self._clock(), account.name, reason)
        # An operator's word replaces an application's, not the other way round.
        kept = await self._committer.call(partial(store.block, blocked=wanted, replace=account.operates))
        self._changes += 1
        self.recipients.add(to)
        await self._reject_waiting(to)
        log.info("recipient.blocked", account=account.name)
        return kept

    async def unblock(self, account: Account, command: Unblock) -> Done:
        """Take a recipient off the list. Raises `Refused`."""
        if not (command.own or account.operates):
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        to = blocking_key(recipient_of(account, command.to))
        whose = None if account.operates else account.name
        found = None
        for name in (to, self._privacy.pseudonym(to)):
            taken = await self._committer.call(partial(store.unblock, recipient=name, blocked_by=whose))
            found = found or taken
        if found is None:
            if not command.own:
                raise Refused(Refusal.NOT_FOUND, "NotFound", what="blocked recipient")
            return Done(f"{to} is not blocked")
        if whose is not None and found.blocked_by != whose:
            raise Refused(Refusal.FORBIDDEN, "NotYourBlock", member="to", value=command.to[:40])
        self._changes += 1
        self.recipients -= {to, self._privacy.pseudonym(to)}
        self._look()
        log.info("recipient.unblocked", account=account.name)
        return Done(f"{to} is unblocked")

    async def list(self, account: Account, command: ListBlocked) -> Blocklist:
        """Give a page of the list. Raises `Refused`."""
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        to = None if command.to is None else blocking_key(recipient_of(account, command.to))
        read = partial(store.read_blocklist, to=to, limit=command.limit, cursor=command.cursor)
        page = await asyncio.to_thread(self._outbox.read, read)
        if to is not None and not page.recipients:
            again = partial(store.read_blocklist, to=self._privacy.pseudonym(to), limit=1, cursor=None)
            page = await asyncio.to_thread(self._outbox.read, again)
        return page

    async def _reject_waiting(self, to: str) -> None:
        """Reject what is QUEUED for a recipient; what is missed here is found when its turn to be sent comes."""
        waiting = await asyncio.to_thread(self._outbox.read, partial(store.read_waiting, recipient=to))
        if waiting:
            now = self._clock()
            await self._committer.call(partial(reject, ids=waiting, reason=Reason.BARRED, now=now))

    def check(self, to: str, written: str) -> None:
        """Refuse a recipient that is blocked. Raises `Refused`."""
        if blocking_key(to) in self.asked:
            raise Refused(Refusal.BLOCKED, "Blocked", member="to", value=written[:40])
