"""
OTP-Pi's JSON: `{"command": "send-sms", "data": {…}}`, over HTTP and over the brokers.

The path or topic tells nothing, `command` does. Answers are `{"command", "response_code", "data"}` with the keys that
OTP-Pi gives to each command, plus `error` where the answer is no.

What its clients rely on is taken as they send it: `receiver` or `msisdn`, `send-mail` or `send-email`, numbers or
strings for `id`, `date_time`, `expiration` and `callback_delay`, a comma before a closing bracket. What two readers
could understand differently (a member named twice, NaN, an integer beyond 64 bits) is refused.

`id` is the clock or a constant in these clients, so it is no idempotency key: a request repeats another one only where
command, `id`, `date_time`, receiver and content are all the same. The reference of the submission is a digest of them.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from smshub.domain.addresses import is_address
from smshub.domain.challenges import OtpRequested, OtpVerified, RequestOtp, Verdict, VerifyOtp
from smshub.domain.commands import (
    CATALOGUE,
    Block,
    Command,
    Done,
    Refusal,
    Refused,
    Reply,
    SendTexts,
    Submitted,
    Unblock,
    text_of,
)
from smshub.domain.following import Ended
from smshub.domain.incoming import ListModems, Modems, ModemView, RequestUssd, UssdAnswered
from smshub.domain.message import State
from smshub.domain.references import DIGESTED
from smshub.protocols.jsonrpc import JsonError, load

MAX_SIZE: Final = 64 * 1024

SUCCESS: Final = "0000"
UNAUTHENTICATED: Final = "1100"
FAILED: Final = "1102"
# What may become of a text that is told with the code of success.
_WELL: Final = frozenset({State.SENT, State.DELIVERED})
NO_DEVICE: Final = "1101"

# The one table from the hub's refusals to OTP-Pi's codes.
CODES: Final[Mapping[Refusal, str]] = {
    Refusal.UNAUTHENTICATED: UNAUTHENTICATED,
    Refusal.FORBIDDEN: FAILED,
    Refusal.MALFORMED: FAILED,
    Refusal.NOT_FOUND: FAILED,
    Refusal.BLOCKED: FAILED,
    Refusal.NO_ROUTE: NO_DEVICE,
    Refusal.LIMITED: FAILED,
    Refusal.CONFLICT: FAILED,
    Refusal.EXPIRED: "1203",
    Refusal.UNAVAILABLE: FAILED,
}

# Milliseconds before an answer is published, where the request names none, and the most that it may ask for.
DEFAULT_DELAY: Final = 10.0
LONGEST_DELAY: Final = 10_000.0

_MAIL: Final = frozenset({"send-mail", "send-email"})
MAIL_TAKEN: Final = "The mail is accepted."

# OTP-Pi's codes for codes. A caller that is to learn yes or no only hears INVALID for every no.
DUPLICATED: Final = "1201"
INVALID: Final = "1202"
EXPIRED: Final = "1203"

# The members of an OTP that its answers repeat.
_REPEATED: Final = ("reference", "receiver", "date_time")

# A string is taken whole, so that a comma within it stays.
_TRAILING_COMMA: Final = re.compile(r'("(?:[^"\\]++|\\.)*+"?)|,(?=\s*+[}\]])', re.DOTALL)

_encode: Final = msgspec.json.Encoder().encode

NOTHING: Final = Done("nothing to do")


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request: what is asked, and where the answer should go.

    `name` is the command as written, "" where none could be read. `command` is what the hub shall do; a `Refused` or
    `Done` needs no hub and is itself the outcome. `callback_topic` is where a broker shall publish the answer, None
    where nobody waits for one, `callback_delay` how many seconds later. `document` is the request, `data` its data.
    """

    name: str
    command: Command | Done | Refused = field(repr=False)
    callback_topic: str | None = None
    callback_delay: float = DEFAULT_DELAY / 1000
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


def decode(document: bytes, *, client: str = "") -> Call:
    """Read a request; `client` is the caller's address for the log. Never raises: a refusal is the call's command."""
    try:
        read = _load(document)
    except Refused as refused:
        return Call("", refused)
    written = read.get("command")
    name = written.strip() if isinstance(written, str) else ""
    data = read.get("data")
    given = data if isinstance(data, dict) else {}
    topic = read.get("callback_topic")
    return Call(
        name,
        _command(name, read, given, client),
        topic if isinstance(topic, str) and topic else None,
        _delay(read.get("callback_delay")),
        read,
        given,
    )


def _load(document: bytes) -> dict[str, Any]:
    if len(document) > MAX_SIZE:
        raise Refused(Refusal.MALFORMED, "BodyTooLarge", limit=MAX_SIZE)
    try:
        read = load(document)
    except JsonError as error:
        read = _load_with_commas(document, error)
    if not isinstance(read, dict):
        raise _malformed("it is not an object")
    return read


def _load_with_commas(document: bytes, error: JsonError) -> Any:
    """Read a document once more without its trailing commas, which the clients' own samples have."""
    try:
        return load(_TRAILING_COMMA.sub(r"\1", document.decode("utf-8-sig")).encode())
    except (UnicodeDecodeError, JsonError):
        raise _malformed(str(error)) from None


def _command(  # noqa: C901 - a case for each command
    name: str, document: Mapping[str, Any], data: Mapping[str, Any], client: str
) -> Command | Done | Refused:
    try:
        if not name:
            raise _malformed("the member 'command' is missing", "command")
        if name == "echo":
            return NOTHING
        if name == "get-modem-list":
            return ListModems()
        if not isinstance(document.get("data"), dict):
            raise _malformed("the member 'data' is missing, or not an object", "data")
        match name:
            case "send-sms" | "send-message" | "send-mail" | "send-email":
                return _send(name, data, client)
            case "request-otp":
                return _request_otp(data, client)
            case "verify-otp":
                to, reference = _receiver(data), _otp_reference(data)
                return VerifyOtp(to, reference, _text(data, "otp").strip(), _params(data))
            case "block-msisdn":
                return Block(_receiver(data), own=True)
            case "unblock-msisdn":
                return Unblock(_receiver(data), own=True)
            case "request-ussd":
                return RequestUssd(_text(data, "ussd_code").strip(), _text(data, "modem_id").strip() or None)
            case _:
                raise _malformed("the member 'command' names no command of this interface", "command")
    except Refused as refused:
        return refused


def _send(name: str, data: Mapping[str, Any], client: str) -> SendTexts:
    to = _receiver(data)
    if name != "send-message" and is_address(to) is not (name in _MAIL):
        error = "BadAddress" if name in _MAIL else "BadNumber"
        why = "an address is name@domain" if name in _MAIL else "it contains '@'"
        raise Refused(Refusal.MALFORMED, error, member="receiver", value=to[:64], why=why)
    text = _text(data, "message")
    if not text:
        raise Refused(Refusal.MALFORMED, "EmptyText", member="message")
    # Clients send one with a text for a number too, where it means nothing.
    subject = _text(data, "subject") or None if is_address(to) else None
    return SendTexts(
        to=(to,),
        text=text,
        reference=_reference(name, data, to, f"{subject}\n{text}" if subject else text),
        expires_at=_expiration(data.get("expiration")),
        client=client,
        subject=subject,
    )


def _request_otp(data: Mapping[str, Any], client: str) -> RequestOtp:
    to, reference, params = _receiver(data), _otp_reference(data), _params(data)
    template = _text(data, "message").strip() or None
    fallback = _text(data, "fallback").strip() or None
    subject = _text(data, "subject").strip() or None if fallback or is_address(to) else None
    content = "\n".join((reference, *params, template or "", subject or "", *filter(None, (fallback,))))
    return RequestOtp(
        to=to,
        reference=reference,
        params=params,
        template=template,
        subject=subject,
        expires_at=_expiration(data.get("expiration")),
        fallback=fallback,
        client=client,
        key=_reference("request-otp", data, to, content),
    )


def _otp_reference(data: Mapping[str, Any]) -> str:
    reference = _text(data, "reference").strip()
    if not reference:
        raise _malformed("the member 'reference' is missing", "reference")
    return reference


def _params(data: Mapping[str, Any]) -> tuple[str, str, str, str]:
    first, second, third, fourth = (_text(data, f"param{number}").strip() for number in range(1, 5))
    return first, second, third, fourth


def _reference(name: str, data: Mapping[str, Any], to: str, content: str) -> str | None:
    """Make the reference by which a redelivery, or a copy over another broker, is recognised."""
    asked, at = _text(data, "id"), _text(data, "date_time")
    if not asked and not at:
        return None
    return DIGESTED + hashlib.sha256(_encode((name, asked, at, to, content))).hexdigest()


def _receiver(data: Mapping[str, Any]) -> str:
    to = _text(data, "receiver").strip() or _text(data, "msisdn").strip()
    if not to:
        raise Refused(Refusal.MALFORMED, "NoRecipient", member="receiver")
    return to


def _text(data: Mapping[str, Any], name: str) -> str:
    """Read a member that may be a string or a number; "" where it is absent or null."""
    value = data.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _malformed(f"the member '{name}' is neither a string nor a number", name)
    return str(value)


def _number(value: Any) -> float | None:
    """Read a number or a string that holds one; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _expiration(value: Any) -> float | None:
    """Read the end of the validity in seconds since 1970; absent, null and "" mean that there is none."""
    if value is None or value == "":
        return None
    number = _number(value)
    if number is None:
        raise _malformed("the member 'expiration' is no time in seconds since 1970", "expiration")
    return number


def _delay(value: Any) -> float:
    """Read milliseconds, of which only the size counts, into seconds; what cannot be read is the usual delay."""
    number = _number(value)
    return min(DEFAULT_DELAY if number is None else abs(number), LONGEST_DELAY) / 1000


def _malformed(why: str, member: str | None = None) -> Refused:
    return Refused(Refusal.MALFORMED, "MalformedBody", member=member, why=why)


def encode(
    call: Call, outcome: Reply | Refused, catalogue: Mapping[str, str] = CATALOGUE, *, success: str = SUCCESS
) -> bytes:
    """
    Write the answer to a call; `outcome` is the hub's, or the call's own `command` where it needs no hub.

    `success` is the code that says yes; an account may ask for the "000" of OTP-Publisher's documentation.
    """
    if isinstance(outcome, Refused):
        return _encode(_refusal(call, outcome, catalogue))
    if call.name == "echo":
        return _encode(call.document)
    answer: dict[str, Any] = {"command": call.name, "response_code": success}
    match outcome:
        case Submitted(messages=(message, *_)):
            # The connector is in it only where the first try was begun with the acceptance.
            answer["data"] = {"modemID": message.connector if message.attempt else "", "result": message.id}
            if call.name in _MAIL:
                answer["message"] = MAIL_TAKEN
        case OtpRequested():
            answer["data"] = _repeated(call)
        case OtpVerified():
            answer |= _verdict(outcome, success, catalogue)
            answer["data"] = _repeated(call)
        case Modems(modems=modems):
            answer["data"] = {"modem_list": {modem.id: _modem(modem) for modem in modems}}
        case UssdAnswered():
            answer["data"] = {
                "ussd_content": outcome.content,
                "ussd_content_raw": outcome.raw,
                "replyable": outcome.replyable,
            }
        case _:
            pass
    return _encode(answer)


def _repeated(call: Call) -> dict[str, Any]:
    """Repeat what an answer about a code repeats of its request, in the types in which it came."""
    return {name: call.data[name] for name in _REPEATED if name in call.data}


def _verdict(verified: OtpVerified, success: str, catalogue: Mapping[str, str]) -> dict[str, str]:
    match verified.verdict:
        case Verdict.MATCH:
            return {"response_code": success}
        case Verdict.EXPIRED if not verified.generic:
            return {"response_code": EXPIRED, "error": text_of(Refused(Refusal.EXPIRED, "OtpExpired"), catalogue)}
        case _:
            return {"response_code": INVALID, "error": text_of(Refused(Refusal.MALFORMED, "OtpInvalid"), catalogue)}


def encode_ended(ended: Ended, catalogue: Mapping[str, str] = CATALOGUE, *, success: str = SUCCESS) -> bytes:
    """Write the second answer to a call: what became of its text."""
    data = {"modemID": ended.connector, "result": ended.followed.message_id, "state": ended.state.value}
    answer: dict[str, Any] = {"command": ended.followed.command, "response_code": success, "data": data}
    if ended.state not in _WELL:
        name = "NotDelivered"
        text = text_of(Refused(Refusal.UNAVAILABLE, name, state=ended.state.value, why=ended.reason or "-"), catalogue)
        answer |= {"response_code": FAILED, "error": text}
    return _encode(answer)


def _modem(modem: ModemView) -> dict[str, Any]:
    """Tell a modem under OTP-Pi's keys; it goes to the network for texts only, never for the internet."""
    return {
        "id": modem.id,
        "name": " ".join(filter(None, (modem.manufacturer, modem.model))) or modem.id,
        "port": modem.port,
        "imei": modem.imei,
        "imsi": modem.imsi,
        "iccid": modem.iccid,
        "smsCenter": modem.smsc,
        "copsOperator": modem.operator,
        "active": modem.active,
        "connected": modem.connected,
        "defaultModem": modem.default,
        "internetAccess": False,
        "internetConnected": False,
        "signalStrength": {
            "value": modem.signal,
            "rssi": modem.dbm,
            "ber": modem.ber,
            "condition": modem.condition.capitalize(),
            "class": modem.condition,
        },
    }


def _refusal(call: Call, refused: Refused, catalogue: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"command": call.name} if call.name else {}
    code = CODES[refused.refusal]
    # No modem is missing where a mail cannot go.
    answer["response_code"] = FAILED if call.name in _MAIL and code == NO_DEVICE else code
    answer["error"] = text_of(refused, catalogue)
    if refused.error == "OtpLive":
        answer["response_code"] = DUPLICATED
    match call.name:
        case "verify-otp":
            answer["data"] = _repeated(call)
        case "request-otp" | "send-sms" | "send-message" | "request-ussd":
            answer["data"] = {}
        case _:
            pass
    return answer
