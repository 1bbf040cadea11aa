"""One number, everywhere: what is told of it, and that it is gone when it was erased."""

import asyncio
from functools import partial

import msgspec
import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.challenges import Decision, RequestOtp
from smshub.domain.commands import Block, CancelMessage, ListBlocked, ListMessages, Refusal, Refused, Unblock
from smshub.domain.delivery import Accepted, Deferred, Reason, Uncertain
from smshub.domain.exchanges import Exchange
from smshub.domain.incoming import Incoming
from smshub.domain.message import MessageClass, State
from smshub.domain.otp import OtpPolicy, otp_key
from smshub.domain.routing import Route, Target
from smshub.domain.upkeep import EraseRecipient, ExportRecipient
from smshub.engine.challenges import Challenges
from smshub.engine.parking import Parking
from smshub.engine.privacy import PSEUDONYM, SEALED
from smshub.engine.recipients import Recipients
from smshub.store.exchanges import keep_exchanges
from smshub.store.guard import add_decisions
from smshub.store.incoming import keep_incoming
from smshub.store.schema import metadata

NUMBER, OTHER = "491701234567", "491707654321"
KEY = bytes(range(32))
PARAMS = ("", "", "", "")


def serve(rig, privacy=None, **options):
    """Let a hub carry out the commands about recipients, and those of codes."""
    rooms = Recipients(rig.outbox, rig.committer, privacy or rig.privacy, rig.hub.blocked, **options)
    codes = Challenges(rig.hub.send, rig.committer, rig.outbox, rig.privacy, keys=(otp_key(KEY),))
    rig.hub.serve({**rooms.handlers, **codes.handlers})


@pytest.fixture
async def rig(rig_factory):
    """Give a hub that carries out the commands about recipients."""
    made = await rig_factory()
    serve(made)
    return made


async def fill(rig, number=NUMBER, written="0170 1234567"):
    """Let everything that can be kept of a number be kept; gives the ids of its messages."""
    account = msgspec.structs.replace(rig.account, name="shop", otp=OtpPolicy())
    (sent,) = await rig.send(to=written, text="Hello Anna", source="192.0.2.7", client="Anna's browser")
    (code,) = await rig.send(to=written, text="Code 4711", message_class=MessageClass.OTP)
    (later,) = await rig.send(to=written, text="Later", send_at=rig.hub._clock() + 3_600)
    asked = await rig.hub.handle(account, RequestOtp(written, f"login {number[-2:]}", PARAMS))
    await rig.ended(sent.id)
    await rig.ended(code.id)
    await rig.ended(asked.id)
    call = rig.committer.call
    came = Incoming(f"i{number[-2:]}", "a", f"+{number}", "4930", "I am Anna", 10.0)
    refused = {"allowed": False, "enforced": True, "rule": "recipient_day", "why": "too many", "source": "192.0.2.7"}
    decision = Decision(f"d{number[-2:]}", 10.0, "shop", number, **refused)
    await call(partial(keep_incoming, one=came))
    await call(partial(add_decisions, decisions=[decision]))
    await call(partial(keep_exchanges, said=[(sent.id, Exchange(1, 10.0, "POST ***", "Dear Anna"))]))
    return [sent.id, code.id, later.id, asked.id]


def traces(tmp_path, *words):
    """Tell which words stand in any file of the database."""
    held = b"".join(file.read_bytes() for file in tmp_path.glob("hub.db*"))
    return [word for word in words if word.encode() in held]


async def test_all_that_is_kept_of_a_number_is_told(rig):
    """Of no other number anything; the texts of codes are not told, nor are digests."""
    ids = await fill(rig)
    await fill(rig, OTHER, f"+{OTHER}")
    await rig.hub.handle(rig.account, Block(f"+{NUMBER}", "asked us"))

    told = await rig.hub.handle(rig.account, ExportRecipient("+49 170 1234567"))

    assert (NUMBER, sorted(ids, reverse=True), True) == (told.to, [one.id for one in told.messages], told.complete)
    assert {"Hello Anna", "Later", SEALED} == {one.text for one in told.messages}
    assert ["I am Anna"] == [one.text for one in told.incoming]
    assert [("login 67", "OPEN")] == [(one.reference, one.state) for one in told.codes]
    assert ("asked us", ["recipient_day"]) == (told.blocked.reason, [one.rule for one in told.decisions])


async def test_an_erased_number_stands_in_no_file(rig, tmp_path):
    """Nor does what was written to it or by it; what waited is cancelled; another number is untouched."""
    ids = await fill(rig)
    others = await fill(rig, OTHER, f"+{OTHER}")
    before = [msgspec.structs.asdict(rig.outbox.message(one)) for one in others]
    words = (NUMBER, "1234567", "Hello Anna", "I am Anna", "Dear Anna", "Anna's browser")
    assert list(words) == traces(tmp_path, *words)

    erased = await rig.hub.handle(rig.account, EraseRecipient("0170 1234567"))

    assert (4, 0, 1, 1, 1, True) == (
        erased.messages,
        erased.left,
        erased.cancelled,
        erased.incoming,
        erased.decisions,
        erased.files,
    )
    kept = [rig.outbox.message(one) for one in ids]
    assert 1 == len({one.to for one in kept})
    assert kept[0].to.startswith(PSEUDONYM)
    assert [State.SENT, State.SENT, State.CANCELLED, State.SENT] == [one.state for one in kept]
    # The other number is served as this one is, so what it was told and has said is still there.
    assert ["Hello Anna", "I am Anna", "Dear Anna", "Anna's browser"] == traces(tmp_path, *words)
    assert before == [msgspec.structs.asdict(rig.outbox.message(one)) for one in others]
    again = await rig.hub.handle(rig.account, ExportRecipient(f"+{NUMBER}"))
    assert ((), (), (), None, ()) == (again.messages, again.incoming, again.codes, again.blocked, again.decisions)


async def test_a_block_outlives_the_number(rig_factory):
    """It is recognised by its pseudonym, at every door and before every send, after a restart too; it can be lifted."""
    rig = await rig_factory()
    serve(rig)
    await rig.hub.handle(rig.account, Block(f"+{NUMBER}", "asked us"))

    erased = await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))
    assert (True, True) == (erased.blocked, NUMBER in rig.dispatcher.blocked)
    await rig_factory.crash(rig)
    rig = await rig_factory()
    await rig.hub.blocked.refresh()

    with pytest.raises(Refused) as refused:
        await rig.send(to=f"+{NUMBER}")
    assert Refusal.BLOCKED is refused.value.refusal
    await rig.send(to=f"+{OTHER}")
    (listed,) = (await rig.hub.handle(rig.account, ListBlocked(to=f"+{NUMBER}"))).recipients
    assert ("", True, False) == (listed.reason, listed.to.startswith(PSEUDONYM), NUMBER in str(listed))
    assert (True, False) == (NUMBER in rig.dispatcher.blocked, OTHER in rig.dispatcher.blocked)
    await rig.hub.handle(rig.account, Unblock(f"+{NUMBER}"))
    await rig.send(to=f"+{NUMBER}")
    assert rig.dispatcher.blocked is rig.hub.blocked.recipients


async def test_a_block_of_before_the_key_was_changed_is_told_of(rig_factory, caplog):
    """It cannot be recognised any more, and the log says so rather than nobody."""
    rig = await rig_factory()
    serve(rig)
    await rig.hub.handle(rig.account, Block(f"+{NUMBER}"))
    await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))
    await rig_factory.crash(rig)

    other = await rig_factory(key=KEY[::-1])
    await other.hub.blocked.refresh()

    assert (NUMBER in other.dispatcher.blocked, other.hub.blocked._foreign) == (False, 1)


async def test_what_is_being_sent_is_waited_for(rig):
    """A try that comes back undone is cancelled, not sent again; one that is held is given up."""
    connector = rig.connectors["a"]
    connector.answer = None
    (defers,) = await rig.send(to=f"+{NUMBER}", text="One")
    (held,) = await rig.send(to=f"+{NUMBER}", text="Two", message_class=MessageClass.BULK)
    (arrives,) = await rig.send(to=f"+{NUMBER}", text="Three")
    await rig.until(lambda: len(connector.sent) == 3)

    erasing = asyncio.create_task(rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}")))
    await rig.turn()
    connector.reply(defers.id, Deferred(Reason.TEMPORARY))
    connector.reply(held.id, Uncertain())
    connector.reply(arrives.id, Accepted(("ref",)))
    erased = await erasing

    states = [rig.outbox.message(one.id).state for one in (defers, held, arrives)]
    assert ([State.CANCELLED, State.CANCELLED, State.SENT], (3, 0, 2)) == (
        states,
        (erased.messages, erased.left, erased.cancelled),
    )
    assert 3 == len(connector.sent)


async def test_what_stays_with_a_provider_is_told(rig_factory):
    """After some patience the rest is erased, and asked again, that too."""
    rig = await rig_factory()
    serve(rig, patience=0.1)
    rig.connectors["a"].answer = None
    (slow,) = await rig.send(to=f"+{NUMBER}")
    await rig.until(lambda: rig.connectors["a"].sent)

    first = await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))
    assert ((0, 1), NUMBER) == ((first.messages, first.left), rig.outbox.message(slow.id).to)
    rig.connectors["a"].reply(slow.id, Accepted(("ref",)))
    await rig.ended(slow.id)
    second = await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))

    assert (1, 0) == (second.messages, second.left)


async def test_mail_addresses_are_erased_in_any_spelling(rig_factory):
    """As they are blocked: the name's case is no other reader."""
    rig = await rig_factory(routes=[Route("all", ("", "@"), (Target("a", 1),))])
    serve(rig)
    await rig.send(to="Anna@example.org", text="Hello")
    await rig.send(to="anna@example.org", text="Hello")

    await rig.until(lambda: len(rig.connectors["a"].sent) == 2)
    told = await rig.hub.handle(rig.account, ExportRecipient("ANNA@example.org"))
    assert 2 == len(told.messages)
    assert 2 == (await rig.hub.handle(rig.account, EraseRecipient("ANNA@example.org"))).messages
    assert {PSEUDONYM} == {
        one.to[: len(PSEUDONYM)] for one in (await rig.hub.handle(rig.account, ListMessages())).messages
    }


async def test_parked_documents_with_the_number_are_dropped(rig):
    """As it is kept, or as a caller wrote it; others stay, and a short number is not looked for."""
    parking = Parking(rig.outbox, rig.committer, rig.privacy)
    rig.account = msgspec.structs.replace(rig.account, country="DE")
    await rig.send(to="0170/123 45 67")
    for document in (b'{"to": "+49 170 123-4567"}', b'{"to": "0170-1234567"}', b'{"to": "+49170765432"}', b"\xff\xfe"):
        await parking.park("mqtt", document, 5, "why")

    erased = await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))

    assert (2, 2) == (erased.parked, len(rig.outbox.read(lambda c: c.exec_driver_sql("SELECT id FROM parked").all())))


@pytest.mark.parametrize("command", [ExportRecipient(f"+{NUMBER}"), EraseRecipient(f"+{NUMBER}")])
@pytest.mark.parametrize("role", [Role.ACCOUNT, Role.AUDITOR, Role.OPERATOR])
async def test_only_administrators_may(rig, command, role):
    """All others are refused."""
    with pytest.raises(Refused) as refused:
        await rig.hub.handle(Account("other", role=role), command)

    assert Refusal.FORBIDDEN is refused.value.refusal


async def test_a_message_of_an_erased_number_can_neither_be_cancelled_nor_sent(rig):
    """It is over."""
    (sent,) = await rig.send(to=f"+{NUMBER}")
    await rig.ended(sent.id)
    await rig.hub.handle(rig.account, EraseRecipient(f"+{NUMBER}"))

    with pytest.raises(Refused):
        await rig.hub.handle(rig.account, CancelMessage(sent.id))
    assert 1 == len(rig.connectors["a"].sent)


def test_every_table_with_recipients_is_thought_of():
    """A new table with a person's number in it must be exported and erased, or say here why not."""
    named = {
        name
        for name, table in metadata.tables.items()
        if {"recipient", "sender", "to", "to_written", "number_to", "msisdn", "phone"} & set(table.c.keys())
    }

    by_number = {"messages", "challenges", "otp_failures", "incoming", "blocklist", "guard_counted", "guard_decisions"}
    operators = {"letters"}  # mail to the operators' own people
    assert by_number | operators == named
