"""POST /v1/messages: the hot door, a plain ASGI endpoint."""

from collections.abc import Callable, Mapping

import structlog

from smshub.domain.commands import Refusal, Refused, Submitted
from smshub.domain.contracts import Hub
from smshub.frontends.carriers.http import (
    BODY_LIMIT,
    Caller,
    Headers,
    Receive,
    Scope,
    Send,
    answer,
    check_door,
    peer_of,
    read_body,
)
from smshub.frontends.dialects import native

log = structlog.get_logger(__name__)

DOOR = "native"


class SendDoor:
    """Takes texts as JSON; answers 202 when they are on disk."""

    def __init__(
        self,
        hub: Hub,
        caller: Caller,
        catalogue: Callable[[], Mapping[str, str]],
        *,
        mount: str = "",
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._hub = hub
        self._caller = caller
        self._catalogue = catalogue
        self._docs = f"{mount}/docs"
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        try:
            reply = await self._take(scope, receive)
        except Refused as refused:
            status, headers, body = native.problem(refused, self._catalogue(), docs=self._docs)
            await answer(send, status, headers, body)
            return
        headers = [*(native.REPLAY_HEADERS if reply.replayed else native.JSON_HEADERS)]
        await answer(send, 202, headers, native.encode_submitted(reply, self._catalogue()))

    async def _take(self, scope: Scope, receive: Receive) -> Submitted:
        headers: Headers = scope["headers"]
        peer = peer_of(scope)
        account = self._caller.at_once(scope)
        if account is None:
            account = await self._caller.of(scope)
        check_door(account, DOOR)
        content_type = b""
        key: str | None = None
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"idempotency-key":
                key = value.decode("latin-1")
        if content_type != b"application/json":
            native.check_content_type(content_type.decode("latin-1") or None)
        body = await read_body(scope, receive, self._body_limit)
        command = native.decode_send(body, idempotency_key=key, client=peer, source="")
        try:
            reply = await self._hub.handle(account, command)
        except Refused:
            raise
        except Exception:
            log.exception("send.failed", account=account.name)
            raise Refused(Refusal.UNAVAILABLE, "ServerError") from None
        assert isinstance(reply, Submitted)
        return reply
