"""Settings become lines, and a change the lines that differ."""

import pytest

from smshub.console.differences import Difference, differences, flat


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (None, {}),
        ({}, {}),
        ({"text": "a\nb"}, {"text": "a\nb"}),
        (
            {"port": 1, "on": True, "none": None, "rate": 0.5},
            {"port": "1", "on": "true", "none": "null", "rate": "0.5"},
        ),
        ({"a": {"b": {"c": "d"}}, "e": ["ü", 1]}, {"a.b.c": "d", "e": '["ü", 1]'}),
        ({"a": {}}, {"a": "{}"}),
        ("words", {"value": "words"}),
        ([1, 2], {"value": "[1, 2]"}),
    ],
)
def test_settings_are_lines_with_dots(settings, lines):
    """Tables within tables are named with dots; texts stand as they are, the rest as JSON."""
    assert lines == flat(settings)


def test_only_what_differs_is_told():
    """In the order of the names; what was not there before or is gone has no value on that side."""
    before = {"same": 1, "changed": "a", "gone": [1], "otp": {"life": 60, "tries": 5}}
    after = {"same": 1, "changed": "b", "come": True, "otp": {"life": 90, "tries": 5}}

    assert (
        Difference("changed", "a", "b"),
        Difference("come", None, "true"),
        Difference("gone", "[1]", None),
        Difference("otp.life", "60", "90"),
    ) == differences(before, after)
    assert () == differences(None, None)
    assert (Difference("a", None, "1"),) == differences(None, {"a": 1})
