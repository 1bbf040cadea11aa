"""The documents of the native door for one-time passwords, and how they become commands and answers."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from smshub.domain.challenges import OtpRequested, OtpVerified, RequestOtp, ResendOtp, Verdict, VerifyOtp
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.message import State
from smshub.domain.references import DIGESTED
from smshub.frontends.dialects.native import one_reference
from smshub.frontends.dialects.native_json import malformed, read
from smshub.frontends.dialects.native_schema import Time
from smshub.frontends.dialects.native_views import rfc3339

MOST_PARAMS: Final = 4
LONGEST_LINE: Final = 255

_To = Meta(
    description="A number as in POST /v1/messages, or a mail address.", examples=["+491701234567"], max_length=320
)
_Reference = Meta(
    description="Your name for what the code is for, 1 to 255 printable characters: a login, a payment.",
    examples=["login-4711"],
)
_Params = Meta(
    description="Up to four more values that the code is bound to, such as an amount; numbers count as they are"
    " written here. Each has at most 1024 characters.",
    max_length=MOST_PARAMS,
    examples=[["transfer", 1500]],
)
_Source = Meta(description="Address of the person behind the request, for the limits; one line.")


class OtpRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a code. A member that is null counts as missing."""

    to: Annotated[str, _To]
    reference: Annotated[str, _Reference]
    params: Annotated[tuple[str | int | float, ...], _Params] = ()
    template: Annotated[
        str | None,
        Meta(
            description="The text, with one `%s` or `{code}`, and `{minutes}` where you like; the account's where it is"
            " missing.",
            examples=["Your code is {code}."],
        ),
    ] = None
    language: Annotated[str | None, Meta(description="Of the account's text: `de`, `pt-br`.")] = None
    subject: Annotated[str | None, Meta(description="Of the mail, where the receiver is a mail address.")] = None
    originator: Annotated[str | None, Meta(description="The sender; the account's own where it is missing.")] = field(
        default=None, name="from"
    )
    valid_for: Annotated[
        float | None,
        Meta(description="Seconds for which it is valid; more than the account allows is cut.", examples=[300]),
    ] = None
    expires_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When it ends, in place of `valid_for`: RFC 3339 with an offset."),
    ] = None
    code: Annotated[str | None, Meta(description="Your own code, where the account may bring one.")] = None
    host: Annotated[
        str | None, Meta(description="Site that the text is bound to by its last line, one of the account's hosts.")
    ] = None
    app_hash: Annotated[
        str | None, Meta(description="Android app that reads the text (SMS Retriever), one of the account's.")
    ] = None
    fallback: Annotated[
        str | None,
        Meta(
            description="Mail address that the code goes to where no text can, if the account allows it; the code stays"
            " bound to the number."
        ),
    ] = None
    client: Annotated[str | None, Meta(description="The calling system, for the logs; one line.")] = None
    source: Annotated[str | None, _Source] = None


class OtpMessage(Struct, frozen=True):
    """The message that carries a code; its text is not shown."""

    id: str
    state: State
    segments: int
    encoding: str


class OtpDocument(Struct, frozen=True):
    """A code that is on its way, on disk."""

    id: Annotated[str, Meta(description="By which to send it again.")]
    reference: str
    to: Annotated[str, Meta(description="The receiver as you wrote it.")]
    expires_at: Annotated[Time, Meta(description="It is worth nothing from then on.")]
    resend_after: Annotated[Time, Meta(description="It may be sent again from then on.")]
    clipped: Annotated[bool, Meta(description="Whether you asked for a longer life than the account gives.")]
    message: OtpMessage
    mailed: Annotated[
        bool | UnsetType, Meta(description="True where it goes to your `fallback`: no route leads to the number.")
    ] = UNSET


class VerifyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Check a code: the same receiver, reference and params with which it was asked for."""

    to: Annotated[str, _To]
    reference: Annotated[str, _Reference]
    code: Annotated[str, Meta(description="What the person has typed.", examples=["123456"])]
    params: Annotated[tuple[str | int | float, ...], _Params] = ()
    source: Annotated[str | None, _Source] = None


class VerdictDocument(Struct, frozen=True):
    """What a check came to."""

    verdict: Annotated[
        Verdict,
        Meta(description="MATCH or MISMATCH; with `generic = false` in the account's policy also why not."),
    ]
    match: bool
    tries_left: Annotated[int | None, Meta(description="How many more checks it stands; null where it is not told.")]
    mailed: Annotated[
        bool | UnsetType,
        Meta(
            description="True where the code that matched went to your `fallback`: somebody reads that mailbox, and"
            " nothing is shown of the number."
        ),
    ] = UNSET


class ResendRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the same code again; the whole body may be left out."""

    source: Annotated[str | None, _Source] = None


_REQUEST: Final = msgspec.json.Decoder(OtpRequest)
_VERIFY: Final = msgspec.json.Decoder(VerifyRequest)
_RESEND: Final = msgspec.json.Decoder(ResendRequest)
_encode: Final = msgspec.json.Encoder().encode


def decode_request(body: bytes, *, idempotency_key: str | None = None, client: str = "") -> RequestOtp:
    """Read the body of POST /v1/otp; `client` is used where it names none. Raises `Refused`, naming the member."""
    asked = read(_REQUEST, body)
    key = None if idempotency_key is None else one_reference(None, idempotency_key)
    if key is not None and key.startswith(DIGESTED):
        raise Refused(Refusal.MALFORMED, "ReservedReference", member="Idempotency-Key", prefix=DIGESTED)
    return RequestOtp(
        to=asked.to,
        reference=asked.reference,
        params=_params(asked.params),
        template=asked.template,
        language=asked.language,
        subject=asked.subject,
        originator=asked.originator,
        valid_for=asked.valid_for,
        expires_at=None if asked.expires_at is None else asked.expires_at.timestamp(),
        code=asked.code,
        host=asked.host,
        app_hash=asked.app_hash,
        fallback=asked.fallback,
        client=client if asked.client is None else _line(asked.client, "client"),
        source=_line(asked.source or "", "source"),
        key=key,
    )


def decode_verify(body: bytes) -> VerifyOtp:
    """Read the body of POST /v1/otp/verify. Raises `Refused`, naming the member."""
    asked = read(_VERIFY, body)
    source = _line(asked.source or "", "source")
    return VerifyOtp(asked.to, asked.reference, asked.code, _params(asked.params), source)


def decode_resend(challenge: str, body: bytes) -> ResendOtp:
    """Read the body of POST /v1/otp/{id}/resend, which may be left out. Raises `Refused`."""
    source = read(_RESEND, body).source if body.strip() else None
    return ResendOtp(challenge, _line(source or "", "source"))


def encode_requested(reply: Reply) -> bytes:
    """Write the answer to a request for a code."""
    assert isinstance(reply, OtpRequested)
    message = reply.message
    return _encode(
        OtpDocument(
            id=reply.id,
            reference=reply.reference,
            to=reply.to,
            expires_at=rfc3339(reply.expires_at),
            resend_after=rfc3339(reply.resend_after),
            clipped=reply.clipped,
            message=OtpMessage(message.id, message.state, message.segments, message.encoding),
            mailed=reply.mailed or UNSET,
        )
    )


def encode_verified(reply: Reply) -> bytes:
    """Write the answer to a check."""
    assert isinstance(reply, OtpVerified)
    match = reply.verdict is Verdict.MATCH
    mailed = reply.mailed or UNSET
    if reply.generic is False:
        return _encode(VerdictDocument(reply.verdict, match, reply.tries_left, mailed))
    # Strangers learn nothing else, unless the account wants it told (security: unknown, used, expired look alike).
    return _encode(VerdictDocument(Verdict.MATCH if match else Verdict.MISMATCH, match, None, mailed))


def _params(written: tuple[str | int | float, ...]) -> tuple[str, str, str, str]:
    one, two, three, four = (*map(str, written), "", "", "", "")[:MOST_PARAMS]
    return one, two, three, four


def _line(text: str, member: str) -> str:
    # It is written to logs and shown on pages.
    if len(text) > LONGEST_LINE or not text.isprintable():
        raise malformed(f"{member} is more than one line of {LONGEST_LINE} printable characters", member)
    return text
