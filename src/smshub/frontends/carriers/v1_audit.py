"""The operations of /v1 for the two logs: who changed what, and what the node has to say."""

import re
from typing import Final

from smshub.domain.audit import AuditPage, AuditVerified, ListAudit, VerifyAudit
from smshub.domain.commands import Refusal, Refused
from smshub.domain.servicelog import LogPage
from smshub.frontends.carriers.v1_operations import Asked, Operation
from smshub.frontends.dialects.native_query import decode_audit, decode_log

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


def _asked(asked: Asked) -> ListAudit:
    limit, cursor, actor = decode_audit(asked.query)
    if cursor is not None and not _NUMBER.fullmatch(cursor):
        raise Refused(
            Refusal.MALFORMED, "BadFilter", member="cursor", name="cursor", value=cursor[:40], why="not one of ours"
        )
    return ListAudit(actor, limit, None if cursor is None else int(cursor))


AUDIT: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/log",
        name="listLog",
        tag="hub",
        summary="Look through the newest lines of the log of this node",
        description="Newest first, of the last two thousand since the node's start; `words` must all be in a line,"
        " `level` is the least. The whole log is what the node writes to its standard error. Needs a role that sees"
        " everything.",
        command=lambda asked: decode_log(asked.query),
        answers=LogPage,
        refused=(400,),
    ),
    Operation(
        method="GET",
        path="/v1/audit",
        name="listAudit",
        tag="hub",
        summary="List who changed what",
        description="Newest first; `actor` narrows it to one account or user. Needs an auditor.",
        command=_asked,
        answers=AuditPage,
    ),
    Operation(
        method="GET",
        path="/v1/audit/verify",
        name="verifyAudit",
        tag="hub",
        summary="Look through the audit log for what was tampered with",
        description="`broken` is the number of the first entry that is not as it was written, or does not follow from"
        " the one before it. Needs an auditor.",
        command=lambda asked: VerifyAudit(),
        answers=AuditVerified,
    ),
)
