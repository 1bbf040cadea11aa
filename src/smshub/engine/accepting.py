"""From a command to messages: everything that is checked and decided before a text is put on disk. Pure but for ids."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from smshub.domain.accounts import Account
from smshub.domain.addresses import (
    LONGEST_MAIL,
    MAIL,
    BadAddress,
    BadSubject,
    MailAddress,
    check_subject,
    is_address,
    parse_address,
)
from smshub.domain.commands import Refusal, Refused, SendTexts
from smshub.domain.message import Message, MessageClass
from smshub.domain.numbers import BadNumber, BadOriginator, Msisdn, parse_msisdn, parse_originator
from smshub.domain.retry import LONGEST_VALIDITY, ClassPolicy
from smshub.domain.text import BadText, check_text, measure, transliterate
from smshub.store.batch import Again, Instead, Opening, Taken

LONGEST_REFERENCE = 255
FARTHEST_SCHEDULE = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A text with a code in it, bound to a challenge.

    `bind` makes the challenge of the message, or leads the message to the one it has; `fingerprint` tells two requests
    with one idempotency key apart.
    """

    bind: Callable[[Message], tuple[Message, Opening | Again | Instead]]
    fingerprint: str = ""


class Unbound(Exception):
    """The challenge could not be opened or sent again, for the reason that is `taken`; nothing was written."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken.why.value)
        self.taken = taken


class Draft(msgspec.Struct, frozen=True):
    """What all messages of a submission share."""

    text: str
    encoding: str
    segments: int
    originator: str
    message_class: MessageClass
    flash: bool
    due_at: float
    expires_at: float
    subject: str = ""


def draft(account: Account, command: SendTexts, now: float, policies: Callable[[MessageClass], ClassPolicy]) -> Draft:
    """Check all that does not depend on the recipient. Raises `Refused`."""
    _check_recipients(account, command)
    text = command.text
    if not text:
        raise Refused(Refusal.MALFORMED, "EmptyText", member="text")
    try:
        check_text(text)
    except BadText as error:
        raise Refused(Refusal.MALFORMED, "BadText", member="text", why=error) from None
    mails = "@" in command.to[0] if len(command.to) == 1 else any(map(is_address, command.to))
    if mails:
        _check_mail(account, command)
    encoding, segments = MAIL, 1
    if not mails or not all(map(is_address, command.to)):
        text, encoding, segments = _measured(account, text)
    if command.reference is not None:
        _check_reference(command.reference)
    message_class = command.message_class or account.message_class
    due_at, expires_at = _times(account, command, now, policies(message_class))
    return Draft(
        text=text,
        encoding=encoding,
        segments=segments,
        originator=_originator(account, command.originator),
        message_class=message_class,
        flash=command.flash,
        due_at=due_at,
        expires_at=expires_at,
    )


def _measured(account: Account, text: str) -> tuple[str, str, int]:
    """Give a text for handsets as it is sent, its encoding and its segments. Raises `Refused`."""
    if account.channels and "sms" not in account.channels:
        raise Refused(Refusal.FORBIDDEN, "ChannelClosed", member="to", channel="short messages")
    if account.transliterate and not text.isascii():
        text = transliterate(text)
    measured = measure(text)
    if measured.segments > account.max_segments:
        raise Refused(
            Refusal.MALFORMED, "TextTooLong", member="text", segments=measured.segments, limit=account.max_segments
        )
    return text, measured.encoding.value, measured.segments


def _check_mail(account: Account, command: SendTexts) -> None:
    if account.channels and "email" not in account.channels:
        raise Refused(Refusal.FORBIDDEN, "ChannelClosed", member="to", channel="mail")
    if len(command.text) > LONGEST_MAIL:
        raise Refused(Refusal.MALFORMED, "MailTooLong", member="text", count=len(command.text), limit=LONGEST_MAIL)
    try:
        check_subject(command.subject or "")
    except BadSubject as error:
        raise Refused(Refusal.MALFORMED, "BadSubject", member="subject", why=error) from None


def as_mail(drafted: Draft, account: Account, command: SendTexts) -> Draft:
    """Give what is shared by the mails of a submission that may have texts for handsets too."""
    subject = (command.subject or "").strip() or account.subject
    return msgspec.structs.replace(drafted, text=command.text, encoding=MAIL, segments=1, flash=False, subject=subject)


def recipient_of(account: Account, written: str) -> Msisdn | MailAddress:
    """Read a receiver, a number as this account writes them or a mail address. Raises `Refused`."""
    if "@" in written:
        try:
            return parse_address(written.strip())
        except BadAddress as error:
            raise Refused(Refusal.MALFORMED, "BadAddress", member="to", value=written[:64], why=error) from None
    try:
        return parse_msisdn(written, account.country)
    except BadNumber as error:
        raise Refused(Refusal.MALFORMED, "BadNumber", member="to", value=written[:40], why=error) from None


def _check_recipients(account: Account, command: SendTexts) -> None:
    count = len(command.to)
    if count == 1 and command.to[0]:
        return
    if count == 0 or (count == 1 and not command.to[0]):
        raise Refused(Refusal.MALFORMED, "NoRecipient", member="to")
    if count > account.max_recipients:
        raise Refused(Refusal.MALFORMED, "TooManyRecipients", member="to", count=count, limit=account.max_recipients)


def _check_reference(reference: str) -> None:
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise Refused(Refusal.MALFORMED, "BadReference", member="reference")


def _times(account: Account, command: SendTexts, now: float, policy: ClassPolicy) -> tuple[float, float]:
    due_at = now
    if command.send_at is not None:
        if command.send_at > now + FARTHEST_SCHEDULE:
            raise Refused(
                Refusal.MALFORMED, "BadSchedule", member="send_at", value=command.send_at, why="more than a year ahead"
            )
        due_at = max(now, command.send_at)
    valid_for = command.valid_for
    if valid_for is None:
        valid_for = account.valid_for or policy.valid_for
    elif not 1.0 <= valid_for <= LONGEST_VALIDITY:
        raise Refused(
            Refusal.MALFORMED,
            "BadValidity",
            member="valid_for",
            value=f"{valid_for:g}",
            least=1,
            most=int(LONGEST_VALIDITY),
        )
    # A time already past counts from then: a text to be sent an hour ago and valid for a minute has expired.
    expires_at = (command.send_at if command.send_at is not None else now) + valid_for
    if command.expires_at is not None:
        expires_at = min(command.expires_at, due_at + LONGEST_VALIDITY)
    if expires_at <= now:
        raise Refused(Refusal.EXPIRED, "ExpiredOnArrival", member="send_at")
    return due_at, expires_at


def _originator(account: Account, asked: str | None) -> str:
    if asked is None or asked in {"", account.originator}:
        return account.originator
    if "*" not in account.originators and asked not in account.originators:
        raise Refused(Refusal.FORBIDDEN, "OriginatorNotAllowed", member="from", value=asked[:40])
    try:
        parse_originator(asked)
    except BadOriginator as error:
        raise Refused(Refusal.MALFORMED, "BadOriginator", member="from", value=asked[:40], why=error) from None
    return asked
