"""The life of a message in the outbox, on every store."""

from typing import Any

import msgspec
import pytest

from smshub.domain.delivery import Reason
from smshub.domain.message import FINAL, TRANSITIONS, Attempt, Message, MessageClass, State
from smshub.store.changes import (
    cancel,
    expire,
    forget_references,
    make_uncertain,
    reject,
    release,
    requeue,
)
from smshub.store.errors import DatabaseInUse, StoreUnavailable
from smshub.store.objects import put_object
from smshub.store.outbox import Accept, Batch, Outbox, Replay, Settled, Start


def test_a_message_comes_back_as_it_was_accepted(outbox, desk):
    """Every field of an accepted message is on disk, its text with all its characters."""
    written = desk.accept("m1", flash=True, message_class=MessageClass.OTP, segments=2, encoding="UCS2", source="door")

    assert written == outbox.message("m1")
    assert () == outbox.attempts("m1")


def test_a_message_that_goes_well_takes_one_insert_and_one_update(outbox, desk):
    """The first attempt is in the row from the beginning, and what it came to goes into the same row."""
    first = desk.sending("m1")
    written = outbox.write(Batch(settled=[desk.settled("m1", refs=("ref-1",), detail="ok")]))

    assert frozenset() == written.stale
    assert outbox.message("m1") == msgspec.structs.replace(
        first, state=State.SENT, settled_at=12.0, outcome="Accepted", detail="ok", provider_ref="ref-1"
    )
    assert (Attempt(1, "smsc", 11.0, 12.0, "Accepted", detail="ok", provider_ref="ref-1"),) == outbox.attempts("m1")
    assert 0 == outbox.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one())


def test_every_part_of_a_batch_is_written_in_one_order(outbox, desk):
    """An accept, its start and a call in one batch see each other: accepts first, calls next, starts last."""
    seen: list[State] = []

    def look(connection: Any) -> None:
        seen.append(State(connection.exec_driver_sql("SELECT state FROM messages WHERE id = 'm1'").scalar_one()))

    batch = Batch(accepts=[Accept((desk.message("m1"),), "shop")], calls=[look], starts=[desk.start("m1")])
    outbox.write(batch)

    assert [State.QUEUED] == seen
    assert State.SENDING == desk.state("m1")


def test_a_deferred_message_keeps_its_attempts_in_order(outbox, desk):
    """The earlier attempt moves beside the row when the next begins; the timeline tells both."""
    desk.sending("m1")
    deferred = desk.settled("m1", "QUEUED", outcome="Deferred", reason=Reason.THROTTLED, code="88", due_at=30.0)
    outbox.write(Batch(settled=[deferred]))
    queued = outbox.message("m1")
    outbox.write(Batch(starts=[desk.start("m1", 2, at=30.5)]))
    outbox.write(Batch(settled=[desk.settled("m1", attempt=2, at=31.0, refs=("r",))]))

    assert (State.QUEUED, 30.0, "THROTTLED") == (queued.state, queued.due_at, queued.reason)
    assert (
        Attempt(1, "smsc", 11.0, 12.0, "Deferred", "THROTTLED", "88"),
        Attempt(2, "smsc", 30.5, 31.0, "Accepted", provider_ref="r"),
    ) == outbox.attempts("m1")


def test_a_failover_keeps_the_attempt_under_the_connector_that_made_it(outbox, desk):
    """A deferred message that waits for another connector has that one in its row and the old one in its timeline."""
    desk.sending("m1")
    outbox.write(Batch(settled=[desk.settled("m1", "QUEUED", outcome="Deferred", connector="second")]))

    assert (["m1"], []) == (desk.due("second"), desk.due("smsc"))
    assert (Attempt(1, "smsc", 11.0, 12.0, "Deferred"),) == outbox.attempts("m1")


def test_a_message_that_is_not_queued_is_not_started(outbox, desk):
    """Of several starts those that no longer fit are named, and the rest are written."""
    desk.accept("m1")
    desk.accept("m2")
    outbox.write(Batch(calls=[lambda c: cancel(c, "m2", None, 15.0)]))
    desk.sending("m3")

    starts = [desk.start("m1"), desk.start("m2"), desk.start("m3", 2), desk.start("none")]
    written = outbox.write(Batch(starts=starts))

    assert frozenset({"m2", "m3", "none"}) == written.not_started
    assert [State.SENDING, State.CANCELLED, State.SENDING] == [desk.state(id_) for id_ in ("m1", "m2", "m3")]


def test_a_cancellation_in_the_same_batch_comes_before_the_start(outbox, desk):
    """Who cancels in time wins: the start is told that the message is gone."""
    desk.accept("m1")
    written = outbox.write(Batch(calls=[lambda c: cancel(c, "m1", "shop", 15.0)], starts=[desk.start("m1")]))

    assert ([State.CANCELLED], frozenset({"m1"})) == (written.calls, written.not_started)


@pytest.mark.parametrize(
    "late", [{"fence": 6}, {"attempt": 2}, {"id": "none"}], ids=["another token", "another attempt", "no such message"]
)
def test_an_outcome_that_does_not_fit_the_row_changes_nothing(outbox, desk, late):
    """An outcome is written only for the attempt and under the token of the row; the others are named."""
    first = desk.sending("m1")
    settled = msgspec.structs.replace(desk.settled("m1"), **late)
    written = outbox.write(Batch(settled=[settled]))

    assert frozenset({settled.id}) == written.stale
    assert first == outbox.message("m1")


def test_a_batch_written_again_after_an_unclear_commit_says_the_same(outbox, desk):
    """What the first writing did is found, not done twice and not called stale."""
    batch = Batch(
        accepts=[Accept((desk.message("m1"),), "shop", "key", "print")],
        starts=[desk.start("m1")],
    )
    outcome = Batch(settled=[desk.settled("m1", refs=("r",))])
    first, second = outbox.write(batch), outbox.write(batch)
    third, fourth = outbox.write(outcome), outbox.write(outcome)

    assert ({}, frozenset()) == (first.replays, first.not_started)
    assert ({}, frozenset()) == (second.replays, second.not_started)
    assert (frozenset(), frozenset()) == (third.stale, fourth.stale)
    assert 1 == len(outbox.submission("m1"))


def test_a_reference_is_taken_once(outbox, desk):
    """The same key again gives the first submission and its fingerprint, in one batch, in another, and to a reader."""
    accepts = [
        Accept((desk.message(id_),), account, "order-1", f"print {id_}")
        for id_, account in (("m1", "shop"), ("m2", "shop"), ("m3", "bank"))
    ]
    written = outbox.write(Batch(accepts=accepts))
    again = outbox.write(Batch(accepts=[Accept((desk.message("m4"),), "shop", "order-1", "print m4")]))

    assert {1: Replay("m1", "print m1")} == written.replays
    assert {0: Replay("m1", "print m1")} == again.replays
    assert Replay("m3", "print m3") == outbox.find_reference("bank", "order-1")
    assert [True, False, True, False] == [outbox.message(id_) is not None for id_ in ("m1", "m2", "m3", "m4")]


def test_a_reference_is_free_again_when_it_is_forgotten(outbox, desk):
    """References first used before a time are dropped; the messages stay."""
    outbox.write(Batch(accepts=[Accept((desk.message("m1", created_at=50.0),), "shop", "key", "f")]))
    kept, dropped = (
        outbox.write(Batch(calls=[lambda c, before=before: forget_references(c, before)])).calls
        for before in (50.0, 50.5)
    )

    assert ([0], [1]) == (kept, dropped)
    assert None is outbox.find_reference("shop", "key")
    assert None is not outbox.message("m1")


def test_a_submission_gives_its_messages_in_order(outbox, desk):
    """The messages of a submission are found whether or not it has the name of one of them."""
    named = tuple(desk.message(id_, submission="m1") for id_ in ("m1", "m2", "m3"))
    apart = tuple(desk.message(id_, submission="s") for id_ in ("m4", "m5"))
    outbox.write(Batch(accepts=[Accept(apart, "shop"), Accept(named, "shop")]))

    assert named == outbox.submission("m1")
    assert apart == outbox.submission("s")
    assert () == outbox.submission("m2")


def test_a_call_that_fails_spoils_nothing_but_itself(outbox, desk):
    """What a call wrote before it raised is undone; its exception is its result; all else is written."""

    def fail(connection: Any) -> None:
        cancel(connection, "m1", None, 15.0)
        raise LookupError("no")

    def collide(connection: Any) -> None:
        connection.exec_driver_sql("INSERT INTO leases (name, owner, fence, expires_at) VALUES ('a', NULL, 1, 1)")

    accepts = [Accept((desk.message("m1"),), "shop")]
    written = outbox.write(Batch(accepts=accepts, calls=[fail, collide, lambda _: "fine"]))

    assert ["LookupError", "IntegrityError", "str"] == [type(result).__name__ for result in written.calls]
    assert State.QUEUED == desk.state("m1")


def test_an_outcome_that_no_attempt_has_is_refused_before_anything_is_written(outbox, desk):
    """SENDING cannot become EXPIRED (domain.message.TRANSITIONS); to ask for it is an error of the caller's."""
    desk.sending("m1")
    with pytest.raises(ValueError, match="EXPIRED"):
        outbox.write(Batch(accepts=[Accept((desk.message("m2"),), "shop")], settled=[desk.settled("m1", "EXPIRED")]))

    assert (State.SENDING, None) == (desk.state("m1"), outbox.message("m2"))


def test_an_uncertain_attempt_may_be_answered_late(outbox, desk):
    """The answer of an UNCERTAIN attempt still counts, a second silence does not."""
    desk.sending("m1")
    outbox.write(Batch(settled=[desk.settled("m1", "UNCERTAIN", outcome="Uncertain", reason="NO_ANSWER")]))
    silence = outbox.write(Batch(settled=[desk.settled("m1", "UNCERTAIN", at=13.0)]))
    answer = outbox.write(Batch(settled=[desk.settled("m1", "SENT", at=14.0, refs=("r",))]))

    assert (frozenset({"m1"}), frozenset()) == (silence.stale, answer.stale)
    assert State.SENT == desk.state("m1")


def test_cancel_tells_what_the_message_is_then(outbox, desk):
    """What has not left is cancelled, once or twice; what has left, is another's or is not there, is not."""
    desk.accept("m1")
    desk.sending("m2")
    asked = [("m1", "shop"), ("m1", "shop"), ("m2", "shop"), ("m1", "bank"), ("none", None)]
    written = outbox.write(Batch(calls=[lambda c, a=a: cancel(c, a[0], a[1], 15.0) for a in asked]))

    assert [State.CANCELLED, State.CANCELLED, State.SENDING, None, None] == written.calls


def test_a_held_message_is_released_or_cancelled(outbox, desk):
    """The operator's word on UNCERTAIN: send once more, now, or not."""
    for id_ in ("m1", "m2"):
        desk.sending(id_)
        outbox.write(Batch(settled=[desk.settled(id_, "UNCERTAIN", outcome="Uncertain")]))
    desk.sending("m3")
    written = outbox.write(
        Batch(
            calls=[
                lambda c: release(c, "m1", 50.0),
                lambda c: cancel(c, "m2", None, 50.0),
                lambda c: release(c, "m3", 50.0),
            ]
        )
    )

    assert [State.QUEUED, State.CANCELLED, State.SENDING] == written.calls
    assert ["m1"] == desk.due()


def test_what_is_past_its_validity_expires(outbox, desk):
    """QUEUED and UNCERTAIN messages past their time are found and given up; the last attempt's reason is kept."""
    desk.accept("m1", expires_at=50.0)
    desk.accept("m2", expires_at=60.0)
    desk.sending("m3", expires_at=50.0)
    desk.sending("m4", expires_at=50.0)
    outbox.write(Batch(settled=[desk.settled("m4", "QUEUED", outcome="Deferred", reason="TEMPORARY")]))
    found = {message.id for message in outbox.expired(50.0)}
    written = outbox.write(Batch(calls=[lambda c: expire(c, ["m1", "m2", "m3", "m4"], 50.0)]))

    assert {"m1", "m4"} == found
    assert [["m1", "m4"]] == written.calls
    assert [State.EXPIRED, State.QUEUED, State.SENDING, State.EXPIRED] == [
        desk.state(id_) for id_ in ("m1", "m2", "m3", "m4")
    ]
    assert ("EXPIRED", ["TEMPORARY"]) == (outbox.message("m4").reason, [one.reason for one in outbox.attempts("m4")])


def test_queued_messages_are_rejected_or_moved(outbox, desk):
    """Routes exhausted ends a message; a failover of waiting messages moves them and may set a new time."""
    for id_ in ("m1", "m2", "m3"):
        desk.accept(id_)
    written = outbox.write(
        Batch(
            calls=[
                lambda c: reject(c, ["m1", "none"], Reason.NO_ROUTE, 20.0),
                lambda c: requeue(c, ["m1", "m2"], "second"),
                lambda c: requeue(c, ["m3"], "smsc", 25.0),
            ]
        )
    )

    assert [["m1"], ["m2"], ["m3"]] == written.calls
    assert (State.REJECTED, "NO_ROUTE") == (outbox.message("m1").state, outbox.message("m1").reason)
    assert (["m2"], ["m3"], 25.0) == (desk.due("second"), desk.due("smsc"), outbox.message("m3").due_at)


def test_attempts_found_after_a_crash_become_uncertain(outbox, desk):
    """What is SENDING under an old token is found, and by policy sent once more or held."""
    desk.sending("m1")
    desk.sending("m2", fence=8)
    desk.sending("m3")
    desk.sending("m4", connector="gone")
    found = outbox.interrupted({"smsc": 8})
    others = outbox.interrupted({"smsc": 8}, others=True)
    outbox.write(Batch(settled=[desk.settled("m3")]))
    written = outbox.write(Batch(calls=[lambda c: make_uncertain(c, others, 40.0, {"m4": 41.0, "m3": 41.0})]))

    assert (["m1", "m3"], ["m1", "m3", "m4"]) == ([m.id for m in found], [m.id for m in others])
    assert [["m1", "m4"]] == written.calls
    assert [State.UNCERTAIN, State.SENDING, State.SENT, State.QUEUED] == [
        desk.state(id_) for id_ in ("m1", "m2", "m3", "m4")
    ]
    again = outbox.message("m4")
    assert (1, 41.0, "CRASHED") == (again.resends, again.due_at, again.reason)


@pytest.mark.parametrize("final", sorted(FINAL))
def test_nothing_changes_a_final_state(outbox, desk, final):
    """A message at its end is not started, settled, cancelled, released, moved or expired."""
    last = desk.accept("m1", state=final, attempt=1, fence=7, started_at=11.0, expires_at=20.0)
    calls = [
        lambda c: cancel(c, "m1", None, 50.0),
        lambda c: release(c, "m1", 50.0),
        lambda c: expire(c, ["m1"], 50.0),
        lambda c: reject(c, ["m1"], Reason.BARRED, 50.0),
        lambda c: requeue(c, ["m1"], "second", 50.0),
        lambda c: make_uncertain(c, [last], 50.0, {}),
    ]
    written = outbox.write(Batch(settled=[desk.settled("m1")], calls=calls, starts=[desk.start("m1", 2)]))

    assert [final, final, [], [], [], []] == written.calls
    assert (frozenset({"m1"}), frozenset({"m1"})) == (written.stale, written.not_started)
    assert last == outbox.message("m1")


@pytest.mark.parametrize("before", sorted(TRANSITIONS))
@pytest.mark.parametrize("after", ["SENT", "QUEUED", "REJECTED", "UNCERTAIN"])
def test_an_outcome_follows_the_table_of_transitions(outbox, desk, before, after):
    """An outcome is written exactly where domain.message.TRANSITIONS lets SENDING or UNCERTAIN become it."""
    desk.accept("m1", state=before, attempt=1, fence=7, started_at=11.0)
    outbox.write(Batch(settled=[desk.settled("m1", after, at=77.0)]))
    allowed = before in {State.SENDING, State.UNCERTAIN} and after in TRANSITIONS[before]

    assert (after if allowed else before) == desk.state("m1")


@pytest.mark.parametrize("text", ["half a pair \ud83d", "nul \x00 byte"])
def test_a_text_that_cannot_be_kept_harms_no_other(outbox, desk, text):
    """An accept with half a surrogate pair is named and left out; the rest of its batch is written."""
    accepts = [
        Accept((desk.message("m1"),), "shop", "taken", "f"),
        Accept((desk.message("m2", text=text),), "shop", "bad", "f"),
        Accept((desk.message("m3"),), "shop", "taken", "g"),
    ]
    written = outbox.write(Batch(accepts=accepts, starts=[desk.start("m1")]))

    assert State.SENDING == desk.state("m1")
    assert {2: Replay("m1", "f")} == written.replays
    if outbox.message("m2") is None:
        assert (frozenset({1}), None) == (written.unstorable, outbox.find_reference("shop", "bad"))
    else:
        assert ("nul \x00 byte", frozenset()) == (outbox.message("m2").text, written.unstorable)


def test_a_provider_may_say_what_no_database_can_keep(outbox, desk):
    """NUL and halves of surrogate pairs in a provider's words are taken out, not let stop the batch."""
    desk.sending("m1")
    settled = desk.settled("m1", detail="a\x00b\ud83d", code="\x00", refs=("r\x00",))
    outbox.write(Batch(settled=[settled]))
    message = outbox.message("m1")

    assert ("ab?", "", "r") == (message.detail, message.code, message.provider_ref)


def test_a_transaction_that_fails_leaves_nothing(outbox, desk):
    """When the database gives up in the middle, nothing of the batch is there, and the next one is written."""

    def break_off(connection: Any) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # the disk is full
        put_object(connection, "connectors", "large", {"text": "x" * 1_000_000}, 1.0)

    desk.accept("m1")
    batch = Batch(
        accepts=[Accept((desk.message("m2"),), "shop", "key", "f")],
        calls=[lambda c: cancel(c, "m1", None, 15.0), break_off],
    )
    with pytest.raises(StoreUnavailable):
        outbox.write(batch)

    assert (State.QUEUED, None, None) == (desk.state("m1"), outbox.message("m2"), outbox.find_reference("shop", "key"))
    desk.accept("m3")
    assert State.QUEUED == desk.state("m3")


def test_what_is_committed_is_there_after_opening_again(store_url, opened):
    """An outbox that is closed and opened again has its messages; its tables are made once."""
    first = opened(store_url)
    first.write(Batch(accepts=[Accept((_plain("m1"),), "shop")], starts=[Start("m1", 1, "smsc", 7, 20.0)]))
    first.close()
    second = opened(store_url)
    again = Settled("m1", 1, 7, "SENT", "Accepted", 21.0, 10.0, "smsc")

    assert State.SENDING == second.message("m1").state
    assert frozenset() == second.write(Batch(settled=[again])).stale


def _plain(id_: str) -> Any:
    return Message(id_, id_, "shop", "49170", "0170", "text", 1.0, 1.0, 100.0)


def test_two_outboxes_of_one_name_do_not_open(store_url, opened):
    """A second hub on the same file, or with the same name on the same server, is refused in words."""
    opened(store_url, node="one")
    with pytest.raises(DatabaseInUse, match=r"in use by another process|another hub named 'one'"):
        Outbox.open(store_url, node="one", patience=0)
