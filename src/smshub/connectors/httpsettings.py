"""The settings of the generic way out over HTTP: the parameters of privacyIDEA's HTTP gateway, and rules of our own."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_serializer, field_validator, model_validator

from smshub.connectors.exchange import checked_address
from smshub.connectors.httpbase import ProviderSettings
from smshub.connectors.redaction import sensitive, shown_url
from smshub.connectors.rewriting import check
from smshub.domain.delivery import Reason
from smshub.settings import Secret, setting

# Other names of settings: privacyIDEA's, and a short one.
SYNONYMS = {"http_method": "method", "parameter": "parameters", "json": "send_data_as_json"}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TAGGED = re.compile(r"\{(?:otp|text|phone|to|from|id)\}")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"})


class HttpSettings(ProviderSettings):
    """One HTTP gateway. The parameters of a privacyIDEA gateway are taken by its names for them too."""

    url: str = setting("Address of the gateway; nothing is replaced in it. May be env:NAME or file:PATH.")
    method: str = setting("GET (fields in the query), POST or PUT (fields in the body).", "GET")
    mode: Literal["safe", "exact"] = setting(
        "safe: a text cannot change the request; exact: every quirk of privacyIDEA's gateway.", "safe"
    )
    username: str | None = setting("User for Basic authentication.", None)
    password: Secret | None = setting("Password for Basic authentication.", None)
    options: dict[str, Any] = setting("Fields of the request; {otp} is the text, {phone} the number.", {})
    parameters: dict[str, Any] = setting("Fixed fields of the request, in which nothing is replaced.", {})
    headers: dict[str, Any] = setting("Headers of the request, sent as they are.", {})
    send_data_as_json: bool = setting("Send the fields of a POST as a JSON object (short: json).", False)
    return_success: str | None = setting("The message was taken if the answer contains this.", None)
    return_fail: str | None = setting("The message was not taken if the answer contains this.", None)
    success_pattern: str | None = setting("Regular expression of an answer that took the message.", None)
    permanent_failure_pattern: str | None = setting("Regular expression of a final refusal.", None)
    temporary_failure_pattern: str | None = setting("Regular expression of a refusal that may pass.", None)
    reasons: dict[str, Reason] = setting("Reasons of refusals, each by a regular expression of its answer.", {})
    id_pattern: str | None = setting("Regular expression that finds the provider's message id (its first group).", None)
    code_pattern: str | None = setting("Regular expression that finds the provider's error code.", None)
    success_status: tuple[int, ...] = setting("HTTP statuses of an answer that can be a yes.", (200, 201, 202))
    refused_status: tuple[int, ...] = setting(
        "HTTP statuses after which the provider has surely not taken the message, such as 500 where it promises so.", ()
    )
    regexp: str | None = setting("Rewriting of the number: /pattern/replacement/.", None)
    phone_format: Literal["digits", "plus", "written"] = setting(
        "How {phone} is written: digits, with a plus, or as the caller wrote it.", "digits"
    )
    http_proxy: str | None = setting("Proxy for http addresses.", None)
    https_proxy: str | None = setting("Proxy for https addresses.", None)
    idempotent: bool = setting("The provider recognises a repeated {id}, so that repeating is safe.", False)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, table: Any) -> Any:
        """Take the parameters by the names that privacyIDEA gives them."""
        if not isinstance(table, Mapping):
            return table
        named: dict[str, Any] = {}
        for key, value in table.items():
            lower = key.lower() if key.isupper() else key
            name = SYNONYMS.get(lower, lower)
            if name in named:
                raise ValueError(f"'{key}' is given twice under two names")
            named[name] = value
        return named

    @field_validator("url", "http_proxy", "https_proxy")
    @classmethod
    def _addresses(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return checked_address(url)

    @field_validator("options", "parameters", "headers")
    @classmethod
    def _hide(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Make what is a secret, by its form or its name, a Secret."""
        return {name: _hidden(name, value) for name, value in table.items()}

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would break the request."""
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
                raise ValueError(f"'{name}' cannot be set as a header")
            if not isinstance(value, str | Secret):
                raise ValueError(f"the header '{name}' must be a text")  # noqa: TRY004 - pydantic reads ValueError
        return headers

    @field_validator(
        "success_pattern", "permanent_failure_pattern", "temporary_failure_pattern", "id_pattern", "code_pattern"
    )
    @classmethod
    def _pattern(cls, pattern: str | None) -> str | None:
        """Refuse what is no regular expression."""
        if pattern is not None:
            compiled(pattern)
        return pattern or None

    @field_validator("reasons")
    @classmethod
    def _reasons(cls, reasons: dict[str, Reason]) -> dict[str, Reason]:
        """Refuse what is no regular expression."""
        for pattern in reasons:
            compiled(pattern)
        return reasons

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse in the safe mode what the exact one passes over in silence."""
        if both := sorted(self.options.keys() & self.parameters.keys()):
            raise ValueError(f"'{both[0]}' is both an option and a parameter")
        if self.mode == "safe":
            if self.method.upper() not in {"GET", "POST", "PUT"}:
                raise ValueError(f"the method is '{self.method}'; it must be GET, POST or PUT")
            if self.regexp:
                check(self.regexp)
        return self

    @field_serializer("options", "parameters", "headers")
    def _masked(self, table: dict[str, Any]) -> Any:
        return _shown(table)

    @field_serializer("url", "http_proxy", "https_proxy")
    def _masked_addresses(self, url: str | None) -> str | None:
        return url and shown_url(url)


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a rule. Raises ValueError."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is not a regular expression: {error}") from None


def _hidden(name: str, value: Any) -> Any:
    """Make a text a Secret where it is a reference or bears the name of one and is no template."""
    match value:
        case dict():
            return {inner: _hidden(inner, item) for inner, item in value.items()}
        case list():
            return [_hidden(name, item) for item in value]
        case str() if value.startswith(("env:", "file:")) or (value and sensitive(name) and not _TAGGED.search(value)):
            return Secret(value)
        case _:
            return value


def _shown(value: Any) -> Any:
    """Give a table of fields as it may be shown."""
    match value:
        case Secret():
            return value.shown
        case dict():
            return {name: _shown(item) for name, item in value.items()}
        case list():
            return [_shown(item) for item in value]
        case _:
            return value
