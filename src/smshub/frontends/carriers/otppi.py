"""
OTP-Pi over HTTP: a plain ASGI endpoint on each of its paths.

The path selects nothing, every path takes every command. Who is not known gets 401, another method than POST and PUT
405; everything else is answered 200 and says in `response_code` what became of it. The content type is not looked at,
since the PHP client names a form and sends JSON.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.contracts import Hub
from smshub.frontends.carriers.http import (
    BODY_LIMIT,
    Caller,
    Receive,
    Scope,
    Send,
    answer,
    check_door,
    peer_of,
    read_body,
)
from smshub.frontends.dialects import otppi
from smshub.frontends.dialects.statuses import SAFE

log = structlog.get_logger(__name__)

DOOR: Final = "otppi"

# Both spellings that OTP-Pi ships with, and the two that only its documentation has.
PATHS: Final = (
    *("/api/otp", "/api/message", "/api/sms", "/api/email", "/api/block", "/api/unblock"),
    *("/api/blocking", "/api/unblocking", "/api/modem", "/api/ussd"),
)

# The methods that do something, and all that are answered here: the others are refused after the credentials.
TAKEN: Final = frozenset({"POST", "PUT"})
METHODS: Final = (*sorted(TAKEN), "GET", "HEAD", "DELETE", "PATCH", "OPTIONS")

_JSON: Final = ((b"content-type", b"application/json"), *SAFE)
_CHALLENGE: Final = (b"www-authenticate", b'Basic realm="smshub", charset="UTF-8"')
_STRANGER: Final = b'{"response_code":"%s"}' % otppi.UNAUTHENTICATED.encode()


async def carry_out(hub: Hub, account: Account, call: otppi.Call) -> Reply | Refused:
    """Have a call carried out for an account, over whatever it came; never raises but when cancelled."""
    try:
        check_door(account, DOOR)
        if isinstance(call.command, Refused | Done):
            return call.command
        return await hub.handle(account, call.command)
    except Refused as refused:
        return refused
    except Exception:
        log.exception("otppi.failed", account=account.name, command=call.name[:40])
        return Refused(Refusal.UNAVAILABLE, "ServerError")


class OtppiDoor:
    """Takes OTP-Pi's commands; a text is answered when it is on disk."""

    def __init__(
        self,
        hub: Hub,
        caller: Caller,
        catalogue: Callable[[], Mapping[str, str]],
        *,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._hub = hub
        self._caller = caller
        self._catalogue = catalogue
        self._body_limit = min(body_limit, otppi.MAX_SIZE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        peer = peer_of(scope)
        account = self._caller.at_once(scope)
        if account is None:
            try:
                account = await self._caller.of(scope)
            except Refused:
                await answer(send, 401, [*_JSON, _CHALLENGE], _STRANGER)
                return
        if scope["method"] not in TAKEN:
            await answer(send, 405, [(b"allow", b"POST, PUT"), *SAFE], b"")
            return
        try:
            body = await read_body(scope, receive, self._body_limit)
        except Refused as refused:
            call = otppi.Call("", refused)
        else:
            call = otppi.decode(body, client=peer)
        outcome = await carry_out(self._hub, account, call)
        body = otppi.encode(call, outcome, self._catalogue(), success=account.success_code)
        await answer(send, 200, [*_JSON], body)
