"""The log's tail: what is kept of what this process says."""

import logging
import re
import subprocess
import sys

import structlog

from smshub.logs import LONGEST, Tail


def said(tail, level="info", event="smpp.down", **fields):
    """Let structlog say something through a tail, as the hub's log does."""
    return tail(None, level, {"level": level, "event": event, **fields})


def test_a_line_is_kept_and_handed_on():
    """With its level, its event and its fields as text; what is written elsewhere is the same as before."""
    tail = Tail()

    handed_on = said(tail, "warning", connector="a", count=3, why=None)

    assert {"level": "warning", "event": "smpp.down", "connector": "a", "count": 3, "why": None} == handed_on
    (line,) = tail.lines()
    assert (1, "warning", "smpp.down") == (line.number, line.level, line.event)
    assert {"connector": "a", "count": "3", "why": "None"} == line.fields


def test_the_oldest_go_and_numbers_go_on():
    """So many are kept; a number is never given twice."""
    tail = Tail(kept=3)
    for place in range(5):
        said(tail, event=str(place))

    assert [(3, "2"), (4, "3"), (5, "4")] == [(line.number, line.event) for line in tail.lines()]


def test_a_long_value_is_cut():
    """So that a line has a bound, whatever a provider says."""
    tail = Tail()
    said(tail, event="e" * 10_000, why="x" * 10_000)

    (line,) = tail.lines()

    assert (LONGEST, LONGEST, "…") == (len(line.event), len(line.fields["why"]), line.fields["why"][-1])


def test_an_exception_is_a_sentence():
    """Its kind and its words, and no values of variables."""
    tail = Tail()

    def fail():
        secret = "hunter2"
        raise ValueError(f"no such thing of {len(secret)}")

    try:
        fail()
    except ValueError as error:
        said(tail, "error", "connector.crashed", exc_info=True)
        said(tail, "error", "connector.crashed", exc_info=error)
        said(tail, "error", "connector.crashed", exc_info=sys.exc_info())

    assert [{"exception": "ValueError: no such thing of 7"}] * 3 == [line.fields for line in tail.lines()]


def test_libraries_are_heard_too():
    """Through the standard library's log, with their name as the event."""
    tail = Tail()
    logger = logging.getLogger("test.of.the.tail")
    logger.addHandler(tail)

    logger.warning("reconnecting in %d s", 5)
    logger.critical("gone")
    logger.removeHandler(tail)

    assert [
        ("warning", "test.of.the.tail", {"message": "reconnecting in 5 s"}),
        ("error", "test.of.the.tail", {"message": "gone"}),
    ] == [(line.level, line.event, line.fields) for line in tail.lines()]


def test_it_listens_as_a_processor():
    """In a chain of structlog's, bound values are fields like others."""
    tail, written = Tail(), []
    chain = [structlog.processors.add_log_level, tail, lambda _, __, event: written.append(event) or "done"]
    logger = structlog.wrap_logger(structlog.ReturnLogger(), processors=chain).bind(request_id="r-17")

    logger.info("text.accepted", count=1)

    assert [{"request_id": "r-17", "count": "1"}] == [line.fields for line in tail.lines()]
    assert 1 == len(written)


def test_what_is_not_written_is_kept_all_the_same():
    """A hub that writes errors only still tells in the console that a link went down; debug lines take `debug`."""
    program = (
        "import logging, structlog; from smshub.logs import TAIL, configure; configure('error');"
        "log = structlog.get_logger(); log.debug('a'); log.info('b'); log.warning('c'); log.error('d');"
        "logging.getLogger('lib').warning('e'); logging.getLogger('lib').info('f');"
        "print([line.event for line in TAIL.lines()])"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert "['b', 'c', 'd', 'lib']\n" == ran.stdout
    assert ["d"] == re.findall(r"\] (\w)\b", ran.stderr)
