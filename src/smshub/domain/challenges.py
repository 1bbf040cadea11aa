"""One-time passwords: what is asked, and what is answered. How a code is made and judged is in `smshub.domain.otp`."""

from enum import StrEnum

import msgspec

from smshub.domain.message import Message


class Verdict(StrEnum):
    """What a check of a code came to."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"  # too many wrong ones: for this challenge, or for this recipient
    CONSUMED = "CONSUMED"  # it matched before; a code counts once
    UNKNOWN = "UNKNOWN"  # there is no such challenge


class RequestOtp(msgspec.Struct, frozen=True):
    """
    Make a code, bind it to account, `reference`, recipient and `params`, and send it.

    `to` is a number or a mail address, as the caller wrote it. `template` is the text with exactly one `%s` or tags;
    None takes that of the account's policy in `language`. `expires_at` (seconds since 1970) or `valid_for` (seconds)
    end its life, never later than the policy's longest. `code` is the caller's own, None lets the hub draw one.
    `host` asks for the origin-bound last line, `app_hash` for that of SMS Retriever; both take the account's leave.
    `source` is the address of the person behind the request, for the limits. `fallback` is a mail address that the
    code goes to where no text can (it stays bound to `to`). `key` is the caller's idempotency key: the same request
    again gets the first answer.
    """

    to: str
    reference: str
    params: tuple[str, str, str, str] = ("", "", "", "")
    template: str | None = None
    language: str | None = None
    subject: str | None = None
    originator: str | None = None
    valid_for: float | None = None
    expires_at: float | None = None
    code: str | None = None
    host: str | None = None
    app_hash: str | None = None
    fallback: str | None = None
    client: str = ""
    source: str = ""
    key: str | None = None

    def __repr__(self) -> str:
        return f"RequestOtp({self.reference!r})"


class VerifyOtp(msgspec.Struct, frozen=True):
    """
    Check a code. The challenge is found by account and `reference`; recipient and `params` must be those it has.

    `key` is what a broker knows the request by: delivered again, it gets the first answer again.
    """

    to: str
    reference: str
    code: str
    params: tuple[str, str, str, str] = ("", "", "", "")
    source: str = ""
    key: str | None = None

    def __repr__(self) -> str:
        return f"VerifyOtp({self.reference!r})"


class ResendOtp(msgspec.Struct, frozen=True):
    """Send the same code of a live challenge once more; its life is not longer for it."""

    id: str
    source: str = ""


class UnlockOtp(msgspec.Struct, frozen=True):
    """Forget the wrong codes of a recipient, at every account; takes an operator."""

    to: str


class OtpRequested(msgspec.Struct, frozen=True):
    """
    A code is on its way, on disk. `resend_after` is when (seconds since 1970) it may be sent again at the soonest.

    `clipped`: the caller asked for a longer life than the policy gives. `message` is without its text. `mailed`: it
    goes to the mail address that the request fell back to.
    """

    id: str
    reference: str
    to: str
    expires_at: float
    resend_after: float
    message: Message
    clipped: bool = False
    replayed: bool = False
    mailed: bool = False


class OtpVerified(msgspec.Struct, frozen=True):
    """
    What a check came to. `generic`: the account asks that outsiders are told yes or no, nothing more.

    Where that is None, the account leaves it to the door. `tries_left` is how many more checks the challenge stands.
    `mailed`: the code that matched went to a mail address, so it shows nothing of the number it is bound to.
    """

    verdict: Verdict
    reference: str
    to: str
    tries_left: int = 0
    generic: bool | None = None
    mailed: bool = False


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """
    What the guard counts, written together with what it tells of: a code that was sent, or typed (`typed`).

    `number` grows with each of a `node`, so that other nodes can read what is new; it is its time in microseconds, or
    a little more. `source` is what addresses are counted by.
    """

    node: str
    number: int
    account: str
    recipient: str
    source: str
    at: float
    typed: bool = False


class Leave(msgspec.Struct, frozen=True):
    """What the guard has let through: what is to be written of it, and what to give back if it is not sent."""

    counted: Counted | None = None
    before: float | None = None


class Decision(msgspec.Struct, frozen=True):
    """
    What the guard thought of one request for a code, and why; kept for `smshub guard`.

    `allowed` is what was decided; `enforced` whether it had an effect (in record-only mode nothing is refused).
    `rule` names the limit, `value` and `limit` are its figures. `country` is an ISO code, `prefix` the digits watched.
    """

    id: str
    at: float
    account: str
    to: str
    allowed: bool
    enforced: bool
    rule: str
    why: str
    country: str = ""
    prefix: str = ""
    source: str = ""


class ListDecisions(msgspec.Struct, frozen=True):
    """List the guard's decisions, newest first, at most `limit`; `refused` only those that said no."""

    refused: bool = False
    account: str | None = None
    limit: int = 50
    cursor: str | None = None


class Decisions(msgspec.Struct, frozen=True):
    """A page of the guard's decisions and where the next one begins (None: there is none)."""

    decisions: tuple[Decision, ...]
    cursor: str | None = msgspec.field(default=None, name="next")


class PrefixView(msgspec.Struct, frozen=True):
    """
    How codes to one prefix fare: receivers who asked for one since `since`, and those of them who have typed it.

    Codes that were sent a moment ago are not among them. `blocked_until` is None where it is open.
    """

    prefix: str
    country: str
    requested: int
    verified: int
    since: float
    blocked_until: float | None = None


class ListPrefixes(msgspec.Struct, frozen=True):
    """Tell the prefixes that the guard watches, the worst converting first."""


class OpenPrefix(msgspec.Struct, frozen=True):
    """Lift the guard's block of a prefix."""

    prefix: str


class Prefixes(msgspec.Struct, frozen=True):
    """The prefixes that the guard watches."""

    prefixes: tuple[PrefixView, ...]


OtpCommand = RequestOtp | VerifyOtp | ResendOtp | UnlockOtp | ListDecisions | ListPrefixes | OpenPrefix
OtpReply = OtpRequested | OtpVerified | Decisions | Prefixes
