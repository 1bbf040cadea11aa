"""The table [otp.guard]: how many codes may be asked for; a group or an account may have limits of its own."""

from typing import Annotated, Any

from pydantic import AfterValidator

from smshub.config.values import country_code
from smshub.domain.conversion import ConversionRules
from smshub.domain.guard import ANYWHERE, MOST_EXACT, MOST_RECIPIENT, GuardMode, GuardPolicy
from smshub.settings import Settings, setting

MOST = 1_000_000_000


def _country(code: str) -> str:
    return code if code == ANYWHERE else country_code(code)


class GuardPolicySettings(Settings):
    """How many codes may be asked for; of a group or an account only those keys that differ."""

    mode: GuardMode = setting(
        "off, record (write down what would be refused, and refuse nothing) or enforce. Begin with record.",
        GuardMode.RECORD,
    )
    countries: list[Annotated[str, AfterValidator(_country)]] = setting(
        'Countries (ISO 3166) that codes may go to; empty is the account\'s own `country` only, ["*"] is all.',
        [],
        examples=[["DE", "AT", "CH"]],
    )
    recipient_10_minutes: int = setting(
        "Codes to one receiver, number or mail address, within 10 minutes, repeats among them; 0 is no limit, here and"
        " in the others.",
        5,
        ge=0,
        le=MOST_RECIPIENT,
    )
    recipient_day: int = setting("Codes to one receiver within 24 hours.", 10, ge=0, le=MOST_RECIPIENT)
    source_hour: int = setting(
        "Codes for one address of a person (`source` of the request; of IPv6 its /64) within an hour.",
        30,
        ge=0,
        le=MOST_EXACT,
    )
    source_day: int = setting("Codes for one address of a person within 24 hours.", 100, ge=0, le=MOST_EXACT)
    account_hour: int = setting("Codes of one account within an hour.", 0, ge=0, le=MOST)
    account_day: int = setting("Codes of one account within 24 hours.", 0, ge=0, le=MOST)
    prefix_10_minutes: int = setting(
        "Codes within 10 minutes to numbers that share all but their last four digits (at most eight are compared).",
        30,
        ge=0,
        le=MOST_EXACT,
    )
    country_hour: int = setting("Codes to one country within an hour.", 0, ge=0, le=MOST)
    country_day: int = setting("Codes to one country within 24 hours.", 0, ge=0, le=MOST)
    domain_hour: int = setting("Codes to addresses of one mail domain within an hour.", 0, ge=0, le=MOST)
    sequence: int = setting(
        "Numbers that follow each other, asked for within 10 minutes without a code being typed: so many are one too"
        " many; 0 does not look.",
        5,
        ge=0,
        le=50,
    )


class GuardSettings(GuardPolicySettings):
    """How many codes may be asked for, and when nearly nobody types them."""

    least: int = setting("Receivers of a prefix, the latest, by whom it is judged.", 20, ge=5, le=50)
    ripe_after: float = setting(
        "Seconds after which a code that nobody has typed counts as not typed.", 120.0, ge=10, le=600
    )
    alarm_below: float = setting(
        "Share of receivers who type their code, below which a prefix is warned of.", 0.25, ge=0, le=1
    )
    block_below: float = setting(
        "Share below which codes to the prefix are refused for `block_for`; 0 never does.", 0.05, ge=0, le=1
    )
    block_for: float = setting("Seconds for which a prefix is blocked.", 3_600.0, ge=60, le=86_400)


def guard_policy(*tables: GuardPolicySettings | None) -> GuardPolicy:
    """Lay tables one over the other, the last one on top, and make the policy that they describe."""
    laid: dict[str, Any] = {}
    rules: dict[str, float] = {}
    for table in tables:
        for name in () if table is None else table.model_fields_set:
            (laid if name in GuardPolicySettings.model_fields else rules)[name] = getattr(table, name)
    if "countries" in laid:
        laid["countries"] = frozenset(laid["countries"])
    return GuardPolicy(**laid, conversion=ConversionRules(**rules))  # type: ignore[arg-type]


def merged_guard(below: GuardPolicySettings | None, above: GuardPolicySettings | None) -> GuardPolicySettings | None:
    """Lay one table over another, keeping what neither has written open."""
    if below is None or above is None:
        return above or below
    written = {name: getattr(table, name) for table in (below, above) for name in table.model_fields_set}
    return GuardPolicySettings.model_validate(written)
