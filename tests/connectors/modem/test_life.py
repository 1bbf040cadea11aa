"""Modems that come and go, SIMs that want a PIN, networks that take their time, several modems at once."""

import asyncio

import pytest

from smshub.connectors.modem import ModemSettings
from smshub.domain.delivery import Accepted, Deferred, Reason, Uncertain
from smshub.simulators.modem import Card


def pins(port):
    """Give the commands by which a PIN was tried."""
    return [line for line in port.modem.heard if line.startswith(b"AT+CPIN=")]


async def test_a_modem_is_told_with_all_that_it_is(plug, engine):
    """Maker, numbers of modem and SIM, operator, signal."""
    hub = await engine(plug())

    (view,) = hub.connector.modems()

    assert ("gsm-1", "gsm", True, True, None) == (view.id, view.connector, view.connected, view.default, view.error)
    assert ("smshub", "Simulated modem", "Simulated") == (view.manufacturer, view.model, view.operator)
    assert ("490154203237518", "262019876543210", "89490200001234567890") == (view.imei, view.imsi, view.iccid)
    assert ("+491710760000", 21, 0, -71, "excellent") == (
        view.smsc,
        view.signal,
        view.ber,
        view.dbm,
        view.condition,
    )


async def test_a_pin_unlocks_the_sim(plug, engine, message, tmp_path):
    """From the file that holds it; a port may have its own."""
    secret = tmp_path / "pin"
    secret.write_text("1234\n")
    secret.chmod(0o600)
    one, other = plug(card=Card(pin="1234")), plug(card=Card(pin="9876"))
    hub = await engine(one, other, pin=f"file:{secret}", pins={str(other.link): "9876"})

    await hub.until(lambda: hub.connector.room() == 2)

    assert ([b'AT+CPIN="1234"'], [b'AT+CPIN="9876"']) == (pins(one), pins(other))


async def test_a_wrong_pin_is_tried_once(plug, engine, message):
    """Not again when the modem is plugged in anew either: the SIM keeps its other two tries."""
    port = plug(card=Card(pin="1234"))
    hub = await engine(port, pin="0000", wait=False)
    await hub.until(lambda: "refuses the configured PIN" in (hub.connector.state().error or ""))

    for _ in range(3):
        heard = len(port.modem.heard)
        port.unplug()
        await hub.until(lambda: "cannot be opened" in hub.connector.state().error)
        port.plug()
        await hub.until(lambda heard=heard: len(port.modem.heard) > heard + 4)
        await hub.until(lambda: "refuses the configured PIN" in hub.connector.state().error)

    assert ([b'AT+CPIN="0000"'], 2) == (pins(port), port.modem.card.tries)
    assert "0000" not in hub.connector.state().error
    assert isinstance(await hub.send(message()), Deferred)


@pytest.mark.parametrize(
    ("tries", "settings", "why"),
    [
        (2, {"pin": "1234"}, "the SIM has 2 tries of its PIN left, and pin_tries wants 3"),
        (0, {"pin": "1234"}, "the SIM wants SIM PUK"),
        (3, {}, "the SIM wants its PIN, and none is configured"),
        (3, {"pin": "abcd"}, "the configured PIN is not 4 to 8 digits"),
        (3, {"pin": "env:NO_SUCH_PIN"}, "the environment variable NO_SUCH_PIN is not set"),
    ],
)
async def test_a_sim_is_never_burnt(tries, settings, why, plug, engine):
    """Somebody has tried before us, or there is nothing to try: it is left alone, and the state says why."""
    port = plug(card=Card(pin="1234", tries=tries))
    hub = await engine(port, wait=False, **settings)

    await hub.until(lambda: why in (hub.connector.state().error or ""))

    assert ([], tries) == (pins(port), port.modem.card.tries)


async def test_one_try_less_is_taken_where_the_operator_says_so(plug, engine):
    """`pin_tries` is their decision."""
    port = plug(card=Card(pin="1234", tries=2))
    await engine(port, pin="1234", pin_tries=2)

    assert 3 == port.modem.card.tries


async def test_a_slow_network_is_waited_for(plug, engine, message):
    """Until it is registered the modem takes nothing, and says why."""
    port = plug(registers_after=0.4)
    hub = await engine(port, wait=False)
    await hub.until(lambda: "not registered with a network: it looks for one" in (hub.connector.state().error or ""))
    assert (0, False) == (hub.connector.room(), hub.connector.state().up)

    await hub.up()

    assert isinstance(await hub.send(message()), Accepted)


async def test_a_modem_is_plugged_in_anew(plug, engine, message):
    """While it is gone texts are Deferred; back under the same name it sends again."""
    port = plug(plugged=False)
    hub = await engine(port, wait=False)
    await hub.until(lambda: "cannot be opened" in (hub.connector.state().error or ""))
    for number in range(3):
        assert Reason.UNREACHABLE == (await hub.send(message(id=f"gone{number}"))).reason
        port.plug()
        await hub.up()
        assert isinstance(await hub.send(message(id=f"back{number}")), Accepted)
        port.unplug()
        await hub.until(lambda: not hub.connector.state().up)
        assert not hub.connector.modems()[0].connected

    assert 3 == len(port.modem.taken)


async def test_modems_take_turns(plug, engine, message):
    """Each sends as much as the others; one that is gone is passed over until it is back."""
    ports = [plug() for _ in range(3)]
    hub = await engine(*ports)
    await hub.until(lambda: hub.connector.room() == 3)

    for number in range(6):
        await hub.send(message(id=f"a{number}"))
    assert [2, 2, 2] == [len(port.modem.taken) for port in ports]

    ports[1].unplug()
    await hub.until(lambda: hub.connector.room() == 2)
    for number in range(4):
        await hub.send(message(id=f"b{number}"))
    assert [4, 2, 4] == [len(port.modem.taken) for port in ports]
    assert hub.connector.state().up
    assert "gsm-2" in hub.connector.state().error

    ports[1].plug()
    await hub.until(lambda: hub.connector.room() == 3)
    for number in range(3):
        await hub.send(message(id=f"c{number}"))
    assert [5, 3, 5] == [len(port.modem.taken) for port in ports]


async def test_the_default_modem_sends_as_long_as_it_can(plug, engine, message):
    """And the others while it is busy or gone."""
    ports = [plug("delay 0.3s; accept"), plug("delay 0.3s; accept")]
    hub = await engine(*ports, rotation="default", default=str(ports[1].link))
    await hub.until(lambda: hub.connector.room() == 2)

    hub.submit(message(id="m1"))
    hub.submit(message(id="m2"))
    await hub.until(lambda: len(hub.outcomes) == 2)
    assert [1, 1] == [len(port.modem.taken) for port in ports]
    await hub.send(message(id="m3"))
    await hub.send(message(id="m4"))
    assert [1, 3] == [len(port.modem.taken) for port in ports]
    assert [False, True] == [view.default for view in hub.connector.modems()]

    ports[1].unplug()
    await hub.until(lambda: hub.connector.room() == 1)
    await hub.send(message(id="m5"))
    assert [2, 3] == [len(port.modem.taken) for port in ports]


async def test_room_is_the_modems_that_are_free(plug, engine, message):
    """What was promised a modem that is gone meanwhile waits for another, or is Deferred."""
    port = plug("delay 0.2s")
    hub = await engine(port)
    hub.submit(message(id="m1"))
    assert 0 == hub.connector.room()
    hub.submit(message(id="m2"))
    await hub.until(lambda: len(hub.outcomes) == 2)
    assert [Accepted, Accepted] == [type(outcome) for outcome in hub.outcomes.values()]

    hub.submit(message(id="m3"))
    hub.submit(message(id="m4"))
    await hub.until(lambda: len(port.modem.taken) == 3)
    port.unplug()
    await hub.until(lambda: len(hub.outcomes) == 4)
    assert [Uncertain, Deferred] == [type(hub.outcomes[name]) for name in ("m3", "m4")]


async def test_the_end_waits_for_what_is_under_way(plug, engine, message):
    """For a bounded time; what has left and is not answered by then is uncertain, what has not is Deferred."""
    port = plug("delay 0.1s; hang")
    hub = await engine(port, send_timeout=30)
    hub.submit(message(id="m1"))
    await hub.until(lambda: port.modem.taken)
    await hub.stop()
    assert isinstance(hub.outcomes["m1"], Accepted)

    hub.run()
    await hub.up()
    hub.submit(message(id="m2"))
    hub.submit(message(id="m3"))
    await hub.until(lambda: len(port.modem.taken) == 2)
    await hub.stop()
    assert Uncertain(Reason.CRASHED, "the hub stopped before the modem answered") == hub.outcomes["m2"]
    assert Deferred(Reason.UNREACHABLE, detail="the hub stopped") == hub.outcomes["m3"]
    hub.submit(message(id="m4"))
    assert Reason.UNREACHABLE == (await hub.until(lambda: hub.outcomes.get("m4"))).reason


async def test_a_port_belongs_to_one(plug, engine):
    """A second connector on the same port is told that it is in use."""
    port = plug()
    await engine(port)
    other = await engine(port, wait=False)

    await other.until(lambda: "cannot be opened" in (other.connector.state().error or ""))


async def test_a_device_that_is_no_modem(plug, engine, tmp_path):
    """It is given up and looked at again, without end and without harm."""
    port = plug()
    port.modem.feed = lambda data: None
    hub = await engine(port, wait=False, command_timeout=0.2)
    await hub.until(lambda: "does not do as it should" in (hub.connector.state().error or ""))

    del port.modem.feed
    await hub.up()


async def test_a_modem_that_never_stops_talking_is_given_up(plug, engine):
    """Its lines cost neither memory nor the hub's time."""
    port = plug()
    hub = await engine(port)

    port.modem.write(b"\r\nRING\r\n" * 50_000)

    await hub.until(lambda: "says more than can be read" in (hub.connector.state().error or ""))


async def test_init_commands_are_sent_once(plug, engine):
    """In their order, before the SIM is asked for."""
    port = plug(card=Card(pin="1234"))
    await engine(port, pin="1234", init=["at+cfun=1", "AT+CSMS=0"])

    heard = port.modem.heard
    assert heard.index(b"AT+CFUN=1") < heard.index(b"AT+CSMS=0") < heard.index(b"AT+CPIN?")
    assert 1 == heard.count(b"AT+CFUN=1")


@pytest.mark.parametrize(
    "settings",
    [
        {"ports": []},
        {"ports": ["ttyUSB0"]},
        {"ports": ["socket://example.com:4000"]},
        {"ports": ["/dev/../etc/passwd"]},
        {"ports": ["/dev/ttyUSB0", "/dev/ttyUSB0"]},
        {"default": "/dev/ttyUSB9"},
        {"pins": {"/dev/ttyUSB9": "1234"}},
        {"smsc": "+49 171"},
        {"smsc": '+49"\r'},
        {"baud": 1},
        {"init": ["ATD112;"]},
        {"init": ['AT+CPWD="SC","1","2"']},
        {"init": ["AT+CMGD=0,4"]},
        {"init": ["AT+EGMR=1,7"]},
        {"init": ["AT+CFUN=1\rATD112;"]},
        {"init": ["AT+CFUN=1;+CMGD=1,4"]},
        {"rotation": "random"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Ports are devices, and what is sent at the start neither dials nor deletes nor changes a password."""
    with pytest.raises(ValueError, match="validation error"):
        ModemSettings.model_validate({"type": "modem", "ports": ["/dev/ttyUSB0"], **settings})


def test_a_pin_is_never_shown():
    """In no repr."""
    settings = ModemSettings.model_validate({"type": "modem", "ports": ["/dev/ttyUSB0"], "pin": "4711"})

    assert "4711" not in repr(settings)


async def test_polls_go_on_beside_texts(plug, engine, message):
    """The network and the signal are looked at again and again, and nothing is mixed up with the texts."""
    port = plug()
    hub = await engine(port, poll=0.02)

    outcomes = await asyncio.gather(*(hub.send(message(f"text {number}", id=f"m{number}")) for number in range(20)))

    assert [Accepted] * 20 == [type(outcome) for outcome in outcomes]
    await hub.until(lambda: port.modem.heard.count(b"AT+CSQ") > 3)
