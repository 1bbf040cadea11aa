"""The audit log: who changed what, with what it was before and is since."""

from typing import Final

from starlette.responses import Response

from smshub.console.differences import Difference, differences
from smshub.console.paging import LIMIT, further
from smshub.console.roles import Action
from smshub.console.visiting import Page, Visit
from smshub.domain.audit import AuditEntry, AuditPage, AuditVerified, ListAudit, VerifyAudit

PATH: Final = "/audit"
_LONGEST_NUMBER: Final = 15


async def show(visit: Visit) -> Response:
    """Show a page of it, newest first."""
    return await _page(visit)


async def verify(visit: Visit) -> Response:
    """Look through the whole log for an entry that was tampered with."""
    return await _page(visit, await visit.ask(VerifyAudit(), AuditVerified))


async def _page(visit: Visit, verified: AuditVerified | None = None) -> Response:
    form = visit.form
    written = form.text("cursor")
    cursor = int(written) if written.isdecimal() and len(written) <= _LONGEST_NUMBER else None
    found = await visit.ask(ListAudit(form.some("actor"), LIMIT, cursor), AuditPage)
    return visit.page(
        "audit.html",
        entries=[(entry, _changed(entry)) for entry in found.entries],
        verified=verified,
        filled=form,
        more=further(PATH, form, ("actor",), found.cursor),
    )


def _changed(entry: AuditEntry) -> tuple[Difference, ...]:
    return differences(entry.before, entry.after)


PAGES = (
    Page("GET", PATH, Action.AUDIT, show, "Audit log"),
    Page("GET", f"{PATH}/verify", Action.AUDIT, verify),
)
