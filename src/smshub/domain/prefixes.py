"""
Where a number is: its country, and the prefix by which the guard watches it; and the network of an address.

A prefix is all but the last four digits, at least five and at most eight digits with the country code: one exchange in
North America (1 202 555), ten thousand mobile numbers in Germany (49 170 123).
"""

import ipaddress

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException

SHORTEST, LONGEST, SUBSCRIBER = 5, 8, 4
# The region that the library gives to satellites and other networks that are nobody's.
NOWHERE = "001"

_MOST_KNOWN = 50_000
_known: dict[str, str] = {}


def prefix_of(number: str) -> str:
    """Give the prefix by which a number is watched."""
    return number[: max(SHORTEST, min(LONGEST, len(number) - SUBSCRIBER))]


def country_of(number: str) -> str:
    """
    Give the country of a number (ISO 3166-1 alpha-2), "" where no country has it.

    Where several countries share a code and the number is no valid one in any, it is taken for the main one's.
    """
    prefix = prefix_of(number)
    found = _known.get(prefix)
    if found is not None:
        return found
    regions = next((regions for n in (1, 2, 3) if (regions := COUNTRY_CODE_TO_REGION_CODE.get(int(number[:n])))), ())
    if len(regions) < 2:
        return _remember(prefix, regions[0] if regions and regions[0] != NOWHERE else "")
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
    except NumberParseException:
        region = None
    # Only what a valid number shows is remembered for the others of its prefix.
    return _remember(prefix, region) if region else regions[0]


def _remember(prefix: str, country: str) -> str:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[prefix] = country
    return country


def network_of(source: str) -> str:
    """Give that by which an address is counted: itself, but of IPv6 the network of 64 bits, which is one household."""
    if ":" not in source:
        return source.strip()
    try:
        address = ipaddress.IPv6Address(source.strip().strip("[]").partition("%")[0])
    except ValueError:
        return source.strip()
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(address) >> 64 << 64)}/64"
