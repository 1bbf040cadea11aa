"""
A GSM modem for demos, tests and first steps: AT commands of 3GPP TS 27.005 and 27.007, no radio behind them.

It takes texts in PDU mode, keeps those that come in on its SIM, reports deliveries, answers USSD codes and does wrong
what its fault script says. It speaks bytes; `simulators.modem_port` gives it a port.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from smshub.domain.text import Encoding, split
from smshub.protocols.gsm.octets import TpduError
from smshub.protocols.gsm.tpdu import (
    Deliver,
    StatusReport,
    Submit,
    decode,
    encode_deliver,
    encode_status_report,
    part_of,
)
from smshub.simulators.faults import Action, Report, Script, Step

# What this simulator can do wrong with a text.
FAULTS = (
    *(Action.ACCEPT, Action.REFUSE, Action.THROTTLE, Action.DELAY, Action.HANG, Action.DROP, Action.LATE),
    *(Action.DUPLICATE, Action.GARBAGE, Action.HUGE, Action.TRUNCATE, Action.MUTE, Action.CHATTER, Action.RECEIPT),
)

MOST_STORED: Final = 50
_CHATTER = 50
_LONGEST_LINE = 4_096
_SMSC = "+491710760000"

Later = Callable[[float, Callable[[], None]], object]


@dataclass(slots=True)
class Card:
    """A SIM: its PIN (none: it wants none), the tries left, its number, and what lies on it by place."""

    pin: str | None = None
    tries: int = 3
    imsi: str = "262019876543210"
    iccid: str = "89490200001234567890"
    stored: dict[int, "Kept"] = field(default_factory=dict)


@dataclass(slots=True)
class Kept:
    """What lies at a place of a SIM: its status (0 unread, 1 read, 2 unsent, 3 sent), its PDU and that one's length."""

    status: int
    pdu: str
    length: int


@dataclass(frozen=True, slots=True)
class Taken:
    """One segment that was handed over: what it says, the number it was given, and what was played on it."""

    submit: Submit
    number: int
    action: Action
    pdu: str = field(repr=False)


class ModemSimulator:
    """
    The modem. `write` gets its bytes, `later` calls back after so many seconds, `unplug` pulls it out.

    `taken` lists every segment that was handed over, `heard` every command line, `show` gets a line for each whole
    text. `registers_after` is in seconds, `ussd` what the network answers to which code; with
    `keeps_echo` the echo stays whatever `ATE0` says.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        card: Card | None = None,
        registers_after: float = 0.0,
        receipt_delay: float = 0.05,
        keeps_echo: bool = False,
        ussd: Mapping[str, str] | None = None,
        imei: str = "490154203237518",
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.script = script or Script()
        self.card = card or Card()
        self.registers_after = registers_after
        self.receipt_delay = receipt_delay
        self.ussd = {"*100#": "Your balance is 12.34 EUR", "*101#": "1) yes\n2) no"} if ussd is None else ussd
        self.imei = imei
        self.show = show
        self.taken: list[Taken] = []
        self.heard: list[bytes] = []
        self.write: Callable[[bytes], None] = lambda _: None
        self.later: Later = lambda _seconds, _call: None
        self.unplug: Callable[[], None] = lambda: None
        self.keeps_echo = keeps_echo
        self._parts: dict[tuple[str, int], dict[int, str]] = {}
        self._count = 0
        self.power_on()

    def power_on(self) -> None:
        """Begin anew, as after being plugged in: the SIM keeps what is on it."""
        self._began = time.monotonic()
        self._line = bytearray()
        self._prompt: int | None = None
        self._step = Step(Action.ACCEPT)
        self._echo = True
        self._errors = 0
        self._pdu_mode = False
        self._unlocked = self.card.pin is None
        self._tell_texts, self._tell_reports = 0, 0
        self._charset = "GSM"
        self._registration_told = 0

    # --- the wire ---------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        for octet in data:
            if self._echo:
                self.write(bytes((octet,)))
            if self._prompt is not None:
                self._take_text(octet)
            elif octet in b"\r\n":
                line, self._line = bytes(self._line), bytearray()
                if line:
                    self.heard.append(line)
                    self._command(line.decode("latin-1").strip(" \x1b"))
            elif octet == 0x1B:
                self._line.clear()
            elif len(self._line) < _LONGEST_LINE:
                self._line.append(octet)

    def _take_text(self, octet: int) -> None:
        if octet == 0x1B:
            self._prompt = None
            self._line.clear()
            self._say("OK")
        elif octet == 0x1A:
            line, self._line = bytes(self._line), bytearray()
            length, self._prompt = self._prompt or 0, None
            self.heard.append(line)
            self._submitted(line.decode("latin-1").strip(), length)
        elif octet not in b"\r\n" and len(self._line) < _LONGEST_LINE:
            self._line.append(octet)

    def _say(self, *lines: str) -> None:
        self.write("".join(f"\r\n{line}\r\n" for line in lines).encode("latin-1", "replace"))

    def _fail(self, kind: str, code: int) -> None:
        self._say(f"+{kind} ERROR: {code}" if self._errors or kind == "CMS" else "ERROR")

    # --- commands ---------------------------------------------------------------------------------------------------

    def _command(self, line: str) -> None:
        upper = line.upper()
        if not upper.startswith("AT"):
            return self._say("ERROR") if line else None
        asked = line[2:]
        if asked.upper() in _ANSWERS:
            return self._say(*_ANSWERS[asked.upper()], "OK")
        for pattern, handle in _HANDLERS:
            if found := pattern.fullmatch(asked):
                return handle(self, *found.groups())
        return self._fail("CME", 4)

    @property
    def registered(self) -> bool:
        """Whether the network knows it."""
        return self._unlocked and time.monotonic() - self._began >= self.registers_after

    def _needs_card(self) -> bool:
        if not self._unlocked:
            self._fail("CMS", 311)
        return self._unlocked

    def _set_echo(self, value: str) -> None:
        self._echo = value == "1" or self.keeps_echo
        self._say("OK")

    def _set_errors(self, value: str) -> None:
        self._errors = int(value)
        self._say("OK")

    def _set_charset(self, value: str) -> None:
        self._charset = value
        self._say("OK")

    def _ask_charset(self) -> None:
        self._say(f'+CSCS: "{self._charset}"', "OK")

    def _set_mode(self, value: str) -> None:
        self._pdu_mode = value == "0"
        self._say("OK")

    def _ask_pin(self) -> None:
        wants = "READY" if self._unlocked else ("SIM PIN" if self.card.tries else "SIM PUK")
        self._say(f"+CPIN: {wants}", "OK")

    def _ask_tries(self) -> None:
        self._say(f"+CPINR: SIM PIN,{self.card.tries},3", "OK")

    def _enter_pin(self, pin: str) -> None:
        if self._unlocked:
            self._fail("CME", 3)
        elif self.card.tries and pin == self.card.pin:
            self.card.tries = 3
            self._unlocked = True
            self._say("OK")
        else:
            self.card.tries = max(0, self.card.tries - 1)
            self._fail("CME", 16 if self.card.tries else 12)

    def _ask_registration(self, kind: str) -> None:
        self._say(f"+{kind}: 0,{1 if self.registered else 2}", "OK")

    def _ask_operator(self) -> None:
        self._say('+COPS: 0,0,"Simulated"' if self.registered else "+COPS: 0", "OK")

    def _ask_imsi(self) -> None:
        self._say(self.card.imsi, "OK") if self._needs_card() else None

    def _ask_iccid(self) -> None:
        self._say(f"+CCID: {self.card.iccid}", "OK")

    def _ask_imei(self) -> None:
        self._say(self.imei, "OK")

    def _ask_memories(self) -> None:
        one = f'"SM",{len(self.card.stored)},{MOST_STORED}'
        self._say(f"+CPMS: {one},{one},{one}", "OK")

    def _set_memories(self, wanted: str) -> None:
        if set(re.findall(r'"(\w+)"', wanted)) - {"SM"}:
            self._fail("CMS", 302)
            return
        one = f"{len(self.card.stored)},{MOST_STORED}"
        self._say(f"+CPMS: {one},{one},{one}", "OK")

    def _set_routes(self, wanted: str) -> None:
        values = [int(value) for value in wanted.split(",") if value]
        self._tell_texts = values[1] if len(values) > 1 else 0
        self._tell_reports = values[3] if len(values) > 3 else 0
        self._say("OK")

    # --- sending ----------------------------------------------------------------------------------------------------

    def _begin_text(self, length: str) -> None:
        if not self._needs_card():
            return
        if not self._pdu_mode:
            self._fail("CMS", 304)
            return
        self._step = self.script.next()
        if self._step.action is Action.MUTE:
            return
        if self._step.action is Action.CHATTER:
            self._chatter()
        self._prompt = int(length)
        self.write(b"\r\n> ")
        if self._step.action is Action.CHATTER:
            self._chatter()

    def _chatter(self) -> None:
        self._say(*("^RSSI: 17", "RING", "+CREG: 1") * _CHATTER)

    def _submitted(self, pdu: str, length: int) -> None:
        """Take a segment and do with it what the script says."""
        step = self._step
        try:
            submit = decode(pdu)
        except TpduError:
            submit = None
        octets = len(pdu) // 2
        smsc = 1 + int(pdu[:2], 16) if submit is not None else 0
        if not isinstance(submit, Submit) or octets - smsc != length:
            self._fail("CMS", 304)
            return
        self._count = (self._count + 1) & 0xFF
        self.taken.append(Taken(submit, self._count, step.action, pdu))
        if step.action in {Action.REFUSE, Action.THROTTLE}:
            code = step.argument if step.action is Action.REFUSE else "42"
            self._say("ERROR" if code is None else f"+CMS ERROR: {code}")
        elif step.action in {Action.DELAY, Action.LATE}:
            number = self._count
            self.later(step.seconds, lambda: self._accept(submit, number))
        else:
            self._play(step.action, submit, self._count)

    def _play(self, action: Action, submit: Submit, number: int) -> None:
        """Answer a segment as no modem should, or as it should."""
        match action:
            case Action.HANG:
                pass
            case Action.DROP:
                self.unplug()
            case Action.HUGE:
                self.write(b"+CMGS: " + b"7" * 1_048_576 + b"\r\n")
            case Action.TRUNCATE:
                self.write(b"\r\n+CMGS: %d\r\n\r\nO" % number)
            case Action.GARBAGE:
                self.write(bytes(range(0x80, 0x100)) + b"\r\n\xff\xfe\x00\x81OK\xfe\r\n\r\n\n\n")
                self._accept(submit, number)
            case Action.CHATTER:
                self._chatter()
                self._accept(submit, number)
                self._chatter()
            case Action.DUPLICATE:
                self._accept(submit, number)
                self._say(f"+CMGS: {number}", "OK")
            case _:
                self._accept(submit, number)

    def _accept(self, submit: Submit, number: int) -> None:
        step = self.script.next_receipt()
        wanted = Report(step.argument) if submit.report and step.argument else Report.NONE
        if wanted is Report.EARLY:
            self._report(submit, number, 0)
        self._say(f"+CMGS: {number}", "OK")
        self._show(submit)
        delay = step.seconds if wanted is Report.LATE else self.receipt_delay
        status = 0x45 if wanted is Report.BAD else 0
        if wanted in {Report.GOOD, Report.BAD, Report.LATE, Report.TWICE}:
            self.later(delay, lambda: self._report(submit, number, status))
        if wanted is Report.TWICE:
            self.later(delay * 2, lambda: self._report(submit, number, status))

    def _show(self, submit: Submit) -> None:
        """Show a text once all its parts are there."""
        part = part_of(submit.udh)
        pieces = {1: submit.text}
        if part is not None:
            pieces = self._parts.setdefault((submit.to, part.reference), {})
            pieces[part.number] = submit.text
            if len(pieces) < part.total:
                return
            del self._parts[submit.to, part.reference]
        if self.show is not None:
            flash = " flash" if submit.flash else ""
            many = f" ({len(pieces)} segments)" if part is not None else ""
            text = "".join(pieces[number] for number in sorted(pieces))
            printable = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
            self.show(f"-> {submit.to}{flash}{many}: {printable}")

    def _report(self, submit: Submit, number: int, status: int) -> None:
        now = time.time()
        pdu, length = encode_status_report(StatusReport(number, submit.to, status, now, now))
        if self._tell_reports == 1:
            self._say(f"+CDS: {length}", pdu)
        elif self._tell_reports == 2:
            place = self._keep(Kept(0, pdu, length))
            self._say(f'+CDSI: "SM",{place}')

    # --- what comes in ----------------------------------------------------------------------------------------------

    def deliver(self, sender: str, text: str, *, at: float | None = None, reference: int = 0) -> list[int]:
        """Let a text come in; give the places where its parts lie."""
        return [self.deliver_part(pdu, length) for pdu, length in delivered(sender, text, at=at, reference=reference)]

    def deliver_part(self, pdu: str, length: int) -> int:
        """Let one PDU come in, and tell of it if that was asked for; give its place."""
        place = self._keep(Kept(0, pdu, length))
        if self._tell_texts == 1:
            self._say(f'+CMTI: "SM",{place}')
        return place

    def _keep(self, kept: Kept) -> int:
        place = next(place for place in range(1, MOST_STORED + 2) if place not in self.card.stored)
        self.card.stored[place] = kept
        return place

    def _list(self, wanted: str) -> None:
        if not self._needs_card():
            return
        lines: list[str] = []
        for place, kept in sorted(self.card.stored.items()):
            if wanted in {"4", str(kept.status)}:
                lines.append(f"+CMGL: {place},{kept.status},,{kept.length}\r\n{kept.pdu}")
                kept.status = 1 if kept.status == 0 else kept.status
        self._say(*lines, "OK")

    def _read(self, place: str) -> None:
        kept = self.card.stored.get(int(place))
        if kept is None:
            self._fail("CMS", 321)
            return
        self._say(f"+CMGR: {kept.status},,{kept.length}\r\n{kept.pdu}", "OK")
        kept.status = 1 if kept.status == 0 else kept.status

    def _delete(self, place: str, which: str | None) -> None:
        if which not in {None, "", "0"}:
            self.card.stored.clear()
        elif self.card.stored.pop(int(place), None) is None:
            self._fail("CMS", 321)
            return
        self._say("OK")

    # --- USSD -------------------------------------------------------------------------------------------------------

    def _ask_ussd(self, code: str) -> None:
        self._say("OK")
        if self._charset == "UCS2" and len(code) % 4 == 0:
            code = bytes.fromhex(code).decode("utf-16-be")
        answer = self.ussd.get(code)
        if answer is None:
            self.later(0.01, lambda: self._say("+CUSD: 4"))
        elif answer:
            # Its own line breaks would end the line, so it comes in UCS-2, as most modems give it.
            raw = answer.encode("utf-16-be").hex().upper()
            replyable = 1 if "1)" in answer else 0
            self.later(0.01, lambda: self._say(f'+CUSD: {replyable},"{raw}",72'))

    def _end_ussd(self) -> None:
        self._say("OK")


def delivered(sender: str, text: str, *, at: float | None = None, reference: int = 0) -> list[tuple[str, int]]:
    """Write a text as the DELIVER PDUs of its parts, with their lengths."""
    when = time.time() if at is None else at
    return [
        encode_deliver(Deliver(sender, segment.text, when, Encoding(segment.encoding), smsc=_SMSC), segment.udh)
        for segment in split(text, reference=reference)
    ]


# What it always answers, by the command without AT.
_ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (),
    "Z": (),
    "&F": (),
    "+CGMI": ("smshub",),
    "+CGMM": ("Simulated modem",),
    "+CGMR": ("1.0",),
    "+CSQ": ("+CSQ: 21,0",),
    "+CREG=0": (),
    "+CREG=1": (),
    "+CREG=2": (),
    "+CGATT?": ("+CGATT: 1",),
    "+CSCA?": (f'+CSCA: "{_SMSC}",145',),
    "+CSCS=?": ('+CSCS: ("GSM","IRA","UCS2")',),
    "+CMGF=?": ("+CMGF: (0,1)",),
    "+CFUN=1": (),
    "+CGREG=2": (),
    "+CPMS=?": ('+CPMS: ("SM"),("SM"),("SM")',),
    "+CNMI=?": ("+CNMI: (0-2),(0,1),(0),(0-2),(0,1)",),
    "+CSMS=?": ("+CSMS: (0,1)",),
    "+CSMS?": ("+CSMS: 0,1,1,1",),
    "+CSMS=0": ("+CSMS: 1,1,1",),
    "+CUSD=1": (),
    "+CUSD=0": (),
    "+CCLK?": ('+CCLK: "26/01/01,12:00:00+00"',),
    "+GCAP": ("+GCAP: +CGSM",),
}

_HANDLERS: Final[tuple[tuple[re.Pattern[str], Callable[..., None]], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), handle)
    for pattern, handle in (
        (r"E([01])", ModemSimulator._set_echo),  # noqa: SLF001 - the table of its own commands
        (r"\+CMEE=([012])", ModemSimulator._set_errors),  # noqa: SLF001
        (r'\+CSCS="(GSM|IRA|UCS2)"', ModemSimulator._set_charset),  # noqa: SLF001
        (r"\+CSCS\?", ModemSimulator._ask_charset),  # noqa: SLF001
        (r"\+CMGF=([01])", ModemSimulator._set_mode),  # noqa: SLF001
        (r"\+CPIN\?", ModemSimulator._ask_pin),  # noqa: SLF001
        (r'\+CPINR="SIM PIN"', ModemSimulator._ask_tries),  # noqa: SLF001
        (r'\+CPIN="?(\d{4,8})"?', ModemSimulator._enter_pin),  # noqa: SLF001
        (r"\+(CREG|CGREG|CEREG)\?", ModemSimulator._ask_registration),  # noqa: SLF001
        (r"\+COPS\?", ModemSimulator._ask_operator),  # noqa: SLF001
        (r"\+CIMI", ModemSimulator._ask_imsi),  # noqa: SLF001
        (r"\+CCID\??", ModemSimulator._ask_iccid),  # noqa: SLF001
        (r"\+CGSN", ModemSimulator._ask_imei),  # noqa: SLF001
        (r"\+CPMS\?", ModemSimulator._ask_memories),  # noqa: SLF001
        (r"\+CPMS=([\",A-Z]+)", ModemSimulator._set_memories),  # noqa: SLF001
        (r"\+CNMI=([\d,]{1,20})", ModemSimulator._set_routes),  # noqa: SLF001
        (r"\+CMGS=(\d{1,3})", ModemSimulator._begin_text),  # noqa: SLF001
        (r"\+CMGL=(\d)", ModemSimulator._list),  # noqa: SLF001
        (r"\+CMGR=(\d{1,3})", ModemSimulator._read),  # noqa: SLF001
        (r"\+CMGD=(\d{1,3})(?:,(\d))?", ModemSimulator._delete),  # noqa: SLF001
        (r'\+CUSD=1,"([0-9A-F*#]+)"(?:,\d+)?', ModemSimulator._ask_ussd),  # noqa: SLF001
        (r"\+CUSD=2", ModemSimulator._end_ussd),  # noqa: SLF001
    )
)
