"""Messages to mail addresses in the hub: what each recipient of a submission gets, and what never leaves."""

import msgspec
import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Block, Explain, Refused, SendTexts, TestConnector
from smshub.domain.contracts import Capabilities
from smshub.domain.message import State
from smshub.domain.routing import Route, Target

ROUTES = [Route("texts", ("",), (Target("a"),)), Route("mail", ("@",), (Target("b"),))]
READER = "Anna@Shop.example"


@pytest.fixture
async def rig(rig_factory):
    """A hub with a way out for texts, `a`, and one for mail, `b`."""
    rig = await rig_factory("a", "b", routes=ROUTES)
    rig.connectors["b"].capabilities = Capabilities(texts=False, mail=True)
    return rig


async def test_each_recipient_gets_what_it_can_show(rig):
    """A number the text in the GSM alphabet, an address the text as it is, with a subject."""
    rig.account = msgspec.structs.replace(rig.account, transliterate=True, subject="News")
    text, mail = await rig.send(["+491701234567", READER], "“Quoted”", flash=True)

    assert ('"Quoted"', "GSM7", 1, True, "") == (text.text, text.encoding, text.segments, text.flash, text.subject)
    assert ("“Quoted”", "MAIL", 1, False, "News") == (mail.text, mail.encoding, mail.segments, mail.flash, mail.subject)
    assert ("Anna@shop.example", READER) == (mail.to, mail.to_written)
    await rig.ended(mail.id)
    assert [mail.id] == [one.id for one in rig.connectors["b"].sent]
    assert "News" == rig.outbox.message(mail.id).subject


async def test_a_subject_makes_another_request(rig):
    """Under one reference a changed subject is a conflict, the same one a repeat."""
    (first,) = await rig.send(READER, reference="r", subject="S")
    (again,) = await rig.send(READER, reference="r", subject="S")

    assert first.id == again.id
    with pytest.raises(Refused, match="another content"):
        await rig.send(READER, reference="r", subject="T")


async def test_what_waits_for_a_blocked_address_is_rejected(rig):
    """Whatever the spelling: what is queued, and what comes later."""
    rig.connectors["b"].go(up=False)
    await rig.turn()
    (waiting,) = await rig.send(READER)

    await rig.hub.handle(rig.account, Block("ANNA@shop.example"))

    await rig.until(lambda: rig.outbox.message(waiting.id).state is State.REJECTED)
    with pytest.raises(Refused, match="blocklist"):
        await rig.send("anna@SHOP.example")


@pytest.mark.parametrize(("name", "to"), [("a", READER), ("b", "+491701234567")])
async def test_no_connector_is_tried_with_what_it_does_not_reach(rig, name, to):
    """Neither by a test of it, nor by a request that names it."""
    rig.account = msgspec.structs.replace(rig.account, may_override=frozenset({"Connector"}))
    for command in (TestConnector(name, to, "x"), SendTexts((to,), "x", connector=name)):
        with pytest.raises(Refused) as caught:
            await rig.hub.handle(rig.account, command)
        assert ("WrongChannel", "to") == (caught.value.error, caught.value.member)


async def test_without_a_route_for_mail_the_way_to_one_is_told(rig_factory):
    """In words that name what to write."""
    rig = await rig_factory("a")
    with pytest.raises(Refused, match="connector of type email and a route with the prefix @"):
        await rig.send(READER)


@pytest.mark.parametrize(
    ("channels", "to", "channel"), [({"sms"}, READER, "mail"), ({"email"}, "+491701234567", "short messages")]
)
async def test_an_account_may_be_kept_to_one_channel(rig, channels, to, channel):
    """All of a submission is refused when one recipient is of the other."""
    rig.account = Account("shop", role=Role.ADMINISTRATOR, channels=frozenset(channels))
    own = "+491701234567" if channels == {"sms"} else READER
    with pytest.raises(Refused, match=f"may not send {channel}"):
        await rig.send([own, to])

    assert 1 == len(await rig.send(own))


async def test_a_mail_is_explained(rig):
    """Its size is in characters; what the GSM alphabet lacks does not matter."""
    explained = await rig.hub.handle(rig.account, Explain(READER, "“x” 👋"))

    assert ("MAIL", 1, 5, 5, ()) == (
        explained.encoding,
        explained.segments,
        explained.characters,
        explained.units,
        explained.notes,
    )
    assert [("b", "@", True), ("a", "", False)] == [(way.connector, way.prefix, way.taken) for way in explained.ways]
