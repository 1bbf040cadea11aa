"""Mail addresses and subjects: what is one, and what could break out of a line."""

import pytest

from smshub.domain.addresses import (
    BadAddress,
    BadSubject,
    blocking_key,
    check_subject,
    parse_address,
    route_prefixes,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("anna@example.org", "anna@example.org"),
        ("Anna.B@Example.ORG", "Anna.B@example.org"),
        ("a+tag@sub.example.org", "a+tag@sub.example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("a@localhost", "a@localhost"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_a_domain_is_read_in_small_letters_and_a_name_as_it_is(written, read):
    """Whether the case of the name matters is its server's affair."""
    assert read == parse_address(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "a",
        "@b",
        "a@",
        "a@@b",
        "a@b@c",
        "a b@c",
        "a@b c",
        " a@b",
        "a@b\n",
        "a@b\r\nBcc: c@d",
        "a\0@b",
        "a@b\u2028",
        "a@b,c@d",
        "<a@b>",
        "A <a@b>",
        '"a"@b',
        "a@[127.0.0.1]",
        "a@b_c",
        "a@-b",
        "a@b-",
        "a@b..c",
        ".a@b",
        "a.@b",
        "a..b@c",
        "ü@b",
        "a@ü",
        "x" * 65 + "@b",
        "a@" + "x" * 64,
        "a@" + ".".join(["x" * 60] * 5),
        "=?utf-8?q?a?=@b",
        "a@b.",
        "\uff41@b",
        "a@\u0661.example",
    ],
)
def test_nothing_else_is_an_address(written):
    """What is wrong is told without repeating any of it."""
    with pytest.raises(BadAddress) as caught:
        parse_address(written)

    assert not written or len(written) < 3 or written not in str(caught.value)


@pytest.mark.parametrize("subject", ["", "Grüße 👋", "a\xa0b", "👨\u200d👩\u200d👧", "x" * 255, "שלום\u200f"])
def test_a_subject_is_one_line_of_anything_readable(subject):
    """Blanks of any width and joined characters are readable."""
    check_subject(subject)


@pytest.mark.parametrize("subject", ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\tb", "\x85", "\u2028", "\u202e", "\ud800"])
def test_a_subject_is_not_two(subject):
    """Nor does it hold what turns it around or cannot be written."""
    with pytest.raises(BadSubject, match=r"U\+[0-9A-F]{4} at position"):
        check_subject(subject)


def test_a_subject_has_bounds():
    """It is told how many characters are too many."""
    with pytest.raises(BadSubject, match="256 characters; at most 255"):
        check_subject("x" * 256)


def test_an_address_is_blocked_in_any_spelling():
    """A number is its digits."""
    assert ("anna@example.org", "491701234567") == (blocking_key("Anna@example.org"), blocking_key("491701234567"))


def test_the_routes_of_an_address_are_its_domains_and_all_mails():
    """The domain first; a domain above it is another one."""
    assert ("@sub.example.org", "@") == route_prefixes("a@sub.example.org")
