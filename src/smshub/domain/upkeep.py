"""Upkeep of the hub's data: what is asked of it while it runs, and how long what is kept."""

import msgspec

from smshub.domain.challenges import Decision
from smshub.domain.incoming import Incoming
from smshub.domain.message import Message

DAY = 86_400.0


class Periods(msgspec.Struct, frozen=True):
    """
    How long what is kept, in seconds.

    `transactional` and `bulk` are the texts of those classes, `messages` all else of a message, `references` the
    callers' idempotency keys. Texts of codes have no period: they go when they are over.
    """

    transactional: float = 30 * DAY
    bulk: float = 30 * DAY
    messages: float = 90 * DAY
    incoming: float = 30 * DAY
    parked: float = 30 * DAY
    audit: float = 365 * DAY
    references: float = 2 * DAY


class MakeBackup(msgspec.Struct, frozen=True):
    """Copy the database, as it is at this moment, into the folder for backups. Needs an administrator."""


class ExportRecipient(msgspec.Struct, frozen=True):
    """Tell all that is kept of a recipient, a number or a mail address. Needs an administrator."""

    to: str


class EraseRecipient(msgspec.Struct, frozen=True):
    """
    Erase a recipient from all that is kept; what waits for it is cancelled first. Needs an administrator.

    Its messages stay, without texts and under a pseudonym; its block stays too, and still holds.
    """

    to: str


class CodeKept(msgspec.Struct, frozen=True):
    """What is kept of a code for a recipient; the code itself is not, nor is its digest told."""

    account: str
    reference: str
    state: str
    tries_left: int
    created_at: float
    expires_at: float
    sends: int
    fallback: str | None = None


class WrongCodes(msgspec.Struct, frozen=True):
    """Wrong codes of a recipient in a row at one account, and when the last one was."""

    account: str
    consecutive: int
    failed_at: float


class BlockKept(msgspec.Struct, frozen=True):
    """Since when a recipient is blocked, by whom, and why."""

    blocked_at: float
    blocked_by: str
    reason: str


class RecipientData(msgspec.Struct, frozen=True):
    """All that is kept of a recipient; of more than are told in one answer the newest, and `complete` is false."""

    to: str
    messages: tuple[Message, ...]
    incoming: tuple[Incoming, ...] = ()
    codes: tuple[CodeKept, ...] = ()
    wrong_codes: tuple[WrongCodes, ...] = ()
    blocked: BlockKept | None = None
    decisions: tuple[Decision, ...] = ()
    complete: bool = True


class RecipientErased(msgspec.Struct, frozen=True):
    """
    What was erased, in numbers.

    `left` are messages that are still with a provider: ask again. `files`: nothing of it is left in unused parts of a
    SQLite database or beside it; false where a backup is reading, or the database is too large to be written anew.
    """

    messages: int
    left: int = 0
    cancelled: int = 0
    incoming: int = 0
    codes: int = 0
    decisions: int = 0
    parked: int = 0
    blocked: bool = False
    files: bool = True


UpkeepCommand = MakeBackup | ExportRecipient | EraseRecipient
UpkeepReply = RecipientData | RecipientErased
