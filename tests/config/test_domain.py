"""Accounts and routes become what the domain knows."""

from smshub.config import accounts_of, read, routes_of
from smshub.domain.accounts import Account, Role
from smshub.domain.message import MessageClass
from smshub.domain.routing import Route, Target


def test_an_account_takes_what_its_group_says_where_it_says_nothing():
    """Its own settings come first, then the group's, then the defaults."""
    config = read(
        {
            "groups": {"hospital": {"class": "otp", "country": "de", "rate": 3, "max_segments": 2}},
            "accounts": {"ward": {"group": "hospital", "rate": 9, "originator": "Ward", "doors": ["native"]}},
        }
    )

    assert {
        "ward": Account(
            name="ward",
            originator="Ward",
            country="DE",
            message_class=MessageClass.OTP,
            rate=9,
            max_segments=2,
            doors=frozenset({"native"}),
        )
    } == accounts_of(config)


def test_a_default_that_is_written_down_outranks_the_group():
    """What counts is whether it was written, not whether it differs."""
    config = read({"groups": {"g": {"role": "operator"}}, "accounts": {"a": {"group": "g", "role": "account"}}})

    assert Role.ACCOUNT == accounts_of(config)["a"].role


def test_a_disabled_account_is_none():
    """Also where its group is disabled."""
    config = read({"groups": {"g": {"disabled": True}}, "accounts": {"a": {"group": "g"}, "b": {"disabled": True}}})

    assert {} == accounts_of(config)


def test_the_hub_bounds_the_recipients_of_an_account():
    """The smaller limit counts."""
    config = read({"server": {"limits": {"max_recipients": 5}}, "accounts": {"a": {"max_recipients": 9}}})

    assert 5 == accounts_of(config)["a"].max_recipients


def test_routes_keep_their_order_and_targets():
    """Priorities and weights arrive."""
    config = read(
        {
            "accounts": {"a": {}},
            "connectors": {"x": {"type": "log"}, "y": {"type": "log"}},
            "routes": [{"prefixes": ["49"], "connectors": ["x", {"name": "y", "weight": 2}], "accounts": ["a"]}],
        }
    )

    assert (
        Route("49-a", ("49",), (Target("x", 1, 1), Target("y", 2, 2)), frozenset({"a"}), frozenset()),
    ) == routes_of(config)
