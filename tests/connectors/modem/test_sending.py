"""Texts through a modem that does what it should, and through modems that do not."""

import random

import pytest

from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.domain.text import Encoding
from smshub.protocols.gsm.tpdu import decode

LONG = "A long text " * 20  # two segments

# (what the modem does, what the text came to)
MODEMS = {
    "no prompt": ("mute", Deferred(Reason.UNREACHABLE, detail="the modem has not asked for the text in 0.5 s")),
    "ERROR after the PDU": ("refuse", Deferred(Reason.TEMPORARY, "ERROR")),
    "CMS 500": ("refuse 500", Deferred(Reason.TEMPORARY, "+CMS ERROR: 500")),
    "CMS 38": ("refuse 38", Deferred(Reason.TEMPORARY, "+CMS ERROR: 38")),
    "CMS 9999": ("refuse 9999", Deferred(Reason.UNKNOWN, "+CMS ERROR: 9999")),
    "CMS -1": ("refuse -1", Deferred(Reason.UNKNOWN, "+CMS ERROR: -1")),
    "CMS in words": ("refuse nonsense", Deferred(Reason.TEMPORARY, "+CMS ERROR: nonsense")),
    "no such number": ("refuse 1", Rejected(Reason.INVALID_RECIPIENT, "+CMS ERROR: 1")),
    "our SIM is barred": ("refuse 8", Deferred(Reason.BAD_CREDENTIALS, "+CMS ERROR: 8")),
    "congestion": ("throttle", Deferred(Reason.THROTTLED, "+CMS ERROR: 42")),
    "no network": ("refuse 331", Deferred(Reason.UNREACHABLE, "+CMS ERROR: 331")),
    "the network is silent": (
        "refuse 332",
        Uncertain(detail="+CMS ERROR: 332: the network has not said whether it has it"),
    ),
    "silence after Ctrl-Z": ("hang", Uncertain(detail="no answer in 0.5 s")),
    "half of OK": ("truncate", Uncertain(detail="no answer in 0.5 s")),
    "a line of a mebibyte": ("huge", Uncertain(detail="no answer in 0.5 s")),
    "pulled out": ("drop", Uncertain(detail="the port is gone")),
}


@pytest.mark.parametrize("what", MODEMS)
async def test_each_modem_ends_in_the_right_outcome(what, plug, engine, message):
    """Within its time; and where the modem is still there the next text is sent."""
    script, outcome = MODEMS[what]
    port = plug(f"{script}; accept")
    hub = await engine(port)

    assert outcome == await hub.send(message(id="m1"))
    if what == "pulled out":
        await hub.until(lambda: not hub.connector.state().up)
        port.plug()
    await hub.up()
    assert isinstance(await hub.send(message(id="m2")), Accepted)
    assert ["Your code is 123456"] * (1 if what == "no prompt" else 2) == [one.submit.text for one in port.modem.taken]


@pytest.mark.parametrize("script", ["chatter", "garbage", "duplicate", "delay 0.1s"])
async def test_a_modem_that_talks_too_much_still_sends(script, plug, engine, message):
    """Lines that nobody asked for, bytes that are no characters, an answer twice."""
    port = plug(f"{script} 2; accept")
    hub = await engine(port)

    outcomes = [await hub.send(message(f"text {number}", id=f"m{number}")) for number in range(3)]

    assert ["1", "2", "3"] == [outcome.refs[0].rpartition("-")[2] for outcome in outcomes]
    assert ["text 0", "text 1", "text 2"] == [one.submit.text for one in port.modem.taken]


async def test_an_echo_that_stays_is_no_answer(plug, engine, message):
    """A modem that echoes whatever ATE0 says."""
    port = plug(keeps_echo=True)
    hub = await engine(port)

    assert isinstance(await hub.send(message(LONG)), Accepted)
    assert 2 == len(port.modem.taken)
    assert "490154203237518" == hub.connector.modems()[0].imei


@pytest.mark.parametrize(
    ("text", "flash", "encoding", "segments"),
    [
        ("Hello €", False, Encoding.GSM7, 1),
        ("Привет", False, Encoding.UCS2, 1),
        ("\N{GRINNING FACE} now", True, Encoding.UCS2, 1),
        ("Alarm!", True, Encoding.GSM7, 1),
        (LONG, False, Encoding.GSM7, 2),
        ("й" * 100, True, Encoding.UCS2, 2),
    ],
)
async def test_texts_of_every_kind(text, flash, encoding, segments, plug, engine, message):
    """They arrive as they were written, one command and one PDU for each segment, each asked for a report."""
    port = plug()
    hub = await engine(port)
    before = len(port.modem.heard)

    outcome = await hub.send(message(text, flash=flash))

    submits = [one.submit for one in port.modem.taken]
    assert text == "".join(submit.text for submit in submits)
    assert {("+491701234567", encoding, flash, True)} == {(s.to, s.encoding, s.flash, s.report) for s in submits}
    assert segments == len(outcome.refs) == len(set(outcome.refs))
    heard = port.modem.heard[before:]
    assert [b"AT+CMGS="] * segments == [line[:8] for line in heard[::2]]
    assert [one.pdu.encode() for one in port.modem.taken] == heard[1::2]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("accept; refuse", Uncertain(Reason.TEMPORARY, "part 2 of 2: ERROR; 1 taken")),
        (
            "accept; mute",
            Uncertain(Reason.UNREACHABLE, "part 2 of 2: the modem has not asked for the text in 0.5 s; 1 taken"),
        ),
        ("accept; refuse 1", Rejected(Reason.INVALID_RECIPIENT, "+CMS ERROR: 1", "part 2 of 2")),
        ("accept; hang", Uncertain(Reason.NO_ANSWER, "part 2 of 2: no answer in 0.5 s")),
        ("refuse 38", Deferred(Reason.TEMPORARY, "+CMS ERROR: 38", "part 1 of 2")),
    ],
)
async def test_a_long_text_that_is_taken_in_part(script, outcome, plug, engine, message):
    """Once a part is taken it is not Deferred any more, and no further part is sent."""
    port = plug(script)
    hub = await engine(port)

    assert outcome == await hub.send(message("A long text " * 20))
    assert 2 >= len(port.modem.taken)


async def test_what_no_modem_can_send_is_refused_before_it_is_asked(plug, engine, message):
    """Addresses, numbers that are none, too long a text; and what has expired waits for nothing."""
    port = plug()
    hub = await engine(port)
    before = len(port.modem.heard)

    assert Rejected(Reason.INVALID_RECIPIENT, detail="it is no number that a modem can reach") == await hub.send(
        message(to="a@b.example", id="m1")
    )
    assert isinstance(await hub.send(message("x" * 40_000, id="m2")), Rejected)
    assert Deferred(Reason.EXPIRED, detail="its time ran out before it left") == await hub.send(
        message(id="m3", expires_at=1.0)
    )
    assert before == len(port.modem.heard)


FRAGMENTS = [
    *('\r\nAT+CPWD="SC","1234","0000"\r\n', "\x1a", "\x1b", "\r\nOK\r\n", '+CMTI: "SM",1\r\n', "AT+CMGD=0,4\r", "\r"),
    *("\n> ", "\x1aAT+CMGD=1,4\r", '",15\rATD112;\r', "+++ATH\r", "\x00", "\x11\x13", "\x7f\x80\xff", "A/", "%0d%0a"),
    *("\u2028ATZ\u2029", "\N{GRINNING FACE}\r\n", "é\x1aé", ">" * 200, "\t\x0b\x0c", "0791" * 40, "${IFS}AT", "`AT`"),
]


def payloads():
    """Give two hundred combinations, always the same."""
    dice = random.Random(23)
    return ["".join(dice.choices(FRAGMENTS, k=dice.randint(1, 4))) for _ in range(200)]


async def test_two_hundred_texts_that_try_to_be_commands(plug, engine, message):
    """Whatever a text holds, the port sees one AT+CMGS and one PDU in hexadecimal for each segment, and no more."""
    port = plug(receipt_delay=60.0)
    hub = await engine(port)
    before = len(port.modem.heard)

    for number, payload in enumerate(payloads()):
        taken = len(port.modem.taken)
        outcome = await hub.send(message(payload, id=f"m{number}"))
        assert isinstance(outcome, Accepted), (payload, outcome)
        sent = port.modem.taken[taken:]
        # Where the alphabet lacks a control character the text went as UCS-2, which has all.
        assert payload == "".join(one.submit.text for one in sent)
        heard, before = port.modem.heard[before:], len(port.modem.heard)
        assert [part for one in sent for part in (b"AT+CMGS=%d" % (len(one.pdu) // 2 - 1), one.pdu.encode())] == heard
        assert all(set(one.pdu) <= set("0123456789ABCDEF") for one in sent)


async def test_two_hundred_recipients_that_try_to_be_commands(plug, engine, message):
    """None but numbers reach the port, and a number only within the PDU."""
    port = plug()
    hub = await engine(port)
    before = len(port.modem.heard)

    for number, payload in enumerate(payloads()):
        to = payload if number % 2 else f"49170{payload}"
        outcome = await hub.send(message(to=to, id=f"m{number}"))
        assert Rejected(Reason.INVALID_RECIPIENT, detail="it is no number that a modem can reach") == outcome

    assert before == len(port.modem.heard)
    assert isinstance(await hub.send(message(to="4917*#1", id="last")), Accepted)
    assert "+4917*#1" == decode(port.modem.taken[-1].pdu).to


async def test_validity_and_service_centre_are_in_the_pdu(plug, engine, message):
    """As they are set; without them the SIM's own and the network's are used."""
    port = plug()
    hub = await engine(port, smsc="+491710760000", reports=False, long_texts="udh16")
    await hub.send(message("x" * 200))

    submit = port.modem.taken[0].submit
    assert ("+491710760000", False, 7) == (submit.smsc, submit.report, len(submit.udh))
    assert 63 * 604_800.0 == submit.valid_for
    assert not hub.connector.capabilities.receipts

    plain = plug()
    hub = await engine(plain, validity=False)
    await hub.send(message(id="m2"))
    assert (None, None) == (plain.modem.taken[0].submit.smsc, plain.modem.taken[0].submit.valid_for)
