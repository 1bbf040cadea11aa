"""Who may see the modems and ask them for USSD, and which one is asked."""

from types import SimpleNamespace

import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Refusal, Refused
from smshub.domain.incoming import ListModems, ModemView, RequestUssd, UssdAnswered
from smshub.engine.modems import ModemRoom


class Host:
    """A connector with modems; each answers its own name."""

    def __init__(self, *modems):
        self._modems = modems

    def modems(self):
        """Tell them."""
        return self._modems

    async def ussd(self, code, modem):
        """Answer."""
        return UssdAnswered(f"{modem} {code}", "raw")


def view(name, **members):
    """Give a modem."""
    values = {"connected": True, "port": "/dev/ttyUSB0", "imei": "1", "imsi": "2", "iccid": "3", "smsc": "4"}
    return ModemView(id=name, connector="gsm", **{**values, **members})


def room(*connectors):
    """Give the room with these connectors."""
    outlets = {str(place): SimpleNamespace(connector=connector) for place, connector in enumerate(connectors)}
    made = ModemRoom(lambda: outlets)
    return made.handlers[ListModems], made.handlers[RequestUssd]


OPERATOR = Account("boss", Role.OPERATOR)
AUDITOR = Account("auditor", Role.AUDITOR)
SHOP = Account("shop")
ALLOWED = Account("meter", ussd=True)


@pytest.mark.parametrize(("account", "whole"), [(OPERATOR, True), (AUDITOR, True), (ALLOWED, True), (SHOP, False)])
async def test_who_a_modem_is_is_told_to_few(account, whole):
    """All may see that there is one and how it fares."""
    list_, _ = room(object(), Host(view("gsm-1", error="/dev/ttyUSB0 cannot be opened", signal=17)))

    (modem,) = (await list_(account, ListModems())).modems

    assert ("gsm-1", 17, True) == (modem.id, modem.signal, modem.connected)
    told = {modem.port, modem.imei, modem.imsi, modem.iccid, modem.smsc, modem.error or ""}
    assert ({""} != told) is whole


@pytest.mark.parametrize(("account", "may"), [(OPERATOR, True), (ALLOWED, True), (AUDITOR, False), (SHOP, False)])
async def test_ussd_takes_an_operator_or_the_setting(account, may):
    """Codes cost money."""
    _, ussd = room(Host(view("gsm-1")))

    if may:
        assert "gsm-1 *100#" == (await ussd(account, RequestUssd("*100#"))).content
    else:
        with pytest.raises(Refused) as caught:
            await ussd(account, RequestUssd("*100#"))
        assert Refusal.FORBIDDEN is caught.value.refusal


async def test_the_modem_that_is_asked():
    """The one that is named, or the default of those that are there, or else any."""
    first = Host(view("a-1", connected=False, default=True), view("a-2"))
    second = Host(view("b-1"), view("b-2", default=True))
    _, ussd = room(first, second)

    assert "a-1 1" == (await ussd(OPERATOR, RequestUssd("1", "a-1"))).content
    assert "b-2 1" == (await ussd(OPERATOR, RequestUssd("1"))).content
    _, only = room(Host(view("c-1", connected=False)))
    assert "c-1 1" == (await only(OPERATOR, RequestUssd("1"))).content


@pytest.mark.parametrize(
    ("hosts", "modem", "error"), [((), None, "NoModem"), ((Host(view("a-1")),), "x", "UnknownModem")]
)
async def test_a_modem_that_is_not_there(hosts, modem, error):
    """Is told by name."""
    _, ussd = room(*hosts)

    with pytest.raises(Refused) as caught:
        await ussd(OPERATOR, RequestUssd("1", modem))

    assert error == caught.value.error
