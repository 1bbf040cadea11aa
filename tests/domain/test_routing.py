"""Routes are found by longest prefix, then by how narrow they are, and order their connectors."""

import pytest

from smshub.domain.message import MessageClass
from smshub.domain.routing import Route, Routes, Target, draws_of, leads_to

DEFAULT = Route("default", ("",), (Target("world"),))
GERMANY = Route("germany", ("49", "43"), (Target("carrier-a"), Target("carrier-b", priority=2)))
MOBILE = Route("mobile", ("4917",), (Target("carrier-c"),))
CODES = Route("codes", ("49",), (Target("express"),), classes=frozenset({MessageClass.OTP}))
SHOP = Route("shop", ("49",), (Target("cheap"),), accounts=frozenset({"shop"}))

CASES = [
    ("491701234567", "bank", MessageClass.BULK, ("mobile", "4917")),
    ("4930123456", "bank", MessageClass.BULK, ("germany", "49")),
    ("4312345678", "bank", MessageClass.BULK, ("germany", "43")),
    ("4930123456", "bank", MessageClass.OTP, ("codes", "49")),
    ("4930123456", "shop", MessageClass.OTP, ("shop", "49")),
    ("12125550100", "shop", MessageClass.OTP, ("default", "")),
]


@pytest.mark.parametrize(("to", "account", "message_class", "expected"), CASES)
def test_the_longest_prefix_wins_and_then_the_narrowest_route(to, account, message_class, expected):
    """A longer prefix outranks everything; of equals an account outranks a class and a class outranks neither."""
    routes = Routes([DEFAULT, GERMANY, MOBILE, CODES, SHOP])

    found = routes.find(to, account, message_class)

    assert found is not None
    assert expected == (found[0].name, found[1])


def test_a_route_that_does_not_suit_leaves_the_shorter_prefix():
    """A longer prefix meant for another class does not hide the shorter one."""
    routes = Routes([DEFAULT, CODES])

    found = routes.find("4930123456", "bank", MessageClass.BULK)

    assert found is not None
    assert "default" == found[0].name


def test_where_no_route_leads_there_is_none():
    """Without a default route a number outside every prefix has no way."""
    assert Routes([GERMANY]).find("12125550100", "bank", MessageClass.OTP) is None


def test_connectors_are_ordered_by_priority():
    """The lower priority comes first, whatever is drawn."""
    route = Route("r", ("",), (Target("second", 2, weight=100), Target("first", 1)))

    assert ("first", "second") == route.order(lambda: 0.999)


def test_a_message_finds_its_order_again():
    """What it draws comes from its id, as evenly as by chance: a later try goes on where the first one ended."""
    route = Route("r", ("",), (Target("heavy", weight=3), Target("light", weight=1), Target("last", 2)))
    orders = {f"{number:032x}": route.order(draws_of(f"{number:032x}")) for number in range(2_000)}

    assert all(order == route.order(draws_of(message_id)) for message_id, order in orders.items())
    assert 1_500 == pytest.approx(sum(order[0] == "heavy" for order in orders.values()), abs=80)
    assert {"last"} == {order[2] for order in orders.values()}


def test_equal_priorities_share_by_weight():
    """Of two equals with weights 3 and 1, the first leads three times in four."""
    route = Route("r", ("",), (Target("heavy", weight=3), Target("light", weight=1)))
    draws = [(first + 0.5) / 100 for first in range(100)]

    led = sum("heavy" == route.order(iter([one, other]).__next__)[0] for one in draws for other in draws)

    assert led / len(draws) ** 2 == pytest.approx(0.75, abs=0.01)


MAIL = Route("mail", ("@",), (Target("smtp"),))
OURS = Route("ours", ("@example.org",), (Target("intern"),))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("anna@example.org", ("ours", "@example.org")),
        ("anna@sub.example.org", ("mail", "@")),
        ("anna@notexample.org", ("mail", "@")),
        ("491701234567@shop.example", ("mail", "@")),
        ("491701234567", ("mobile", "4917")),
        ("12125550100", ("default", "")),
    ],
)
def test_mail_and_texts_have_routes_of_their_own(to, expected):
    """The default of one is none of the other's, and a domain is that domain alone."""
    found = Routes([DEFAULT, MAIL, OURS, MOBILE]).find(to, "shop", MessageClass.OTP)

    assert found is not None
    assert expected == (found[0].name, found[1])
    assert leads_to(found[1], to)


def test_without_a_route_for_mail_no_address_is_reached():
    """However many lead to numbers, and the other way round."""
    assert None is Routes([DEFAULT, GERMANY]).find("49@example.org", "shop", MessageClass.OTP)
    assert None is Routes([MAIL, OURS]).find("491701234567", "shop", MessageClass.OTP)
    assert (False, False) == (leads_to("", "a@example.org"), leads_to("@", "49"))


def test_a_domains_route_for_others_leaves_that_of_all_mail():
    """As with numbers."""
    narrow = Route("narrow", ("@example.org",), (Target("intern"),), accounts=frozenset({"bank"}))

    found = Routes([MAIL, narrow]).find("anna@example.org", "shop", MessageClass.OTP)

    assert ("mail", "@") == (found[0].name, found[1])
