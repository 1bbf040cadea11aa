"""Codes whose texts cannot leave go by mail, where their requests name an address: once, and on one node."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, SendTexts
from smshub.domain.message import Message, MessageClass, State
from smshub.engine.accepting import Bound, Unbound
from smshub.engine.challenges import Send, kept_text
from smshub.engine.committer import Committer
from smshub.engine.outlet import Outlet
from smshub.engine.privacy import Privacy
from smshub.store.batch import Held, Instead
from smshub.store.challenges import Waiting, drop_fallbacks, due_fallbacks
from smshub.store.errors import StoreUnavailable
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
MOST = 500

# What passes: the code is looked at again, while it lives.
_PASSING = frozenset({Refusal.UNAVAILABLE, Refusal.LIMITED})


class Fallbacks:
    """
    Looks every half second for codes whose time has come to go by mail.

    That is when the text was refused for good, or has not left when the policy's time is over. Whether the text has
    surely not left is decided in the transaction that ends it and accepts the mail (smshub.store.checking), so neither
    is ever sent beside the other; where nobody can know, it stays with the text. The one node that owns the connector
    at which a text waits looks after its code.
    """

    def __init__(
        self,
        send: Send,
        committer: Committer,
        outbox: Outbox,
        privacy: Privacy,
        *,
        accounts: Callable[[str], Account | None],
        outlets: Callable[[], Mapping[str, Outlet]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._send = send
        self._committer = committer
        self._outbox = outbox
        self._privacy = privacy
        self._accounts = accounts
        self._outlets = outlets
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look; accounts and outlets must be there, or codes would be taken for nobody's."""
        self._task = asyncio.create_task(self._run(), name="fallbacks")

    def stop(self) -> None:
        """Look no more; what is due stays so."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self.tick()
            except StoreUnavailable:
                pass  # what is due stays so
            except Exception:
                log.exception("fallbacks.failed")
            await asyncio.sleep(LOOK_EVERY)

    async def tick(self) -> None:
        """Let the codes go by mail whose time has come, and forget the addresses of those that need none."""
        due = await asyncio.to_thread(self._outbox.read, partial(due_fallbacks, now=self._clock(), limit=MOST))
        mine = [waiting for waiting in due if self._is_mine(waiting)]
        if not mine:
            return
        settled = await asyncio.gather(*(self._settle(waiting) for waiting in mine))
        over = [waiting.id for waiting, done in zip(mine, settled, strict=True) if done]
        if over:
            await self._committer.call(partial(drop_fallbacks, ids=over))

    def _is_mine(self, waiting: Waiting) -> bool:
        if waiting.state == State.SENDING:
            return False  # it is nobody's before the provider has answered
        outlet = self._outlets().get(waiting.connector)
        return outlet is None or outlet.fence is not None

    async def _settle(self, waiting: Waiting) -> bool:
        """Let a code go by mail if it may; tell whether there is nothing to be done for it any more, mail or no."""
        account = self._accounts(waiting.account)
        if account is None or not account.otp.fallback or waiting.expires_at <= self._clock():
            return True
        if waiting.state not in {State.QUEUED, State.REJECTED} or waiting.resends:
            return True
        text = await asyncio.to_thread(self._outbox.message, waiting.id)
        if text is None or not (content := kept_text(text, self._privacy)):
            return True
        command = SendTexts(
            to=(waiting.fallback,),
            text=content,
            message_class=MessageClass.OTP,
            client=text.client,
            source=text.source,
            expires_at=waiting.expires_at,
            subject=waiting.fallback_subject,
        )
        return await self._mail(account, command, waiting)

    async def _mail(self, account: Account, command: SendTexts, waiting: Waiting) -> bool:
        try:
            submitted = await self._send(account, command, Bound(partial(_instead, waiting)))
        except Unbound as unbound:
            return unbound.taken.why is not Held.RACED
        except Refused as refused:
            if refused.refusal in _PASSING:
                return False
            log.warning("otp.no_fallback", account=account.name, message=waiting.id, error=refused.error)
            return True
        log.info("otp.fell_back", account=account.name, message=waiting.id, mail=submitted.messages[0].id)
        return False


def _instead(waiting: Waiting, message: Message) -> tuple[Message, Instead]:
    instead = Instead(waiting.id, waiting.account, waiting.reference, message.id, message.created_at)
    return msgspec.structs.replace(message, submission=waiting.id), instead
