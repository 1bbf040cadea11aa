"""`/receipts/{connector}`: what providers call the hub with, over HTTP. Answered when it is on disk."""

import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from smshub.domain.callbacks import Callback, Called
from smshub.domain.commands import Refusal, Refused, text_of
from smshub.frontends.carriers.http import Endpoint, Headers, Receive, Scope, Send, answer, read_body

PREFIX = "/receipts/"
BODY_LIMIT = 64 * 1024
MOST_FIELDS = 200
METHODS = frozenset({"GET", "POST", "PUT"})

STATUS: Mapping[Refusal, int] = {
    Refusal.NOT_FOUND: 404,
    Refusal.FORBIDDEN: 403,
    Refusal.MALFORMED: 400,
    Refusal.UNAVAILABLE: 503,
}

Taking = Callable[[str, Callback], Awaitable[Called]]


class ReceiptsDoor:
    """
    Serves `/receipts/{connector}`, and hands what is elsewhere on to `rest`.

    `public_url` is the address under which providers reach the hub, without which the one that they called counts: a
    provider signs the address that it was given, and a proxy before the hub may have changed it.
    """

    def __init__(
        self,
        taking: Taking,
        catalogue: Callable[[], Mapping[str, str]],
        rest: Endpoint,
        *,
        public_url: Callable[[], str | None],
        mount: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._taking = taking
        self._catalogue = catalogue
        self._rest = rest
        self._public_url = public_url
        self._mount = mount
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._rest(scope, receive, send)
            return
        headers: Headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        if scope["method"] not in METHODS:
            await answer(send, 405, [*headers, (b"allow", b"GET, POST, PUT")], b"")
            return
        try:
            body = await read_body(scope, receive, BODY_LIMIT)
            called = await self._taking(scope["path"].removeprefix(PREFIX), self._callback(scope, body))
        except Refused as refused:
            status = STATUS.get(refused.refusal, 503)
            if status == 503:
                headers.append((b"retry-after", b"%d" % max(1, round(refused.retry_after or 1))))
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
            await answer(send, status, headers, f"{text_of(refused, self._catalogue())}\n".encode())
            return
        if called.content_type:
            headers.append((b"content-type", called.content_type.encode("latin-1")))
        await answer(send, called.status, headers, called.body)

    def _callback(self, scope: Scope, body: bytes) -> Callback:
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope.get("query_string", b"").decode("latin-1")
        kind = given.get("content-type", "").partition(";")[0].strip().lower()
        is_form = kind == "application/x-www-form-urlencoded"
        base = self._public_url() or f"{scope.get('scheme', 'http')}://{given.get('host', '')}{self._mount}"
        return Callback(
            method=scope["method"],
            url=f"{base.rstrip('/')}{scope['path']}{'?' + query if query else ''}",
            query=_fields(query),
            form=_fields(body.decode("utf-8", "replace")) if is_form else (),
            headers=given,
            body=body,
            at=self._clock(),
        )


def _fields(encoded: str) -> tuple[tuple[str, str], ...]:
    """Read the fields of a query or a form. Raises `Refused` (MALFORMED) where there are too many."""
    try:
        return tuple(parse_qsl(encoded, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace"))
    except ValueError:
        raise Refused(Refusal.MALFORMED, "CallbackUnreadable") from None
