"""Messages as CSV: nothing in them counts, and nothing that may carry a code is told."""

import csv
import io

import pytest

from smshub.console.exporting import HEADINGS, cells, lines, safe
from smshub.domain.message import Message, MessageClass, State

FORMULAS = (
    "=1+1", "+49170", "-2+3", "@SUM(A1)", "\t=1", "\r1", "\n1", "  =1", "|cmd", "%0A", "\uff1d1", "\u00a0@x",
)  # fmt: skip


def message(**members):
    """Make a message."""
    usual = {
        "id": "m1", "submission": "m1", "account": "shop", "to": "491701234567", "to_written": "+49 170 1234567",
        "text": "Hello", "created_at": 0.0, "due_at": 0.0, "expires_at": 60.0,
    }  # fmt: skip
    return Message(**{**usual, **members})


def read(written):
    """Read what was written, as a program would."""
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_a_spreadsheet_would_count_with_is_a_text(cell):
    """A leading ' says so, also before blanks and letters of full width that some look past."""
    assert f"'{cell}" == safe(cell)


@pytest.mark.parametrize("cell", ["", "Hello", "2=2", "'=1", "491701234567", "a;b\nc; d", "ä@b", "1e5"])
def test_what_is_no_formula_stays_as_it_is(cell):
    """Nothing is put before other texts."""
    assert cell == safe(cell)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("Hi;=cmd|'/C calc'!A0;", "Hi;'=cmd|'/C calc'!A0;"),
        ("a; =1;b;\u00a0@x", "a;' =1;b;'\u00a0@x"),
        ("a\n=1\r\n+2\r-3", "a\n'=1\r\n'+2\r'-3"),
        ("\n=1", "'\n'=1"),
        ("=1;=2", "'=1;'=2"),
        ('a;"=1;\n""=2', 'a;\'"=1;\n\'""=2'),
    ],
)
def test_no_piece_of_a_cell_is_a_formula_where_semicolons_end_cells(cell, written):
    """Spreadsheets of half of Europe take a semicolon, and then each end of a line too, for the end of a cell."""
    pieces = [piece for line in lines([["m1", cell]]).decode().splitlines() for piece in line.split(";")]

    assert written == safe(cell)
    assert not [piece for piece in pieces if piece.lstrip(' \u00a0"').startswith(("=", "+", "-", "@", "|", "%"))]


def test_every_cell_of_a_row_is_safe_and_reads_back():
    """Quotation marks, commas and ends of lines stay within their cell; whoever wrote what, none begins a formula."""
    evil = '=HYPERLINK("http://x","y")\r\n,next'
    row = cells(
        message(
            text=evil, originator="=1", account="@a", to_written="+49", reason="-r", code="=c", connector="|c",
            provider_ref="\t=p", state=State.REJECTED,
        )
    )  # fmt: skip

    written = read(lines([HEADINGS, row]))

    assert [list(HEADINGS), len(HEADINGS)] == [written[0], len(written[1])]
    assert dict(zip(HEADINGS, written[1], strict=True)) == {
        "id": "m1", "accepted": "1970-01-01T00:00:00+00:00", "account": "'@a", "to": "491701234567",
        "as_written": "'+49", "from": "'=1", "class": "transactional", "text": f"'{evil}", "segments": "1",
        "state": "REJECTED", "reason": "'-r", "code": "'=c", "connector": "'|c", "tries": "0", "sent": "",
        "reported": "", "provider_ref": "'\t=p", "valid_until": "1970-01-01T00:01:00+00:00",
    }  # fmt: skip


def test_a_text_that_may_carry_a_code_is_not_told():
    """Neither in a list nor in a file."""
    row = dict(zip(HEADINGS, cells(message(text="Your code: 987650", message_class=MessageClass.OTP)), strict=True))

    assert "987650" not in str(row)
