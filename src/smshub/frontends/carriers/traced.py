"""`X-Request-Id`: what a caller or a proxy calls a request stands in every line that is logged for it."""

import re
from collections.abc import MutableMapping
from typing import Any

from structlog.contextvars import bound_contextvars

from smshub.frontends.carriers.http import Endpoint, Receive, Scope, Send

_NAME = b"x-request-id"
_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class Traced:
    """Takes the id of a request and gives it back with the answer; what is no plain word is left out."""

    def __init__(self, doors: Endpoint) -> None:
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == _NAME and _ID.fullmatch(value):
                    await self._trace(value, scope, receive, send)
                    return
        await self._doors(scope, receive, send)

    async def _trace(self, request_id: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (_NAME, request_id)]
            await send(message)

        with bound_contextvars(request_id=request_id.decode("ascii")):
            await self._doors(scope, receive, answered)
