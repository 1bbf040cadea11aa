"""Masking of secrets, numbers and texts in what is logged of a provider and kept beside an outcome."""

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit, urlunsplit

from smshub.domain.exchanges import LONGEST
from smshub.domain.message import Message
from smshub.settings import MASK

MAX_WORDS = 200
# So much of what a provider says is read for its words, and for what is kept of it: to look through all of a page of
# 64 KiB would hold up everybody else for some hundredths of a second.
READ_FOR_WORDS = 1_024
# An octet in an address takes three letters, a character up to four octets (in JSON: twelve letters too).
_WIDEST = 12

# Names under which secrets hide in addresses, options and headers.
_SENSITIVE = re.compile(r"pass|pwd|secret|token|key|auth|credential|signature|cookie|session", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d(?:[ ()./-]{0,2}\d){5,}")
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")


def sensitive(name: str) -> bool:
    """Say whether what bears this name is a secret."""
    return bool(_SENSITIVE.search(name))


class Redaction:
    """
    Masks the secrets of a connector, in every spelling in which a provider may echo them.

    Of a message it masks the text, the codes in it and the number, also when written in other ways.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = list(secrets)
        self._longest = max(map(len, known), default=0)
        self._secrets = _pattern(known, 3)

    def __repr__(self) -> str:
        return "Redaction()"

    def mask(self, words: str, message: Message | None = None, *, most: int = LONGEST) -> str:
        """Give the words with what is secret masked; of more than about `most` characters the beginning."""
        # What is secret may be cut in two, and half of it is not found: so the end is left out again.
        end = 64 + _WIDEST * max(self._longest, 0 if message is None else len(message.text), 32)
        if len(words) <= most + end:
            return self._masked(words, message)
        return self._masked(words[: most + end], message)[:-end] + "…"

    def _masked(self, words: str, message: Message | None) -> str:
        if self._secrets:
            words = self._secrets.sub(MASK, words)
        if message is None:
            return words
        words = _masked(words, [message.text])
        words = _NUMBER.sub(lambda found: MASK if _same(found[0], message.to) else found[0], words)
        return _masked(words, [message.to_written, *_codes(message.text)])

    def words(self, words: str, message: Message | None = None) -> str:
        """Give what a provider said as one masked line of at most 200 characters."""
        masked = self.mask(words, message, most=READ_FOR_WORDS)
        line = " ".join("".join(c if c.isprintable() else " " for c in masked).split())
        return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"


def shown_url(url: str) -> str:
    """Give an address as it may be shown: no password, no secret in the query."""
    if url.startswith(("env:", "file:")):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}:{MASK}@{host}" if at and ":" in user else parts.netloc
    query = Redaction(address_secrets(url)).mask(parts.query)
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def address_secrets(url: str) -> Iterable[str]:
    """Give what is secret in an address: its password, as written and as meant, and what in its query is named so."""
    parts = urlsplit(url)
    yield parts.password or ""
    yield unquote(parts.password or "")
    yield from (value for name, value in parse_qsl(parts.query) if sensitive(name))


def _codes(text: str) -> Iterable[str]:
    """Give the words of a text that have a digit; in one go, for a text may be a single word of a hundred thousand."""
    return (word for word in _WORD.findall(text) if _DIGIT.search(word))


def _masked(words: str, private: Iterable[str]) -> str:
    """Mask what a message holds; a text of three letters is no more private than any three letters."""
    pattern = _pattern(private, 4)
    return pattern.sub(MASK, words) if pattern else words


def _pattern(secrets: Iterable[str], least: int) -> re.Pattern[str] | None:
    """Make one pattern of every spelling of every secret, the longest first."""
    spellings = {spelling for secret in secrets if len(secret) >= least for spelling in _spellings(secret)}
    if not spellings:
        return None
    return re.compile("|".join(re.escape(one) for one in sorted(spellings, key=len, reverse=True)), re.IGNORECASE)


def _spellings(secret: str) -> set[str]:
    """Give a secret as it looks plain, in an address, in a form, in JSON and in XML."""
    return {
        secret,
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
    }


def _same(written: str, number: str) -> bool:
    """Say whether digits written somehow are the message's number or the end of it."""
    digits = "".join(c for c in written if c.isdigit())
    return digits in number or digits[-6:] == number[-6:]
