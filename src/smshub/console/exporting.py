"""Messages as CSV (RFC 4180), so that no spreadsheet takes what a stranger has written for a formula (pure)."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from smshub.console.rendering import machine, shown
from smshub.domain.message import Message

HEADINGS: Final = (
    "id", "accepted", "account", "to", "as_written", "from", "class", "text", "segments", "state", "reason", "code",
    "connector", "tries", "sent", "reported", "provider_ref", "valid_until",
)  # fmt: skip
# What spreadsheets take for the beginning of a formula; some look past blanks, some at the letters of full width.
_SIGNS: Final = r"=+\-@|%\uff1d\uff0b\uff0d\uff20"
# Where people write 0,5 the comma ends no cell: there one begins behind each semicolon and, since no quotation mark
# counts within one, behind each end of a line; quotation marks at its beginning are taken away.
_FORMULA: Final = re.compile(rf"\A(?=[ \u00a0]*[{_SIGNS}\t\r\n])|(?<=[;\r\n])(?=[ \u00a0\"]*[{_SIGNS}])")


def safe(cell: str) -> str:
    """
    Give a cell that no spreadsheet takes for a formula, nor a piece of it: a ' before it says that it is a text.

    A number that is written with its + is kept from being counted with, too.
    """
    return _FORMULA.sub("'", cell)


def cells(message: Message) -> tuple[str, ...]:
    """Give the cells of a message, in the order of the headings; a text that may carry a code is not told."""
    return (
        message.id,
        machine(message.created_at),
        message.account,
        message.to,
        message.to_written,
        message.originator,
        message.message_class.value,
        shown(message),
        str(message.segments),
        message.state.value,
        message.reason or "",
        message.code or "",
        message.connector,
        str(message.attempt),
        machine(message.settled_at),
        machine(message.receipt_at),
        message.provider_ref or "",
        machine(message.expires_at),
    )


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows as lines."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([safe(cell) for cell in row] for row in rows)
    return written.getvalue().encode("utf-8", "replace")
