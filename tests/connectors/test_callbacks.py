"""What the connectors that are called share: the address, its secret, and times."""

import pytest

from smshub.connectors.callbacks import Callback, CalledSettings, Forged, callback_address, moment, prove


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "https://hub.example/sms/receipts/my-aql"),
        ({"key": "a b&c", "id": "1"}, "https://hub.example/sms/receipts/my-aql?key=a+b%26c&id=1"),
    ],
)
def test_the_address_names_the_connector(fields, expected):
    """Under the base of the settings, its fields encoded."""
    assert expected == callback_address("https://hub.example/sms/", "my-aql", fields)


@pytest.mark.parametrize(
    ("query", "secret"),
    [
        ((), "s3cret"),
        ((("key", "wrong"),), "s3cret"),
        ((("key", "s3cret "),), "s3cret"),
        ((("key", ""),), ""),
        ((("key", ""),), None),
        ((("KEY", "s3cret"),), "s3cret"),
        ((("key", "wrong"), ("key", "s3cret")), "s3cret"),
        ((("key", "\ud800"),), "s3cret"),
    ],
)
def test_a_call_without_the_secret_is_forged(query, secret):
    """Missing, wrong, or with nothing to compare it to."""
    with pytest.raises(Forged):
        prove(Callback("GET", "https://hub.example/", query), secret)


def test_the_secret_counts_in_the_address_only():
    """A field of the body of the same name proves nothing."""
    prove(Callback("POST", "https://hub.example/", (("key", "ß"),)), "ß")

    with pytest.raises(Forged):
        prove(Callback("POST", "https://hub.example/", (), (("key", "ß"),)), "ß")


@pytest.mark.parametrize(
    ("value", "per_second", "expected"),
    [
        (1_700_000_000, 1.0, 1_700_000_000.0),
        ("1700000000", 1.0, 1_700_000_000.0),
        (1_700_000_000_123, 1000.0, 1_700_000_000.123),
        (1_700_000_000_123, 1.0, 1_800_000_000.0),
        (None, 1.0, 1_800_000_000.0),
        ("", 1.0, 1_800_000_000.0),
        ("nan", 1.0, 1_800_000_000.0),
        ("9" * 400, 1.0, 1_800_000_000.0),
        (10**400, 1.0, 1_800_000_000.0),
        (0, 1.0, 1_800_000_000.0),
        (True, 1.0, 1_800_000_000.0),
    ],
)
def test_a_time_that_cannot_be_is_that_of_the_call(value, per_second, expected):
    """Before 2000, after tomorrow, no number."""
    assert expected == moment(value, 1_800_000_000.0, per_second=per_second)


def test_a_base_that_is_no_address_is_refused():
    """And a password in it does not show."""
    with pytest.raises(ValueError, match="http"):
        CalledSettings(type="x", callback_url="hub.example")
    assert "hidden" not in repr(CalledSettings(type="x", callback_url="https://u:hidden@hub.example"))
