"""What a modem says, in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.gsm.at import MAX_LINE, Garbage, Line, Parser, Prompt, Result, fields

PDU = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"


def heard(data, *, prompting=False):
    """Give the events of some bytes."""
    parser = Parser()
    parser.prompting = prompting
    return parser.feed(data)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"\r\nOK\r\n", [Result("OK")]),
        (b"OK\r", [Result("OK")]),
        (b"\r\nERROR\r\n", [Result("ERROR")]),
        (b"\r\n+CMS ERROR: 500\r\n", [Result("CMS", 500, "500")]),
        (b"\r\n+CMS ERROR: -1\r\n", [Result("CMS", -1, "-1")]),
        (b"\r\n+CMS ERROR: 9999\r\n", [Result("CMS", 9999, "9999")]),
        (b"\r\n+CMS ERROR: SIM busy\r\n", [Result("CMS", None, "SIM busy")]),
        (b"\r\n+CME ERROR: 10\r\n", [Result("CME", 10, "10")]),
        (b"\r\n+CME ERROR:\r\n", [Result("CME")]),
        (b"\r\nNO CARRIER\r\n", [Result("NO CARRIER")]),
        (b"\r\nOKAY\r\n", [Line("OKAY")]),
        (b"\n\n\r\r\n", []),
        (b"\r\n+CSQ: 21,0\r\n\r\nOK\r\n", [Line("+CSQ: 21,0"), Result("OK")]),
        (b"AT\r\r\nOK\r\n", [Line("AT"), Result("OK")]),
        (b"\xff\xfe\x80\r\nOK\r\n", [Line("\ufffd\ufffd\ufffd"), Result("OK")]),
        (b"\x00OK\x00", [Result("OK")]),
        (f"+CMT: ,36\r\n{PDU}\r\nOK\r\n".encode(), [Line("+CMT: ,36", PDU), Result("OK")]),
        (f"+CMGL: 1,0,,36\r\n{PDU}\r\n".encode(), [Line("+CMGL: 1,0,,36", PDU)]),
        (b"+CMGR: 0,,0\r\nOK\r\n", [Line("+CMGR: 0,,0"), Result("OK")]),
        (b"+CMT: ,36\r\n+CMT: ,36\r\n", [Line("+CMT: ,36")]),
        (b"> ", []),
        (b"> text\r\n", [Line("> text")]),
    ],
)
def test_what_is_heard(data, events):
    """Final results, lines, lines with a PDU; a prompt is one only when it is waited for."""
    assert events == heard(data)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"\r\n> ", [Prompt()]),
        (b">", [Prompt()]),
        (b"AT+CMGS=23\r\r\n> ", [Line("AT+CMGS=23"), Prompt()]),
        (b'\r\n+CMTI: "SM",3\r\n\r\n> ', [Line('+CMTI: "SM",3'), Prompt()]),
        (b'\r\n> \r\n+CMTI: "SM",3\r\n', [Prompt(), Line('+CMTI: "SM",3')]),
        (b'\r\n> +CMTI: "SM",3\r\n', [Prompt(), Line('+CMTI: "SM",3')]),
        (b"\r\n+CMS ERROR: 38\r\n", [Result("CMS", 38, "38")]),
        (b"+CMT: ,1\r\n> ", [Line("+CMT: ,1"), Prompt()]),
    ],
)
def test_a_prompt_that_is_waited_for(data, events):
    """Whatever the modem says around it."""
    assert events == heard(data, prompting=True)


def test_a_line_without_end_is_let_go():
    """A mebibyte without a line's end costs one line's memory, and what follows is heard."""
    parser = Parser()

    events = [event for _ in range(256) for event in parser.feed(b"7" * 4_096)]
    held = len(parser._held)
    events += parser.feed(b"\r\nOK\r\n")

    assert ([Garbage(), Result("OK")], 0) == (events, held)
    assert [Line("x" * MAX_LINE)] == parser.feed(b"x" * MAX_LINE + b"\r")


STREAM = (
    f'AT+CMGL=4\r\r\n+CMGL: 1,0,,36\r\n{PDU}\r\n+CMTI: "SM",7\r\n\r\nOK\r\n\xe4\xff\r\n'
    f"\r\n+CDS: 25\r\n{PDU}\r\n+CMS ERROR: 38\r\n" + "9" * 3_000 + "\r\nOK\r\n"
).encode("latin-1")


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_chunks_make_no_difference(sizes):
    """Any cutting of the stream gives the same events."""
    parser = Parser()
    events = []
    at = turn = 0
    while at < len(STREAM):
        events += parser.feed(STREAM[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1

    assert heard(STREAM) == events


@given(st.binary(max_size=3_000), st.booleans())
def test_no_bytes_break_the_parser(data, prompting):
    """It says something of them or nothing, and holds no more than a line."""
    parser = Parser()
    parser.prompting = prompting

    parser.feed(data)

    assert MAX_LINE >= len(parser._held)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ('"SM",3', ["SM", "3"]),
        ('0,"a, b",15', ["0", "a, b", "15"]),
        ("1,,25", ["1", "", "25"]),
        ("", [""]),
        (' 0, 0 ,"Net" ', ["0", "0", "Net"]),
    ],
)
def test_fields(value, parts):
    """Quotes are taken off, and hold commas together."""
    assert parts == fields(value)
