"""Senders and the type of number that is inferred from how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.domain.numbers import BadOriginator, Originator, parse_originator

UNKNOWN, INTERNATIONAL, NATIONAL, SHORT_CODE, ALPHANUMERIC = (0, 0), (1, 1), (2, 1), (3, 0), (5, 0)

INFERRED = [
    ("", "", UNKNOWN),
    ("  ", "", UNKNOWN),
    ("ACME", "ACME", ALPHANUMERIC),
    (" ACME ", "ACME", ALPHANUMERIC),
    ("My Shop", "My Shop", ALPHANUMERIC),
    ("ABCDEFGHIJK", "ABCDEFGHIJK", ALPHANUMERIC),
    ("Müller & Co", "Müller & Co", ALPHANUMERIC),
    ("ABCDEFGHI€", "ABCDEFGHI€", ALPHANUMERIC),
    ("24/7", "24/7", ALPHANUMERIC),
    ("A1", "A1", ALPHANUMERIC),
    ("*100#", "*100#", ALPHANUMERIC),
    ("123", "123", SHORT_CODE),
    ("72404", "72404", SHORT_CODE),
    ("12345678", "12345678", SHORT_CODE),
    ("123456789", "123456789", INTERNATIONAL),
    ("491701234567", "491701234567", INTERNATIONAL),
    ("+491701234567", "491701234567", INTERNATIONAL),
    ("+49 170 1234567", "491701234567", INTERNATIONAL),
    ("00491701234567", "491701234567", INTERNATIONAL),
    ("+6834002", "6834002", INTERNATIONAL),
    ("01701234567", "01701234567", NATIONAL),
    ("0170 1234567", "01701234567", NATIONAL),
]


@pytest.mark.parametrize(("written", "value", "kind"), INFERRED)
def test_the_type_of_number_follows_from_how_a_sender_is_written(written, value, kind):
    """Names, short codes, national and international numbers are told apart (SMPP 3.4 §5.2.5, §5.2.6)."""
    assert Originator(value, *kind) == parse_originator(written)


REFUSED = [
    ("ABCDEFGHIJKL", "a name has at most 11 characters (those of `^{}[]~|\\€` count twice)"),
    ("ABCDEFGHIJ€", "a name has at most 11 characters (those of `^{}[]~|\\€` count twice)"),
    ("Привет", "'П' is not in the GSM alphabet"),
    ("Shop`s", "'`' is not in the GSM alphabet"),
    ("\u0661\u0662\u0663\u0664\u0665", "'\u0661' is not in the GSM alphabet"),
    ("AC\nME", "it contains the character U+000A"),
    ("AC\x00ME", "it contains the character U+0000"),
    ("AC\x1bME", "it contains the character U+001B"),
    ("ACME\ud800", "it contains the character U+D800"),
    ("12", "a short code has at least 3 digits"),
    ("+4917", "it is too short: an international number has at least 7 digits"),
    ("+01701234567", "no country code begins with 0"),
    ("1234567890123456", "it is too long: an international number has at most 15 digits"),
    ("+1234567890123456", "it is too long: an international number has at most 15 digits"),
]


@pytest.mark.parametrize(("written", "why"), REFUSED)
def test_what_no_handset_can_show_is_refused_with_the_reason(written, why):
    """A sender that cannot be carried is refused when it is written down, not by the provider later."""
    with pytest.raises(BadOriginator) as refused:
        parse_originator(written)
    assert why == str(refused.value)


@given(st.text(max_size=30))
def test_a_sender_that_is_taken_fits_the_address_field(written):
    """Whatever is written, what is taken has no control characters and at most 15 digits or 11 characters."""
    try:
        originator = parse_originator(written)
    except BadOriginator as bad:
        why = str(bad)
        assert why
    else:
        assert originator.value.isprintable()
        assert len(originator.value) <= (11 if ALPHANUMERIC == (originator.ton, originator.npi) else 15)


@given(st.from_regex(r"\+?[1-9][0-9]{8,14}", fullmatch=True))
def test_reading_a_sender_again_gives_the_same(written):
    """The value of a long number, written down again without its `+`, is the same sender."""
    assert parse_originator(written) == parse_originator(parse_originator(written).value)
