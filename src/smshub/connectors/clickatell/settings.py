"""The settings of the way out through Clickatell."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from smshub.connectors.callbacks import CalledSettings
from smshub.connectors.exchange import checked_address
from smshub.settings import Secret, setting

URLS: Mapping[str, str] = {
    "http": "https://api.clickatell.com/http/sendmsg",
    "rest": "https://api.clickatell.com/rest/message",
    "platform": "https://platform.clickatell.com/messages",
    "one": "https://platform.clickatell.com/v1/message",
}

# Clickatell publishes no figure for its old interfaces; this is one that it does not mind.
OLD_THROUGHPUT = 10.0


class Settings(CalledSettings):
    """One account or integration at Clickatell."""

    api: Literal["http", "rest", "platform", "one"] = setting(
        "Which interface the account has: the old HTTP API, the old REST API, the Platform's REST API, the One API.",
        "one",
    )
    url: str | None = setting("Address to send to; without it Clickatell's own.", None)
    api_key: Secret | None = setting("API key of the integration (platform, one), or the token of rest.", None)
    username: str | None = setting("User of the old HTTP API.", None)
    password: Secret | None = setting("Password of the old HTTP API.", None)
    api_id: str | None = setting("API id of the old HTTP API.", None)
    source: str | None = setting("Sender where a message names none.", None)

    @field_validator("url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return checked_address(url)

    @model_validator(mode="before")
    @classmethod
    def _pace(cls, table: Any) -> Any:
        """Go slowly at the old interfaces, unless the operator says how fast."""
        if isinstance(table, Mapping) and table.get("api") in {"http", "rest"} and table.get("throughput") is None:
            return {**table, "throughput": OLD_THROUGHPUT}
        return table

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what cannot sign in."""
        if self.api == "http":
            if not self.username or self.password is None or not self.api_id:
                raise ValueError("username, password and api_id are missing, which api http needs")
        elif self.api_key is None:
            raise ValueError(f"api_key is missing, which api {self.api} needs")
        return self
