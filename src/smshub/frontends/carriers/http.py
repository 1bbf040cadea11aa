"""
HTTP: the hot doors as plain ASGI endpoints, ahead of the documented application that serves the rest.

ASGI 3.0, https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers.certificates import names_of

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_LIMIT = 256 * 1024
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"wa-api-key"})

# Where a door that knows its caller by something else than these headers writes the account into the scope.
ACCOUNT = "smshub.account"


class Disconnected(Exception):
    """The caller went away before its request was whole."""


async def read_body(scope: Scope, receive: Receive, limit: int = BODY_LIMIT) -> bytes:
    """Read a request's body. Raises `Refused` (BodyTooLarge) and `Disconnected`."""
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise Refused(Refusal.MALFORMED, "BodyTooLarge", limit=limit)
        return body
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > limit:  # refused before it is sent
        raise Refused(Refusal.MALFORMED, "BodyTooLarge", limit=limit)
    chunks = [body]
    size = len(body)
    while message.get("more_body", False):
        if size > limit:
            raise Refused(Refusal.MALFORMED, "BodyTooLarge", limit=limit)
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise Refused(Refusal.MALFORMED, "BodyTooLarge", limit=limit)
    return b"".join(chunks)


async def answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Answer a request whole."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def peer_of(scope: Scope) -> str:
    """Tell the caller's address."""
    client = scope.get("client")
    return client[0] if client else ""


def credentials_of(authorization: bytes) -> tuple[str, str]:
    """Read a Basic Authorization header (RFC 7617). Raises `Refused`."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if colon:
            return name, password
    raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")


class Caller:
    """Tells the account behind a request: Basic, `X-API-Key` or `WA-API-Key`, or a client certificate."""

    def __init__(self, gate: Gatekeeper) -> None:
        self._gate = gate

    def remembered(self, headers: Headers) -> Account | None:
        """Tell it at once where this very header was verified a moment ago."""
        for name, value in headers:
            if name == b"authorization":
                return self._gate.remembered(value)
        return None

    def known(self, headers: Headers) -> Account | None:
        """Tell it at once by an API key, or by a header that was verified a moment ago; verifies nothing."""
        for name, value in headers:
            if name in {b"x-api-key", b"wa-api-key"}:
                return self._gate.account_of_key(value.decode("latin-1"))
        return self.remembered(headers)

    def at_once(self, scope: Scope) -> Account | None:
        """Tell it at once where this very header was verified a moment ago, and no certificate has a say."""
        return None if "extensions" in scope else self.remembered(scope["headers"])

    async def of(self, scope: Scope) -> Account:
        """
        Tell whom the certificate and the headers of a request name. Raises `Refused`.

        A certificate is enough where there are no credentials; where there are, both must be of the same account.
        """
        headers: Headers = scope["headers"]
        account = self._gate.account_of_certificate(names_of(scope)) if "extensions" in scope else None
        if account is not None and _CREDENTIALS.isdisjoint(name for name, _ in headers):
            return account
        named = await self.account(headers, peer_of(scope))
        if account is not None and account.name != named.name:
            log.warning("caller.two_accounts", transport=account.name, call=named.name)
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        return named

    async def account(self, headers: Headers, peer: str) -> Account:
        """Verify the credentials. Raises `Refused`."""
        known = self.remembered(headers)
        if known is not None:
            return known
        given = dict(headers)
        key = given.get(b"x-api-key") or given.get(b"wa-api-key")
        if key is not None:
            return await self._gate.authenticate_key(key.decode("latin-1"), source=peer)
        authorization = given.get(b"authorization")
        if authorization is None:
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        username, password = credentials_of(authorization)
        generation = self._gate.generation
        account = await self._gate.authenticate(username, password, source=peer)
        self._gate.remember(authorization, account, generation=generation)
        return account


def check_door(account: Account, door: str) -> None:
    """Raise `Refused` where an account may not use this door."""
    if account.doors and door not in account.doors:
        raise Refused(Refusal.FORBIDDEN, "DoorClosed", door=door)


def below(path: str, inner: Endpoint, rest: Endpoint) -> Endpoint:
    """Hand requests for a path and everything below it to one endpoint, all others to `rest`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["path"] if scope["type"] == "http" else ""
        await (inner if asked == path or asked.startswith(f"{path}/") else rest)(scope, receive, send)

    return serve


class Doors:
    """
    The outermost ASGI application: hot endpoints by method and path, everything else to the documented one.

    `mount` is the path below which the hub is published, `/` for the root.
    """

    def __init__(self, hot: Mapping[tuple[str, str], Endpoint], rest: Endpoint, mount: str = "/") -> None:
        self._hot = dict(hot)
        self._rest = rest
        self._mount = mount.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            if self._mount:
                path: str = scope["path"]
                if path != self._mount and not path.startswith(self._mount + "/"):
                    await answer(send, 404, [(b"content-type", b"text/plain; charset=utf-8")], b"not found\n")
                    return
                scope["path"] = path[len(self._mount) :] or "/"
                scope["raw_path"] = scope["path"].encode()
            endpoint = self._hot.get((scope["method"], scope["path"]))
            if endpoint is not None:
                try:
                    await endpoint(scope, receive, send)
                except Disconnected:
                    return
                return
        await self._rest(scope, receive, send)
