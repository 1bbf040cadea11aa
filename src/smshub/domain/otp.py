"""
One-time passwords: the policy, the text, the code, its MAC, and how a check is judged. Pure: no clock, no randomness.

NIST SP 800-63B-4 §3.1.3, OWASP ASVS 5.0 V6.5 and V6.6; the figures are in docs/otp.md.
"""

import hmac
import math
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from smshub.domain.guard import GuardPolicy

# No code lives longer, whatever the configuration or the caller says (NIST SP 800-63B-4 §3.1.3.2).
LONGEST_LIFE: Final = 600.0
SHORTEST_LIFE: Final = 1.0
LENGTHS: Final = range(4, 11)
SAFE_LENGTH: Final = 6
LONGEST_PARAM: Final = 1_024
LONGEST_CODE: Final = 64
LONGEST_TEMPLATE: Final = 1_000
HOUR: Final = 3_600.0
# A challenge from further ahead than nodes' clocks differ was made before the clock was put back: it is over.
CLOCK_SKEW: Final = 30.0
# SMS Retriever reads no longer messages, in bytes.
RETRIEVER_LIMIT: Final = 140

_OWN_CODE = re.compile(r"[A-Za-z0-9]{4,10}")
_APP_HASH = re.compile(r"[A-Za-z0-9+/]{11}")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_PLACE = re.compile(r"%%|%[A-Za-z]?|\{\{|\}\}|\{[^{}]*\}|[{}]")


class Alphabet(StrEnum):
    """What codes are made of."""

    DIGITS = "digits"
    LETTERS = "letters"


# No vowels, so that no code is a word, and no letter that looks like a digit.
LETTERS: Final = {Alphabet.DIGITS: "0123456789", Alphabet.LETTERS: "BCDFGHJKLMNPQRSTVWXZ"}

TEMPLATES: Final[tuple[tuple[str, str], ...]] = (
    ("de", "Ihr Code ist {code}. Er gilt {minutes} Minuten. Geben Sie ihn niemandem weiter."),
    ("en", "Your code is {code}. It is valid for {minutes} minutes. Do not give it to anyone."),
    ("es", "Su clave es {code}. Vale {minutes} minutos. No se la dé a nadie."),
    ("fr", "Votre code est {code}. Il est valable {minutes} minutes. Ne le donnez à personne."),
    ("it", "Il suo codice è {code}. Vale {minutes} minuti. Non lo dia a nessuno."),
    ("nl", "Uw code is {code}. Hij is {minutes} minuten geldig. Geef hem aan niemand."),
    ("pt", "A sua chave: {code}. Vale {minutes} minutos. Nunca a partilhe."),
)


class OtpPolicy(msgspec.Struct, frozen=True):
    """
    What an account's codes are like, and what they stand.

    `guard` says how many may be asked for.
    `life` is how long they live where a request names nothing, `longest_life` the most that it may name, in seconds.
    `tries` are the checks of one challenge; `failures_per_hour` and `lock_after` (in a row) those of a recipient.
    `resend_after` are the seconds before the first repeat, twice as many before each further one. `hosts` and
    `app_hashes` are those that a text may be bound to. `custom_code`: it may bring codes of its own. `unsafe` lets
    codes have four or five characters. `generic`: outsiders are told yes or no, nothing more; None leaves that to the
    door. `fallback`: a request may name a mail address that the code goes to where its text has not left within
    `fallback_after` seconds.
    """

    length: int = SAFE_LENGTH
    alphabet: Alphabet = Alphabet.DIGITS
    unsafe: bool = False
    life: float = 300.0
    longest_life: float = LONGEST_LIFE
    tries: int = 5
    failures_per_hour: int = 15
    lock_after: int = 50
    resend_after: float = 30.0
    language: str = "en"
    templates: tuple[tuple[str, str], ...] = TEMPLATES
    hosts: frozenset[str] = frozenset()
    app_hashes: frozenset[str] = frozenset()
    custom_code: bool = False
    generic: bool | None = None
    fallback: bool = False
    fallback_after: float = 30.0
    guard: GuardPolicy = GuardPolicy()


class BadTemplate(ValueError):
    """The text has no place for the code, or one that nobody can fill; its words say why."""


# --- the code ---------------------------------------------------------------------------------------------------------


def draw(policy: OtpPolicy, below: Callable[[int], int]) -> str:
    """Draw a code; `below(n)` gives a number from 0 to n - 1, each as likely as the others (`secrets.randbelow`)."""
    letters = LETTERS[policy.alphabet]
    number = below(len(letters) ** policy.length)
    if policy.alphabet is Alphabet.DIGITS:
        return str(number).zfill(policy.length)
    code = ""
    for _ in range(policy.length):
        number, place = divmod(number, len(letters))
        code += letters[place]
    return code


def is_own_code(policy: OtpPolicy, code: str) -> bool:
    """Say whether a caller may bring this code: letters and digits, as long as this account's codes may be."""
    return _OWN_CODE.fullmatch(code) is not None and (policy.unsafe or len(code) >= SAFE_LENGTH)


# --- the text ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1_024)
def read_template(template: str) -> tuple[str, ...]:
    """
    Take a template apart: text and names of tags by turns, text first.

    There is exactly one place for the code, written `%s` or `{code}`; `{minutes}` may stand beside it. `%%`, `{{` and
    `}}` are the characters themselves. Nothing else of what formatting languages know is there. Raises `BadTemplate`.
    """
    if len(template) > LONGEST_TEMPLATE:
        raise BadTemplate(f"it has more than {LONGEST_TEMPLATE} characters")
    parts = [""]
    end = 0
    for place in _PLACE.finditer(template):
        parts[-1] += template[end : place.start()]
        end = place.end()
        match place[0]:
            case "%s" | "{code}":
                parts += ["code", ""]
            case "{minutes}":
                parts += ["minutes", ""]
            case "%%" | "{{" | "}}" | "%" as literal:
                parts[-1] += literal[0]
            case "{" | "}":
                raise BadTemplate("it has a brace without its other half; write {{ or }} for a brace")
            case unknown:
                raise BadTemplate(f"there is no {unknown[:20]} to be filled in; there are %s, {{code}} and {{minutes}}")
    parts[-1] += template[end:]
    count = parts[1::2].count("code")
    if count != 1:
        where = "no place" if not count else f"{count} places"
        raise BadTemplate(f"it has {where} for the code; write %s or {{code}} once")
    return tuple(parts)


def fill(template: str, code: str, life: float) -> str:
    """Put a code that lives for so many seconds into a template. Raises `BadTemplate`."""
    values = {"code": code, "minutes": str(max(1, math.floor(life / 60.0)))}
    parts = read_template(template)
    return "".join(values[part] if place % 2 else part for place, part in enumerate(parts))


def template_of(policy: OtpPolicy, language: str | None) -> str:
    """Choose the text in a language (`de`, `de-AT`), else in that of the policy."""
    texts = dict(policy.templates)
    for wanted in (language or "", (language or "").partition("-")[0], policy.language, "en"):
        if (found := texts.get(wanted.lower())) is not None:
            return found
    return dict(TEMPLATES)["en"]


def is_host(host: str) -> bool:
    """Say whether this can be the host of an origin-bound line, in lower case and without a port."""
    return _HOST.fullmatch(host) is not None


def origin_bound(text: str, host: str, code: str) -> str:
    """Add the last line by which a browser gives a code to the site of a host only (WICG sms-one-time-codes)."""
    return f"{text}\n@{host} #{code}"


def is_app_hash(app_hash: str) -> bool:
    """Say whether this can be the hash of an Android app: 11 characters of base64."""
    return _APP_HASH.fullmatch(app_hash) is not None


def retrievable(text: str, app_hash: str) -> str:
    """Add what Android's SMS Retriever finds an app's text by. Raises `BadTemplate` past its 140 bytes."""
    whole = f"<#> {text}\n{app_hash}"
    if len(whole.encode()) > RETRIEVER_LIMIT:
        raise BadTemplate(f"with the app's hash it has more than the {RETRIEVER_LIMIT} bytes that SMS Retriever reads")
    return whole


# --- its MAC ----------------------------------------------------------------------------------------------------------


class OtpKey(msgspec.Struct, frozen=True):
    """A key for codes, and the name under which rows remember it. Never printed."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"OtpKey({self.id!r})"


def otp_key(secret: bytes) -> OtpKey:
    """Derive the key for codes from a secret of 256 bits that may serve other ends too."""
    key = hmac.digest(secret, b"smshub otp key 1", "sha256")
    return OtpKey(hmac.digest(key, b"smshub otp key id", "sha256").hex()[:16], key)


def mac(
    key: bytes, account: str, reference: str, recipient: str, params: tuple[str, str, str, str], code: str
) -> bytes:
    """
    Make the digest of a code: HMAC-SHA256 over all it is bound to.

    Each part has its length before it, so that no two different challenges give the same bytes.
    """
    parts = (account, reference, recipient, *params, code.upper())
    return hmac.digest(key, b"smshub otp 1" + prefixed(parts), "sha256")


def prefixed(parts: Iterable[str]) -> bytes:
    """Join texts so that they can be told apart again: each with the number of its bytes before it."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(one).to_bytes(4) + one for one in encoded)


def fingerprint(key: bytes, *parts: str) -> str:
    """Tell two requests under one idempotency key apart, without a digest that could be searched for a code."""
    return hmac.digest(key, b"smshub otp request 1" + prefixed(parts), "sha256").hex()


# --- judging ----------------------------------------------------------------------------------------------------------


class Failures(msgspec.Struct, frozen=True):
    """
    The wrong codes of one recipient, whatever the challenge: when within the last hour, and how many in a row.

    A new code, a repeat or another reference does not reset them (NIST SP 800-63B-4 §3.2.2).
    """

    recent: tuple[float, ...] = ()
    consecutive: int = 0


NO_FAILURES: Final = Failures()


def blocked_until(failures: Failures, now: float, per_hour: int, lock_after: int) -> float:
    """Tell until when no code of a recipient is looked at: 0 for now, infinity where only an operator helps."""
    if failures.consecutive >= lock_after:
        return math.inf
    recent = [at for at in failures.recent if now - HOUR < at]
    return recent[-per_hour] + HOUR if len(recent) >= per_hour else 0.0


def failed(failures: Failures, now: float) -> Failures:
    """Count one more wrong code."""
    recent = (*(at for at in failures.recent if now - HOUR < at), now)
    return Failures(recent, failures.consecutive + 1)


def spacing(resend_after: float, sends: int) -> float:
    """Tell how many seconds lie between the last of so many sends and the next."""
    return resend_after * 2.0 ** min(sends - 1, 30)
