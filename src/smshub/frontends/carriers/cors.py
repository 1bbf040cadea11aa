"""
Pages of other origins: what a browser asks and is told (Fetch Standard §3.2, https://fetch.spec.whatwg.org/#http-cors-protocol).

The origin is repeated exactly, never `*`, and never with leave to send a browser's own credentials: a page brings a
token or a key of its own.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers.http import ACCOUNT, Caller, Endpoint, Headers, Receive, Scope, Send, answer

METHODS = b"GET, POST, PUT, DELETE"
REQUEST_HEADERS = b"authorization, content-type, idempotency-key, x-api-key, wa-api-key"
EXPOSED = b"retry-after, idempotent-replay"
# Seconds for which a browser remembers a preflight: an origin that is taken off the list is soon refused.
REMEMBER = b"600"


class Cors:
    """
    Serves an application to the pages of the origins that accounts list.

    `paths` are those it is about, in small letters; one that ends with a slash stands for all below it. Before a call
    is known to be an account's (a preflight, a login, a refusal) an origin of any account counts.
    """

    def __init__(self, inner: Endpoint, gate: Gatekeeper, caller: Caller, paths: Iterable[str]) -> None:
        self._inner = inner
        self._gate = gate
        self._caller = caller
        self._paths = frozenset(paths)
        self._below = tuple(path for path in self._paths if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        headers: Headers = scope.get("headers", [])
        origin = next((value for name, value in headers if name == b"origin"), None)
        if origin is None or scope["type"] != "http" or not self._is_about(scope["path"].lower()):
            await self._inner(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in headers):
            await self._preflight(origin.decode("latin-1"), send)
            return

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
                if origin.decode("latin-1") in self._origins(scope):
                    message["headers"] += [
                        (b"access-control-allow-origin", origin),
                        (b"access-control-expose-headers", EXPOSED),
                    ]
            await send(message)

        await self._inner(scope, receive, told)

    async def _preflight(self, origin: str, send: Send) -> None:
        headers: Headers = [(b"vary", b"Origin"), (b"cache-control", b"no-store")]
        if origin not in self._gate.origins:
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
            await answer(send, 403, headers, b"no account lists this origin\n")
            return
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", REQUEST_HEADERS),
            (b"access-control-max-age", REMEMBER),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _is_about(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._below)

    def _origins(self, scope: Scope) -> frozenset[str]:
        account = scope.get(ACCOUNT) or self._caller.known(scope["headers"])
        return self._gate.origins if account is None else self._gate.origins_of(account)
