"""The simulated modem, as Debian's gammu and as plain AT commands have it."""

import asyncio
import os

import pytest

from smshub.domain.text import Encoding
from smshub.simulators.faults import BadScript, Script
from smshub.simulators.modem import FAULTS, Card, ModemSimulator
from smshub.simulators.modem_port import ModemPort


class Wire:
    """A modem and what it has said."""

    def __init__(self, script="", **options):
        self.modem = ModemSimulator(Script.parse(script, allowed=FAULTS), **options)
        self.said = bytearray()
        self.later = []
        self.modem.write = self.said.extend
        self.modem.later = lambda seconds, call: self.later.append((seconds, call))

    def ask(self, *lines):
        """Send command lines; give what is said to the last one, without the echo."""
        for line in lines:
            self.said.clear()
            self.modem.feed(line if isinstance(line, bytes) else line.encode() + b"\r")
        return bytes(self.said)


@pytest.fixture
def wire():
    """Give a modem that is quiet but for its answers."""
    made = Wire()
    made.ask("ATE0", "AT+CMEE=1", "AT+CMGF=0")
    return made


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("AT", b"\r\nOK\r\n"),
        ("at+csq", b"\r\n+CSQ: 21,0\r\n\r\nOK\r\n"),
        ("AT+CPIN?", b"\r\n+CPIN: READY\r\n\r\nOK\r\n"),
        ("AT+CREG?", b"\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
        ("AT+NONSENSE", b"\r\n+CME ERROR: 4\r\n"),
        ("AT+CMGD=7", b"\r\n+CMS ERROR: 321\r\n"),
        ("AT+CMGR=7", b"\r\n+CMS ERROR: 321\r\n"),
        ('AT+CPMS="ME"', b"\r\n+CMS ERROR: 302\r\n"),
        ("AT+CMGS=23", b"\r\n> "),
        ("ATD112;", b"\r\n+CME ERROR: 4\r\n"),
        ("hello", b"\r\nERROR\r\n"),
        ("", b""),
    ],
)
def test_answers_follow_the_standard(line, answer, wire):
    """TS 27.005 and 27.007, V.250."""
    assert answer == wire.ask(line)


def test_it_echoes_until_it_is_told_not_to():
    """As modems do after power-on; one that keeps its echo says OK all the same."""
    assert b"AT\r\r\nOK\r\n" == Wire().ask("AT")
    assert b"AT\r\r\nOK\r\n" == Wire(keeps_echo=True).ask("ATE0", "AT")


@pytest.mark.parametrize(
    ("typed", "answer", "taken"),
    [
        (b"0011000B916407281553F80000AA0AE8329BFD4697D9EC37\x1a", b"\r\n+CMGS: 1\r\n\r\nOK\r\n", 1),
        (b"0011000B916407281553F80000AA0AE8329BFD4697D9EC\x1a", b"\r\n+CMS ERROR: 304\r\n", 0),
        (
            b"07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37\x1a",
            b"\r\n+CMS ERROR: 304\r\n",
            0,
        ),
        (b"nonsense\x1a", b"\r\n+CMS ERROR: 304\r\n", 0),
        (b"\x1a", b"\r\n+CMS ERROR: 304\r\n", 0),
        (b"0011\x1b", b"\r\nOK\r\n", 0),
    ],
)
def test_only_a_submit_of_the_length_that_was_told_is_taken(typed, answer, taken, wire):
    """Everything else is refused, and ESC gives the prompt up."""
    assert (answer, taken) == (wire.ask("AT+CMGS=23", typed), len(wire.modem.taken))


def test_without_pdu_mode_nothing_is_taken():
    """Text mode is not played."""
    assert b"\r\n+CMS ERROR: 304\r\n" == Wire().ask("ATE0", "AT+CMGS=23")


def test_a_pin_has_three_tries():
    """Then the SIM wants its PUK, and no PIN helps any more."""
    wire = Wire(card=Card(pin="1234"))
    wire.ask("ATE0", "AT+CMEE=1")

    answers = [wire.ask(f'AT+CPIN="{pin}"') for pin in ("1111", "2222", "3333", "1234")]

    assert [b"16", b"16", b"12", b"12"] == [answer.strip().rpartition(b" ")[2] for answer in answers]
    assert b"SIM PUK" in wire.ask("AT+CPIN?")
    assert b"\r\n+CMS ERROR: 311\r\n" == wire.ask("AT+CIMI")


def test_texts_come_in_and_are_deleted_one_by_one(wire):
    """They are told of once that is asked for."""
    wire.modem.deliver("+491701234567", "quiet")
    wire.ask("AT+CNMI=2,1,0,1,0")
    wire.said.clear()
    wire.modem.deliver("+491701234567", "told")

    assert b'\r\n+CMTI: "SM",2\r\n' == bytes(wire.said)
    listed = wire.ask("AT+CMGL=4")
    assert 2 == listed.count(b"+CMGL: ")
    assert (b"\r\nOK\r\n", [2]) == (wire.ask("AT+CMGD=1"), list(wire.modem.card.stored))


def test_a_script_may_hold_only_what_a_modem_can_do():
    """Redirections are of HTTP."""
    with pytest.raises(BadScript, match="no step 'redirect' here"):
        Script.parse("redirect", allowed=FAULTS)


async def test_a_port_comes_and_goes(tmp_path):
    """Under its name; whoever has it open sees it go."""
    port = ModemPort(ModemSimulator(), tmp_path / "modem")
    path = port.plug()
    device = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    port.unplug()

    assert not (tmp_path / "modem").exists()
    assert b"" == os.read(device, 10)
    os.close(device)
    port.unplug()
    assert path == port.plug()
    port.unplug()


# --- gammu --------------------------------------------------------------------------------------------------------

# In one run, for gammu takes three seconds to begin with a modem.
BATCH = """\
identify
sendsms TEXT +491701234567 -text "Hello from gammu €"
sendsms TEXT +491701234567 -len 400 -text "{long}"
sendsms TEXT +491701234567 -unicode -flash -text "Привет"
networkinfo
getallsms
""".format(long="Hello " * 30)


@pytest.mark.needs("gammu")
async def test_gammu_takes_it_for_a_modem(tmp_path):
    """It identifies it, what it sends is what we read, and what we wrote is what it reads."""
    port = ModemPort(ModemSimulator())
    port.plug()
    port.modem.deliver("+491701111111", "Grüße, 5 €")
    port.modem.deliver("ACME", "Wörld ☺ " * 20, reference=42)
    (tmp_path / "gammurc").write_text(f"[gammu]\ndevice = {port.path}\nconnection = at115200\nmodel = at\n")
    (tmp_path / "batch").write_text(BATCH)
    process = await asyncio.create_subprocess_exec(
        *("gammu", "-c", str(tmp_path / "gammurc"), "batch", str(tmp_path / "batch")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 40)
    except TimeoutError:
        process.kill()
        raise
    finally:
        port.unplug()
    said = out.decode()

    assert 0 == process.returncode, said
    for line in (
        "Manufacturer         : smshub",
        "IMEI                 : 490154203237518",
        "SIM IMSI             : 262019876543210",
        "message reference=1",
        "Network state        : home network",
        'Remote number        : "+491701111111"',
        "Grüße, 5 €",
        'Remote number        : "ACME"',
        "Concatenated (linked) message, ID (8 bit) 42, part 3 of 3",
    ):
        assert line in said
    short, first, second, unicode = [one.submit for one in port.modem.taken]
    assert ("+491701234567", "Hello from gammu €") == (short.to, short.text)
    assert "Hello " * 30 == first.text + second.text
    assert ("Привет", Encoding.UCS2, True) == (unicode.text, unicode.encoding, unicode.flash)
