"""From a request for a code to its text: everything that is checked and decided before it is put on disk. Pure."""

from collections.abc import Callable

import msgspec

from smshub.domain import otp
from smshub.domain.accounts import Account
from smshub.domain.addresses import (
    BadAddress,
    BadSubject,
    blocking_key,
    check_subject,
    is_address,
    parse_address,
)
from smshub.domain.challenges import RequestOtp
from smshub.domain.commands import Refusal, Refused
from smshub.domain.otp import OtpKey, OtpPolicy
from smshub.engine.accepting import LONGEST_REFERENCE, recipient_of


def check_bound(reference: str, params: tuple[str, ...]) -> None:
    """Check what a code is bound to besides its recipient. Raises `Refused`."""
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise Refused(Refusal.MALFORMED, "BadReference", member="reference")
    for place, param in enumerate(params, 1):
        if len(param) > otp.LONGEST_PARAM:
            name, limit = f"param{place}", otp.LONGEST_PARAM
            raise Refused(Refusal.MALFORMED, "BadParam", member=name, name=name, limit=limit)


def subject_of(command: RequestOtp) -> str | None:
    """
    Give the subject of the mail, if the code goes by mail: one line, without the code. Raises `Refused`.

    Mail servers log subjects, handsets show them on a locked screen, and the database keeps them in clear.
    """
    subject = command.subject
    if subject and (_has_place(subject) or (command.code and command.code.upper() in subject.upper())):
        why = "the code belongs in the text only"
        raise Refused(Refusal.MALFORMED, "BadSubject", member="subject", why=why)
    try:
        check_subject(subject or "")
    except BadSubject as error:
        raise Refused(Refusal.MALFORMED, "BadSubject", member="subject", why=error) from None
    return subject


def _has_place(subject: str) -> bool:
    return "%s" in subject or "{code}" in subject


def receiver_of(account: Account, written: str) -> str:
    """Read a receiver as a code is bound to it: a number, or a mail address in small letters. Raises `Refused`."""
    return blocking_key(recipient_of(account, written))


def fallback_of(account: Account, command: RequestOtp, to: str) -> str | None:
    """Read the mail address that a code to `to` goes to where its text cannot. Raises `Refused`."""
    written = command.fallback
    if written is None:
        return None
    if not account.otp.fallback:
        raise Refused(Refusal.FORBIDDEN, "FallbackNotAllowed", member="fallback")
    if is_address(to):
        raise Refused(Refusal.MALFORMED, "FallbackOfMail", member="fallback")
    if account.channels and "email" not in account.channels:
        raise Refused(Refusal.FORBIDDEN, "ChannelClosed", member="fallback", channel="mail")
    try:
        return parse_address(written.strip())
    except BadAddress as error:
        raise Refused(Refusal.MALFORMED, "BadAddress", member="fallback", value=written[:64], why=error) from None


def life_of(policy: OtpPolicy, command: RequestOtp, now: float) -> tuple[float, bool]:
    """Tell when a code ends (seconds since 1970), and whether the caller asked for longer. Raises `Refused`."""
    longest = min(policy.longest_life, otp.LONGEST_LIFE)
    asked = min(policy.life, longest)
    if command.valid_for is not None:
        asked = command.valid_for
        if not asked >= otp.SHORTEST_LIFE:
            value = f"{asked:g}"
            least, most = int(otp.SHORTEST_LIFE), int(longest)
            raise Refused(Refusal.MALFORMED, "BadValidity", member="valid_for", value=value, least=least, most=most)
    if command.expires_at is not None:
        asked = command.expires_at - now
        if not asked > 0:
            raise Refused(Refusal.EXPIRED, "ExpiredOnArrival", member="expires_at")
    return now + min(asked, longest), asked > longest


def text_of(policy: OtpPolicy, command: RequestOtp, code: str, life: float) -> str:
    """Write the text of a code, with the line that binds it to a site or an app. Raises `Refused`."""
    host = None if command.host is None else command.host.lower()
    if host is not None and host not in policy.hosts:
        raise Refused(Refusal.FORBIDDEN, "HostNotAllowed", member="host", value=host[:80])
    app_hash = command.app_hash
    if app_hash is not None and app_hash not in policy.app_hashes:
        raise Refused(Refusal.FORBIDDEN, "AppHashNotAllowed", member="app_hash", value=app_hash[:20])
    if host is not None and app_hash is not None:
        why = "a text can be bound to a site or to an app, not to both"
        raise Refused(Refusal.MALFORMED, "BadTemplate", member="app_hash", why=why)
    template = command.template if command.template is not None else otp.template_of(policy, command.language)
    try:
        text = otp.fill(template, code, life)
        if host is not None:
            return otp.origin_bound(text, host, code)
        return text if app_hash is None else otp.retrievable(text, app_hash)
    except otp.BadTemplate as bad:
        raise Refused(Refusal.MALFORMED, "BadTemplate", member="template", why=bad) from None


def code_of(policy: OtpPolicy, command: RequestOtp, below: Callable[[int], int]) -> str:
    """Draw a code, or take the caller's own where the account may bring one. Raises `Refused`."""
    if command.code is None:
        return otp.draw(policy, below)
    if not policy.custom_code:
        raise Refused(Refusal.FORBIDDEN, "OwnCodeNotAllowed", member="code")
    if not otp.is_own_code(policy, command.code):
        least = otp.LENGTHS.start if policy.unsafe else otp.SAFE_LENGTH
        why = f"it must be {least} to {otp.LENGTHS.stop - 1} letters and digits"
        raise Refused(Refusal.MALFORMED, "BadCode", member="code", why=why)
    return command.code


def fingerprint(key: OtpKey, command: RequestOtp) -> str:
    """Tell two requests with one idempotency key apart; keyed, since the caller's own code may be among them."""
    content = msgspec.structs.replace(command, client="", source="", key=None)
    return otp.fingerprint(key.key, *(repr(value) for value in msgspec.structs.astuple(content)))
