"""POST /api/Login and POST /api/TextMessages over HTTP."""

from collections.abc import Callable, Mapping

import structlog

from smshub.domain.commands import Refusal, Refused, Submitted
from smshub.domain.contracts import Hub
from smshub.frontends.carriers.http import (
    ACCOUNT,
    BODY_LIMIT,
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
from smshub.frontends.dialects import textmessages
from smshub.frontends.tokens import Tokens

log = structlog.get_logger(__name__)

DOOR = "textmessages"
LOGIN = "/api/Login"
SEND = "/api/TextMessages"
LOGIN_LIMIT = 16 * 1024


class TextMessagesDoor:
    """Serves the two paths; `endpoints` gives them by method and path."""

    def __init__(
        self,
        hub: Hub,
        tokens: Tokens,
        catalogue: Callable[[], Mapping[str, str]],
        *,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._hub = hub
        self._tokens = tokens
        self._catalogue = catalogue
        self._body_limit = body_limit

    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        """Give what serves each method and path; the original's paths are matched without regard to case too."""
        found: dict[tuple[str, str], Endpoint] = {}
        for path, serve in ((LOGIN, self.login), (SEND, self.send)):
            for spelling in (path, path.lower()):
                found["POST", spelling] = serve
                for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
                    found[method, spelling] = self.wrong_method
        return found

    async def login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a token for a ProgramSID and ProgramKey."""
        try:
            body = await read_body(scope, receive, min(LOGIN_LIMIT, self._body_limit))
            sid, key = textmessages.decode_login(body, _header(scope["headers"], b"content-type"))
            account, token = await self._tokens.log_in(sid, key, source=peer_of(scope))
            check_door(account, DOOR)
        except Refused as refused:
            await self._refuse(send, refused)
            return
        await answer(send, *textmessages.encode_token(token))

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a text; answers when it is on disk."""
        try:
            reply = await self._take(scope, receive)
        except Refused as refused:
            await self._refuse(send, refused)
            return
        await answer(send, *textmessages.encode_sent(reply, self._catalogue()))

    async def _take(self, scope: Scope, receive: Receive) -> Submitted:
        headers: Headers = scope["headers"]
        given = dict(headers)
        account = await self._tokens.account(textmessages.token_of(given.get(b"authorization")))
        scope[ACCOUNT] = account
        check_door(account, DOOR)
        body = await read_body(scope, receive, self._body_limit)
        kind = _header(headers, b"content-type")
        command = textmessages.decode_send(body, kind, client=peer_of(scope), partial=account.partial)
        try:
            reply = await self._hub.handle(account, command)
        except Refused:
            raise
        except Exception:
            log.exception("textmessages.failed", account=account.name)
            raise Refused(Refusal.UNAVAILABLE, "ServerError") from None
        assert isinstance(reply, Submitted)
        return reply

    async def wrong_method(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer another method than POST."""
        refused = Refused(Refusal.MALFORMED, "MethodNotAllowed", method=scope["method"][:20], allowed="POST")
        status, headers, body = textmessages.encode_refused(refused, self._catalogue())
        await answer(send, status, [*headers, (b"allow", b"POST")], body)

    async def _refuse(self, send: Send, refused: Refused) -> None:
        await answer(send, *textmessages.encode_refused(refused, self._catalogue()))


def _header(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for found, value in headers if found == name), "")
