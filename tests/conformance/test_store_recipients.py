"""One recipient found and erased, on each store."""

from functools import partial

import pytest

from smshub.domain.challenges import Decision
from smshub.domain.commands import BlockedRecipient
from smshub.domain.incoming import Incoming
from smshub.domain.message import LIVE, State
from smshub.store import recipients
from smshub.store.batch import Check, Opening
from smshub.store.blocklist import block, blocklist_stamp
from smshub.store.guard import add_decisions
from smshub.store.incoming import keep_incoming
from smshub.store.outbox import Accept, Batch

NUMBER, OTHER = "491701234567", "491707654321"
NAME = "erased:0000:00000000000000000000"


def call(desk, change, **given):
    """Change something in a transaction; gives what came of it."""
    return desk.outbox.write(Batch(calls=[partial(change, **given)])).calls[0]


def fill(desk, number):
    """Let everything that can be kept of a number be kept."""
    opening = Opening(f"c{number}", "shop", number, number, b"d" * 32, "k1", 5, 10.0, 310.0, 15, 50)
    message = desk.message(f"c{number}", to=number)
    desk.outbox.write(Batch(accepts=[Accept((message,), "shop", challenge=opening)]))
    desk.outbox.write(Batch(checks=[Check("c", "shop", number, number, {"k1": b"w" * 32}, 20.0, 15, 50)]))
    call(desk, keep_incoming, one=Incoming(f"i{number}", "modem", f"+{number}", "4930", "Hi", 10.0))
    call(desk, keep_incoming, one=Incoming(f"o{number}", "modem", "4930", number, "Hi", 10.0))
    call(desk, add_decisions, decisions=[Decision(f"d{number}", 10.0, "shop", number, True, True, "rule", "why")])
    call(desk, block, blocked=BlockedRecipient(number, 10.0, "admin", "asked"), replace=True)


def told(desk, number):
    """Tell what is kept."""
    return desk.outbox.read(partial(recipients.read_recipient, to=number))


def test_all_that_is_kept_is_told_of_one_only(desk):
    """Each kind, and nothing of another."""
    fill(desk, NUMBER)
    fill(desk, OTHER)

    found = told(desk, NUMBER)

    assert [f"c{NUMBER}"] == [one.id for one in found.messages]
    assert [f"o{NUMBER}", f"i{NUMBER}"] == [one.id for one in found.incoming]
    assert [(NUMBER, "OPEN", 4)] == [(one.reference, one.state, one.tries_left) for one in found.codes]
    assert [("shop", 1)] == [(one.account, one.consecutive) for one in found.wrong_codes]
    assert ("admin", "asked", [f"d{NUMBER}"]) == (
        found.blocked.blocked_by,
        found.blocked.reason,
        [one.id for one in found.decisions],
    )


def test_all_that_is_kept_is_erased_of_one_only(desk):
    """The other is as it was; the block has another name, and the stamp tells."""
    fill(desk, NUMBER)
    fill(desk, OTHER)
    other, stamp = told(desk, OTHER), desk.outbox.read(blocklist_stamp)
    ids = [f"c{NUMBER}"]
    assert [(f"c{NUMBER}", "0170 1234567")] == desk.outbox.read(partial(recipients.find_messages, to=NUMBER))

    done = (
        call(desk, recipients.cancel_waiting, ids=ids, now=50.0),
        call(desk, recipients.erase_messages, ids=ids, pseudonym=NAME),
        call(desk, recipients.erase_incoming, to=NUMBER),
        call(desk, recipients.erase_codes, to=NUMBER),
        call(desk, recipients.erase_decisions, to=NUMBER, pseudonym=NAME),
        call(desk, recipients.erase_block, to=NUMBER, pseudonym=NAME),
        call(desk, recipients.erase_block, to=NUMBER, pseudonym=NAME),
    )

    assert (1, 1, 2, 2, 1, True, False) == done
    empty = told(desk, NUMBER)
    assert ((), (), (), (), None, ()) == (
        empty.messages,
        empty.incoming,
        empty.codes,
        empty.wrong_codes,
        empty.blocked,
        empty.decisions,
    )
    assert (other, True) == (told(desk, OTHER), stamp != desk.outbox.read(blocklist_stamp))
    erased = desk.outbox.message(f"c{NUMBER}")
    assert (NAME, NAME, "", State.CANCELLED) == (erased.to, erased.to_written, erased.text, erased.state)


@pytest.mark.parametrize("state", list(State))
def test_what_is_not_over_is_not_erased(desk, state):
    """What waits or is held is cancelled first; what is being sent is counted."""
    desk.accept("m1", state=state)

    erased = call(desk, recipients.erase_messages, ids=["m1"], pseudonym=NAME)
    moving = desk.outbox.read(partial(recipients.count_sending, ids=["m1"]))
    cancelled = call(desk, recipients.cancel_waiting, ids=["m1"], now=50.0)

    assert (state not in LIVE, state in {State.QUEUED, State.SENDING}, state in LIVE - {State.SENDING}) == (
        bool(erased),
        bool(moving),
        bool(cancelled),
    )


def test_an_address_that_a_code_would_go_to_is_taken_out_of_it(desk):
    """The code stays: it is another recipient's."""
    opening = Opening(
        "m1", "shop", "r", NUMBER, b"d" * 32, "k1", 5, 10.0, 310.0, 15, 50, "anna@example.org", "Hi", 60.0
    )
    desk.outbox.write(Batch(accepts=[Accept((desk.message("m1"),), "shop", challenge=opening)]))
    assert ["anna@example.org"] == [one.fallback for one in told(desk, "anna@example.org").codes]

    assert 1 == call(desk, recipients.erase_codes, to="anna@example.org")
    assert ([], [None]) == ([*told(desk, "anna@example.org").codes], [one.fallback for one in told(desk, NUMBER).codes])


def test_a_number_blocked_again_and_erased_again_stands_there_once(desk):
    """The newer block takes the place of the older."""
    for at in (10.0, 20.0):
        call(desk, block, blocked=BlockedRecipient(NUMBER, at, "admin", ""), replace=True)
        call(desk, recipients.erase_block, to=NUMBER, pseudonym=NAME)

    rows = desk.outbox.read(lambda c: c.exec_driver_sql("SELECT recipient, blocked_at FROM blocklist").all())
    assert [(NAME, 20.0)] == [tuple(row) for row in rows]
