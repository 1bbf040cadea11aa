"""What providers call the hub with (`smshub.domain.callbacks`), and what the connectors that are called share."""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import field_serializer, field_validator

from smshub.connectors.exchange import checked_address, form
from smshub.connectors.httpbase import ProviderSettings
from smshub.connectors.redaction import shown_url
from smshub.domain.callbacks import Callback, Called, Forged
from smshub.settings import Secret, setting

__all__ = ["Callback", "Called", "CalledSettings", "Forged", "callback_address", "moment", "prove"]

# The field of the address that holds the secret.
KEY = "key"

# A provider's clock may be ahead of ours by as much; what is beyond it is no time of a report.
AHEAD = 86_400.0
EARLIEST = 946_684_800.0  # 2000


class CalledSettings(ProviderSettings):
    """Settings of ways out whose provider calls the hub."""

    callback_url: str | None = setting(
        "Address under which the provider reaches this hub, such as https://hub.example; without it no report is"
        " asked for.",
        None,
    )
    callback_secret: Secret | None = setting(
        "What the provider's calls must hold: /receipts/NAME?key=VALUE. Without it they are refused,"
        " where the provider does not sign them.",
        None,
    )

    @field_validator("callback_url")
    @classmethod
    def _callback(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return (checked_address(url) or "").rstrip("/") or None

    @field_serializer("callback_url")
    def _masked_callback(self, url: str | None) -> str | None:
        return url and shown_url(url)


def callback_address(base: str, connector: str, fields: Mapping[str, str]) -> str:
    """Give the address of a connector's receipts, as its provider is told it."""
    query = form(fields)
    return f"{base.rstrip('/')}/receipts/{quote(connector, safe='')}{'?' + query if query else ''}"


def prove(callback: Callback, secret: str | None) -> None:
    """See that the address of a call holds the secret. Raises `Forged`, also where there is no secret to hold."""
    given = next((value for name, value in callback.query if name == KEY), "")
    if not secret or not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()):
        raise Forged


def moment(value: Any, at: float, *, per_second: float = 1.0) -> float:
    """Read when something happened, in so many units a second since 1970; `at`, where it says no possible time."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return at
    try:
        seconds = float(value) / per_second
    except (ValueError, OverflowError):
        return at
    return seconds if EARLIEST <= seconds <= at + AHEAD else at
