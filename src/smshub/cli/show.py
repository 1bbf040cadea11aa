"""How answers look on a terminal: plain tables, and no control character that came with a text."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any


def clean(value: object) -> str:
    """
    Write a value so that it cannot move the cursor, change colours or turn the line around.

    A text is another's: control characters (C0, C1, bidi) are shown as escapes, a new line as a blank.
    """
    if value is None:
        return "-"
    text = " ".join(str(value).splitlines()) if not isinstance(value, bool) else ("yes" if value else "no")
    return "".join(
        f"\\u{ord(letter):04x}" if unicodedata.category(letter) in {"Cc", "Cf", "Cs"} and letter != "\u200d" else letter
        for letter in text
    )


def print_json(document: Any) -> None:
    """Print a document as JSON; characters outside ASCII are escaped, so it cannot move the cursor either."""
    print(json.dumps(document, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: in colour and fitted to the terminal, or as wide as it needs to be where it is read by another."""
    from rich.console import Console  # noqa: PLC0415 - rich takes longer to load than most commands run
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    if sys.stdout.isatty():
        Console(highlight=False, markup=False, emoji=False).print(table)
        return
    plain = Console(file=StringIO(), width=4_000, highlight=False, markup=False, emoji=False)
    plain.print(table)
    for line in plain.file.getvalue().splitlines():  # type: ignore[attr-defined]
        print(line.rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values below each other."""
    shown = [(name, clean(value)) for name, value in fields if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {value}")
