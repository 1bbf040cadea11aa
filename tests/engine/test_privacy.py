"""Codes in the database: sealed, opened where they are sent and nowhere else, never shown, and in no plain digest."""

import contextlib
import hashlib
import sqlite3
import time

import msgspec
import pytest

from smshub.domain.accounts import Account, Role
from smshub.domain.challenges import RequestOtp, ResendOtp
from smshub.domain.commands import (
    CancelMessage,
    ListMessages,
    ListParked,
    Refusal,
    Refused,
    ReleaseMessage,
    SendTexts,
    ShowMessage,
    ShowParked,
)
from smshub.domain.delivery import Deferred, Reason, Uncertain
from smshub.domain.message import MessageClass, State
from smshub.domain.otp import OtpPolicy, otp_key
from smshub.domain.references import DIGESTED
from smshub.engine.challenges import Challenges
from smshub.engine.erasing import Erasing
from smshub.engine.parking import Parking
from smshub.engine.privacy import ERASED, PSEUDONYM, SEALED, Privacy
from smshub.engine.sealing import is_sealed

KEY = bytes(range(32))
CODE = "Your code is QWERTZUIOP"
PARAMS = ("", "", "", "")


def rows(rig):
    """Read everything that the database holds, as texts."""

    def read(connection):
        tables = [name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(str(row) for table in tables for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'))

    return rig.outbox.read(read)


async def test_a_code_is_sealed_on_disk_and_clear_on_its_way(rig_factory):
    """Whoever reads the row finds no word of it; the connector has the text."""
    rig = await rig_factory()

    (code,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    await rig.ended(code.id)

    assert CODE == rig.connectors["a"].sent[0].text
    assert is_sealed(rig.outbox.message(code.id).text)
    assert ("QWERTZUIOP" in rows(rig), "Your code" in rows(rig)) == (False, False)


async def test_other_classes_are_kept_as_they_are(rig_factory):
    """Only codes are sealed; a text that looks like a sealed one is not taken for one."""
    rig = await rig_factory()
    texts = ["Hello", "sealed:1:AAAA"]

    for message_class in (MessageClass.TRANSACTIONAL, MessageClass.BULK):
        for text in texts:
            (message,) = await rig.send(text=text, message_class=message_class)
            await rig.ended(message.id)
            assert text == rig.outbox.message(message.id).text
    (code,) = await rig.send(text=texts[1], message_class=MessageClass.OTP)
    await rig.ended(code.id)

    assert [*texts, *texts, texts[1]] == [message.text for message in rig.connectors["a"].sent]


async def test_the_account_that_sends_codes_by_default_has_them_sealed(rig_factory):
    """The class may come from the account."""
    rig = await rig_factory()
    rig.account = msgspec.structs.replace(rig.account, message_class=MessageClass.OTP)

    (code,) = await rig.send(text=CODE)

    assert is_sealed(rig.outbox.message(code.id).text)


async def test_nobody_is_shown_a_code(rig_factory):
    """Answer, one message, a list and a repeat have a mark in its place, for the administrator too."""
    rig = await rig_factory()

    submitted = [
        await rig.send(text=CODE, message_class=MessageClass.OTP, reference="r"),
        await rig.send(text=CODE, message_class=MessageClass.OTP, reference="r"),
    ]
    shown = (await rig.show(submitted[0][0].id)).message
    listed = (await rig.hub.handle(rig.account, ListMessages())).messages

    assert {SEALED} == {message.text for message in (*submitted[0], *submitted[1], shown, *listed)}


async def test_what_waits_is_opened_when_it_is_read_again(rig_factory):
    """After a crash another hub reads it from the database and sends the text itself."""
    first = await rig_factory()
    first.connectors["a"].go(up=False)
    (code,) = await first.send(text=CODE, message_class=MessageClass.OTP)
    await rig_factory.crash(first)

    second = await rig_factory()
    await second.ended(code.id)

    assert [CODE] == [message.text for message in second.connectors["a"].sent]


async def test_what_was_interrupted_is_sent_once_more_in_clear(rig_factory):
    """A try cut off by a crash is repeated with the same text."""
    first = await rig_factory()
    first.connectors["a"].answer = None
    (code,) = await first.send(text=CODE, message_class=MessageClass.OTP)
    await first.until(lambda: first.connectors["a"].sent)
    await rig_factory.crash(first)
    second = await rig_factory(begin=False)
    await second.housekeeping.own(time.time() + 60)  # the lease of the first has run out
    await second.ended(code.id)

    assert [CODE] == [message.text for message in second.connectors["a"].sent]


async def test_a_held_one_is_released_in_clear(rig_factory):
    """The operator's word sends the text, not its seal."""
    rig = await rig_factory()
    rig.connectors["a"].answer = lambda _: Uncertain()
    (code,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    await rig.until(lambda: rig.outbox.message(code.id).state is State.UNCERTAIN)
    sent = len(rig.connectors["a"].sent)

    await rig.hub.handle(rig.account, ReleaseMessage(code.id))
    await rig.until(lambda: len(rig.connectors["a"].sent) == sent + 1)

    assert {CODE} == {message.text for message in rig.connectors["a"].sent}


async def test_a_deferred_one_and_one_that_moves_keep_their_text(rig_factory):
    """What the first connector cannot take leaves through the second."""
    rig = await rig_factory("a", "b")
    rig.connectors["a"].answer = lambda _: Deferred(Reason.NO_CREDIT)

    (code,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    await rig.ended(code.id)

    assert [CODE] == [message.text for message in rig.connectors["b"].sent]


async def test_under_another_key_it_is_rejected_and_never_sent_sealed(rig_factory):
    """The reason says so; what has no seal is sent as ever."""
    first = await rig_factory()
    first.connectors["a"].go(up=False)
    (code,) = await first.send(text=CODE, message_class=MessageClass.OTP)
    (text,) = await first.send(text="Hello")
    await rig_factory.crash(first)

    second = await rig_factory(key=KEY[::-1])
    await second.ended(code.id)
    await second.ended(text.id)

    rejected = second.outbox.message(code.id)
    assert (State.REJECTED, "UNREADABLE") == (rejected.state, rejected.reason)
    assert ["Hello"] == [message.text for message in second.connectors["a"].sent]


async def test_an_erased_one_is_shown_so_and_neither_sent_nor_released(rig_factory):
    """Queued without a text it is rejected; held without one it cannot be released."""
    rig = await rig_factory()
    rig.connectors["a"].go(up=False)
    (waits,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    await rig.turn()
    await rig.committer.call(lambda connection: connection.exec_driver_sql("UPDATE messages SET text = ''"))
    rig.dispatcher.outlets["a"].lanes.clear()
    rig.connectors["a"].go(up=True)
    await rig.until(lambda: rig.outbox.message(waits.id).state is State.REJECTED)
    held = "UPDATE messages SET state = 'UNCERTAIN'"
    await rig.committer.call(lambda connection: connection.exec_driver_sql(held))

    with pytest.raises(Refused) as refused:
        await rig.hub.handle(rig.account, ReleaseMessage(waits.id))

    assert (Refusal.CONFLICT, "WrongState") == (refused.value.refusal, refused.value.error)
    assert ERASED == (await rig.hub.handle(rig.account, ShowMessage(waits.id))).message.text
    assert State.CANCELLED is (await rig.hub.handle(rig.account, CancelMessage(waits.id))).message.state
    assert [] == rig.connectors["a"].sent


async def test_a_code_is_sent_again_from_its_seal(rig_factory):
    """The repeat has the same text, and a seal of its own."""
    rig = await rig_factory()
    now = [rig.hub._clock()]
    account = Account("shop", otp=OtpPolicy(), country="DE", role=Role.ACCOUNT)
    challenges = Challenges(
        rig.hub.send, rig.committer, rig.outbox, rig.privacy, keys=(otp_key(KEY),), clock=lambda: now[0]
    )
    first = await challenges.request(account, RequestOtp("+491701234567", "r", PARAMS))
    now[0] += 31

    again = await challenges.resend(account, ResendOtp(first.id))
    await rig.until(lambda: len(rig.connectors["a"].sent) == 2)

    texts = {message.text for message in rig.connectors["a"].sent}
    assert (1, False) == (len(texts), is_sealed(next(iter(texts))))
    assert rig.outbox.message(first.id).text != rig.outbox.message(again.message.id).text


async def test_no_digest_in_the_database_gives_a_code_away(rig_factory):
    """A thief who knows all but the code and tries every one finds none; in a plain digest it would be found."""
    rig = await rig_factory()
    plain = DIGESTED + hashlib.sha256(CODE.encode()).hexdigest()
    by_reference = SendTexts(("+491701234567",), CODE, message_class=MessageClass.OTP, reference=plain)
    by_content = msgspec.structs.replace(by_reference, reference="order 1")

    for command in (by_reference, by_content):
        await rig.hub.handle(rig.account, command)
    repeated = await rig.hub.handle(rig.account, by_reference)

    kept = rows(rig)
    content = msgspec.json.encode(msgspec.structs.replace(by_content, reference=None))
    assert repeated.replayed
    assert (False, False) == (plain in kept, hashlib.sha256(content).hexdigest() in kept)
    assert ("order 1" in kept, DIGESTED in kept) == (True, True)
    assert 1 == len((await rig.hub.handle(rig.account, ListMessages(reference=plain))).messages)
    other = msgspec.structs.replace(by_content, text="Your code is ASDFGHJKLM")
    with pytest.raises(Refused, match="used before"):
        await rig.hub.handle(rig.account, other)


def test_pseudonyms_are_the_same_each_time_and_belong_to_their_key():
    """One for each recipient and key, none like a number or an address."""
    ours, other = Privacy(KEY), Privacy(KEY[::-1])
    names = [ours.pseudonym("491701234567"), ours.pseudonym("491701234568"), other.pseudonym("491701234567")]

    assert ours.pseudonym("491701234567") == names[0]
    assert 3 == len(set(names))
    assert [True, True, False] == [ours.is_ours(name) for name in names]
    assert all(name.startswith(PSEUDONYM) and "@" not in name and "491701" not in name for name in names)


async def test_a_code_that_was_sent_is_erased_from_every_file(rig_factory, tmp_path):
    """Row, file and log hold no trace of it, not even its seal; a text of another class stays."""
    rig = await rig_factory()
    (code,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    (text,) = await rig.send(text="Hello")
    await rig.ended(code.id)
    await rig.ended(text.id)
    seal = rig.outbox.message(code.id).text.encode()
    before = b"".join(file.read_bytes() for file in tmp_path.glob("hub.db*"))

    erased = await Erasing(rig.outbox, rig.committer).round()

    after = b"".join(file.read_bytes() for file in tmp_path.glob("hub.db*"))
    assert (1, True, False) == (erased, seal in before, seal in after)
    assert (0, "Hello") == ((tmp_path / "hub.db-wal").stat().st_size, rig.outbox.message(text.id).text)


async def test_a_reader_does_not_hold_up_the_writer(rig_factory, tmp_path):
    """While a backup reads, the log stays; what is written goes on, and the log is emptied the next time."""
    rig = await rig_factory()
    (code,) = await rig.send(text=CODE, message_class=MessageClass.OTP)
    await rig.ended(code.id)
    erasing = Erasing(rig.outbox, rig.committer)
    with contextlib.closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        began = time.monotonic()
        await erasing.round()
        assert (True, 0) < (time.monotonic() - began < 5.0, (tmp_path / "hub.db-wal").stat().st_size)
    await erasing.round()

    assert 0 == (tmp_path / "hub.db-wal").stat().st_size


async def test_a_parked_document_is_sealed_and_read_by_operators(rig_factory):
    """It may hold a code that was to be checked; one of before the seal is shown as it is."""
    rig = await rig_factory()
    parking = Parking(rig.outbox, rig.committer, rig.privacy)
    document = b'{"otp": "QWERTZUIOP", "bytes": "\xff"}'

    await parking.park("mqtt", document, 5, "Unreadable")
    (parked,) = (await parking.list(rig.account, ListParked())).documents

    assert document == (await parking.show(rig.account, ShowParked(parked.id))).document
    assert (len(document), False) == (parked.size, "QWERTZUIOP" in rows(rig))
    await rig.committer.call(lambda connection: connection.exec_driver_sql("UPDATE parked SET document = x'7b7d'"))
    assert b"{}" == (await parking.show(rig.account, ShowParked(parked.id))).document
    other = Parking(rig.outbox, rig.committer, Privacy(KEY[::-1]))
    await parking.park("mqtt", document, 5, "Unreadable")
    newest = (await parking.list(rig.account, ListParked())).documents[0]
    assert b"" == (await other.show(rig.account, ShowParked(newest.id))).document
