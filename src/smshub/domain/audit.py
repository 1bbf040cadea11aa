"""Who changed what, and when: the audit log."""

from typing import Any

import msgspec


class AuditEntry(msgspec.Struct, frozen=True):
    """
    One change. `number` counts from 1 without a gap; `at` is in seconds since 1970.

    `actor` is the account (or `console:NAME`, or `file` for what the configuration file brought), `action` the command,
    `object` what it was done to. `before` and `after` are its settings, secrets masked. `digest` is keyed and covers
    the entry and the digest before it, so that an entry that is changed, left out or put in is noticed.
    """

    number: int
    at: float
    actor: str
    action: str
    object: str
    before: Any = None
    after: Any = None
    digest: str = ""


class ListAudit(msgspec.Struct, frozen=True):
    """List the audit log, newest first, at most `limit` entries before the number `cursor`."""

    actor: str | None = None
    limit: int = 50
    cursor: int | None = None


class VerifyAudit(msgspec.Struct, frozen=True):
    """Look through the whole audit log for an entry that does not follow from the one before it."""


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the audit log and where the next one begins (None: there is none)."""

    entries: tuple[AuditEntry, ...]
    cursor: int | None = msgspec.field(default=None, name="next")


class AuditVerified(msgspec.Struct, frozen=True):
    """How many entries there are, and the number of the first that is not as it was written (None: all are)."""

    entries: int
    broken: int | None


AuditCommand = ListAudit | VerifyAudit
AuditReply = AuditPage | AuditVerified
