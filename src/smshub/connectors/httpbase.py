"""
The base of ways out over HTTP: a provider is two pure functions, `request` and `outcome`; this file does what waits.

The one question that everything here serves: can the provider have read the request? Until its first byte is
written a failure is Deferred, from then on it is Uncertain, and no request is ever written twice.
"""

import logging
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ClassVar, assert_never

import aiohttp
import msgspec
import yarl
from aiohttp.connector import Connection
from pydantic import field_serializer, field_validator

from smshub.connectors.base import ConnectorSettings, Sender
from smshub.connectors.exchange import Request, Response, by_status, checked_address
from smshub.connectors.redaction import Redaction, address_secrets, sensitive, shown_url
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Receipt, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.settings import MASK, Secret, setting

MAX_BODY = 65_536
MAX_CODE = 64

# Below the five seconds after which common servers close an idle connection: writing into one that closes just then
# ends in an outcome nobody can know.
KEEP_ALIVE = 4.0

# Connections beside those of the texts: one asks for reports, one what is left.
QUESTIONS = 2

# How many kept connections may turn out useless before the message is handed back.
MAX_STALE = 4

_log = logging.getLogger(__name__)


class ProviderSettings(ConnectorSettings):
    """Settings that every way out over HTTP has."""

    connections: int = setting("How many requests may be open at once.", 32, ge=1, le=1_000)
    timeout: float | None = setting(
        "Seconds for a whole request with its answer; none means what suits the provider (10).", None, gt=0, le=300
    )
    connect_timeout: float = setting("Seconds to reach the provider, TLS included.", 5.0, gt=0, le=60)
    proxy: str | None = setting("Proxy for requests to this provider, such as http://user:password@host:3128.", None)
    check_ssl: bool = setting("Whether the provider's certificate is verified.", True)
    ca_file: str | None = setting("File with the certificate authorities to trust in place of the system's.", None)
    low_credit: float | None = setting(
        "Warn when less than this is left on the account, where the provider tells what is left.", None, ge=0
    )
    balance_every: float = setting("Seconds between two questions what is left.", 600.0, ge=1, le=86_400)

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return checked_address(url)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show what may be shown: an address can hold a password."""
        return self.model_dump().items()

    @field_serializer("proxy")
    def _masked_proxy(self, url: str | None) -> str | None:
        return url and shown_url(url)


class HttpSender(Sender):
    """
    Sends one message a request over a shared pool of connections.

    A provider implements `request` and `outcome`. Its settings are a subclass of `ProviderSettings`; every Secret among
    them is read once, when the connector opens (`reveal` gives it), and masked wherever words of the provider go.
    """

    settings_class: ClassVar[type[ConnectorSettings]] = ProviderSettings
    tells: ClassVar[bool] = True
    default_timeout: ClassVar[float] = 10.0
    polls: ClassVar[bool] = False  # whether its provider is asked for reports (`receipt_request`)

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        super().__init__(name, settings)
        self.concurrency = settings.connections
        self.redaction = Redaction()
        self._settings = settings
        self.low_credit = settings.low_credit
        self.balance_every = settings.balance_every
        self._timeout = settings.timeout or self.default_timeout
        self._revealed: dict[Secret, str] = {}
        self._session: aiohttp.ClientSession | None = None

    def request(self, message: Message) -> Request:
        """Make the request for a message. Pure; raises ValueError where the message cannot be put into one."""
        raise NotImplementedError

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what a complete answer means. Pure; `by_status` has the words for what the provider leaves open."""
        raise NotImplementedError

    def balance_request(self) -> Request | None:
        """Make the request that asks what is left on the account; None where the provider has none. Pure."""
        return None

    def balance(self, response: Response) -> Balance | None:
        """Read what is left from a complete answer, None where it does not say. Pure."""
        return None

    async def fetch_balance(self) -> Balance | None:
        """Ask what is left on the account; None where the provider tells none, or not now."""
        try:
            request = self.balance_request()
            if request is None:
                return None
            answer = await self._exchange(request)
            if isinstance(answer, Response) and not answer.cut:
                return self.balance(answer)
        except (ValueError, TypeError, LookupError) as error:
            _log.debug("%s: no balance (%s)", self.name, type(error).__name__)
        return None

    def receipt_request(self, ref: str) -> Request | None:
        """Make the request that asks what became of a message; None where it cannot be asked. Pure."""
        return None

    def receipt_of(self, ref: str, response: Response) -> Receipt | None:
        """Read a report from a complete answer, None where there is none yet. Pure."""
        return None

    async def fetch_receipt(self, ref: str) -> Receipt | None:
        """Ask what became of a message, by its id at the provider; None where there is no report yet, or not now."""
        try:
            request = self.receipt_request(ref)
            if request is None:
                return None
            answer = await self._exchange(request)
            if isinstance(answer, Response) and not answer.cut:
                return self.receipt_of(ref, answer)
        except (ValueError, TypeError, LookupError) as error:
            _log.debug("%s: no report (%s)", self.name, type(error).__name__)
        return None

    def secret_values(self) -> Iterable[str]:
        """Give further values to mask, derived from the secrets (a Basic header, say); called when all are revealed."""
        return address_secrets(self.resolved(self._settings.proxy or ""))

    def proxy_for(self, url: yarl.URL) -> str | None:
        """Give the proxy for an address."""
        return self.resolved(self._settings.proxy or "") or None

    def reveal(self, secret: Secret) -> str:
        """Give a secret of the settings without reading its file again. Raises `SecretMissing`."""
        if secret not in self._revealed:
            self._revealed[secret] = secret.reveal()
        return self._revealed[secret]

    def resolved(self, url: str) -> str:
        """Give an address of the settings that may be a reference. Raises `SecretMissing`."""
        return self.reveal(Secret(url)) if url.startswith(("env:", "file:")) else url

    async def open(self) -> None:
        """Read the secrets and make the pool. Raises `SecretMissing` and OSError (no such CA file)."""
        for secret in _secrets(dict(self._settings)):
            self.reveal(secret)
        self.redaction = Redaction([*self._revealed.values(), *self.secret_values()])
        if not self._settings.check_ssl:
            _log.warning("connector %s does not verify the provider's certificate (check_ssl)", self.name)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # What asks for reports and balances must not keep a text waiting.
                limit=self._settings.connections + QUESTIONS,
                keepalive_timeout=KEEP_ALIVE,
                ttl_dns_cache=60,
                ssl=_tls(self._settings.ca_file, verify=self._settings.check_ssl),
            ),
            timeout=aiohttp.ClientTimeout(total=self._timeout, connect=self._settings.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            headers={"User-Agent": "smshub", "Accept": "*/*", "Accept-Encoding": "identity"},
            skip_auto_headers=("Content-Type",),
        )

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, message: Message) -> Outcome:
        """Send one message; whatever the provider said of it is masked and cut."""
        try:
            request = self.request(message)
        except (ValueError, TypeError, LookupError) as error:
            return Deferred(Reason.MISCONFIGURED, detail=f"no request can be made of it ({type(error).__name__})")
        if _log.isEnabledFor(logging.DEBUG):
            self._show_request(message, request)
        answer = await self._exchange(request)
        if isinstance(answer, Response):
            if _log.isEnabledFor(logging.DEBUG):
                self._show_response(message, answer)
            outcome = self._told(self._judge(message, answer), message)
        else:
            _log.debug("%s %s: %s", self.name, message.id, answer.detail)
            outcome = answer
        self.exchanged(message, outcome, partial(self._said, message, request, answer))
        return outcome

    def _said(self, message: Message, request: Request, answer: Response | Deferred | Uncertain) -> tuple[str, str]:
        """Write down what was said, masked."""
        head = f"{request.method} {self.redaction.mask(shown_url(request.url), message)}"
        names = (f"{name}: {MASK if sensitive(name) else value}" for name, value in request.headers.items())
        lines = self.redaction.mask("\n".join(names), message)
        asked = f"{head}\n{lines}\n\n{self.redaction.mask(request.body.decode('utf-8', 'replace'), message)}"
        if not isinstance(answer, Response):
            return asked.strip(), ""
        cut = "\n(it broke off, or was too large)" if answer.cut else ""
        return asked.strip(), f"{answer.status}\n\n{self.redaction.mask(answer.text, message)}{cut}".strip()

    def _judge(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means, also one that redirects or that broke off."""
        if 300 <= response.status < 400:
            return by_status(response)
        if not response.cut:
            return self.outcome(message, response)
        # A broken answer can still be a plain no, by its status; as a yes it says too little.
        if response.status >= 400:
            return by_status(response)
        return Uncertain(detail="the answer broke off, came too slowly or was too large")

    async def _exchange(self, request: Request) -> Response | Deferred | Uncertain:
        """Write a request and read its answer. Raises nothing but CancelledError."""
        for _ in range(MAX_STALE):
            once = _Once()
            try:
                async with self._asked(request, once) as response:
                    body, cut = await _read(response)
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return Response(response.status, headers, body, time.time(), cut)
            except _Stale:
                continue
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, _Broken) as error:
                return self._failed(request, error, begun=once.begun)
        return Deferred(Reason.UNREACHABLE, detail="the provider speaks before it is asked")

    def _asked(self, request: Request, once: "_Once") -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Give the exchange: within it the request is written and the head of the answer has come."""
        if self._session is None:
            raise aiohttp.ClientConnectionError
        url = yarl.URL(request.url, encoded=True)
        return self._session.request(
            request.method,
            url,
            headers=request.headers,
            data=request.body or None,
            proxy=self.proxy_for(url),
            allow_redirects=False,
            middlewares=(once,),
        )

    def _failed(self, request: Request, error: Exception, *, begun: bool) -> Deferred | Uncertain:
        """Say what a failed exchange means. In our words: an exception of the library may hold the whole address."""
        cause = error.__cause__ if isinstance(error, _Broken) and error.__cause__ else error
        kind = "timeout" if isinstance(cause, TimeoutError) else type(cause).__name__
        host = yarl.URL(request.url, encoded=True).host
        if begun:
            return Uncertain(detail=f"{host} did not answer: {kind}")
        if isinstance(cause, aiohttp.InvalidURL):
            return Deferred(Reason.MISCONFIGURED, detail="the address of the provider is not a valid one")
        if isinstance(cause, aiohttp.ClientHttpProxyError):
            return Deferred(Reason.UNREACHABLE, str(cause.status), f"the proxy did not connect to {host}")
        return Deferred(Reason.UNREACHABLE, detail=f"no connection to {host}: {kind}")

    def _told(self, outcome: Outcome, message: Message) -> Outcome:
        """Mask and cut what the outcome says."""
        detail = self.redaction.words(outcome.detail, message) if outcome.detail else None
        match outcome:
            case Deferred() | Rejected():
                code = self.redaction.words(outcome.code, message)[:MAX_CODE] if outcome.code else None
                return msgspec.structs.replace(outcome, detail=detail, code=code)
            case Accepted() | Uncertain():
                return msgspec.structs.replace(outcome, detail=detail)
            case _:
                assert_never(outcome)

    def _show_request(self, message: Message, request: Request) -> None:
        """Log what is about to be written, masked."""
        url = self.redaction.mask(shown_url(request.url), message)
        body = self.redaction.mask(request.body.decode("utf-8", "replace"), message)
        _log.debug("%s %s: %s %s %r", self.name, message.id, request.method, url, body)

    def _show_response(self, message: Message, response: Response) -> None:
        """Log what was answered, masked."""
        body = self.redaction.mask(response.text, message)
        _log.debug("%s %s: status %d%s %r", self.name, message.id, response.status, " cut" * response.cut, body)


class _Broken(Exception):
    """The connection broke after it was made; in place of errors upon which the library would write once more."""


class _Stale(Exception):
    """A kept connection is of no use: nothing was written to it, so another can be taken."""


class _Request(aiohttp.ClientRequest):
    """A request that knows whether its first byte may have been written."""

    begun = False

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """
        Write the request.

        A kept connection on which something came that nobody asked for is closed instead: the library would take that,
        a second answer to the message before, for the answer to this one.
        """
        if conn.protocol is None or conn.protocol.should_close or not conn.protocol.is_connected():
            conn.close()
            raise _Stale
        self.begun = True
        return await super().send(conn)


class _Once:
    """
    Keeps the library from writing a request twice, and remembers how far it came.

    It repeats a GET whose kept connection broke, as a GET may be (RFC 9112 §9.3.1); here a GET sends a text.
    """

    def __init__(self) -> None:
        self._request: aiohttp.ClientRequest | None = None

    @property
    def begun(self) -> bool:
        """Whether the first byte may have been written."""
        return isinstance(self._request, _Request) and self._request.begun

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Let the request through once."""
        self._request = request
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise _Broken from error


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Read at most `MAX_BODY` bytes of a body, and say whether it ended before its end."""
    body = b""
    try:
        while chunk := await response.content.read(MAX_BODY + 1 - len(body)):
            body += chunk
            if len(body) > MAX_BODY:
                response.close()
                return body[:MAX_BODY], True
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()
        return body, True
    return body, False


def _tls(ca_file: str | None, *, verify: bool) -> ssl.SSLContext:
    """Make the context for TLS 1.2 and later."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _secrets(value: Any) -> Iterable[Secret]:
    """Give every Secret in a table of settings, however deep."""
    match value:
        case Secret():
            yield value
        case Mapping():
            for item in value.values():
                yield from _secrets(item)
        case list() | tuple():
            for item in value:
                yield from _secrets(item)
        case _:
            return
