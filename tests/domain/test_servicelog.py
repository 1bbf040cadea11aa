"""The service log: how its lines are looked through."""

import pytest

from smshub.domain.servicelog import Level, ListLog, LogLine, look

LINES = tuple(
    LogLine(number, 1_900_000_000.0 + number, level, event, fields)
    for number, (level, event, fields) in enumerate(
        [
            ("info", "hub.started", {"node": "one"}),
            ("warning", "smpp.down", {"connector": "Carrier-A", "why": "Connection refused"}),
            ("info", "smpp.bound", {"connector": "carrier-b", "mode": "transceiver"}),
            ("error", "store.unavailable", {"error": "disk full"}),
            ("debug", "text.accepted", {"request_id": "r-17"}),
        ],
        start=1,
    )
)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (ListLog(), [5, 4, 3, 2, 1]),
        (ListLog("smpp"), [3, 2]),
        (ListLog("carrier-a"), [2]),
        (ListLog("REFUSED smpp"), [2]),
        (ListLog("connector=carrier-b"), [3]),
        (ListLog("r-17"), [5]),
        (ListLog("smpp disk"), []),
        (ListLog(level=Level.INFO), [4, 3, 2, 1]),
        (ListLog(level=Level.WARNING), [4, 2]),
        (ListLog(level=Level.ERROR), [4]),
        (ListLog(cursor=3), [2, 1]),
        (ListLog(cursor=1), []),
    ],
)
def test_lines_are_found_newest_first(asked, numbers):
    """By words in any order and spelling, by level, and before a line."""
    assert numbers == [line.number for line in look(LINES, asked).lines]


def test_a_page_tells_where_the_next_begins():
    """Page by page every line comes once, and the last page says that it is."""
    seen, cursor = [], None
    while True:
        page = look(LINES, ListLog(".", limit=2, cursor=cursor))
        seen += [line.number for line in page.lines]
        cursor = page.cursor
        if cursor is None:
            break

    assert [5, 4, 3, 2, 1] == seen


def test_nothing_is_a_page_too():
    """A log without lines."""
    assert ((), None) == (look((), ListLog()).lines, look((), ListLog()).cursor)
