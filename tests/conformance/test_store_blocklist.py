"""The blocklist, on every store."""

from functools import partial

from smshub.domain.commands import BlockedRecipient, Blocklist
from smshub.domain.message import State
from smshub.store import blocklist
from smshub.store.outbox import Accept, Batch


def call(outbox, function, **arguments):
    """Write what a function does; give its result."""
    (result,) = outbox.write(Batch(calls=[partial(function, **arguments)])).calls
    assert not isinstance(result, Exception), result
    return result


def blocked(to, at=1.0, by="shop", reason=""):
    """Make a blocked recipient."""
    return BlockedRecipient(to, at, by, reason)


def test_the_first_block_stands_unless_it_is_to_be_replaced(outbox):
    """What is given back is what stands on the list then."""
    first, second = blocked("491", 1.0), blocked("491", 2.0, "operator", "asked “us” to stop")

    assert first == call(outbox, blocklist.block, blocked=first, replace=False)
    assert first == call(outbox, blocklist.block, blocked=second, replace=False)
    assert second == call(outbox, blocklist.block, blocked=second, replace=True)
    assert Blocklist((second,)) == outbox.read(partial(blocklist.read_blocklist, to=None, limit=9, cursor=None))


def test_unblocking_may_be_limited_to_ones_own(outbox):
    """What stood there is told in any case."""
    call(outbox, blocklist.block, blocked=blocked("491"), replace=False)

    assert blocked("491") == call(outbox, blocklist.unblock, recipient="491", blocked_by="bank")
    assert {"491"} == outbox.read(blocklist.read_blocked)
    assert blocked("491") == call(outbox, blocklist.unblock, recipient="491", blocked_by="shop")
    assert set() == outbox.read(blocklist.read_blocked)
    assert None is call(outbox, blocklist.unblock, recipient="491")


def test_the_stamp_tells_every_change(outbox):
    """One more, one less, and one in the place of another."""
    stamps = [outbox.read(blocklist.blocklist_stamp)]
    call(outbox, blocklist.block, blocked=blocked("491", 1.0), replace=False)
    stamps.append(outbox.read(blocklist.blocklist_stamp))
    call(outbox, blocklist.block, blocked=blocked("492", 2.0), replace=False)
    call(outbox, blocklist.unblock, recipient="491")
    stamps.append(outbox.read(blocklist.blocklist_stamp))
    call(outbox, blocklist.unblock, recipient="492")

    assert [(0, 0.0, 0), (1, 1.0, 3), (1, 2.0, 3)] == stamps
    assert (0, 0.0, 0) == outbox.read(blocklist.blocklist_stamp)


def test_pages_by_number(outbox):
    """The cursor is the last number of the page before; what no database can keep finds nothing."""
    for to in ("493", "491", "492"):
        call(outbox, blocklist.block, blocked=blocked(to), replace=False)
    page = partial(blocklist.read_blocklist, to=None)

    assert Blocklist((blocked("491"), blocked("492")), "492") == outbox.read(partial(page, limit=2, cursor=None))
    assert Blocklist((blocked("493"),)) == outbox.read(partial(page, limit=2, cursor="492"))
    assert Blocklist(()) == outbox.read(partial(page, limit=2, cursor="\0"))


def test_only_what_is_queued_for_the_recipient_waits(outbox, desk):
    """Neither another's message nor one that is on its way or ended."""
    for n, (to, state) in enumerate(
        [("491", State.QUEUED), ("492", State.QUEUED), ("491", State.SENDING), ("491", State.SENT)]
    ):
        outbox.write(Batch(accepts=[Accept((desk.message(f"m{n}", to=to, state=state),), "shop")]))

    assert ["m0"] == outbox.read(partial(blocklist.read_waiting, recipient="491"))


def test_what_waits_for_an_address_is_found_in_any_spelling(outbox, desk):
    """As the address is blocked."""
    waiting = [desk.message("m1", to="Anna@example.org"), desk.message("m2", to="anna@example.org")]
    others = [desk.message("m3", to="anna@example.com"), desk.message("m4")]
    outbox.write(Batch(accepts=[Accept(messages=(one,), account="shop") for one in (*waiting, *others)]))

    assert ["m1", "m2"] == sorted(outbox.read(partial(blocklist.read_waiting, recipient="anna@example.org")))
    assert ["m4"] == outbox.read(partial(blocklist.read_waiting, recipient="491701234567"))
