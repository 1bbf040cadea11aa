"""
The SMSHub door over HTTP: SOAP and JSON-RPC on one path, and the WSDL.

Beside the username and password of a call, the transport may say who calls: an API key (`WA-API-Key` or `X-API-Key`)
or a client certificate. A wrong key is answered 401 before anything else, for which the vendor's clients look. A right
one is enough where a call has neither username nor password; where it has, both must be of the same account.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, text_of
from smshub.domain.contracts import Hub
from smshub.domain.signing import Signing, SignText
from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers.certificates import names_of
from smshub.frontends.carriers.http import (
    BODY_LIMIT,
    Disconnected,
    Headers,
    Receive,
    Scope,
    Send,
    answer,
    check_door,
    peer_of,
    read_body,
)
from smshub.frontends.dialects import smshub, smshub_jsonrpc, smshub_soap
from smshub.protocols.soap import SoapError

log = structlog.get_logger(__name__)

DOOR = "smshub"
PATHS = ("/smshub/", "/smshub", "/smshub/smshub.wsdl")

_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,255}")
_STRANGER = Account(name="")  # asks for the status, which needs no credentials


class SmshubDoor:
    """Serves the path. `mount` is the path below which the hub is published, without a slash at its end."""

    def __init__(
        self,
        hub: Hub,
        gate: Gatekeeper,
        catalogue: Callable[[], Mapping[str, str]],
        *,
        signing: Signing | None = None,
        mount: str = "",
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._hub = hub
        self._signing = signing
        self._gate = gate
        self._catalogue = catalogue
        self._mount = mount
        self._body_limit = body_limit

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a call, in XML or JSON as its content type, or else its first character, says."""
        content_type: str | None = None
        key = b""
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value.decode("latin-1")
            elif name == b"wa-api-key" or (name == b"x-api-key" and not key):
                key = value
        caller = _Caller(None, peer_of(scope), scope)
        if key or "extensions" in scope:
            try:
                caller = _Caller(await self._by_transport(scope, key, caller.peer), caller.peer, scope)
            except Refused as refused:
                await self._refuse_transport(send, refused)
                return
        try:
            body = await read_body(scope, receive, self._body_limit)
        except Refused:
            result = smshub_soap.refuse(b"", SoapError("the request is too large"), self._catalogue())
        else:
            if smshub.is_json(body, content_type):
                work = self._json(body, caller)
            else:
                work = self._soap(body, content_type, caller)
            # Only a call that waits for somebody's answer outlasts the turn of its commit.
            result = await (_while_there(receive, work) if b"smshubSign" in body else work)
        await _write(send, result)

    async def get(self, scope: Scope, _: Receive, send: Send) -> None:
        """Give the WSDL with the address under which the caller reached us."""
        body = smshub_soap.wsdl(f"{_origin(scope)}{self._mount}/smshub/")
        await answer(send, 200, [(b"content-type", b"text/xml; charset=utf-8")], body)

    async def _soap(self, body: bytes, content_type: str | None, caller: "_Caller") -> smshub.Answer:
        catalogue = self._catalogue()
        try:
            call = smshub_soap.decode(body, content_type, peer=caller.peer)
        except SoapError as error:
            return smshub_soap.refuse(body, error, catalogue)
        return smshub_soap.encode(call, await self._carry_out(call, caller), catalogue)

    async def _json(self, body: bytes, caller: "_Caller") -> smshub.Answer:
        asked = smshub_jsonrpc.decode(body, peer=caller.peer)
        if len(asked.items) == 1:
            calls = asked.calls
            only = [await self._carry_out(calls[0], caller)] if calls else []
            return smshub_jsonrpc.encode(asked, only, self._catalogue())
        outcomes: list[smshub.Outcome | None] = []
        waits: dict[int, asyncio.Task[smshub.Outcome | None]] = {}
        try:
            for place, call in enumerate(asked.calls):
                if call.operation == smshub.SIGN:  # several wait side by side
                    waits[place] = asyncio.create_task(self._carry_out(call, caller))
                    outcomes.append(None)
                else:
                    outcomes.append(await self._carry_out(call, caller))
            for place, task in waits.items():
                outcomes[place] = await task
        finally:
            for task in waits.values():
                task.cancel()
        return smshub_jsonrpc.encode(asked, outcomes, self._catalogue())

    async def _carry_out(self, call: smshub.Call, caller: "_Caller") -> smshub.Outcome | None:
        try:
            account = await self._account(call, caller)
            command = smshub.command_for(call, account)
            if isinstance(command, Refused):
                return command
            if call.ignored:
                log.debug("smshub.ignored", account=account.name, parameters=call.ignored)
            if isinstance(command, SignText):
                if self._signing is None:
                    return smshub.server_error()
                origin = _origin(caller.scope) + self._mount
                return await self._signing.ask(account, msgspec.structs.replace(command, origin=origin))
            return await self._hub.handle(account, command)
        except Refused as refused:
            return refused
        except Exception:
            log.exception("smshub.failed")
            return None

    async def _account(self, call: smshub.Call, caller: "_Caller") -> Account:
        """Tell who makes a call. Raises `Refused`."""
        if call.anonymous:
            return _STRANGER
        if caller.known is not None and not call.username and not call.password:
            account = caller.known
        else:
            account = await self._gate.authenticate(call.username, call.password, source=caller.peer)
            if caller.known is not None and caller.known.name != account.name:
                log.warning("smshub.two_accounts", transport=caller.known.name, call=account.name)
                raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        check_door(account, DOOR)
        return account

    async def _by_transport(self, scope: Scope, key: bytes, peer: str) -> Account | None:
        """Tell whom a key or a certificate names; a certificate of nobody's says nothing. Raises `Refused`."""
        account = self._gate.account_of_certificate(names_of(scope))
        if not key:
            return account
        by_key = await self._gate.authenticate_key(key.decode("latin-1"), source=peer)
        if account is not None and account.name != by_key.name:
            raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
        return by_key

    async def _refuse_transport(self, send: Send, refused: Refused) -> None:
        body = f"{text_of(refused, self._catalogue())}\n".encode()
        headers: Headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if refused.refusal is Refusal.UNAUTHENTICATED:
            headers.append((b"www-authenticate", b'ApiKey realm="smshub"'))
        else:
            headers.append((b"retry-after", b"%d" % max(1, round(refused.retry_after or 1))))
        await answer(send, 401 if refused.refusal is Refusal.UNAUTHENTICATED else 429, headers, body)


class _Caller(NamedTuple):
    """Who sent a request: whom its transport names, its address, and how it reached the hub."""

    known: Account | None
    peer: str
    scope: Scope


def _origin(scope: Scope) -> str:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not _HOST.fullmatch(host):
        host = "localhost"
    return f"{scope.get('scheme', 'http')}://{host}"


async def _while_there(receive: Receive, work: Coroutine[Any, Any, smshub.Answer]) -> smshub.Answer:
    """Work for as long as the caller is there. Raises `Disconnected`."""
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Disconnected
    finally:
        gone.cancel()
        working.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, result: smshub.Answer) -> None:
    headers: Headers = [] if result.status == 204 else [(b"content-type", result.content_type.encode())]
    await answer(send, result.status, headers, result.body)
