"""
What SMSHub's SOAP and JSON grammars share: operations, parameters, settings, answers.

Where the source document is silent, the choices are made here:

- The operation `smssendStatus` is the document's spelling of `smshubStatus`. It is answered under the name that was
  asked, as everything in rpc style is (SOAP 1.1 §7.1).
- `settings` overrides what the hub would choose of itself; what the request says in a parameter of its own wins. Its
  names are those of `domain.accounts.OVERRIDES` (smshub_settings.py). An unknown name, and one that the account may
  not override, is refused: a caller that writes `Validity=60` must not believe that it was heeded.
- `smshubSign` is answered by code 1 where the recipient has accepted, and else by code 0 with SignRefused or
  SignTimeout. A `timeout` of more than five minutes is cut to them.
- Parameters of other names are ignored, since a later OpenOTP may send more of them; the call lists them in `ignored`
  for the log.
- `source`, where it is given, is an IP address; anything else is answered `ServerError`, as the vendor does.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import msgspec

from smshub.domain.accounts import Account
from smshub.domain.commands import (
    CATALOGUE,
    HubStatus,
    Refusal,
    Refused,
    Reply,
    SendTexts,
    Status,
    Submitted,
    text_of,
)
from smshub.domain.signing import Answer as Signature
from smshub.domain.signing import Signed, SignText, wait_of
from smshub.frontends.dialects.smshub_settings import NO_SETTINGS, Overrides, read_settings

SEND: Final = "smshubSend"
STATUS: Final = frozenset({"smshubStatus", "smssendStatus"})
SIGN: Final = "smshubSign"
OPERATIONS: Final = STATUS | {SEND, SIGN}

# The parameters of each operation in the order of the WSDL, by which positional ones are read.
PARAMETERS: Final = ("username", "password", "mobile", "text", "type", "sender", "client", "source", "settings")
SIGN_PARAMETERS: Final = ("username", "password", "mobile", "text", "timeout", "client", "source")

MAX_CLIENT: Final = 255

# From the hub's refusals to the error ids of the answer. None: the name in the catalogue is the id, which tells more
# than the vendor's three ids could and has its own text.
ERRORS: Final[Mapping[Refusal, str | None]] = {
    Refusal.UNAUTHENTICATED: "AuthFailed",
    Refusal.FORBIDDEN: None,
    Refusal.MALFORMED: None,
    Refusal.NOT_FOUND: None,
    Refusal.BLOCKED: None,
    Refusal.NO_ROUTE: None,
    Refusal.LIMITED: None,
    Refusal.CONFLICT: None,
    Refusal.EXPIRED: None,
    Refusal.UNAVAILABLE: None,
}

# Errors for which the vendor has an id and a text of its own.
BAD_REQUESTS: Final = frozenset({"MalformedBody", "EmptyText", "NoRecipient", "BadType", "UnknownMember"})

# What the answers to smshubSign are called. None: success.
SIGNATURES: Final[Mapping[Signature, str | None]] = {
    Signature.ACCEPTED: None,
    Signature.REFUSED: "SignRefused",
    Signature.EXPIRED: "SignTimeout",
    Signature.OPEN: "SignTimeout",
}

# A parameter as either grammar gives it: a text, or the items of a list.
Parameter = str | Sequence[str]

# What a call is to have done.
Wanted = SendTexts | SignText | HubStatus | Refused


class Call(msgspec.Struct, frozen=True):
    """
    A request: who asks, and what.

    `command` is a `Refused` where the parameters cannot be carried out. It is to be raised only after the credentials
    have been checked, so that a stranger learns nothing from it. A call of STATUS has no credentials and needs none.
    `overrides` are the names that its settings override; `typed` is whether it says if the text is flash.
    """

    operation: str
    username: str
    password: str
    command: Wanted
    ignored: tuple[str, ...]
    overrides: frozenset[str] = frozenset()
    typed: bool = True

    def __repr__(self) -> str:
        return f"Call({self.operation!r}, {self.username!r})"

    @property
    def anonymous(self) -> bool:
        """Whether the operation asks for no credentials."""
        return self.operation in STATUS


# What a call came to.
Outcome = Reply | Signed | Refused


class Answer(msgspec.Struct, frozen=True):
    """What the carrier writes back: an HTTP status, a content type and a body (empty with status 204)."""

    status: int
    content_type: str
    body: bytes


def is_json(body: bytes, content_type: str | None) -> bool:
    """Tell the JSON grammar from SOAP, which share a path: by how the body begins, else by its content type."""
    first = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return first in {b"{", b"["} or (first != b"<" and "json" in (content_type or "").lower())


def bad_request(member: str | None = None) -> Refused:
    """Make the refusal that the vendor gives to whatever is wrong with a request."""
    return Refused(Refusal.MALFORMED, "BadRequest", member=member)


def server_error() -> Refused:
    """Make the refusal for a fault of the hub's own."""
    return Refused(Refusal.UNAVAILABLE, "ServerError")


def parameters_of(operation: str) -> tuple[str, ...]:
    """Tell the parameters that an operation has, in their order."""
    return {SEND: PARAMETERS, SIGN: SIGN_PARAMETERS}.get(operation, ())


def read_call(operation: str, parameters: Mapping[str, Parameter], *, peer: str) -> tuple[Wanted, Overrides, bool]:
    """
    Make the command of an operation, or the refusal that it comes to; `peer` is the caller's address.

    Beside it what its settings override, and whether it says if the text is flash.
    """
    if operation in STATUS:
        return HubStatus(), NO_SETTINGS, True
    settings = NO_SETTINGS
    try:
        if operation == SIGN:
            return sign_text(parameters, peer=peer), NO_SETTINGS, True
        written = _one(parameters, "settings")
        if written:
            settings = read_settings(written)
        command = send_texts(parameters, settings, peer=peer)
    except Refused as refused:
        return refused, settings, True
    return command, settings, settings.flash is not None or bool(_one(parameters, "type").strip())


def send_texts(parameters: Mapping[str, Parameter], settings: Overrides = NO_SETTINGS, *, peer: str) -> SendTexts:
    """
    Make the command of smshubSend from its parameters; `peer` is the caller's address.

    Raises `Refused` (MALFORMED).
    """
    to, text = _to_and_text(parameters)
    written = _one(parameters, "type").strip()
    sender = _one(parameters, "sender").strip() or settings.sender or None
    flash = is_flash(written) if written else bool(settings.flash)
    client = _client(_one(parameters, "client").strip()) or peer
    source = _source(_one(parameters, "source").strip())
    if settings is NO_SETTINGS:
        return SendTexts(to, text, sender, None, flash, None, None, None, client, source)
    return SendTexts(
        to=to,
        text=text,
        originator=sender,
        message_class=settings.message_class,
        flash=flash,
        valid_for=settings.valid_for,
        client=client,
        source=source,
        connector=settings.connector,
    )


def sign_text(parameters: Mapping[str, Parameter], *, peer: str) -> SignText:
    """Make the command of smshubSign; `peer` is the caller's address. Raises `Refused` (MALFORMED)."""
    to, text = _to_and_text(parameters)
    timeout = wait_of(_one(parameters, "timeout").strip())
    if timeout is None:
        raise bad_request("timeout")
    return SignText(
        to=to,
        text=text,
        timeout=timeout,
        client=_client(_one(parameters, "client").strip()) or peer,
        source=_source(_one(parameters, "source").strip()),
    )


def command_for(call: Call, account: Account) -> Wanted:
    """
    Give the command of a call as this account may ask for it, with what the account's settings say beneath it.

    Raises `Refused` (FORBIDDEN) where the account may not override what the request does.
    """
    for name in sorted(call.overrides - account.may_override):
        raise Refused(Refusal.FORBIDDEN, "SettingNotAllowed", member="settings", name=name)
    if account.flash and not call.typed and isinstance(call.command, SendTexts):
        return msgspec.structs.replace(call.command, flash=True)
    return call.command


def _to_and_text(parameters: Mapping[str, Parameter]) -> tuple[tuple[str, ...], str]:
    to = recipients(parameters.get("mobile", ()))
    text = _one(parameters, "text")
    if not to or not text:
        raise bad_request("text" if to else "mobile")
    return to, text


def recipients(mobile: Parameter) -> tuple[str, ...]:
    """Read the recipients: a list or a text, each item one number or several with commas. Raises `Refused`."""
    items = (mobile,) if isinstance(mobile, str) else mobile
    numbers = tuple([number for item in items for part in item.split(",") if (number := part.strip())])
    for number in numbers:
        if "@" in number:  # this interface is for handsets
            raise Refused(Refusal.MALFORMED, "BadNumber", member="mobile", value=number[:40], why="it contains '@'")
    return numbers


def is_flash(written: str) -> bool:
    """Read a type: Normal (also when empty) or Flash, in any case. Raises `Refused`."""
    match written.lower():
        case "flash":
            return True
        case "" | "normal":
            return False
        case _:
            raise bad_request("type")


def _one(parameters: Mapping[str, Parameter], name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str):
        raise bad_request(name)
    return value


def _client(written: str) -> str:
    # It is written to logs and shown on pages: one line of bounded length.
    if len(written) > MAX_CLIENT or not written.isprintable():
        raise bad_request("client")
    return written


@lru_cache(maxsize=1024)  # most callers name few: the address of the server that asks for the text
def _source(written: str) -> str:
    if not written:
        return ""
    refused = Refused(Refusal.MALFORMED, "ServerError", member="source")
    if "%" in written:
        # A zone may be any text at all, and means nothing away from the host that wrote it.
        raise refused
    try:
        ip_address(written)
    except ValueError:
        raise refused from None
    return written


def error_id(refused: Refused) -> str:
    """Tell the error id of a refusal, the name of its text in the catalogue."""
    if refused.error in BAD_REQUESTS:
        return "BadRequest"
    return ERRORS[refused.refusal] or refused.error


def error_text(refused: Refused, catalogue: Mapping[str, str]) -> str:
    """Tell the text that goes with a refusal's error id."""
    error = error_id(refused)
    return text_of(refused if error == refused.error else Refused(refused.refusal, error), catalogue)


def members_of(call: Call, outcome: Outcome, catalogue: Mapping[str, str]) -> dict[str, int | str]:
    """Make the members of an answer: code, error and message; for STATUS, status and message."""
    match outcome:
        case Refused() if call.operation in STATUS:
            return {"status": 2, "message": error_text(outcome, catalogue)}
        case Refused():
            return {"code": 0, "error": error_id(outcome), "message": error_text(outcome, catalogue)}
        case Submitted():
            message = catalogue.get("SendSuccess") or CATALOGUE["SendSuccess"]
            # There is no member for it: `code` is still 1, since texts were taken.
            told = [f"{one.to} was not taken: {text_of(one.refused, catalogue)}" for one in outcome.refused]
            return success("\n".join([message, *told]))
        case Signed():
            error = SIGNATURES[outcome.answer]
            name = error or "SignSuccess"
            message = catalogue.get(name) or CATALOGUE[name]
            return {"code": 0 if error else 1, "error": error or "", "message": message}
        case Status():
            return {"status": 2 if why_not(outcome) else 1, "message": status_text(outcome)}
        case _:
            raise TypeError(f"{call.operation} is not answered by {type(outcome).__name__}")


def success(message: str) -> dict[str, int | str]:
    """Make the members of the answer to a call that was carried out."""
    return {"code": 1, "error": "", "message": message}


def why_not(status: Status) -> str:
    """
    Tell why the hub is not willing to take requests, empty where it is.

    Without a connector that is up it would still put texts on disk and send them later, but a caller that asks for the
    status wants to know whether they would leave, and may have another hub to go to.
    """
    if not status.taking:
        return status.why
    return "" if status.connectors_up else "no connector is up"


def status_text(status: Status) -> str:
    """Tell the hub's condition in the vendor's eight lines; programs look for their names in this order."""
    server = f"smshub {status.version}"
    why = why_not(status)
    lines = {
        "Server": f"{server} (takes no messages: {why})" if why else server,
        "System": sys.platform,
        "Listener": " ".join(status.listeners) or "none",
        "Uptime": _duration(status.uptime),
        "Cluster Node": status.node,
        "Local Memory": f"{status.memory / 2**20:.1f} MiB",
        "Shared Memory": "none",
        "Connectors": f"{status.connectors_up} of {status.connectors} up, {status.queued} messages queued",
    }
    return "\n".join([f"{name}: {value}" for name, value in lines.items()])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
