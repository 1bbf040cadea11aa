"""
The native door: JSON under /v1.

Sending is the hot path of the hub, so a request is decoded once, into a struct, and what msgspec does not tell of
itself is found by cheap necessary tests; only where they speak is the body looked at exactly.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from smshub.domain.commands import (
    CATALOGUE,
    Block,
    Explain,
    Refusal,
    Refused,
    SendTexts,
    Submitted,
    TestConnector,
    text_of,
)
from smshub.domain.message import MessageType
from smshub.domain.references import DIGESTED
from smshub.frontends.dialects.native_json import malformed, read, refusal_of, refuse_repeated
from smshub.frontends.dialects.native_schema import (
    BlockRequest,
    ExplainRequest,
    Problem,
    RevokeRequest,
    SendRequest,
    TestRequest,
    TokenRequest,
)
from smshub.frontends.dialects.native_views import sent
from smshub.frontends.dialects.statuses import SAFE, STATUS_OF_ERROR, STATUSES

MAX_SIZE: Final = 256 * 1024
MAX_CLIENT: Final = 255
MAX_REFERENCE: Final = 255

# What every answer says of itself. Answers hold texts and numbers, so nobody may keep them.
JSON_HEADERS: Final = [(b"content-type", b"application/json"), *SAFE]
REPLAY_HEADERS: Final = [*JSON_HEADERS, (b"idempotent-replay", b"true")]

TITLES: Final[Mapping[int, str]] = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not there",
    405: "Not with this method",
    409: "In conflict with what was done before",
    413: "Too large",
    415: "Not in this format",
    422: "Cannot be delivered",
    429: "Too fast",
    500: "The hub has failed",
    503: "Not just now",
}

_SEND: Final = msgspec.json.Decoder(SendRequest)
_EXPLAIN: Final = msgspec.json.Decoder(ExplainRequest)
_BLOCK: Final = msgspec.json.Decoder(BlockRequest)
_TEST: Final = msgspec.json.Decoder(TestRequest)
_REVOKE: Final = msgspec.json.Decoder(RevokeRequest)
_TOKEN: Final = msgspec.json.Decoder(TokenRequest)
_ENCODER: Final = msgspec.json.Encoder()
_encode: Final = _ENCODER.encode
_decode_send: Final = _SEND.decode

# Quotation marks of {"to": "...", "text": "..."}.
_FEWEST_QUOTES: Final = 8
_QUOTED_KEY: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def decode_send(body: bytes, *, idempotency_key: str | None, client: str, source: str) -> SendTexts:
    """
    Read the body of POST /v1/messages; `idempotency_key` is the header's value, raw or as a quoted string.

    `client` is used where the body names none. Raises `Refused` (MALFORMED), naming the member at fault.
    """
    try:
        asked = _decode_send(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise refusal_of(body, error, SendRequest.__struct_encode_fields__) from None
    if body.count(b'"') != _quotes(asked):
        # A member named twice, of which msgspec takes the last; or a null, or a quotation mark within a text.
        refuse_repeated(body)
    if b"\\u0000" in body:
        _refuse_nul(asked)
    to = asked.to
    sending_at = asked.send_at
    named = asked.client
    if named is not None:
        client = _checked_client(named)
    reference = asked.reference
    if idempotency_key is not None:
        reference = one_reference(reference, idempotency_key)
    if reference is not None and reference.startswith(DIGESTED):
        raise Refused(Refusal.MALFORMED, "ReservedReference", member="reference", prefix=DIGESTED)
    return SendTexts(
        (to,) if type(to) is str else to,  # type: ignore[arg-type]  # mypy does not narrow by `type(...) is`
        asked.text,
        asked.originator,
        asked.message_class,
        asked.message_type is MessageType.FLASH,
        reference,
        asked.valid_for,
        None if sending_at is None else sending_at.timestamp(),
        client,
        source,
        subject=asked.subject,
    )


def _quotes(asked: SendRequest) -> int:
    """Count the quotation marks that the members read account for: two around each name and each string."""
    quotes = _FEWEST_QUOTES if type(asked.to) is str else _FEWEST_QUOTES - 2 + 2 * len(asked.to)
    if asked.originator is not None:
        quotes += 4
    if asked.message_class is not None:
        quotes += 4
    if asked.message_type is not None:
        quotes += 4
    if asked.reference is not None:
        quotes += 4
    if asked.valid_for is not None:
        quotes += 2
    if asked.send_at is not None:
        quotes += 4
    if asked.client is not None:
        quotes += 4
    if asked.subject is not None:
        quotes += 4
    return quotes


def _refuse_nul(asked: SendRequest) -> None:
    """Refuse NUL outside of the text, which is checked as a text."""
    to = (asked.to,) if isinstance(asked.to, str) else asked.to
    members = [
        ("from", asked.originator),
        ("reference", asked.reference),
        ("client", asked.client),
        ("subject", asked.subject),
    ]
    for name, value in [*(("to", number) for number in to), *members]:
        if value is not None and "\0" in value:
            raise malformed(f"the member '{name}' holds a NUL", name)


def _checked_client(client: str) -> str:
    # It is written to logs and shown on pages: one line of bounded length.
    if len(client) > MAX_CLIENT or not client.isprintable():
        raise malformed(f"client is more than one line of {MAX_CLIENT} printable characters", "client")
    return client


def one_reference(reference: str | None, header: str) -> str:
    """Bring the header Idempotency-Key and the member `reference`, which mean the same, together. Raises `Refused`."""
    key = header.strip()
    if key.startswith('"'):
        quoted = _QUOTED_KEY.fullmatch(key)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    if not 1 <= len(key) <= MAX_REFERENCE or not key.isprintable():
        raise Refused(Refusal.MALFORMED, "BadReference", member="Idempotency-Key")
    if reference is not None and reference != key:
        raise malformed("the member 'reference' and the header Idempotency-Key differ", "reference")
    return key


def encode_submitted(submitted: Submitted, catalogue: Mapping[str, str] = CATALOGUE) -> bytes:
    """Write the answer to a submission."""
    return _encode(sent(submitted, catalogue))


def decode_explain(body: bytes) -> Explain:
    """Read the body of POST /v1/explain. Raises `Refused`."""
    asked = read(_EXPLAIN, body)
    return Explain(
        to=asked.to,
        text=asked.text,
        originator=asked.originator,
        message_class=asked.message_class,
        flash=asked.message_type is MessageType.FLASH,
    )


def decode_block(number: str, body: bytes) -> Block:
    """Read the body of PUT /v1/blocklist/{number}, which may be left out. Raises `Refused`."""
    return Block(number, read(_BLOCK, body).reason if body.strip() else "")


def decode_test(name: str, body: bytes) -> TestConnector:
    """Read the body of POST /v1/connectors/{name}/test. Raises `Refused`."""
    asked = read(_TEST, body)
    return TestConnector(name, asked.to, asked.text)


def decode_revoke(body: bytes) -> str | None:
    """Read the body of POST /v1/accounts/{name}/revoke-tokens: the token, or None for all. Raises `Refused`."""
    return read(_REVOKE, body).token


def decode_token(body: bytes) -> str:
    """Read the body of POST /v1/tokens/show. Raises `Refused`."""
    return read(_TOKEN, body).token


def check_content_type(value: str | None) -> None:
    """Refuse a body that does not say that it is JSON. Raises `Refused`, which becomes 415."""
    kind, _, parameters = (value or "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in {"", "utf-8"}:
        raise Refused(
            Refusal.MALFORMED,
            "WrongContentType",
            member="Content-Type",
            value=(value or "")[:80],
            wanted="application/json",
        )


def problem(
    refused: Refused, catalogue: Mapping[str, str], *, docs: str = "/docs"
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """
    Write a refusal as a problem document (RFC 9457): its HTTP status, headers and body.

    `docs` is the path of the page that explains the errors.
    """
    status = STATUS_OF_ERROR.get(refused.error) or STATUSES[refused.refusal]
    headers = [(b"content-type", b"application/problem+json"), *SAFE]
    if status == STATUSES[Refusal.UNAUTHENTICATED]:
        headers.append((b"www-authenticate", b'Basic realm="smshub", charset="UTF-8"'))
    if status in {STATUSES[Refusal.LIMITED], STATUSES[Refusal.UNAVAILABLE]}:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after or 1.0))))
    document = Problem(
        type=f"{docs}#error-{refused.error}",
        title=TITLES[status],
        status=status,
        detail=text_of(refused, catalogue),
        error=refused.error,
        member=refused.member,
    )
    return status, headers, _encode(document)
