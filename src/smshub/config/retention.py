"""The table [retention]: how long what is kept."""

from smshub.domain.upkeep import DAY, Periods
from smshub.settings import Settings, setting

LONGEST = 36_500
HOUR = 3_600.0


class Retention(Settings):
    """How long what is kept; it goes within the hour. Texts of codes are not here: they go when they are over."""

    transactional: float = setting(
        "Days for which the texts of transactional messages are kept; 0 erases them when they are over.",
        30,
        ge=0,
        le=LONGEST,
    )
    bulk: float = setting("Days for which the texts of bulk messages are kept.", 30, ge=0, le=LONGEST)
    messages: float = setting(
        "Days for which messages are kept without their texts: who was sent what kind of text, when, by which way, and"
        " what became of it.",
        90,
        ge=8,
        le=LONGEST,
    )
    incoming: float = setting("Days for which texts that came in are kept.", 30, ge=0, le=LONGEST)
    parked: float = setting(
        "Days for which documents of brokers that could not be handled are kept.", 30, ge=0, le=LONGEST
    )
    audit: float = setting("Days for which the audit log is kept.", 365, ge=1, le=LONGEST)
    references: float = setting(
        "Hours for which idempotency keys are kept: a repeat within them gets the first answer.", 48, ge=24, le=168
    )


def periods_of(table: Retention) -> Periods:
    """Give the periods of the table, in seconds."""
    return Periods(
        transactional=table.transactional * DAY,
        bulk=table.bulk * DAY,
        messages=table.messages * DAY,
        incoming=table.incoming * DAY,
        parked=table.parked * DAY,
        audit=table.audit * DAY,
        references=table.references * HOUR,
    )
