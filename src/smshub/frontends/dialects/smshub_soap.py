"""
SMSHub's SOAP grammar at /smshub/, for OpenOTP servers and whatever reads the WSDL.

What goes back with which HTTP status:

- An operation that was understood is answered by its own response with 200, failures too: vendor's clients look at
  `code` and never at the status.
- XML that is broken, as a client makes it that puts an unescaped `&` into a text, is answered 200 `BadRequest` where
  the operation's name can still be seen in it.
- All else is a fault: not SOAP, an operation or a namespace that is not ours, a document type, a limit exceeded. SOAP
  1.1 wants 500 for every fault, SOAP 1.2 wants 400 where the sender is at fault.

Answers are of the SOAP version that was asked in. The header SOAPAction means nothing.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

from smshub.domain.commands import CATALOGUE, Submitted
from smshub.frontends.dialects import smshub
from smshub.frontends.dialects.smshub import Answer, Outcome, Parameter
from smshub.protocols import soap
from smshub.protocols.markup import Value
from smshub.protocols.soap import SoapError, Version

NAMESPACE: Final = "urn:smshub"

# The namespaces in which an operation is taken: the one of the WSDL's soap:body, its target namespace, and none.
NAMESPACES: Final = frozenset({NAMESPACE, "http://www.rcdevs.com/wsdl/smshub/", ""})

_WSDL: Final = files(__package__).joinpath("smshub.wsdl").read_text(encoding="utf-8")

_NAMED = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,63}:)?(" + "|".join(sorted(smshub.OPERATIONS)).encode() + rb")[\s/>]")


class Call(smshub.Call, frozen=True, kw_only=True):
    """A call that came as SOAP of this version."""

    version: Version


def decode(body: bytes, content_type: str | None, *, peer: str) -> Call:
    """
    Read a request; `content_type` is the header, `peer` the caller's address.

    Raises `SoapError`, which `refuse` answers.
    """
    asked = soap.parse(body, content_type)
    if asked.operation not in smshub.OPERATIONS or asked.namespace not in NAMESPACES:
        raise SoapError("there is no such operation", version=asked.version)
    parameters = {name: _parameter(name, values) for name, values in asked.parameters.items()}
    command, settings, typed = smshub.read_call(asked.operation, parameters, peer=peer)
    known = smshub.parameters_of(asked.operation)
    return Call(
        operation=asked.operation,
        username=_text(parameters.get("username", "")),
        password=_text(parameters.get("password", "")),
        command=command,
        ignored=tuple([name for name in parameters if name not in known]),
        overrides=settings.names,
        typed=typed,
        version=asked.version,
    )


def _parameter(name: str, values: Sequence[Value]) -> Parameter:
    """
    Flatten a parameter: a text stays a text, items become a list, whatever their names.

    Repeated `<mobile>` are one list. Any other name that is repeated becomes a list too, and so is refused where a
    text is wanted.
    """
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    items: list[str] = []
    for value in values:
        for _, item in ((name, value),) if isinstance(value, str) else value:
            if not isinstance(item, str):
                raise SoapError("a parameter is nested too deep")
            items.append(item)
    return items


def _text(parameter: Parameter) -> str:
    return parameter if isinstance(parameter, str) else ""


def encode(call: Call, outcome: Outcome | None, catalogue: Mapping[str, str] = CATALOGUE) -> Answer:
    """Write the answer to a call; None stands for a fault of the hub's own."""
    if isinstance(outcome, Submitted) and not outcome.refused:
        return _success(call.operation, catalogue.get("SendSuccess") or CATALOGUE["SendSuccess"], call.version)
    members = smshub.members_of(call, outcome or smshub.server_error(), catalogue)
    return _response(call.operation, members, call.version)


def refuse(body: bytes, error: SoapError, catalogue: Mapping[str, str] = CATALOGUE) -> Answer:
    """Write the answer to a body that `decode` did not take."""
    named = None if error.well_formed else _NAMED.search(body)
    if named:
        call = smshub.Call(named[1].decode(), "", "", smshub.bad_request(), ())
        return _response(call.operation, smshub.members_of(call, smshub.bad_request(), catalogue), error.version)
    status = 400 if error.version is Version.SOAP_12 and error.code is soap.Code.CLIENT else 500
    return Answer(status, error.version.content_type, soap.fault(error.code, str(error), error.version))


def _response(operation: str, members: Mapping[str, int | str], version: Version) -> Answer:
    written = {name: str(value) for name, value in members.items()}
    return Answer(200, version.content_type, soap.answer(f"{operation}Response", NAMESPACE, written, version))


@lru_cache(maxsize=16)  # as good as every answer is one of these
def _success(operation: str, message: str, version: Version) -> Answer:
    return _response(operation, smshub.success(message), version)


def wsdl(address: str) -> bytes:
    """Give the WSDL with the address under which the caller reached the service, such as `https://hub/smshub/`."""
    return _WSDL.replace("{address}", soap.escape(address)).encode()
