"""POST /v1/otp and /v1/otp/verify: hot doors, plain ASGI endpoints."""

from collections.abc import Callable, Mapping

import structlog

from smshub.domain.challenges import OtpRequested
from smshub.domain.commands import Command, Refusal, Refused, Reply
from smshub.domain.contracts import Hub
from smshub.frontends.carriers.http import (
    BODY_LIMIT,
    Caller,
    Endpoint,
    Headers,
    Receive,
    Scope,
    Send,
    answer,
    check_door,
    peer_of,
    read_body,
)
from smshub.frontends.carriers.send import DOOR
from smshub.frontends.dialects import native
from smshub.frontends.dialects.native_otp import decode_request, decode_verify, encode_requested, encode_verified

log = structlog.get_logger(__name__)

PATH = "/v1/otp"
VERIFY = "/v1/otp/verify"


class OtpDoor:
    """Takes requests for codes (202 when they are on disk) and codes to be checked (200)."""

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

    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        """Give the endpoints by method and path."""
        return {("POST", PATH): self.request, ("POST", VERIFY): self.verify}

    async def request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve POST /v1/otp."""

        def command(body: bytes, key: str | None) -> Command:
            return decode_request(body, idempotency_key=key, client=peer_of(scope))

        await self._serve(scope, receive, send, 202, command, encode_requested)

    async def verify(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve POST /v1/otp/verify."""
        await self._serve(scope, receive, send, 200, lambda body, _: decode_verify(body), encode_verified)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        status: int,
        command: Callable[[bytes, str | None], Command],
        encode: Callable[[Reply], bytes],
    ) -> None:
        try:
            reply = await self._take(scope, receive, command)
        except Refused as refused:
            failed, headers, body = native.problem(refused, self._catalogue(), docs=self._docs)
            await answer(send, failed, headers, body)
            return
        replayed = isinstance(reply, OtpRequested) and reply.replayed
        headers = [*(native.REPLAY_HEADERS if replayed else native.JSON_HEADERS)]
        await answer(send, status, headers, encode(reply))

    async def _take(self, scope: Scope, receive: Receive, command: Callable[[bytes, str | None], Command]) -> Reply:
        headers: Headers = scope["headers"]
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
        try:
            return await self._hub.handle(account, command(body, key))
        except Refused:
            raise
        except Exception:
            log.exception("otp.failed", account=account.name)
            raise Refused(Refusal.UNAVAILABLE, "ServerError") from None
