"""The operations of /v1 for the audit log."""

import re
from typing import Final

from smshub.domain.audit import AuditPage, AuditVerified, ListAudit, VerifyAudit
from smshub.domain.commands import Refusal, Refused
from smshub.frontends.carriers.v1_operations import Asked, Operation
from smshub.frontends.dialects.native_query import decode_audit

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
