"""The operations of /v1 for the guard of codes."""

import re
from typing import Final

from smshub.domain.challenges import ListPrefixes, OpenPrefix
from smshub.domain.commands import Refusal, Refused
from smshub.frontends.carriers.v1_operations import Asked, Operation, no_body
from smshub.frontends.dialects import native_guard, native_schema

_PREFIX: Final = re.compile(r"[0-9]{1,15}")


def _open(asked: Asked) -> OpenPrefix:
    no_body(asked)
    if not _PREFIX.fullmatch(asked.path["prefix"]):
        raise Refused(Refusal.NOT_FOUND, "NotFound", what="blocked prefix")
    return OpenPrefix(asked.path["prefix"])


GUARD: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/guard/decisions",
        name="listDecisions",
        tag="guard",
        summary="List what the guard of codes has refused, or would have",
        description="Newest first, of the last 30 days; `refused=true` leaves the warnings out, `account` narrows it to"
        " one. Needs an auditor.",
        command=lambda asked: native_guard.decode_decisions(asked.query),
        answers=native_guard.DecisionList,
        answered=lambda reply, _: native_guard.encode_decisions(reply),
    ),
    Operation(
        method="GET",
        path="/v1/guard/prefixes",
        name="listPrefixes",
        tag="guard",
        summary="List how codes to each prefix fare",
        description="The blocked first, then those whose codes are typed least. Needs an auditor.",
        command=lambda asked: ListPrefixes(),
        answers=native_guard.PrefixList,
        answered=lambda reply, _: native_guard.encode_prefixes(reply),
    ),
    Operation(
        method="POST",
        path="/v1/guard/prefixes/{prefix}/open",
        name="openPrefix",
        tag="guard",
        summary="Lift the block of a prefix",
        description="It is judged anew from then on. Needs an operator.",
        command=_open,
        answers=native_schema.DoneDocument,
        refused=(404,),
        may_be_empty=True,
    ),
)
