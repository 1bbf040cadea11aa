"""Mail addresses and subjects: what a recipient with an `@` may look like, and what may stand in a mail's one line."""

import re
from typing import NewType

MailAddress = NewType("MailAddress", str)
"""An address `name@domain`, the domain in small letters; whether the name's case matters is its server's affair."""

MAIL = "MAIL"
"""What stands for the encoding of a message that is a mail."""

LONGEST_ADDRESS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
LONGEST_SUBJECT = 255
LONGEST_MAIL = 100_000

# RFC 5322 §3.2.3 (dot-atom), RFC 5321 §4.5.3.1.1: no quoted names, no comments, nothing that a header or a command
# could be ended by.
_NAME = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)

# Control characters, line and paragraph separators, half surrogate pairs, what is no character, and the marks that
# make what follows run the other way.
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class BadAddress(ValueError):
    """Something that is not one plain mail address; its words say why and repeat nothing of it."""


class BadSubject(ValueError):
    """Something that cannot be the subject of a mail; its words say why."""


def is_address(recipient: str) -> bool:
    """Say whether a recipient, as written or as stored, is a mail address rather than a number."""
    return "@" in recipient


def parse_address(written: str) -> MailAddress:
    """
    Read one mail address, `name@domain`, of plain ASCII (a domain with other letters as `xn--...`).

    Nothing else is taken: no display name, no list, no quoted name. Raises `BadAddress`.
    """
    if not 3 <= len(written) <= LONGEST_ADDRESS:
        raise BadAddress(f"an address has 3 to {LONGEST_ADDRESS} characters")
    name, at, domain = written.rpartition("@")
    if not at or "@" in name:
        raise BadAddress("an address is name@domain")
    # "=?" begins a word in code (RFC 2047), and some servers decode it even in an address, line ends and all.
    if not _NAME.fullmatch(name) or "=?" in name:
        raise BadAddress("an address is name@domain, its name up to 64 plain characters")
    if not _DOMAIN.fullmatch(domain):
        raise BadAddress("an address is name@domain, its domain plain labels parted by dots")
    return MailAddress(f"{name}@{domain.lower()}")


def check_subject(subject: str) -> None:
    """Refuse what is not one line of readable characters. Raises `BadSubject`."""
    if len(subject) > LONGEST_SUBJECT:
        raise BadSubject(f"it has {len(subject)} characters; at most {LONGEST_SUBJECT} are taken")
    if found := _NOT_IN_A_LINE.search(subject):
        raise BadSubject(f"it contains the character U+{ord(found[0]):04X} at position {found.start() + 1}")


def blocking_key(recipient: str) -> str:
    """
    Give that by which a recipient is blocked: the number, or the address in small letters.

    Nearly every server delivers `Anna@` and `anna@` to the same reader, who shall not be reached by another spelling.
    """
    return recipient.lower() if "@" in recipient else recipient


def route_prefixes(recipient: str) -> tuple[str, str]:
    """Give the prefixes of the routes that an address may take, the longest first: its domain's and that of all."""
    return recipient[recipient.rindex("@") :], "@"
