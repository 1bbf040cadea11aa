"""The page behind the link of smshubSign over HTTP: GET shows and changes nothing, POST answers."""

from collections.abc import Callable, Mapping

from smshub.domain.commands import Refused
from smshub.domain.signing import Signing
from smshub.frontends.carriers.http import Endpoint, Headers, Receive, Scope, Send, answer, read_body
from smshub.frontends.dialects import sign_page

PREFIX = "/sign/"
FORM_LIMIT = 1_024


class SignDoor:
    """Serves `/sign/TOKEN`, and hands what is elsewhere on to `rest`."""

    def __init__(self, signing: Signing, catalogue: Callable[[], Mapping[str, str]], rest: Endpoint) -> None:
        self._signing = signing
        self._catalogue = catalogue
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._rest(scope, receive, send)
            return
        headers: Headers = [*sign_page.HEADERS]
        method = scope["method"]
        try:
            if method in {"GET", "HEAD"}:
                page = await self._signing.look(_token(scope))
                status, body = sign_page.write(page, self._catalogue())
            elif method == "POST":
                status, body = await self._post(scope, receive)
            else:
                status, body = 405, b""
                headers.append((b"allow", b"GET, HEAD, POST"))
        except Refused as refused:
            status, body = 503, sign_page.write_refused(refused, self._catalogue())
            headers.append((b"retry-after", b"%d" % max(1, round(refused.retry_after or 1))))
        await answer(send, status, headers, b"" if method == "HEAD" else body)

    async def _post(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        content_type = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), ""
        )
        try:
            accepted = sign_page.read_answer(await read_body(scope, receive, FORM_LIMIT), content_type)
        except Refused:  # larger than any form of ours
            accepted = None
        if accepted is None:
            return sign_page.write(await self._signing.look(_token(scope)), self._catalogue(), misread=True)
        return sign_page.write(await self._signing.answer(_token(scope), accepted=accepted), self._catalogue())


def _token(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(PREFIX)
