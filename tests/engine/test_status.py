"""The hub's own word on whether it takes texts, and why not."""

import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import HubStatus, Refused, SendTexts


async def status(rig):
    """Ask; give whether it takes texts and why not."""
    found = await rig.hub.handle(Account(name=""), HubStatus())
    return found.taking, found.why


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (lambda hub: setattr(hub, "stopping", True), "Stopping", "stopping"),
        (lambda hub: setattr(hub, "disk_full", True), "DiskFull", "the disk is nearly full"),
        (lambda hub: setattr(hub, "_backlog", 10**9), "QueueFull", "the queue is full"),
    ],
)
async def test_what_is_refused_is_told_in_the_status(rig_factory, change, error, why):
    """The status is not willing exactly when a text is refused, and says why."""
    rig = await rig_factory()
    assert (True, "") == await status(rig)

    change(rig.hub)

    with pytest.raises(Refused) as caught:
        await rig.send()
    assert error == caught.value.error
    assert (False, why) == await status(rig)


async def test_a_connector_is_named_only_by_who_may(rig_factory):
    """The hub itself refuses it to an account that may not override it, and to others where it is not there."""
    rig = await rig_factory()
    text = SendTexts(to=("+491701234567",), text="Hello", connector="a")

    with pytest.raises(Refused) as caught:
        await rig.hub.handle(Account(name="shop"), text)
    assert "SettingNotAllowed" == caught.value.error
    allowed = Account(name="shop", may_override=frozenset({"Connector"}))
    with pytest.raises(Refused) as caught:
        await rig.hub.handle(allowed, SendTexts(to=("+491701234567",), text="Hello", connector="nowhere"))
    assert "UnknownConnector" == caught.value.error
    (message,) = (await rig.hub.handle(allowed, text)).messages
    assert "a" == message.connector
