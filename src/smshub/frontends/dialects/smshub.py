"""
What SMSHub's SOAP and JSON grammars share: operations, parameters, settings, answers.

Where the source document is silent, the choices are made here:

- The operation `smssendStatus` is the document's spelling of `smshubStatus`. It is answered under the name that was
  asked, as everything in rpc style is (SOAP 1.1 §7.1).
- `settings` overrides what the hub would choose of itself; what the request says in a parameter of its own wins. The
  names known so far are `SMSType` and `Sender`, with or without `SMSHub.` before them and in any case. Any other name
  is refused as a bad request: a caller that writes `Validity=60` must not believe that it was heeded.
- Parameters of other names are ignored, since a later OpenOTP may send more of them; the call lists them in `ignored`
  for the log.
- `source`, where it is given, is an IP address; anything else is answered `ServerError`, as the vendor does.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

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

SEND: Final = "smshubSend"
STATUS: Final = frozenset({"smshubStatus", "smssendStatus"})
OPERATIONS: Final = STATUS | {SEND}

# The parameters of smshubSend in the order of the WSDL, by which positional ones are read.
PARAMETERS: Final = ("username", "password", "mobile", "text", "type", "sender", "client", "source", "settings")

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

# A parameter as either grammar gives it: a text, or the items of a list.
Parameter = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request: who asks, and what.

    `command` is a `Refused` where the parameters cannot be carried out. It is to be raised only after the credentials
    have been checked, so that a stranger learns nothing from it. A call of STATUS has no credentials and needs none.
    """

    operation: str
    username: str
    password: str = field(repr=False)
    command: SendTexts | HubStatus | Refused
    ignored: tuple[str, ...]

    @property
    def anonymous(self) -> bool:
        """Whether the operation asks for no credentials."""
        return self.operation in STATUS


@dataclass(frozen=True, slots=True)
class Answer:
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


def command_of(operation: str, parameters: Mapping[str, Parameter], *, peer: str) -> SendTexts | HubStatus | Refused:
    """Make the command of an operation, or the refusal that it comes to."""
    if operation != SEND:
        return HubStatus()
    try:
        return send_texts(parameters, peer=peer)
    except Refused as refused:
        return refused


def send_texts(parameters: Mapping[str, Parameter], *, peer: str) -> SendTexts:
    """
    Make the command of smshubSend from its parameters; `peer` is the caller's address.

    Raises `Refused` (MALFORMED).
    """
    to = recipients(parameters.get("mobile", ()))
    text = _one(parameters, "text")
    if not to or not text:
        raise bad_request("text" if to else "mobile")
    settings = read_settings(_one(parameters, "settings"))
    return SendTexts(
        to=to,
        text=text,
        originator=_one(parameters, "sender").strip() or settings.get("sender") or None,
        flash=is_flash(_one(parameters, "type").strip() or settings.get("smstype", "")),
        client=_client(_one(parameters, "client").strip()) or peer,
        source=_source(_one(parameters, "source").strip()),
    )


def recipients(mobile: Parameter) -> tuple[str, ...]:
    """Read the recipients: a list or a text, each item one number or several with commas between them."""
    items = (mobile,) if isinstance(mobile, str) else mobile
    return tuple([number for item in items for part in item.split(",") if (number := part.strip())])


def is_flash(written: str) -> bool:
    """Read a type: Normal (also when empty) or Flash, in any case. Raises `Refused`."""
    match written.lower():
        case "flash":
            return True
        case "" | "normal":
            return False
        case _:
            raise bad_request("type")


def read_settings(written: str) -> dict[str, str]:
    """Read `SMSType=Flash,SMSHub.Sender=ACME` into names in lower case and values. Raises `Refused`."""
    settings: dict[str, str] = {}
    for item in filter(None, map(str.strip, written.split(","))):
        name, equals, value = item.partition("=")
        name = name.strip().lower().removeprefix("smshub.")
        if not equals or name not in {"smstype", "sender"} or name in settings:
            raise bad_request("settings")
        settings[name] = value.strip()
    return settings


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


def members_of(call: Call, outcome: Reply | Refused, catalogue: Mapping[str, str]) -> dict[str, int | str]:
    """Make the members of an answer: code, error and message; for STATUS, status and message."""
    match outcome:
        case Refused() if call.operation in STATUS:
            return {"status": 2, "message": error_text(outcome, catalogue)}
        case Refused():
            return {"code": 0, "error": error_id(outcome), "message": error_text(outcome, catalogue)}
        case Submitted():
            success = catalogue.get("SendSuccess") or CATALOGUE["SendSuccess"]
            return {"code": 1, "error": "", "message": success}
        case Status():
            return {"status": 1 if outcome.taking else 2, "message": status_text(outcome)}
        case _:
            raise TypeError(f"{call.operation} is not answered by {type(outcome).__name__}")


def status_text(status: Status) -> str:
    """Tell the hub's condition in the vendor's eight lines; programs look for their names in this order."""
    server = f"smshub {status.version}"
    lines = {
        "Server": server if status.taking else f"{server} (takes no messages: {status.why})",
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
