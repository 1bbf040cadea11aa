"""Lists, lanes, leases and configured objects, on every store."""

import msgspec
import pytest

from smshub.domain.commands import ListMessages
from smshub.domain.message import MessageClass, State
from smshub.store import reads
from smshub.store.leases import Lease, acquire_lease, list_leases, release_lease, renew_lease
from smshub.store.objects import Declared, delete_object, list_objects, put_object, replace_declared
from smshub.store.outbox import Accept, Batch


def call(outbox, *functions):
    """Write what these functions do; give their results."""
    return outbox.write(Batch(calls=list(functions))).calls


def ids(listed):
    """Give the ids of a page in its order."""
    return [message.id for message in listed.messages]


@pytest.fixture
def ten(outbox, desk):
    """Ten messages, m0 to m9, accepted at 0 to 9: even ones of the shop, odd ones of the bank."""
    for n in range(10):
        message = desk.message(
            f"m{n}",
            account="shop" if n % 2 == 0 else "bank",
            to=f"49170{n // 2}",
            created_at=float(n),
            state=State.SENT if n < 5 else State.QUEUED,
            connector="a" if n < 8 else "b",
            message_class=MessageClass.OTP if n == 9 else MessageClass.BULK,
        )
        reference = "order" if n in (2, 3) else None
        outbox.write(Batch(accepts=[Accept((message,), message.account, reference, "f")]))
    return outbox


def test_pages_follow_each_other_newest_first(ten):
    """Each page begins where the one before ended, the last has no cursor, and nothing is told twice."""
    seen, cursor = [], None
    for _ in range(4):
        page = ten.page(ListMessages(limit=3, cursor=cursor), None)
        seen.append(ids(page))
        cursor = page.cursor

    assert [["m9", "m8", "m7"], ["m6", "m5", "m4"], ["m3", "m2", "m1"], ["m0"]] == seen
    assert None is cursor


def test_a_page_that_ends_with_the_last_message_has_no_cursor(ten):
    """A full last page is the last."""
    page = ten.page(ListMessages(limit=10), None)

    assert (10, None) == (len(page.messages), page.cursor)


def test_a_message_that_comes_between_two_pages_moves_none(ten, desk):
    """The cursor stands at a message, not at a count."""
    first = ten.page(ListMessages(limit=3), None)
    desk.accept("n1")

    assert ["m6", "m5", "m4"] == ids(ten.page(ListMessages(limit=3, cursor=first.cursor), None))


@pytest.mark.parametrize(
    ("wanted", "account", "expected"),
    [
        (ListMessages(), "shop", ["m8", "m6", "m4", "m2", "m0"]),
        (ListMessages(account="bank"), None, ["m9", "m7", "m5", "m3", "m1"]),
        (ListMessages(account="bank"), "shop", []),
        (ListMessages(to="491701"), None, ["m3", "m2"]),
        (ListMessages(to="491701"), "bank", ["m3"]),
        (ListMessages(to="491701", state=State.SENT), None, ["m3", "m2"]),
        (ListMessages(to="491701", until=3.0), None, ["m2"]),
        (ListMessages(to="491701", since=0.0, limit=1), None, ["m3"]),
        (ListMessages(state=State.SENT), "shop", ["m4", "m2", "m0"]),
        (ListMessages(connector="b"), None, ["m9", "m8"]),
        (ListMessages(message_class=MessageClass.OTP), None, ["m9"]),
        (ListMessages(since=3.0, until=6.0), None, ["m5", "m4", "m3"]),
        (ListMessages(reference="order"), None, ["m3", "m2"]),
        (ListMessages(reference="order"), "shop", ["m2"]),
        (ListMessages(to="49170%"), None, []),
        (ListMessages(to="a\x00b"), None, []),
        (ListMessages(cursor="\ud83d"), None, []),
        (ListMessages(limit=0), None, ["m9"]),
    ],
    ids=repr,
)
def test_a_list_shows_what_was_asked_for(ten, wanted, account, expected):
    """Every filter narrows the list, an account sees only its own, and what cannot be stored is not found."""
    assert expected == ids(ten.page(wanted, account))


def test_words_that_no_database_keeps_are_found_nowhere(outbox):
    """A reader who asks for NUL or half a surrogate pair gets nothing, not an error."""
    for odd in ("\x00", "\ud83d"):
        assert None is outbox.message(odd)
        assert () == outbox.submission(odd)
        assert () == outbox.attempts(odd)
        assert None is outbox.find_reference("shop", odd)


def test_a_lane_gives_what_is_due_in_order(outbox, desk):
    """By due time, then id; only this connector, this class, QUEUED and due; in portions that follow each other."""
    for id_, due_at in (("m1", 30.0), ("m2", 20.0), ("m3", 20.0), ("m4", 101.0)):
        desk.accept(id_, due_at=due_at)
    desk.accept("m5", connector="other")
    desk.accept("m6", message_class=MessageClass.OTP)
    desk.sending("m7")

    lane = ("smsc", MessageClass.TRANSACTIONAL, 100.0)
    first = outbox.due(*lane, 2)
    rest = outbox.due(*lane, 2, after=(first[-1].due_at, first[-1].id))
    assert (["m2", "m3"], ["m1"]) == ([m.id for m in first], [m.id for m in rest])
    assert ["m6"] == desk.due(message_class=MessageClass.OTP)


def test_the_next_due_time_is_the_earliest_of_all_classes(outbox, desk):
    """A timer for a connector looks at every class, and past what is due already where it is told so."""
    desk.accept("m1", due_at=30.0)
    desk.accept("m2", due_at=20.0, message_class=MessageClass.BULK)
    desk.accept("m3", due_at=5.0, connector="other")

    assert (20.0, 30.0, None, None) == (
        outbox.next_due("smsc"),
        outbox.next_due("smsc", 20.0),
        outbox.next_due("smsc", 30.0),
        outbox.next_due("none"),
    )


def test_what_is_queued_is_counted_by_connector_and_class(ten):
    """Only QUEUED messages count."""
    assert {
        ("a", MessageClass.BULK): 3,
        ("b", MessageClass.BULK): 1,
        ("b", MessageClass.OTP): 1,
    } == ten.counts()


def test_a_lease_has_one_owner_until_it_runs_out(outbox):
    """Another node gets it only when its time is over, and then under a greater token."""
    results = call(
        outbox,
        lambda c: acquire_lease(c, "smsc", "one", 100.0, 15.0),
        lambda c: acquire_lease(c, "smsc", "two", 114.9, 15.0),
        lambda c: renew_lease(c, "smsc", "one", 1, 110.0, 15.0),
        lambda c: acquire_lease(c, "smsc", "two", 124.9, 15.0),
        lambda c: acquire_lease(c, "smsc", "two", 125.0, 15.0),
        lambda c: renew_lease(c, "smsc", "one", 1, 126.0, 15.0),
        lambda c: release_lease(c, "smsc", "one", 1),
    )

    assert [1, None, True, None, 2, False, False] == results
    assert (Lease("smsc", "two", 2, 140.0),) == outbox.read(list_leases)


def test_a_lease_given_back_is_free_at_once_and_its_token_grows(outbox):
    """So a node that stops in order makes nobody wait, and one that is started anew gets a new token."""
    results = call(
        outbox,
        lambda c: acquire_lease(c, "smsc", "one", 100.0, 15.0),
        lambda c: acquire_lease(c, "smsc", "one", 101.0, 15.0),
        lambda c: release_lease(c, "smsc", "one", 2),
        lambda c: acquire_lease(c, "smsc", "two", 102.0, 15.0),
    )

    assert [1, 2, True, 3] == results


def test_objects_are_made_changed_and_removed(outbox):
    """An object of the database is what was last put, and is gone once when removed."""
    results = call(
        outbox,
        lambda c: put_object(c, "connectors", "a", {"type": "smpp", "port": 1}, 1.0),
        lambda c: put_object(c, "connectors", "a", {"type": "smpp", "port": 2}, 2.0),
        lambda c: put_object(c, "routes", "a", {"prefixes": ["49"]}, 2.0),
        lambda c: delete_object(c, "routes", "a"),
        lambda c: delete_object(c, "routes", "a"),
    )
    (found,) = outbox.read(list_objects)

    assert [None, None, None, True, False] == results
    assert ("database", "connectors", "a", {"type": "smpp", "port": 2}, 2.0) == (
        found.origin,
        found.kind,
        found.name,
        found.body,
        found.updated_at,
    )


def test_what_the_file_declares_is_changed_only_there(outbox):
    """The file's object hides the database's, cannot be put or removed, and gives way when the file drops it."""
    call(outbox, lambda c: put_object(c, "connectors", "a", {"from": "console"}, 1.0))
    results = call(
        outbox,
        lambda c: replace_declared(c, {("connectors", "a"): {"from": "file"}, ("routes", "r"): {}}, 2.0),
        lambda c: put_object(c, "connectors", "a", {}, 3.0),
        lambda c: delete_object(c, "connectors", "a"),
    )
    shown = outbox.read(lambda c: list_objects(c, "connectors"))
    call(outbox, lambda c: replace_declared(c, {}, 4.0))

    assert [type(None), Declared, Declared] == [type(result) for result in results]
    assert [("file", {"from": "file"})] == [(one.origin, one.body) for one in shown]
    assert [("database", {"from": "console"})] == [(one.origin, one.body) for one in outbox.read(list_objects)]


def test_of_very_many_to_one_number_a_page_goes_on_where_the_search_ended(ten, monkeypatch):
    """A filter that none of them passes gives an empty page and where to look further back, until there is nothing."""
    monkeypatch.setattr(reads, "MOST_OF_ONE", 1)
    wanted = ListMessages(to="491701", until=3.0)

    first = ten.page(wanted, None)
    second = ten.page(msgspec.structs.replace(wanted, cursor=first.cursor), None)

    assert ([], "m3") == (ids(first), first.cursor)
    assert ["m2"] == ids(second)
    assert None is ten.page(msgspec.structs.replace(wanted, cursor=second.cursor), None).cursor
