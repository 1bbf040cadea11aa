"""Numbers are rewritten as the rules of gateway definitions say."""

import pytest

from smshub.connectors.rewriting import BadRule, check, rewrite

RULES = [
    (r"/[+-/. ]//", "+49 123/456-78", "4912345678"),  # the class holds the range from + to /
    (r"/^0/0049/", "0123456789", "0049123456789"),
    (r"/[\+/]//", "+49/123", "49123"),
    (r"/(\d)(\d)/\2\1/", "1234", "2143"),
    (r"/a//b/", "xa//y", "xb/y"),  # greedy: the pattern is `a/`, the replacement `b`
    (r"s/x/y/", "x", "x"),
    (r"/x/y", "x", "x"),
    (r"/(/x/", "1(2", "1(2"),
    (r"/1/\9/", "12", "12"),
    ("", "+49123", "+49123"),
    (None, "+49123", "+49123"),
]


@pytest.mark.parametrize(("rule", "phone", "expected"), RULES)
def test_a_rule_rewrites_a_number(rule, phone, expected):
    """Each rule gives the number beside it; one that cannot be read changes nothing."""
    assert expected == rewrite(phone, rule)


@pytest.mark.parametrize("rule", [rule for rule, _, _ in RULES[:5]])
def test_a_rule_that_works_passes_the_check(rule):
    """The check gives a usable rule back unchanged."""
    assert rule == check(rule)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("s/x/y/", "not of the form"),
        ("", "not of the form"),
        ("/(/x/", "not a regular expression"),
        (r"/1/\9/", "not a regular expression"),
        ("/" + "1" * 1000 + "/x/", "at most 1000"),
    ],
)
def test_a_rule_that_would_do_nothing_is_told(rule, why):
    """What `rewrite` would pass over in silence, the check names."""
    with pytest.raises(BadRule, match=why):
        check(rule)
