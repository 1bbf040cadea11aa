"""
The generic way out over HTTP: any provider that takes a text by GET or POST, set up by the operator.

It has every parameter of privacyIDEA's HTTP gateway, by its name in lower case, and rules of its own that tell one no
from another. `mode = "exact"` makes the very requests that privacyIDEA makes; the default, `safe`, makes requests that
no text can change.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, cast
from urllib.parse import unquote, urlsplit

import yarl

from smshub.connectors import httptemplate as template
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.exchange import (
    FORM,
    JSON,
    Request,
    Response,
    basic,
    by_status,
    refusal,
    retry_after,
    split_address,
    with_query,
)
from smshub.connectors.httpbase import HttpSender
from smshub.connectors.httpsettings import HttpSettings, compiled
from smshub.connectors.redaction import address_secrets
from smshub.connectors.rewriting import rewrite
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.settings import Secret

EXACT_TIMEOUT = 3.0
MAX_REFS = 16
MAX_REF = 255


class Connector(HttpSender):
    """Sends texts through any HTTP gateway by the operator's description of it."""

    settings_class: ClassVar[type[ConnectorSettings]] = HttpSettings

    def __init__(self, name: str, settings: HttpSettings) -> None:
        super().__init__(name, settings)
        self.http = settings
        self.exact = settings.mode == "exact"
        self.capabilities = Capabilities(idempotent=settings.idempotent)
        if self.exact and settings.timeout is None:
            self._timeout = EXACT_TIMEOUT

    def request(self, message: Message) -> Request:
        """Make the request for a message. Raises ValueError where it cannot be encoded."""
        phone = rewrite(self._phone(message), self.http.regexp)
        headers = {name: self._header(value, message) for name, value in self.http.headers.items()}
        if self._authorization is not None:
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            headers["Authorization"] = self._authorization
        method = self.http.method if self.exact else self.http.method.upper()
        if self.exact and method != "POST":
            method = "GET"
        query, body, content_type = self._encoded(method, message, phone)
        if content_type and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = content_type
        return Request(method, with_query(self._target, query), headers, body)

    def _encoded(self, method: str, message: Message, phone: str) -> tuple[str, bytes, str]:
        """Give the query, the body and its content type."""
        as_json = self.http.send_data_as_json and method != "GET"
        if self.exact:
            made = {name: template.exact_value(option, phone, message.text) for name, option in self._options.items()}
            values = {**self._parameters, **made}
            encoded = template.exact_json(values) if as_json else template.exact_form(values).encode()
        else:
            tags = {
                "otp": message.text,
                "text": message.text,
                "phone": phone,
                "to": phone,
                "from": message.originator,
                "id": message.id,
            }
            values = {**self._parameters, **template.fill(self._options, tags)}
            encoded = template.safe_json(values) if as_json else template.safe_form(values).encode()
        if method == "GET":
            return encoded.decode(), b"", ""
        return "", encoded, JSON if as_json else FORM if encoded else ""

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means: refusals that a rule names, then the status, then what marks a success."""
        text = response.text
        if refused := self._refused(text):
            return refused
        if response.status not in self.http.success_status:
            if 200 <= response.status < 300:
                return Uncertain(detail=f"status {response.status}: {text}")
            if response.status in self.http.refused_status:
                return Deferred(Reason.TEMPORARY, str(response.status), text, retry_after(response))
            return by_status(response, text)
        if self._marked(text):
            return Accepted(self._refs(text))
        # Without a word of the provider's there is nothing that says no.
        return Deferred(Reason.UNKNOWN, self._code(text), text) if text.strip() else Uncertain(detail="an empty answer")

    def _refused(self, text: str) -> Deferred | Rejected | None:
        """Give the refusal that a rule finds in an answer."""
        code = self._code(text)
        for pattern, reason in self.http.reasons.items():
            if compiled(pattern).search(text):
                return refusal(reason, code, text)
        if _found(self.http.permanent_failure_pattern, text):
            return Rejected(Reason.UNKNOWN, code, text)
        if _found(self.http.temporary_failure_pattern, text):
            return Deferred(Reason.TEMPORARY, code, text)
        ignored = self.exact and self.http.return_success
        if self.http.return_fail and not ignored and self.http.return_fail in text:
            return Deferred(Reason.UNKNOWN, code, text)
        return None

    def _marked(self, text: str) -> bool:
        """Say whether an answer bears the mark of success, or needs none."""
        if self.http.return_success and self.http.return_success not in text:
            return False
        return self.http.success_pattern is None or _found(self.http.success_pattern, text) is not None

    def _refs(self, text: str) -> tuple[str, ...]:
        """Find the provider's ids in an answer."""
        if self.http.id_pattern is None:
            return ()
        found = (match[1] if match.re.groups else match[0] for match in compiled(self.http.id_pattern).finditer(text))
        return tuple(dict.fromkeys(ref for ref in found if ref and len(ref) <= MAX_REF))[:MAX_REFS]

    def _code(self, text: str) -> str | None:
        """Find the provider's error code in an answer."""
        match = _found(self.http.code_pattern, text)
        return (match[1] if match.re.groups else match[0]) if match else None

    def secret_values(self) -> Iterable[str]:
        """Give the Basic header and what stands in the address."""
        for address in (self._url, *self._proxies.values()):
            yield from address_secrets(address)
        with suppress(ValueError):
            yield (self._authorization or "").removeprefix("Basic ")

    def proxy_for(self, url: yarl.URL) -> str | None:
        """Give the proxy for an address: the one for its scheme, else the general one."""
        return self._proxies.get(url.scheme) or self._proxies.get("")

    @cached_property
    def _proxies(self) -> dict[str, str]:
        """The proxies by scheme; privacyIDEA's old PROXY is for addresses of the proxy's own scheme only."""
        http, https = self.http.http_proxy, self.http.https_proxy
        proxies = {"http": self.resolved(http or ""), "https": self.resolved(https or "")}
        general = self.resolved(self.http.proxy or "")
        if self.exact and general:
            return {general.partition(":")[0]: general} if not (http or https) else proxies
        return {**proxies, "": general}

    @cached_property
    def _url(self) -> str:
        """The address as set, with what it refers to."""
        return self.resolved(self.http.url)

    @cached_property
    def _target(self) -> str:
        """The address as it goes on the wire: without user and fragment, quoted."""
        url = split_address(self._url)
        host = yarl.URL.build(scheme=url.scheme, host=url.hostname or "", port=url.port)
        path = template.quoted(url.path or "/")
        return with_query(f"{host.scheme}://{host.raw_authority}{path}", template.quoted(url.query))

    @cached_property
    def _authorization(self) -> str | None:
        """The Basic header, from the settings or from the address. Raises ValueError where it cannot be made."""
        username = self.http.username
        password = self.reveal(self.http.password) if self.http.password else None
        charset = "latin-1" if self.exact else "utf-8"
        if username and password is not None:
            return basic(username, password, charset)
        user, at, _ = urlsplit(self._url).netloc.rpartition("@")
        if not at:
            return None
        if self.exact and username is None and password is None:
            # Two @ or two : are one too many for privacyIDEA, and so for us.
            user, _ = urlsplit(self._url).netloc.split("@")
            user, password = user.split(":")
            return basic(user, password, charset)
        user, _, password = user.partition(":")
        return basic(unquote(user), unquote(password), charset)

    @cached_property
    def _options(self) -> dict[str, Any]:
        """The options with their secrets; in the safe mode with their structure read."""
        options = cast("dict[str, Any]", self._plain(self.http.options))
        if self.exact:
            return options
        as_json = self.http.send_data_as_json
        return {name: template.structure(option, as_json=as_json) for name, option in options.items()}

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        """The fixed fields with their secrets."""
        return cast("dict[str, Any]", self._plain(self.http.parameters))

    def _plain(self, value: Any) -> Any:
        """Give a structure with its secrets revealed."""
        match value:
            case Secret():
                return template.Verbatim(self.reveal(value))
            case dict():
                return {name: self._plain(item) for name, item in value.items()}
            case list():
                return [self._plain(item) for item in value]
            case _:
                return value

    def _header(self, value: str | Secret, message: Message) -> str:
        """Give the value of a header. Raises ValueError where it would end the line."""
        plain = self.reveal(value) if isinstance(value, Secret) else value
        if not self.exact and "{id}" in plain:
            plain = plain.replace("{id}", message.id)
        if any(c in plain for c in "\r\n\0"):
            raise ValueError("a header with a line end")
        return plain

    def _phone(self, message: Message) -> str:
        """Give the number as the provider wants it."""
        match self.http.phone_format:
            case "written":
                return message.to_written
            case "plus" if message.to.isdigit():
                return f"+{message.to}"
            case _:
                return message.to


def _found(pattern: str | None, text: str) -> re.Match[str] | None:
    """Search by a rule that may be none."""
    return compiled(pattern).search(text) if pattern else None
