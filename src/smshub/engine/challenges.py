"""One-time passwords (domain.challenges): requested, sent again, verified. Nothing in memory decides."""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from smshub.domain import otp
from smshub.domain.accounts import Account
from smshub.domain.addresses import is_address
from smshub.domain.challenges import (
    Counted,
    Leave,
    OtpRequested,
    OtpVerified,
    RequestOtp,
    ResendOtp,
    UnlockOtp,
    Verdict,
    VerifyOtp,
)
from smshub.domain.commands import Done, Refusal, Refused, Reply, SendTexts, Submitted
from smshub.domain.contracts import Guard
from smshub.domain.message import Message, MessageClass
from smshub.domain.numbers import masked
from smshub.domain.otp import OtpKey, OtpPolicy
from smshub.engine.accepting import Bound, Unbound
from smshub.engine.committer import Committer
from smshub.engine.ids import Ids
from smshub.engine.otp_drafts import (
    check_bound,
    code_of,
    fallback_of,
    fingerprint,
    life_of,
    receiver_of,
    subject_of,
    text_of,
)
from smshub.engine.privacy import Privacy
from smshub.store.batch import Again, Check, Held, Opening, Taken
from smshub.store.challenges import Challenge, read_challenge, unlock
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

# Of what nobody counts, and of a request that will be answered as it was the first time.
NO_LEAVE = Leave()

C = TypeVar("C", bound=msgspec.Struct)


class Send(Protocol):
    """The hub's way in for texts (engine.hub.Hub.send)."""

    def __call__(self, account: Account, command: SendTexts, bound: Bound | None = None) -> Awaitable[Submitted]:
        """Put a text on disk with its challenge. Raises `Refused` and `Unbound`."""


class NoGuard:
    """Lets every code be sent (domain.contracts.Guard)."""

    async def check(self, account: Account, to: str, source: str, now: float) -> Leave:
        """Let it be sent."""
        return NO_LEAVE

    def unsent(self, leave: Leave) -> None:
        """Have nothing to give back."""

    def typed(self, account: Account, to: str, now: float) -> Counted | None:
        """Count nothing."""

    async def verified(self, account: Account, to: str, now: float) -> None:
        """Learn nothing."""


class Challenges:
    """
    Carries out the commands of one-time passwords.

    `keys` are those of the configuration of the moment: the first signs, all verify. Nothing is decided from memory, so
    any node may verify what another has sent.
    """

    def __init__(
        self,
        send: Send,
        committer: Committer,
        outbox: Outbox,
        privacy: Privacy,
        *,
        keys: Sequence[OtpKey] = (),
        guard: Guard | None = None,
        clock: Callable[[], float] = time.time,
        below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._send = send
        self._committer = committer
        self._outbox = outbox
        self._privacy = privacy
        self.keys = tuple(keys)
        self.guard: Guard = guard or NoGuard()
        self._clock = clock
        self._below = below
        self._ids = Ids(clock)

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """What it carries out, for `Hub.serve`."""
        return {
            RequestOtp: self.request,
            VerifyOtp: self.verify,
            ResendOtp: self.resend,
            UnlockOtp: self.unlock,
        }

    # --- requesting -------------------------------------------------------------------------------------------------

    async def request(self, account: Account, command: RequestOtp) -> OtpRequested:
        """Make a code and set it on its way; it is on disk when this returns. Raises `Refused`."""
        now = self._clock()
        policy = account.otp
        check_bound(command.reference, command.params)
        to = receiver_of(account, command.to)
        fallback = fallback_of(account, command, to)
        expires_at, clipped = life_of(policy, command, now)
        code = code_of(policy, command, self._below)
        texts = SendTexts(
            to=(command.to,),
            text=text_of(policy, command, code, expires_at - now),
            originator=command.originator,
            message_class=MessageClass.OTP,
            reference=command.key,
            client=command.client,
            source=command.source,
            expires_at=expires_at,
            subject=subject_of(command),
        )
        print_ = "" if command.key is None else fingerprint(self.keys[-1], command)
        leave = await self._guard(account, command, to, now)
        bound = Bound(partial(self._open, policy, command, to, code, fallback), print_)
        submitted = await self._sent(account, texts, bound, command.reference, now, leave, fallback)
        return await self._requested(account, command, submitted, clipped=clipped)

    async def _guard(self, account: Account, command: RequestOtp, to: str, now: float) -> Leave:
        """Ask the guard; a repeat under an idempotency key sends nothing, so it needs no leave."""
        try:
            return await self.guard.check(account, to, command.source, now)
        except Refused:
            if command.key is None:
                raise
            kept_as = self._privacy.reference(command.key)
            found = await asyncio.to_thread(self._outbox.find_reference, account.name, kept_as)
            if found is None:
                raise
            return NO_LEAVE

    def _open(
        self, policy: OtpPolicy, command: RequestOtp, to: str, code: str, fallback: str | None, message: Message
    ) -> tuple[Message, Opening]:
        key = self.keys[0]
        waits = fallback is not None and message.to != fallback
        return message, Opening(
            id=message.id,
            account=message.account,
            reference=command.reference,
            recipient=to,
            digest=otp.mac(key.key, message.account, command.reference, to, command.params, code),
            key_id=key.id,
            tries=policy.tries,
            created_at=message.created_at,
            expires_at=message.expires_at,
            failures_per_hour=policy.failures_per_hour,
            lock_after=policy.lock_after,
            fallback=fallback,
            fallback_subject=None if fallback is None else command.subject,
            fallback_at=message.created_at + policy.fallback_after if waits else None,
        )

    async def _sent(
        self,
        account: Account,
        texts: SendTexts,
        bound: Bound,
        reference: str,
        now: float,
        leave: Leave = NO_LEAVE,
        fallback: str | None = None,
    ) -> Submitted:
        try:
            counted = Bound(partial(_counted, bound.bind, leave.counted), bound.fingerprint)
            submitted = await self._send_somehow(account, texts, counted, fallback)
        except Unbound as unbound:
            self.guard.unsent(leave)
            raise _held(unbound.taken, reference, now) from None
        except Refused as refused:
            self.guard.unsent(leave)
            if refused.member == "text":  # in the words of who brought a template
                refused.member = "template"
            elif refused.member == "reference":
                refused.member = "Idempotency-Key"
            raise
        if submitted.replayed:
            self.guard.unsent(leave)
        return submitted

    async def _send_somehow(self, account: Account, texts: SendTexts, bound: Bound, fallback: str | None) -> Submitted:
        """Send a text, or, where no route leads to its number, a mail. Raises `Refused` and `Unbound`."""
        try:
            return await self._send(account, texts, bound)
        except Refused as refused:
            if fallback is None or refused.error != "NoRoute":
                raise
        return await self._send(account, msgspec.structs.replace(texts, to=(fallback,)), bound)

    async def _requested(
        self, account: Account, command: RequestOtp, submitted: Submitted, *, clipped: bool
    ) -> OtpRequested:
        message = submitted.messages[0]
        resend_after = message.created_at + account.otp.resend_after
        if submitted.replayed:
            kept = await self._read(message.submission)
            if kept is not None:
                resend_after = kept.sent_at + otp.spacing(account.otp.resend_after, kept.sends)
        return OtpRequested(
            id=message.submission,
            reference=command.reference,
            to=command.to,
            expires_at=message.expires_at,
            resend_after=resend_after,
            message=blanked(message),
            clipped=clipped,
            replayed=submitted.replayed,
            mailed=is_address(message.to) and not is_address(command.to),
        )

    async def _read(self, challenge: str) -> Challenge | None:
        return await asyncio.to_thread(self._outbox.read, partial(read_challenge, id=challenge))

    # --- sending again ----------------------------------------------------------------------------------------------

    async def resend(self, account: Account, command: ResendOtp) -> OtpRequested:
        """Send the same code once more. Raises `Refused`."""
        now = self._clock()
        kept = await self._read(command.id)
        if kept is None or kept.account != account.name:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="code")
        if kept.state != "OPEN" or kept.never_sent or kept.expires_at <= now:
            raise Refused(Refusal.CONFLICT, "OtpOver")
        policy = account.otp
        wait = kept.sent_at + otp.spacing(policy.resend_after, kept.sends) - now
        if wait > 0:
            raise Refused(Refusal.LIMITED, "ResendEarly", retry_after=wait, seconds=math.ceil(wait))
        first = await asyncio.to_thread(self._outbox.message, kept.id)
        # After a fallback to mail it goes there again.
        last = first if kept.message_id == kept.id else await asyncio.to_thread(self._outbox.message, kept.message_id)
        if first is None or last is None:
            raise Refused(Refusal.CONFLICT, "OtpOver")
        text = kept_text(first, self._privacy) or kept_text(last, self._privacy)
        if not text:
            raise Refused(Refusal.CONFLICT, "OtpOver")
        leave = await self.guard.check(account, kept.recipient, command.source, now)
        texts = SendTexts(
            to=(last.to_written,),
            text=text,
            originator=last.originator or None,
            message_class=MessageClass.OTP,
            client=last.client,
            source=command.source,
            expires_at=kept.expires_at,
            subject=last.subject or None,
        )
        submitted = await self._sent(account, texts, Bound(partial(_again, kept)), kept.reference, now, leave)
        message = submitted.messages[0]
        return OtpRequested(
            id=kept.id,
            reference=kept.reference,
            to=first.to_written,
            expires_at=kept.expires_at,
            resend_after=message.created_at + otp.spacing(policy.resend_after, kept.sends + 1),
            message=blanked(message),
            mailed=is_address(message.to) and not is_address(first.to),
        )

    # --- verifying --------------------------------------------------------------------------------------------------

    async def verify(self, account: Account, command: VerifyOtp) -> OtpVerified:
        """Check a code; what it came to is on disk when this returns. Raises `Refused`."""
        now = self._clock()
        policy = account.otp
        check_bound(command.reference, command.params)
        if not 1 <= len(command.code) <= otp.LONGEST_CODE:
            why = f"it must have 1 to {otp.LONGEST_CODE} characters"
            raise Refused(Refusal.MALFORMED, "BadCode", member="code", why=why)
        to = receiver_of(account, command.to)
        bound = (account.name, command.reference, to, command.params, command.code)
        check = Check(
            id=otp.fingerprint(self.keys[-1].key, account.name, command.key) if command.key else self._ids(),
            account=account.name,
            reference=command.reference,
            recipient=to,
            digests={key.id: otp.mac(key.key, *bound) for key in self.keys},
            at=now,
            failures_per_hour=policy.failures_per_hour,
            lock_after=policy.lock_after,
            counted=self.guard.typed(account, to, now),
        )
        checked = await self._committer.check(check)
        if checked.verdict is Verdict.MATCH:
            await self._learn(account, to, now)
        return OtpVerified(
            checked.verdict,
            command.reference,
            command.to,
            checked.tries_left,
            policy.generic,
            mailed=checked.mailed,
        )

    async def _learn(self, account: Account, to: str, now: float) -> None:
        # The code is consumed by now: whatever the guard thinks of it, the caller must hear that it was right.
        try:
            await self.guard.verified(account, to, now)
        except Exception:
            log.exception("guard.failed", account=account.name)

    async def unlock(self, account: Account, command: UnlockOtp) -> Done:
        """Let codes for a recipient be looked at again. Raises `Refused`."""
        if not account.operates:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        to = receiver_of(account, command.to)
        count = await self._committer.call(partial(unlock, recipient=to))
        if not count:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="recipient with wrong codes")
        log.info("otp.unlocked", by=account.name, to=masked(to))
        return Done(f"{command.to} is unlocked")


def kept_text(message: Message, privacy: Privacy) -> str:
    """Give the text of a message that carried a code, as it was sent; empty where it is kept no longer."""
    opened = privacy.opened(message)
    return "" if opened is None else opened.text


def blanked(message: Message) -> Message:
    """Take the text, in which the code is, out of a message."""
    return msgspec.structs.replace(message, text="")


def _counted(
    bind: Callable[[Message], tuple[Message, C]], counted: Counted | None, message: Message
) -> tuple[Message, C]:
    """Bind a message to its challenge, with what the guard counts."""
    message, challenge = bind(message)
    return message, challenge if counted is None else msgspec.structs.replace(challenge, counted=counted)


def _again(kept: Challenge, message: Message) -> tuple[Message, Again]:
    again = Again(kept.id, kept.account, kept.reference, message.id, kept.sends, message.created_at)
    return msgspec.structs.replace(message, submission=kept.id), again


def _held(taken: Taken, reference: str, now: float) -> Refused:
    """Tell why a challenge could not be opened or sent again."""
    wait = max(1.0, (taken.until or now) - now)
    match taken.why:
        case Held.LIVE:
            return Refused(Refusal.CONFLICT, "OtpLive", member="reference", value=reference[:80])
        case Held.LOCKED if taken.until is None:
            return Refused(Refusal.LIMITED, "OtpLocked", member="to", retry_after=otp.HOUR)
        case Held.LOCKED:
            return Refused(Refusal.LIMITED, "OtpSlowed", member="to", retry_after=wait, seconds=math.ceil(wait))
        case Held.OVER:
            return Refused(Refusal.CONFLICT, "OtpOver")
        case Held.RACED:
            return Refused(Refusal.LIMITED, "ResendEarly", retry_after=wait, seconds=math.ceil(wait))
