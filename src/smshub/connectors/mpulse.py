"""
Mpulse (mpulse.eu, Luxembourg), UNVERIFIED: its interface for texts is not public, so this is a frame to be filled in.

It is the generic HTTP gateway, with what can be said without a description of theirs: the operator brings the address,
the fields and what marks a yes, from the papers that Mpulse gave him, and has not been told otherwise by anybody.
"""

import logging
from typing import Any, ClassVar, Self

from pydantic import model_validator

from smshub.connectors import http
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.httpsettings import HttpSettings
from smshub.settings import setting

WARNING = (
    "connector %s: the type mpulse is unverified. Its requests are what its settings make them; nobody has compared"
    " them with Mpulse's interface. Send a test text before you rely on it"
)

_log = logging.getLogger(__name__)


class Settings(HttpSettings):
    """UNVERIFIED: Mpulse, by the address, the fields and the marks of success that Mpulse gave you."""

    url: str = setting(
        "Unverified: address that Mpulse gave you; there is no default. May be env:NAME or file:PATH.",
    )
    method: str = setting("Unverified: GET (fields in the query), POST or PUT (fields in the body).", "POST")
    options: dict[str, Any] = setting(
        "Unverified: fields of the request as Mpulse describes them; one holds {text}, one {phone}.",
    )

    @model_validator(mode="after")
    def _filled_in(self) -> Self:
        """Refuse a frame that is not filled in: it would send nothing, or take any answer for a yes."""
        written = str(self.options)
        for tags in (("{otp}", "{text}"), ("{phone}", "{to}")):
            if not any(tag in written for tag in tags):
                raise ValueError(f"no field of options holds {' or '.join(tags)}")
        if not self.return_success and not self.success_pattern:
            raise ValueError("return_success or success_pattern must say what marks a yes of Mpulse's")
        return self


class Connector(http.Connector):
    """Sends texts by the operator's description of the interface, and says at start that nobody has verified it."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings

    async def open(self) -> None:
        """Warn, read the secrets and make the pool. Raises `SecretMissing` and OSError (no such CA file)."""
        _log.warning(WARNING, self.name)
        await super().open()
