"""The table [otp]: what one-time passwords are like; a group or an account may have its own keys in a table `otp`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from smshub.config.guard import GuardPolicySettings, GuardSettings, guard_policy, merged_guard
from smshub.config.lines import Loc
from smshub.config.problems import ConfigError
from smshub.domain import otp
from smshub.domain.otp import Alphabet, OtpKey, OtpPolicy, otp_key
from smshub.settings import Secret, SecretMissing, Settings, setting

if TYPE_CHECKING:
    from smshub.config.tables import Config

KEY_BITS = 256


def _template(text: str) -> str:
    otp.read_template(text)
    return text


def _language(name: str) -> str:
    parts = name.split("-")
    if not all(part.isascii() and part.isalnum() and 2 <= len(part) <= 8 for part in parts) or len(parts) > 3:
        raise ValueError("must be a language such as de or pt-br")
    return name.lower()


def _host(name: str) -> str:
    if not otp.is_host(name.lower()):
        raise ValueError("must be the name of a host, such as login.example.com")
    return name.lower()


def _app_hash(value: str) -> str:
    if not otp.is_app_hash(value):
        raise ValueError("must be the 11 characters of an app's hash, such as FA+9qCX9VSu")
    return value


Language = Annotated[str, AfterValidator(_language)]


class OtpPolicySettings(Settings):
    """What codes are like; of a group or an account only those keys that differ."""

    length: int = setting(
        "Characters of a code; four or five only with `unsafe`.", 6, ge=otp.LENGTHS.start, le=otp.LENGTHS.stop - 1
    )
    unsafe: bool = setting(
        "Let codes have four or five characters, which is less than NIST and OWASP ask.", default=False
    )
    alphabet: Alphabet = setting("What codes are made of: digits, or letters (20 consonants).", Alphabet.DIGITS)
    life: float = setting(
        "Seconds for which a code is valid where its request names none.", 300.0, ge=30, le=otp.LONGEST_LIFE
    )
    longest_life: float = setting(
        "Most seconds that a request may name; what is longer is cut, and the answer says so.",
        otp.LONGEST_LIFE,
        ge=30,
        le=otp.LONGEST_LIFE,
    )
    tries: int = setting("Checks that one code stands; a wrong one more ends it.", 5, ge=1, le=10)
    failures_per_hour: int = setting(
        "Wrong codes of one recipient within an hour after which none is looked at, whatever the code or reference.",
        15,
        ge=1,
        le=100,
    )
    lock_after: int = setting(
        "Wrong codes of one recipient in a row after which none is looked at until an operator unlocks it.",
        50,
        ge=1,
        le=100,
    )
    resend_after: float = setting(
        "Seconds before a code may be sent again; twice as many before each further time.", 30.0, ge=1, le=600
    )
    language: Language = setting("Language of the text where a request names none.", "en")
    templates: dict[Language, Annotated[str, AfterValidator(_template)]] = setting(
        "Texts by language, each with one %s or {code}, and {minutes} where you like; other languages have ours.",
        {},
        examples=[{"de": "Ihr Code: {code}"}],
    )
    hosts: list[Annotated[str, AfterValidator(_host)]] = setting(
        "Sites that a text may be bound to by its last line (@host #code).", [], examples=[["login.shop.example"]]
    )
    app_hashes: list[Annotated[str, AfterValidator(_app_hash)]] = setting(
        "Android apps that a text may be bound to: the 11 characters by which SMS Retriever knows them.",
        [],
        examples=[["FA+9qCX9VSu"]],
    )
    custom_code: bool = setting("Let requests bring codes of their own.", default=False)
    generic: bool | None = setting(
        "Answer a check with yes or no only, without saying what was wrong: true at every door, false at none; without"
        " it /v1 says no more, and OTP-Pi's door tells an expired code from a wrong one.",
        None,
    )
    fallback: bool = setting(
        "Let requests name a mail address that the code goes to where its text cannot; whoever reads that mail then"
        " has the code of the number.",
        default=False,
    )
    fallback_after: float = setting(
        "Seconds after which a text that has not left goes by mail instead, where the request names an address.",
        30.0,
        ge=1,
        le=otp.LONGEST_LIFE,
    )
    guard: GuardPolicySettings | None = setting("How many codes may be asked for, where that differs.", None)


class OtpSettings(OtpPolicySettings):
    """One-time passwords: the keys under which they are kept, and what they are like."""

    keys: list[Secret] = setting(
        "Keys of 256 bits (`openssl rand -hex 32`) under which codes are kept: the first signs, the others are still"
        " good for what they have signed; without any it is one made from server.secret.",
        [],
        examples=[["env:SMSHUB_OTP_KEY"]],
    )
    guard: GuardSettings = setting("How many codes may be asked for.", GuardSettings())


def policy_of(*tables: OtpPolicySettings | None) -> OtpPolicy:
    """Lay tables one over the other, the last one on top, and make the policy that they describe."""
    laid: dict[str, Any] = {}
    templates: dict[str, str] = dict(otp.TEMPLATES)
    for table in tables:
        if table is not None:
            own = table.model_fields_set & set(OtpPolicySettings.model_fields)
            laid |= {name: getattr(table, name) for name in own}
            templates |= table.templates
    laid |= {name: frozenset(laid[name]) for name in ("hosts", "app_hashes") if name in laid}
    laid["templates"] = tuple(sorted(templates.items()))
    laid["guard"] = guard_policy(*(None if table is None else table.guard for table in tables))
    return OtpPolicy(**laid)


def merged(below: OtpPolicySettings | None, above: OtpPolicySettings | None) -> OtpPolicySettings | None:
    """Lay one table over another, keeping what neither has written open."""
    if below is None or above is None:
        return above or below
    written: dict[str, Any] = {
        name: getattr(table, name) for table in (below, above) for name in table.model_fields_set
    }
    if "templates" in written:
        written["templates"] = below.templates | above.templates
    if "guard" in written:
        written["guard"] = merged_guard(below.guard, above.guard)
    return OtpPolicySettings.model_validate(written)


def otp_keys(table: OtpSettings, server_key: bytes) -> tuple[OtpKey, ...]:
    """Give the keys for codes, the one that signs first; the one made from the server's key is always among them."""
    return (*(otp_key(key.reveal().encode()) for key in table.keys), otp_key(server_key))


def check_otp(config: "Config") -> Iterator[ConfigError]:
    """Tell what is wrong between the keys of a policy, wherever they are written."""
    for place, key in enumerate(config.otp.keys):
        try:
            weak = len(key.reveal()) * 6 < KEY_BITS
        except SecretMissing:
            continue  # told with the other secrets
        if weak:
            yield ConfigError.of(
                ("otp", "keys", place), f"is shorter than {KEY_BITS} bits", "Make one: openssl rand -hex 32"
            )
    yield from _check(("otp",), config.otp)
    yield from _check(("defaults", "otp"), config.otp, config.defaults.otp)
    for name, group in config.groups.items():
        if group.otp is not None:
            yield from _check(("groups", name, "otp"), config.otp, config.defaults.otp, group.otp)
    for name, account in config.accounts.items():
        if account.otp is not None:
            shared = config.groups.get(account.group or "")
            tables = (config.otp, config.defaults.otp, None if shared is None else shared.otp, account.otp)
            yield from _check(("accounts", name, "otp"), *tables)


def _check(loc: Loc, *tables: OtpPolicySettings | None) -> Iterator[ConfigError]:
    policy = policy_of(*tables)
    if tables[-1] is None:
        return
    if policy.length < otp.SAFE_LENGTH and not policy.unsafe:
        mend = f"Write {otp.SAFE_LENGTH} or more, or unsafe = true."
        yield ConfigError.of((*loc, "length"), f"is shorter than {otp.SAFE_LENGTH}", mend)
    if policy.life > policy.longest_life:
        yield ConfigError.of(
            (*loc, "life"), f"is longer than longest_life ({policy.longest_life:g})", "Write no more than that."
        )
