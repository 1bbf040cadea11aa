"""Recipients' numbers as callers write them."""

import re

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smshub.domain.numbers import COUNTRIES, BadNumber, masked, parse_msisdn

INTERNATIONAL = [
    ("+491701234567", "491701234567"),
    ("00491701234567", "491701234567"),
    ("+49 170 1234567", "491701234567"),
    ("+49 (170) 123-45/67", "491701234567"),
    ("(+49) 170.1234567", "491701234567"),
    ("  +1 (212) 555-0123 ", "12125550123"),
    ("00 44 7400 123456", "447400123456"),
    ("+49\u00a0170\u202f1234567", "491701234567"),
    # A zero in brackets is dialled only inside the country, except in Italy, where it is part of the number.
    ("+49 (0) 170 1234567", "491701234567"),
    ("0044 (0)7400 123456", "447400123456"),
    ("+39 (0)6 1234 5678", "390612345678"),
    # E.164 §6.2.1: 15 digits at most; 7 is the shortest number with its country code that is in use (Niue).
    ("+6834002", "6834002"),
    ("+123456789012345", "123456789012345"),
    # What carries its country code is not looked up: new ranges are reached before the library knows them.
    ("+9706904544", "9706904544"),
]


@pytest.mark.parametrize("country", [None, "DE", "US"])
@pytest.mark.parametrize(("written", "digits"), INTERNATIONAL)
def test_a_marked_international_number_is_the_same_from_every_country(written, digits, country):
    """`+` and `00` mean international, whatever the account's country; blanks and punctuation do not matter."""
    assert digits == parse_msisdn(written, country)


@pytest.mark.parametrize(
    ("written", "digits"),
    [("491701234567", "491701234567"), ("49 170 1234567", "491701234567"), ("9706904544", "9706904544")],
)
def test_without_a_country_digits_are_international(written, digits):
    """An account without a country sends international digits."""
    assert digits == parse_msisdn(written, None)


BY_COUNTRY = [
    # A campus in the US: the same digits are a possible number of Palestine.
    ("9706904544", "US", "19706904544"),
    ("(970) 690-4544", "US", "19706904544"),
    ("2125550123", "US", "12125550123"),
    ("12125550123", "US", "12125550123"),
    ("1-212-555-0123", "us", "12125550123"),
    # The numbering plan is shared: a Canadian number is dialled like a national one.
    ("4165550123", "US", "14165550123"),
    # As dialled from there.
    ("011 44 7400 123456", "US", "447400123456"),
    ("01701234567", "DE", "491701234567"),
    ("0170 / 123 45 67", "DE", "491701234567"),
    ("1701234567", "DE", "491701234567"),
    ("030 12345678", "DE", "493012345678"),
    # A mobile number with its country code, though it could be a line in Leer (0491).
    ("491701234567", "DE", "491701234567"),
    ("447400123456", "DE", "447400123456"),
    ("393331234567", "DE", "393331234567"),
    ("07400 123456", "GB", "447400123456"),
    # No trunk prefix, or a zero that stays.
    ("3331234567", "IT", "393331234567"),
    ("06 1234 5678", "IT", "390612345678"),
    ("0701234567", "CI", "2250701234567"),
    ("081234567890", "ID", "6281234567890"),
    ("11987654321", "BR", "5511987654321"),
    ("5511987654321", "BR", "5511987654321"),
    # National numbers may be shorter than any international one.
    ("4002", "NU", "6834002"),
]


@pytest.mark.parametrize(("written", "country", "digits"), BY_COUNTRY)
def test_digits_are_national_where_valid_there_else_international(written, country, digits):
    """An account's country says how its unmarked numbers are read."""
    assert digits == parse_msisdn(written, country)


NEITHER = "it is neither a valid number in {} nor a valid international one"
REFUSED = [
    ("", None, "it is empty"),
    ("   ", "DE", "it is empty"),
    ("+", None, "it has no digits"),
    ("()-", "DE", "it has no digits"),
    ("anna", None, "it contains 'a'"),
    ("+49170CALLME", None, "it contains 'C'"),
    ("alice@example.org", None, "it contains 'a'"),
    ("+49170*1234567", "DE", "it contains '*'"),
    ("+491701234567,+491701234568", None, "it contains ','"),
    ("++491701234567", None, "it has a '+' elsewhere than at its beginning"),
    ("49+1701234567", "DE", "it has a '+' elsewhere than at its beginning"),
    ("00+491701234567", None, "it has a '+' elsewhere than at its beginning"),
    ("+49170123456\n", None, "it contains the character U+000A"),
    ('"\r\nAT+CPWD=', None, "it contains '\"'"),
    ("+491701234567\r\nAT", None, "it contains the character U+000D"),
    ("+4917012345\x0067", "DE", "it contains the character U+0000"),
    ("+49\t1701234567", None, "it contains the character U+0009"),
    ("+491701234567\u202c", None, "it contains the character U+202C"),
    ("+49170\ud800234567", None, "it contains the character U+D800"),
    ("+\u0664\u0669\u0661\u0667\u0660\u0661\u0662\u0663", None, "'\u0664' is not one of the digits 0 to 9"),
    ("\uff14\uff19\uff11\uff17\uff10\uff11\uff12", None, "'\uff14' is not one of the digits 0 to 9"),
    ("+49170123456\u00b2", None, "it contains '\u00b2'"),
    ("01701234567", None, "it begins with 0, and the account has no country to read it in; write it with '+'"),
    ("+01701234567", "DE", "no country code begins with 0"),
    ("0000000000", None, "no country code begins with 0"),
    ("+49170", None, "it is too short: an international number has at least 7 digits"),
    ("12345", None, "it is too short: an international number has at least 7 digits"),
    ("+1234567890123456", "DE", "it is too long: an international number has at most 15 digits"),
    ("1234567890123456", None, "it is too long: an international number has at most 15 digits"),
    ("+" + "1" * 100_000, None, "it is too long"),
    ("115", "DE", NEITHER.format("DE")),
    ("0170", "DE", NEITHER.format("DE")),
    ("5550123", "US", NEITHER.format("US")),
    ("49170123456789012345", "DE", NEITHER.format("DE")),
    ("491701234567", "XX", "the account's country 'XX' is not a region code"),
]


@pytest.mark.parametrize(("written", "country", "why"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_number_is_refused_with_the_reason(written, country, why):
    """Each refusal says in words what is wrong, and names invisible characters by their code."""
    with pytest.raises(BadNumber) as refused:
        parse_msisdn(written, country)
    assert why == str(refused.value)


@settings(deadline=None)
@given(st.text(alphabet="+0123456789 ().-/a\u0664\n", max_size=20), st.sampled_from([None, "DE", "US", "IT"]))
def test_whatever_is_written_the_answer_is_e164_or_a_reason(written, country):
    """No input gives anything but 7 to 15 ASCII digits that do not begin with 0, or a `BadNumber` with words."""
    try:
        digits = parse_msisdn(written, country)
    except BadNumber as bad:
        why = str(bad)
        assert why
    else:
        assert re.fullmatch("[1-9][0-9]{6,14}", digits)


MOBILES = {
    country: number
    for country in sorted(COUNTRIES)
    if (number := phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE))
}


@pytest.mark.parametrize("country", MOBILES)
def test_a_countrys_example_mobile_number_reads_the_same_in_all_its_spellings(country):
    """National, international and bare with country code: three spellings of one number (the library's example)."""
    number, formats = MOBILES[country], phonenumbers.PhoneNumberFormat
    digits = phonenumbers.format_number(number, formats.E164)[1:]
    national = phonenumbers.format_number(number, formats.NATIONAL)
    international = phonenumbers.format_number(number, formats.INTERNATIONAL)

    read = [parse_msisdn(written, country) for written in (national, international, f"+{digits}", f"00{digits}")]

    assert [digits] * 4 == read


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("491701234567", "49********67"),
        ("12125550123", "1********23"),
        ("3581234567", "358*****67"),
        ("6834002", "*******"),
        ("", ""),
        ("alice@example.org", "a***@example.org"),
        ("@", "@***@"),
    ],
)
def test_a_log_shows_country_and_last_two_digits_only(recipient, shown):
    """A masked recipient tells an operator where it went, not whose it is."""
    assert shown == masked(recipient)
