"""The documents of the native door for the guard of codes."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from smshub.domain.challenges import Decisions, ListDecisions, Prefixes
from smshub.domain.commands import Reply
from smshub.frontends.dialects.native_query import FILTERS, PAGING, read_filters
from smshub.frontends.dialects.native_schema import Time
from smshub.frontends.dialects.native_views import rfc3339


class DecisionDocument(Struct, frozen=True):
    """What the guard thought of a request for a code, or of a prefix."""

    id: str
    at: Time
    account: str
    to: Annotated[str, Meta(description="The receiver; empty where a whole prefix is meant.")]
    allowed: bool
    enforced: Annotated[bool, Meta(description="Whether it was refused indeed; in mode `record` nothing is.")]
    rule: Annotated[str, Meta(description="The setting or the finding: `recipient_day`, `countries`, `block` ...")]
    why: str
    country: str
    prefix: Annotated[str, Meta(description="The digits that are watched; of a mail address its domain.")]
    source: str


class DecisionList(Struct, frozen=True):
    """A page of decisions, newest first."""

    decisions: tuple[DecisionDocument, ...]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null where there is none.")]


class PrefixDocument(Struct, frozen=True):
    """How codes to one prefix fare."""

    prefix: str
    country: str
    requested: Annotated[int, Meta(description="Receivers by whom it is judged, the latest.")]
    verified: Annotated[int, Meta(description="Those of them who have typed their code.")]
    since: Time
    blocked_until: Annotated[Time | None, Meta(description="Null where it is open.")]


class PrefixList(Struct, frozen=True):
    """The prefixes that are watched: the blocked first, then the worst converting; 500 at most."""

    prefixes: tuple[PrefixDocument, ...]


_encode: Final = msgspec.json.Encoder().encode


def _yes_or_no(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError("it must be true or false")
    return value == "true"


_FILTERS: Final = {
    **{name: FILTERS[name] for name in (*PAGING, "account")},
    "refused": ("refused", _yes_or_no),
}


def decode_decisions(query: bytes) -> ListDecisions:
    """Read the query string of GET /v1/guard/decisions. Raises `Refused` (BadFilter), naming the parameter."""
    return ListDecisions(**read_filters(query, _FILTERS))


def encode_decisions(reply: Reply) -> bytes:
    """Write a page of decisions."""
    assert isinstance(reply, Decisions)
    decisions = tuple(
        DecisionDocument(**{**msgspec.structs.asdict(one), "at": rfc3339(one.at)}) for one in reply.decisions
    )
    return _encode(DecisionList(decisions, reply.cursor))


def encode_prefixes(reply: Reply) -> bytes:
    """Write the prefixes."""
    assert isinstance(reply, Prefixes)
    prefixes = tuple(
        PrefixDocument(
            one.prefix,
            one.country,
            one.requested,
            one.verified,
            rfc3339(one.since),
            None if one.blocked_until is None else rfc3339(one.blocked_until),
        )
        for one in reply.prefixes
    )
    return _encode(PrefixList(prefixes))
