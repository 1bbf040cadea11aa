"""
What a modem says: lines, final results, the prompt for a PDU (V.250 §5.7, 3GPP TS 27.005 §3 and §4, TS 27.007 §9).

Bytes go in, events come out, whatever the chunks. It holds no port and reads no clock, and never more than one line of
limited length.
"""

import re
from dataclasses import dataclass
from typing import Final

ESC: Final = b"\x1b"  # gives a prompt up
CTRL_Z: Final = b"\x1a"  # ends a PDU

MAX_LINE: Final = 2_048  # bytes; the longest that makes sense is a USSD answer of 182 characters in UCS-2

_ENDS = re.compile(rb"[\r\n\x1a\x00]")
_ERROR = re.compile(r"\+(CM[ES]) ERROR: ?(.*)", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,200}")

# Lines that are followed by one with a PDU: TS 27.005 §3.4.1 and §4.2.
_BEFORE_PDU = ("+CMT:", "+CDS:", "+CMGL:", "+CMGR:")

_OK = frozenset({"OK"})
_FAILURES = frozenset(
    {"ERROR", "NO CARRIER", "NO DIALTONE", "BUSY", "NO ANSWER", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """An answer or something that the modem says of its own accord; `pdu` is the PDU that belongs to it."""

    text: str
    pdu: str | None = None

    def value(self, prefix: str) -> str | None:
        """Give what follows `prefix`; None where the line begins otherwise."""
        return self.text[len(prefix) :].strip() if self.text.startswith(prefix) else None


@dataclass(frozen=True, slots=True)
class Result:
    """
    How a command ended. `kind` is OK, ERROR, CMS or CME (or another word of V.250).

    `code` is the number after `+CMS ERROR:` or `+CME ERROR:`, None where it says none or words.
    """

    kind: str
    code: int | None = None
    words: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.kind == "OK"

    def __str__(self) -> str:
        if self.kind not in {"CMS", "CME"}:
            return self.kind
        return f"+{self.kind} ERROR: {self.words if self.code is None else self.code}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for a PDU."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """A line that was longer than any can be; it is lost."""


Event = Line | Result | Prompt | Garbage


class Parser:
    """
    Reads what a modem says.

    `prompting` is set by whoever has sent a command that is answered by a prompt: only then is `>` one.
    """

    def __init__(self) -> None:
        self.prompting = False
        self._held = bytearray()
        self._overlong = False
        self._before_pdu: str | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes; give what they complete."""
        events: list[Event] = []
        at = 0
        while at < len(data):
            if self.prompting and not self._held and not self._overlong and data[at : at + 1] == b">":
                self.prompting = False
                self._flush(events)
                events.append(Prompt())
                at += 1
                continue
            end = _ENDS.search(data, at)
            self._hold(data[at : end.start() if end else len(data)], events)
            if end is None:
                break
            at = end.end()
            self._end_line(events)
        return events

    def _hold(self, piece: bytes, events: list[Event]) -> None:
        if self._overlong:
            return
        if len(self._held) + len(piece) > MAX_LINE:
            self._overlong = True
            self._held.clear()
            events.append(Garbage())
        elif self._held or piece != b" ":  # the blank after a prompt
            self._held += piece

    def _end_line(self, events: list[Event]) -> None:
        self._overlong = False
        text = self._held.decode("utf-8", "replace").strip()
        self._held.clear()
        if not text:
            return
        if self._before_pdu is not None:
            header, self._before_pdu = self._before_pdu, None
            if _HEX.fullmatch(text):
                events.append(Line(header, text))
                return
            events.append(Line(header))
        if text.startswith(_BEFORE_PDU):
            self._before_pdu = text
        else:
            events.append(_read(text))

    def _flush(self, events: list[Event]) -> None:
        if self._before_pdu is not None:
            events.append(Line(self._before_pdu))
            self._before_pdu = None


def _read(text: str) -> Event:
    """Tell a final result from another line."""
    if text in _OK or text in _FAILURES:
        return Result(text)
    if found := _ERROR.fullmatch(text):
        words = found[2].strip()
        code = int(words) if re.fullmatch(r"-?[0-9]{1,6}", words) else None
        return Result(found[1].upper(), code, words[:80])
    return Line(text)


def fields(value: str) -> list[str]:
    """Take the comma list of an answer apart; quotes are taken off, and a comma within them parts nothing."""
    return [found[1] if found[1] is not None else found[2].strip() for found in _FIELD.finditer(value)]


_FIELD = re.compile(r'(?:^|,)\s*(?:"([^"]*)"\s*|([^,]*))')
