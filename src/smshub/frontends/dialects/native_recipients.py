"""The documents of the native door for all that is kept of one recipient."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from smshub.domain.commands import Reply
from smshub.domain.upkeep import RecipientData
from smshub.frontends.dialects.native_guard import DecisionDocument
from smshub.frontends.dialects.native_modems import IncomingDocument
from smshub.frontends.dialects.native_schema import ListedMessage, Time
from smshub.frontends.dialects.native_views import listed_message, rfc3339


class CodeKeptDocument(Struct, frozen=True):
    """What is kept of a code; the code is not."""

    account: str
    reference: str
    state: Annotated[str, Meta(description="OPEN, CONSUMED or EXHAUSTED.")]
    tries_left: int
    created_at: Time
    expires_at: Time
    sends: int
    fallback: Annotated[str | None, Meta(description="The mail address that it goes to where its text cannot.")]


class WrongCodesDocument(Struct, frozen=True):
    """Wrong codes in a row at one account."""

    account: str
    consecutive: int
    failed_at: Time


class BlockKeptDocument(Struct, frozen=True):
    """The recipient's place on the blocklist."""

    blocked_at: Time
    blocked_by: str
    reason: str


class RecipientDocument(Struct, frozen=True):
    """All that is kept of a recipient, the newest of each kind first."""

    to: str
    complete: Annotated[bool, Meta(description="False where there is more than the 10,000 newest of a kind.")]
    messages: tuple[ListedMessage, ...]
    incoming: tuple[IncomingDocument, ...]
    codes: tuple[CodeKeptDocument, ...]
    wrong_codes: tuple[WrongCodesDocument, ...]
    blocked: BlockKeptDocument | None
    decisions: tuple[DecisionDocument, ...]


_encode: Final = msgspec.json.Encoder().encode
_TIMES: Final = frozenset({"at", "created_at", "expires_at", "failed_at", "blocked_at", "received_at"})


def encode_recipient(reply: Reply) -> bytes:
    """Write all that is kept of a recipient."""
    assert isinstance(reply, RecipientData)
    return _encode(
        {
            "to": reply.to,
            "complete": reply.complete,
            "messages": [listed_message(message) for message in reply.messages],
            "incoming": [_without(_written(one), "ref") for one in reply.incoming],
            "codes": [_written(one) for one in reply.codes],
            "wrong_codes": [_written(one) for one in reply.wrong_codes],
            "blocked": None if reply.blocked is None else _written(reply.blocked),
            "decisions": [_written(one) for one in reply.decisions],
        }
    )


def _written(one: Struct) -> dict[str, object]:
    members = msgspec.structs.asdict(one)
    return {name: rfc3339(value) if name in _TIMES else value for name, value in members.items()}


def _without(members: dict[str, object], name: str) -> dict[str, object]:
    return {one: value for one, value in members.items() if one != name}
