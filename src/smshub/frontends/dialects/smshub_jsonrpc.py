"""
SMSHub's JSON grammar at /smshub/: JSON-RPC 2.0, and the same call as a flat object.

A request is `{"jsonrpc": "2.0", "method": "smshubSend", "params": {…}, "id": 1}`; the params may also be an array in
the order of the WSDL. The flat forms `{"method": "smshubSend", "username": …}` and `{"smshubSend": {…}}` are answered
by the bare result. `mobile` is an array, a text or a number.

What a request means is answered in the result, as in SOAP (`code` 0 with `error` and `message`); an error of JSON-RPC
is only for what is wrong with the call itself. Every answer has the HTTP status 200, and 204 where there is none to
give, since a notification gets no answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from smshub.domain.commands import CATALOGUE
from smshub.frontends.dialects import smshub
from smshub.frontends.dialects.smshub import Answer, Outcome, Parameter
from smshub.protocols import jsonrpc
from smshub.protocols.jsonrpc import Code, Error, Request

CONTENT_TYPE: Final = "application/json"


class Call(smshub.Call, frozen=True):
    """A call that came as JSON: its id, whether it is a notification, whether it was a flat object."""

    id: jsonrpc.Id = None
    notification: bool = False
    flat: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What a body asks for, in its order: calls, and errors that need no hub. A `batch` is answered by an array."""

    items: tuple[Call | Error, ...]
    batch: bool = False

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls to carry out, in order."""
        return tuple([item for item in self.items if isinstance(item, Call)])


class _BadParams(ValueError):
    """The method is not ours, or its params are not of its form."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


def decode(body: bytes, *, peer: str) -> Asked:
    """Read a body; `peer` is the caller's address. Never raises: what cannot be read is among the items."""
    try:
        value = jsonrpc.load(body)
    except jsonrpc.JsonError as error:
        return Asked((Error(Code.PARSE_ERROR, str(error)),))
    flat = _flat(value)
    if flat:
        return Asked((_flat_call(flat, peer),))
    document = jsonrpc.read(value)
    items = [item if isinstance(item, Error) else _call(item, peer) for item in document.items]
    return Asked(tuple([item for item in items if item is not None]), document.batch)


def _flat(value: Any) -> Request | None:
    """Recognise the flat forms, in which no member is JSON-RPC's own but the method."""
    if not isinstance(value, dict) or not value.keys().isdisjoint({"jsonrpc", "id", "params"}):
        return None
    method = value.get("method")
    if method is not None:
        params: Any = {name: member for name, member in value.items() if name != "method"}
    elif len(value) == 1:
        [(method, params)] = value.items()
    if isinstance(method, str) and method in smshub.OPERATIONS and isinstance(params, dict):
        return Request(method, params)
    return None


def _flat_call(request: Request, peer: str) -> Call:
    """Make a call of the flat form, which has no errors of JSON-RPC's: what is wrong with it is a bad request."""
    call = _call(request, peer)
    if isinstance(call, Call):
        return msgspec.structs.replace(call, flat=True)
    return Call(request.method, "", "", smshub.bad_request(), (), flat=True)


def _call(request: Request, peer: str) -> Call | Error | None:
    """Make the call of a request, its error, or None: a notification gets no answer, not even an error."""
    try:
        parameters = _parameters(request)
    except _BadParams as error:
        if request.notification:
            return None
        return Error(error.code, str(error), request.id)
    command, settings, typed = smshub.read_call(request.method, parameters, peer=peer)
    known = smshub.parameters_of(request.method)
    username, password = parameters.get("username", ""), parameters.get("password", "")
    return Call(
        operation=request.method,
        username=str(username),
        password=str(password),
        command=command,
        ignored=tuple([name for name in parameters if name not in known]),
        overrides=settings.names,
        typed=typed,
        id=request.id,
        notification=request.notification,
    )


def _parameters(request: Request) -> dict[str, Parameter]:
    """Read the params, by name or by position; null is as good as absent."""
    if request.method not in smshub.OPERATIONS:
        raise _BadParams(Code.METHOD_NOT_FOUND, "")
    given = request.params
    if not isinstance(given, Mapping):
        names = smshub.parameters_of(request.method)
        if len(given) > len(names):
            raise _BadParams(Code.INVALID_PARAMS, f"there are more than {len(names)} params")
        given = dict(zip(names, given, strict=False))
    return {name: _parameter(name, value) for name, value in given.items() if value is not None}


def _parameter(name: str, value: Any) -> Parameter:
    if isinstance(value, str):
        return value
    if name == "mobile":
        return [_mobile(item) for item in (value if isinstance(value, list) else [value])]
    if name == "timeout" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in smshub.PARAMETERS or name in smshub.SIGN_PARAMETERS:
        raise _BadParams(Code.INVALID_PARAMS, f"{name} is not a text")
    return ""


def _mobile(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _BadParams(Code.INVALID_PARAMS, "mobile is neither a text nor an array of texts")


def encode(asked: Asked, outcomes: Sequence[Outcome | None], catalogue: Mapping[str, str] = CATALOGUE) -> Answer:
    """
    Write the answer to a body; `outcomes` are those of `asked.calls`, in order.

    None stands for a fault of the hub's own, which JSON-RPC calls an internal error.
    """
    remaining = iter(outcomes)
    answers: list[Mapping[str, Any]] = []
    for item in asked.items:
        if isinstance(item, Error):
            answers.append(jsonrpc.error(item))
            continue
        outcome = next(remaining)
        if not item.notification:
            answers.append(_answer(item, outcome, catalogue))
    body = jsonrpc.write(answers, batch=asked.batch)
    return Answer(200 if body else 204, CONTENT_TYPE, body)


def _answer(call: Call, outcome: Outcome | None, catalogue: Mapping[str, str]) -> Mapping[str, Any]:
    if call.flat:
        return smshub.members_of(call, outcome or smshub.server_error(), catalogue)
    if outcome is None:
        return jsonrpc.error(Error(Code.INTERNAL_ERROR, "", call.id))
    return jsonrpc.result(smshub.members_of(call, outcome, catalogue), call.id)
