"""What needs attention, in words."""

import pytest

from smshub.console.attention import Background, concerns
from smshub.domain.commands import ConnectorView, FrontendView
from smshub.domain.figures import FiguresShown, Sample


def figures(**changed):
    """Make the figures of a hub that fares well."""
    values = {
        "at": 1_000.0,
        "started_at": 0.0,
        **{key: {} for key in ("accepted", "outcomes", "reports", "refused", "queued")},
        **dict.fromkeys(("wait", "oldest", "lag"), 0.0),
        **dict.fromkeys(("commits", "rows", "memory"), 0),
        "waits": (),
        "free": 50 * 2**30,
        "ready": True,
        "why": "",
        "warnings": (),
    }
    return FiguresShown(**{**values, **changed})


def connector(state="up", **changed):
    """Make the view of a connector."""
    values = {
        **dict.fromkeys(("queued", "in_flight", "sent", "failed"), 0),
        "throughput": None,
        "last_error": None,
        "origin": "file",
        **changed,
    }
    return ConnectorView(name="carrier", type="smpp", state=state, **values)


def sample(at=0.0, **changed):
    """Make a sample."""
    numbers = dict.fromkeys(("accepted", "sent", "delivered", "failed", "queued"), 0)
    return Sample(at=at, **{**numbers, "oldest": 0.0, "latency": 0.0, **changed})


def door(state):
    """Make the view of a door on a broker."""
    numbers = dict.fromkeys(("in_flight", "taken", "refused", "parked", "unanswered"), 0)
    return FrontendView(
        name="amqp1", carrier="amqp", url="", topic="", account="", state=state, last_error="refused", **numbers
    )


CASES = [
    (figures(ready=False, why="the disk is full"), (), Background(), "! The hub takes no messages: the disk is full."),
    (
        figures(lag=6.2),
        (),
        Background(),
        "! The hub is 6.2 s late with everything: the machine has too much to do.",
    ),
    (figures(free=2**30), (), Background(), "  The disk of the database has only 1.0 GiB free."),
    (figures(warnings=("old.",)), (), Background(), "  The database says: old."),
    (
        figures(),
        (connector("down", last_error="refused"),),
        Background(),
        "! The connector carrier is down: refused.",
    ),
    (figures(), (connector("connecting"),), Background(), "  The connector carrier is connecting."),
    (
        figures(),
        (connector("open", last_error="busy"),),
        Background(),
        "! The connector carrier rests after failures: busy.",
    ),
    (
        figures(),
        (connector(balance=2.5, balance_unit="EUR"),),
        Background(low_credit={"carrier": 5.0}),
        "  The balance with carrier is low: 2.5 EUR left.",
    ),
    (figures(oldest=300.0), (), Background(), "  A text has waited for 5 min to be sent."),
    (
        figures(samples=(sample(queued=1_000), sample(queued=2_000))),
        (),
        Background(),
        "  The queue grows: 2,000 texts wait, 1,000 did a minute ago.",
    ),
    (
        figures(samples=(sample(), sample(failed=5, sent=15))),
        (),
        Background(),
        "  Of 20 tries in the last minute 5 failed.",
    ),
    (
        figures(),
        (),
        Background(held=1),
        "  Nobody knows whether 1 text arrived; what is held waits for you.",
    ),
    (
        figures(),
        (),
        Background(parked=100),
        "  100 or more documents from brokers could not be handled and are parked.",
    ),
    (figures(), (), Background(frontends=(door("down"),)), "! The door amqp1 is down: refused."),
    (figures(), (), Background(frontends=(door("connecting"),)), "  The door amqp1 is connecting: refused."),
]


@pytest.mark.parametrize(("shown", "connectors", "background", "expected"), CASES, ids=[case[3] for case in CASES])
def test_an_operator_is_told(shown, connectors, background, expected):
    """Each trouble has a sentence; what keeps texts from being sent is marked."""
    told = [f"{'!' if one.bad else ' '} {one.words}" for one in concerns(shown, connectors, background)]

    assert [expected] == told


def test_a_hub_that_fares_well_says_nothing():
    """Not every failure, not every wait and not every balance is a trouble."""
    shown = figures(
        oldest=30.0, free=None, samples=(sample(queued=1_000), sample(queued=1_099, failed=4), sample(queued=1_050))
    )
    connectors = (connector(), connector("elsewhere"), connector(balance=10.0, balance_unit="EUR"))

    assert () == concerns(shown, connectors, Background(frontends=(door("up"),), low_credit={"carrier": 5.0}))


def test_the_worst_comes_first():
    """What keeps texts from being sent is read before what will."""
    told = concerns(figures(free=1, warnings=("old.",)), (connector("down"),), Background(held=2))

    assert [True, False, False, False] == [one.bad for one in told]
