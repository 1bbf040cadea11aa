"""
Who receives a text and who it says it is from: E.164 numbers, and originators with their type of number.

E-mail addresses are recipients too, but not numbers: they are not read here.
"""

from typing import NewType

import msgspec
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from smshub.domain.gsm7 import count_septets, foreign

Msisdn = NewType("Msisdn", str)
"""A number as E.164 has it: country code first, 7 to 15 digits, no `+`."""

# E.164 §6.2.1: at most 15 digits. The shortest numbers there are (Niue, Tokelau) have 7 with their country code.
_SHORTEST, _LONGEST = 7, 15
# Nobody writes a number with more blanks and brackets than digits; what is longer is not looked at.
_MAX_WRITTEN = 64

# Blanks of any width stand between the digits of numbers copied from web pages; tabs and line ends do not.
_PUNCTUATION = " ().-/\u00a0\u2009\u202f"
_unpunctuate = str.maketrans("", "", _PUNCTUATION)
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})

COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The region codes that `parse_msisdn` knows (ISO 3166-1 alpha-2, upper case)."""


class BadNumber(ValueError):
    """Something written as a number that cannot be reached; its words say why."""


class BadOriginator(ValueError):
    """Something that cannot be shown as the sender; its words say why."""


def parse_msisdn(written: str, country: str | None) -> Msisdn:
    """
    Read a recipient's number as an account of `country` (a region code, or None) writes it.

    `+` or `00` is international. Without them, if there is a country, the number is national where it is valid there,
    else international where it is valid, else refused; without a country its digits are international. Blanks and
    `().-/` do not matter. Raises `BadNumber`.
    """
    # Nearly every number comes like this, and asking the library costs a hundred times as much.
    digits = written[1:] if written[:1] == "+" else written if country is None else ""
    if digits.isdecimal() and digits.isascii() and _SHORTEST <= len(digits) <= _LONGEST and digits[0] != "0":
        return Msisdn(digits)

    digits, international = _digits_of(written)
    if international and "(0)" in written:
        return _without_trunk_zero(digits)
    if international or country is None:
        return _international(digits, marked=international)
    return _as_written_in(country.upper(), digits)


def _digits_of(written: str) -> tuple[str, bool]:
    """Take a written number to its digits, without the mark of an international one, and say whether it had one."""
    if len(written) > _MAX_WRITTEN:
        raise BadNumber("it is too long")
    if not written.strip():
        raise BadNumber("it is empty")
    digits = written.translate(_unpunctuate)
    international = digits.startswith(("+", "00"))
    if international:
        digits = digits.removeprefix("+") if digits[0] == "+" else digits[2:]
    if not (digits.isdecimal() and digits.isascii()):
        raise BadNumber(_misplaced(digits))
    return digits, international


def _misplaced(digits: str) -> str:
    """Tell what is wrong with digits that are not only digits."""
    odd = next((character for character in digits if not (character.isdecimal() and character.isascii())), "")
    if not odd:
        return "it has no digits"
    if odd == "+":
        return "it has a '+' elsewhere than at its beginning"
    if odd.isdecimal():
        return f"'{odd}' is not one of the digits 0 to 9"
    if odd.isprintable():
        return f"it contains '{odd}'"
    return f"it contains the character U+{ord(odd):04X}"


def _international(digits: str, *, marked: bool) -> Msisdn:
    """Take digits as a number with its country code."""
    if digits.startswith("0"):
        raise BadNumber(
            "no country code begins with 0"
            if marked
            else "it begins with 0, and the account has no country to read it in; write it with '+'"
        )
    if len(digits) < _SHORTEST:
        raise BadNumber(f"it is too short: an international number has at least {_SHORTEST} digits")
    if len(digits) > _LONGEST:
        raise BadNumber(f"it is too long: an international number has at most {_LONGEST} digits")
    return Msisdn(digits)


def _without_trunk_zero(digits: str) -> Msisdn:
    """
    Read an international number with a `(0)` in it, `+49 (0) 170 1234567`.

    The zero is dialled only inside the country; but not in Italy, where it belongs to the number.
    """
    number = _valid(f"+{digits}", None)
    return _e164(number) if number else _international(digits, marked=True)


def _as_written_in(country: str, digits: str) -> Msisdn:
    """Read digits that may be national or international."""
    if country not in COUNTRIES:
        raise BadNumber(f"the account's country '{country}' is not a region code")
    national = _valid(digits, country)
    if national and _is_mobile(national):
        return _e164(national)
    # In countries with long fixed numbers both readings can be valid: 491701234567 in Germany is a mobile number with
    # its country code, and a possible line in Leer. Texts go to mobiles.
    abroad = _valid(f"+{digits}", None)
    if abroad and (national is None or _is_mobile(abroad)):
        return _e164(abroad)
    if national:
        return _e164(national)
    raise BadNumber(f"it is neither a valid number in {country} nor a valid international one")


def _valid(written: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """Ask the library; a number that it cannot read or does not hold for valid is None."""
    try:
        number = phonenumbers.parse(written, country)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    """Say whether a valid number is a mobile's, as far as its country tells the two apart."""
    return phonenumbers.number_type(number) in _MOBILE


def _e164(number: phonenumbers.PhoneNumber) -> Msisdn:
    """Write the library's number as E.164 digits."""
    return Msisdn(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+"))


def masked(recipient: str) -> str:
    """
    Write a recipient for a log: country code and last two digits, the rest `*`.

    Of an e-mail address the first letter and the domain are left.
    """
    if "@" in recipient:
        return f"{recipient[0]}***{recipient[recipient.rindex('@') :]}"
    kept = next((n for n in (1, 2, 3) if _is_country_code(recipient[:n])), 0)
    if len(recipient) < kept + 5:
        return "*" * len(recipient)
    return f"{recipient[:kept]}{'*' * (len(recipient) - kept - 2)}{recipient[-2:]}"


def _is_country_code(digits: str) -> bool:
    return digits.isdecimal() and int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE


class Originator(msgspec.Struct, frozen=True):
    """
    What the handset shows as the sender.

    `ton` and `npi` are SMPP's type of number and numbering plan (SMPP 3.4 §5.2.5, §5.2.6), the same as those of
    TS 23.040 §9.1.2.5. `value` is text, not septets: how it is written on a wire is the connector's affair.
    """

    value: str
    ton: int
    npi: int


# An alphanumeric originator has 10 octets in the address field: 11 septets (TS 23.040 §9.1.2.5).
_MAX_ALPHANUMERIC = 11
_SHORT_CODE = range(3, 9)


def parse_originator(written: str) -> Originator:
    """
    Infer the type of number and numbering plan of a sender, as carriers' SMPP guides commonly ask for them.

    | written | TON | NPI |
    |---|---|---|
    | nothing: the provider's default | 0 unknown | 0 unknown |
    | `+` or `00` and 7 to 15 digits, or 9 to 15 digits | 1 international | 1 E.164 |
    | 9 to 15 digits that begin with a single 0 | 2 national | 1 E.164 |
    | 3 to 8 digits: a short code | 3 network specific | 0 unknown |
    | anything else of at most 11 septets | 5 alphanumeric | 0 unknown |

    Seven and eight digits are a short code, for such codes are common (Australia, India, Poland) and so short a number
    with its country code is not; with a `+` it is a number. Raises `BadOriginator`.
    """
    value = written.strip(" ")
    if not value:
        return Originator("", 0, 0)
    if not value.isprintable():
        odd = next(character for character in value if not character.isprintable())
        raise BadOriginator(f"it contains the character U+{ord(odd):04X}")
    digits = value.translate(_unpunctuate)
    bare = digits.removeprefix("+")
    if not (bare.isdecimal() and bare.isascii()) or _is_word(value, digits):
        return _alphanumeric(value)
    if digits.startswith(("+", "00")):
        return Originator(_international_sender(bare if digits[0] == "+" else digits[2:]), 1, 1)
    return _number(digits)


def _is_word(value: str, digits: str) -> bool:
    """Say whether digits with punctuation are a name (`24/7`) and not a number written with blanks."""
    return value != digits and not digits.startswith(("+", "00")) and len(digits) < _SHORTEST


def _number(digits: str) -> Originator:
    """Tell a short code, a national and an international number apart."""
    if len(digits) < _SHORT_CODE.start:
        raise BadOriginator(f"a short code has at least {_SHORT_CODE.start} digits")
    if len(digits) in _SHORT_CODE:
        return Originator(digits, 3, 0)
    if digits[0] == "0" and len(digits) <= _LONGEST:
        return Originator(digits, 2, 1)
    return Originator(_international_sender(digits), 1, 1)


def _international_sender(digits: str) -> str:
    """Check the digits of an international sender by the rules of a recipient's."""
    try:
        return _international(digits, marked=True)
    except BadNumber as bad:
        raise BadOriginator(str(bad)) from None


def _alphanumeric(value: str) -> Originator:
    """Check a name against what the address field can carry."""
    if odd := foreign.search(value):
        raise BadOriginator(f"'{odd[0]}' is not in the GSM alphabet")
    if count_septets(value) > _MAX_ALPHANUMERIC:
        raise BadOriginator(f"a name has at most {_MAX_ALPHANUMERIC} characters (those of `^{{}}[]~|\\€` count twice)")
    return Originator(value, 5, 0)
