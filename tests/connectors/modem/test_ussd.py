"""USSD through a modem."""

import asyncio

import pytest

from smshub.domain.commands import Refused
from smshub.domain.delivery import Accepted
from smshub.domain.incoming import UssdAnswered


async def test_the_network_answers(plug, engine):
    """In UCS-2, as most modems give it; an answer that waits for a reply says so."""
    hub = await engine(plug())

    balance = await hub.connector.ussd("*100#", "gsm-1")
    menu = await hub.connector.ussd("*101#", "gsm-1")

    raw = "Your balance is 12.34 EUR".encode("utf-16-be").hex().upper()
    assert UssdAnswered("Your balance is 12.34 EUR", raw, replyable=False) == balance
    assert ("1) yes\n2) no", True) == (menu.content, menu.replyable)


@pytest.mark.parametrize(
    ("code", "modem", "error"),
    [
        ("*999#", "gsm-1", "The USSD code was not answered: the network does not know this code."),
        ("*102#", "gsm-1", "The USSD code was not answered: the network has not answered in 0.2 s."),
        ("*100#", "gsm-9", "There is no modem 'gsm-9'."),
        ("*100#", "gsm-2", "cannot be opened"),
        ('*1#",15\rATD112;', "gsm-1", "a code is up to 64 digits"),
        ("**04*1111*2222*2222#", "gsm-1", "it is a code of the SIM's PIN"),
        ("", "gsm-1", "a code is up to 64 digits"),
    ],
)
async def test_what_cannot_be_answered_is_refused(code, modem, error, plug, engine, message):
    """In words; afterwards texts go on."""
    port = plug(ussd={"*100#": "x", "*102#": ""})
    hub = await engine(port, plug(plugged=False), ussd_timeout=0.2)

    with pytest.raises(Refused) as caught:
        await hub.connector.ussd(code, modem)

    assert error in str(caught.value)
    assert isinstance(await hub.send(message()), Accepted)
    assert not any(b"ATD" in line for line in port.modem.heard)


async def test_a_modem_that_wants_the_code_packed(plug, engine):
    """What it refuses as written it gets as septets in hexadecimal."""
    port = plug(ussd={"AA180C3602": "packed"})
    hub = await engine(port)
    feed = port.modem.feed

    def stubborn(data):
        feed(data.replace(b'"*100#"', b'"nonsense"'))

    port.modem.feed = stubborn

    assert "packed" == (await hub.connector.ussd("*100#", "gsm-1")).content


async def test_codes_wait_for_each_other_and_texts_for_neither(plug, engine, message):
    """One code at a time on a modem; a text goes between a code and its answer."""
    port = plug()
    hub = await engine(port)

    found = await asyncio.gather(
        hub.connector.ussd("*100#", "gsm-1"), hub.send(message()), hub.connector.ussd("*101#", "gsm-1")
    )

    assert ["Your balance is 12.34 EUR", "1) yes\n2) no"] == [found[0].content, found[2].content]
    assert isinstance(found[1], Accepted)


async def test_a_modem_that_is_pulled_out_ends_the_wait(plug, engine):
    """At once, not when the time is over."""
    port = plug(ussd={"*100#": ""})
    hub = await engine(port, ussd_timeout=60)
    asked = asyncio.create_task(hub.connector.ussd("*100#", "gsm-1"))
    await hub.until(lambda: any(b"CUSD" in line for line in port.modem.heard))

    port.unplug()

    with pytest.raises(Refused, match="the port is gone"):
        await asyncio.wait_for(asked, 5)
