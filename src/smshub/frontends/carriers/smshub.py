"""The SMSHub door over HTTP: SOAP and JSON-RPC on one path, and the WSDL."""

import re
from collections.abc import Callable, Mapping

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refused, Reply
from smshub.domain.contracts import Hub
from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers.http import (
    BODY_LIMIT,
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
        mount: str = "",
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._hub = hub
        self._gate = gate
        self._catalogue = catalogue
        self._mount = mount
        self._body_limit = body_limit

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a call, in XML or JSON as its content type, or else its first character, says."""
        peer = peer_of(scope)
        headers: Headers = scope["headers"]
        content_type = next((value.decode("latin-1") for name, value in headers if name == b"content-type"), None)
        try:
            body = await read_body(scope, receive, self._body_limit)
        except Refused:
            result = smshub_soap.refuse(b"", SoapError("the request is too large"), self._catalogue())
        else:
            if smshub.is_json(body, content_type):
                result = await self._json(body, headers, peer)
            else:
                result = await self._soap(body, content_type, headers, peer)
        await _write(send, result)

    async def get(self, scope: Scope, _: Receive, send: Send) -> None:
        """Give the WSDL with the address under which the caller reached us."""
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if not _HOST.fullmatch(host):
            host = "localhost"
        body = smshub_soap.wsdl(f"{scope.get('scheme', 'http')}://{host}{self._mount}/smshub/")
        await answer(send, 200, [(b"content-type", b"text/xml; charset=utf-8")], body)

    async def _soap(self, body: bytes, content_type: str | None, headers: Headers, peer: str) -> smshub.Answer:
        catalogue = self._catalogue()
        try:
            call = smshub_soap.decode(body, content_type, peer=peer)
        except SoapError as error:
            return smshub_soap.refuse(body, error, catalogue)
        return smshub_soap.encode(call, await self._carry_out(call, headers, peer), catalogue)

    async def _json(self, body: bytes, headers: Headers, peer: str) -> smshub.Answer:
        asked = smshub_jsonrpc.decode(body, peer=peer)
        outcomes = [await self._carry_out(call, headers, peer) for call in asked.calls]
        return smshub_jsonrpc.encode(asked, outcomes, self._catalogue())

    async def _carry_out(self, call: smshub.Call, headers: Headers, peer: str) -> Reply | Refused | None:
        try:
            if call.anonymous:
                account = _STRANGER
            else:
                account = await self._gate.authenticate(call.username, call.password, source=peer)
                check_door(account, DOOR)
            if isinstance(call.command, Refused):
                return call.command
            if call.ignored:
                log.debug("smshub.ignored", account=account.name, parameters=call.ignored)
            return await self._hub.handle(account, call.command)
        except Refused as refused:
            return refused
        except Exception:
            log.exception("smshub.failed")
            return None


async def _write(send: Send, result: smshub.Answer) -> None:
    headers: Headers = [] if result.status == 204 else [(b"content-type", result.content_type.encode())]
    await answer(send, result.status, headers, result.body)
