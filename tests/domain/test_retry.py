"""What follows a try is decided from what it came to, the route, the class and the time."""

import pytest

from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.domain.message import Message, MessageClass, State
from smshub.domain.retry import POLICIES, Decision, after, backoff

NOW = 1_000.0
WAYS = ("a", "b", "c")


def message(**fields):
    """Make a message that is being tried for the first time on connector a."""
    given = {
        "id": "1",
        "submission": "1",
        "account": "shop",
        "to": "491701234567",
        "to_written": "+491701234567",
        "text": "Hello",
        "created_at": NOW - 1,
        "due_at": NOW - 1,
        "expires_at": NOW + 600,
        "state": State.SENDING,
        "connector": "a",
        "attempt": 1,
    }
    return Message(**{**given, **fields})


CASES = [
    ("accepted ends", message(), Accepted(("r1",)), WAYS, False, Decision(State.SENT, "a", NOW - 1, 0)),
    ("rejected ends", message(), Rejected(Reason.CONTENT), WAYS, False, Decision(State.REJECTED, "a", NOW - 1, 0)),
    (
        "opted out is never rerouted",
        message(),
        Rejected(Reason.OPTED_OUT),
        WAYS,
        False,
        Decision(State.REJECTED, "a", NOW - 1, 0),
    ),
    (
        "provider down: the next way at once",
        message(),
        Deferred(Reason.UNREACHABLE),
        WAYS,
        False,
        Decision(State.QUEUED, "b", NOW, 0),
    ),
    (
        "no credit: the next way at once",
        message(connector="b", attempt=2),
        Deferred(Reason.NO_CREDIT),
        WAYS,
        False,
        Decision(State.QUEUED, "c", NOW, 0),
    ),
    (
        "all tried once: round again after a second",
        message(connector="c", attempt=3),
        Deferred(Reason.TEMPORARY),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 1.0, 0),
    ),
    (
        "all tried twice: two seconds",
        message(connector="c", attempt=6),
        Deferred(Reason.TEMPORARY),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 2.0, 0),
    ),
    (
        "one way: it waits",
        message(),
        Deferred(Reason.TEMPORARY),
        ("a",),
        False,
        Decision(State.QUEUED, "a", NOW + 1, 0),
    ),
    (
        "throttled: the same way later",
        message(),
        Deferred(Reason.THROTTLED),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 1.0, 0),
    ),
    (
        "throttled again: the same way, twice as much later",
        message(attempt=2),
        Deferred(Reason.THROTTLED),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 2.0, 0),
    ),
    (
        "throttled a third time: the next way at once",
        message(attempt=3),
        Deferred(Reason.THROTTLED),
        WAYS,
        False,
        Decision(State.QUEUED, "b", NOW, 0),
    ),
    (
        "throttled with a short wish: as asked",
        message(),
        Deferred(Reason.THROTTLED, retry_after=2.5),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 2.5, 0),
    ),
    (
        "throttled with a wish too short for what was before: longer",
        message(attempt=3),
        Deferred(Reason.THROTTLED, retry_after=1.0),
        ("a",),
        False,
        Decision(State.QUEUED, "a", NOW + 4.0, 0),
    ),
    (
        "throttled with a long wish: the next way at once",
        message(),
        Deferred(Reason.THROTTLED, retry_after=7.0),
        WAYS,
        False,
        Decision(State.QUEUED, "b", NOW, 0),
    ),
    (
        "throttled with a long wish and nowhere else to go: as asked",
        message(),
        Deferred(Reason.THROTTLED, retry_after=7.0),
        ("a",),
        False,
        Decision(State.QUEUED, "a", NOW + 7.0, 0),
    ),
    (
        "a repeat that is throttled stays on its way, however long",
        message(attempt=2, resends=1),
        Deferred(Reason.THROTTLED, retry_after=60.0),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 60.0, 1),
    ),
    (
        "never due past its validity",
        message(expires_at=NOW + 2),
        Deferred(Reason.THROTTLED, retry_after=60.0),
        ("a",),
        False,
        Decision(State.QUEUED, "a", NOW + 2.0, 0),
    ),
    (
        "its way is gone from the routes: the first of the new ones",
        message(connector="old"),
        Deferred(Reason.UNREACHABLE),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW, 0),
    ),
    ("uncertain: once more on the same way", message(), Uncertain(), WAYS, False, Decision(State.QUEUED, "a", NOW, 1)),
    (
        "uncertain again: held",
        message(attempt=2, resends=1),
        Uncertain(),
        WAYS,
        False,
        Decision(State.UNCERTAIN, "a", NOW - 1, 1),
    ),
    (
        "uncertain bulk: held",
        message(message_class=MessageClass.BULK),
        Uncertain(),
        WAYS,
        False,
        Decision(State.UNCERTAIN, "a", NOW - 1, 0),
    ),
    (
        "uncertain and expired: held",
        message(expires_at=NOW),
        Uncertain(),
        WAYS,
        False,
        Decision(State.UNCERTAIN, "a", NOW - 1, 0),
    ),
    (
        "uncertain where a repeat cannot double: just repeated",
        message(message_class=MessageClass.BULK),
        Uncertain(),
        WAYS,
        True,
        Decision(State.QUEUED, "a", NOW + 1.0, 0),
    ),
    (
        "a repeat that is deferred stays on its way",
        message(attempt=2, resends=1),
        Deferred(Reason.UNREACHABLE),
        WAYS,
        False,
        Decision(State.QUEUED, "a", NOW + 1.0, 1),
    ),
]


@pytest.mark.parametrize(
    ("what", "tried", "outcome", "ways", "idempotent", "expected"), CASES, ids=lambda c: c if isinstance(c, str) else ""
)
def test_each_outcome_is_followed_by_its_decision(what, tried, outcome, ways, idempotent, expected):
    """The table of decisions, with a draw of one half, which leaves backoffs at their nominal length."""
    decided = after(
        tried,
        outcome,
        now=NOW,
        draw=0.5,
        ways=ways,
        policy=POLICIES[tried.message_class],
        idempotent=idempotent,
    )

    assert expected == decided


@pytest.mark.parametrize(
    ("failures", "longest", "draw", "expected"),
    [
        (1, 300, 0.5, 1.0),  # 1 * 2**0
        (2, 300, 0.5, 2.0),  # 1 * 2**1
        (5, 300, 0.5, 16.0),  # 1 * 2**4
        (5, 300, 0.0, 12.0),  # 16 * 3/4
        (30, 300, 0.5, 300.0),  # never longer
        (1_000_000, 10, 0.5, 10.0),  # nor overflowing
    ],
)
def test_the_backoff_doubles_up_to_its_limit(failures, longest, draw, expected):
    """Each failure doubles the wait; the draw spreads it by a quarter either way."""
    assert expected == backoff(failures, longest, draw)
