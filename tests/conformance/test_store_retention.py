"""What is too old: found, and removed a little at a time, on each store."""

from functools import partial

from smshub.domain.audit import AuditEntry, ListAudit
from smshub.domain.commands import Parked
from smshub.domain.incoming import Incoming, ListIncoming
from smshub.domain.message import LIVE, MessageClass, State
from smshub.store import retention
from smshub.store.audit import add_entry, read_audit, verify_audit
from smshub.store.changes import keep_attempts
from smshub.store.exchanges import Exchange, keep_exchanges, read_exchanges
from smshub.store.incoming import keep_incoming, read_incoming
from smshub.store.outbox import Accept, Batch, Start
from smshub.store.parked import park, read_parked_page
from smshub.store.schema import metadata

KEY = b"k" * 32


def call(desk, change, **given):
    """Change something in a transaction; gives what came of it."""
    return desk.outbox.write(Batch(calls=[partial(change, **given)])).calls[0]


def count(desk, table):
    """Count the rows of a table."""
    return desk.outbox.read(lambda c: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_texts_of_one_class_are_erased_when_they_are_over(desk):
    """What is on its way or held keeps its text, and so do other classes and what is newer."""
    for number, state in enumerate(State):
        desk.accept(f"m{number:02}", state=state, subject="About")
        desk.accept(f"n{number:02}", state=state, message_class=MessageClass.BULK)
    desk.accept("z")
    over = [f"m{number:02}" for number, state in enumerate(State) if state not in LIVE]
    read = partial(retention.read_old_texts, message_class=MessageClass.TRANSACTIONAL, before="z")

    first = desk.outbox.read(partial(read, after="", limit=len(State)))
    rest = desk.outbox.read(partial(read, after=first.last, limit=len(State) + 1))
    everything = [f"m{number:02}" for number in range(len(State))]
    erased = call(desk, retention.erase_old_texts, ids=everything)

    assert (tuple(over), everything[-1]) == (first.ids, first.last)
    assert ((), None) == (rest.ids, rest.last)
    assert len(over) == erased
    assert [("", "")] * len(over) == [(one.text, one.subject) for one in map(desk.outbox.message, over)]
    assert all(desk.outbox.message(f"n{number:02}").text for number in range(len(State)))
    assert () == desk.outbox.read(partial(read, after="", limit=99)).ids


def test_messages_that_are_over_go_with_all_that_belongs_to_them(desk):
    """What is live stays, whatever its age, and what was sent stays until its validity is over."""
    for number, state in enumerate(State):
        desk.accept(f"m{number:02}", state=state)
    desk.accept("gone", state=State.QUEUED)
    desk.outbox.write(Batch(starts=[Start("gone", 1, "smsc", 7, 20.0)]))
    call(desk, keep_attempts, ids=["gone"])
    desk.outbox.write(Batch(settled=[desk.settled("gone", "REJECTED")]))
    call(desk, keep_exchanges, said=[("gone", Exchange(1, 20.0, "POST", "no"))])
    every = [f"m{number:02}" for number in range(len(State))]
    read = partial(retention.read_old_messages, after="", limit=99)
    final = [one for one, state in zip(every, State, strict=True) if state not in LIVE and state is not State.SENT]
    sent = every[list(State).index(State.SENT)]

    assert ["gone", *final] == desk.outbox.read(partial(read, before="n", now=999.0))
    assert sorted(["gone", *final, sent]) == desk.outbox.read(partial(read, before="n", now=1001.0))
    assert [] == desk.outbox.read(partial(read, before="a", now=1001.0))
    assert len(final) + 1 == call(desk, retention.remove_messages, ids=["gone", *every], now=999.0)
    assert len(LIVE) + 1 == count(desk, "messages")
    assert (0, ()) == (count(desk, "attempts"), desk.outbox.read(partial(read_exchanges, message_id="gone")))
    assert 0 == call(desk, retention.remove_messages, ids=["gone", *every], now=999.0)


def test_every_table_that_names_messages_is_thought_of():
    """A new table with a column `message_id` must be emptied with its messages, or say here why not."""
    named = {name for name, table in metadata.tables.items() if "message_id" in table.c}

    assert {"attempts", "parts", "exchanges", "followed", "challenges"} == named  # codes are forgotten within the hour


def test_idempotency_keys_are_freed_in_the_order_of_their_names(desk):
    """By age, a few at a time; one that was taken anew since it was found stays."""
    for number in range(5):
        message = desk.message(f"m{number}", created_at=100.0 if number == 2 else 10.0)
        desk.outbox.write(Batch(accepts=[Accept((message,), f"a{number % 2}", f"r{number}", "f")]))
    read = partial(retention.read_old_references, before=50.0)

    first = desk.outbox.read(partial(read, after=("", ""), limit=3))
    rest = desk.outbox.read(partial(read, after=first[-1], limit=3))

    assert ([("a0", "r0"), ("a0", "r4"), ("a1", "r1")], [("a1", "r3")]) == (first, rest)
    assert 2 == call(desk, retention.remove_references, keys=[("a0", "r0"), ("a0", "r2"), ("a1", "r1")], before=50.0)
    assert (None, True) == (desk.outbox.find_reference("a0", "r0"), desk.outbox.find_reference("a0", "r2") is not None)


def test_what_came_in_and_what_was_parked_goes_by_its_age(desk):
    """Some at once; what is newer stays."""
    for number in range(3):
        call(desk, keep_incoming, one=Incoming(f"i{number}", "modem", "49", "49", "Hi", 10.0 * number))
        call(desk, park, one=Parked(f"p{number}", "mqtt", 10.0 * number, 5, "why", 2, b"{}"))

    removed = [call(desk, retention.remove_incoming, before=15.0, limit=1) for _ in range(3)]
    parked = call(desk, retention.remove_parked, before=15.0, limit=9)

    assert ([1, 1, 0], 2) == (removed, parked)
    assert ["i2"] == [one.id for one in desk.outbox.read(partial(read_incoming, asked=ListIncoming())).texts]
    page = desk.outbox.read(partial(read_parked_page, limit=9, cursor=None))
    assert ["p2"] == [one.id for one in page.documents]


def test_the_beginning_of_the_audit_log_goes_and_the_rest_still_holds(desk):
    """The newest entry stays whatever its age, so that the next one follows from it."""

    def note(at):
        call(desk, add_entry, entry=AuditEntry(0, at, "admin", "Block", "49***", None, None), key=KEY)

    for at in (10.0, 20.0, 30.0, 40.0):
        note(at)

    removed = [call(desk, retention.remove_audit, before=35.0, limit=2) for _ in range(3)]
    verified = desk.outbox.read(partial(verify_audit, key=KEY))
    again = call(desk, retention.remove_audit, before=99.0, limit=9)
    note(50.0)

    assert ([2, 1, 0], (1, None), 0) == (removed, (verified.entries, verified.broken), again)
    entries = desk.outbox.read(partial(read_audit, asked=ListAudit())).entries
    assert [5, 4] == [entry.number for entry in entries]
    assert None is desk.outbox.read(partial(verify_audit, key=KEY)).broken
