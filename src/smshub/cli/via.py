"""The ways in over which `smshub send --via` can hand in a text: each a small function, as a program would call it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from smshub.cli.client import Client, Document, given
from smshub.cli.failure import Exit, Failed


@dataclass(frozen=True, slots=True)
class Text:
    """What the options of `smshub send` say; None where they say nothing. `valid_for` is in seconds."""

    to: list[str]
    text: str
    originator: str | None = None
    message_class: str | None = None
    flash: bool = False
    reference: str | None = None
    valid_for: float | None = None
    send_at: str | None = None
    subject: str | None = None


# A way in hands a text over and tells of each message what it was told: `id`, `to`, `state`, as far as it knows.
Way = Callable[[Client, Text], list[Document]]


def native(hub: Client, text: Text) -> list[Document]:
    """Hand it to /v1."""
    members: dict[str, Any] = {
        "to": text.to if len(text.to) > 1 else text.to[0],
        "text": text.text,
        "from": text.originator,
        "class": text.message_class,
        "type": "flash" if text.flash else None,
        "reference": text.reference,
        "valid_for": text.valid_for,
        "send_at": text.send_at,
        "subject": text.subject,
    }
    messages: list[Document] = hub.post("/v1/messages", given(members)).get("messages", [])
    return messages


def otppi(hub: Client, text: Text) -> list[Document]:
    """Hand it to OTP-Pi's path for texts, a request for each recipient."""
    only(text, "valid_for", "subject")
    taken = []
    for to in text.to:
        answer = hub.post("/api/sms", otppi_document(to, text))
        if answer.get("response_code") not in {"0000", "000"}:
            raise Failed(f"{to}: {answer.get('error', 'refused')} (response_code {answer.get('response_code')})")
        taken.append({"id": (answer.get("data") or {}).get("result"), "to": to, "state": "accepted"})
    return taken


def otppi_document(to: str, text: Text, at: float | None = None) -> Document:
    """Write the request that OTP-Pi's clients send, over whatever it goes; `at` is the time (None: now)."""
    now = time.time() if at is None else at
    expiration = None if text.valid_for is None else int(now + text.valid_for)
    data = {"date_time": int(now), "expiration": expiration, "id": time.time_ns(), "receiver": to, "message": text.text}
    if text.subject is not None:
        data["subject"] = text.subject
    return {"command": "send-mail" if "@" in to else "send-sms", "data": given(data)}


def soap(hub: Client, text: Text) -> list[Document]:
    """Hand it to SMSHub's SOAP service."""
    from smshub.protocols import soap as envelopes  # noqa: PLC0415 - what only this way needs

    members = {name: str(value) for name, value in _smshub(hub, text).items()}
    asked = envelopes.answer("smshubSend", "urn:smshub", members)  # rpc style: a request has the form of an answer
    _, raw = hub.exchange("/smshub/", asked, envelopes.Version.SOAP_11.content_type)
    try:
        said = {name: values[0] for name, values in envelopes.parse(raw).parameters.items()}
    except envelopes.SoapError:
        raise Failed("the hub does not answer in SOAP; is it the right URL?") from None
    return _smshub_taken(said, text)


def jsonrpc(hub: Client, text: Text) -> list[Document]:
    """Hand it to SMSHub's JSON-RPC."""
    request = {"jsonrpc": "2.0", "method": "smshubSend", "params": _smshub(hub, text), "id": 1}
    _, raw = hub.exchange("/smshub/", json.dumps(request).encode(), "application/json")
    try:
        answer = json.loads(raw)
        said = answer.get("result") or {"code": 0, "message": answer["error"]["message"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Failed("the hub does not answer in JSON-RPC; is it the right URL?") from None
    return _smshub_taken(said, text)


def _smshub(hub: Client, text: Text) -> Document:
    only(text, "originator", "flash", "message_class", "valid_for")
    username, password = hub.credentials
    # With an API key, which goes in a header, the call names nobody.
    members = {"username": username if password else "", "password": password}
    overrides = given({"Class": text.message_class, "Validity": text.valid_for})
    settings = ",".join(
        f"{name}={value:g}" if name == "Validity" else f"{name}={value}" for name, value in overrides.items()
    )
    return {
        **members,
        "mobile": ",".join(text.to),
        "text": text.text,
        **given({"type": "Flash" if text.flash else "Normal", "sender": text.originator, "settings": settings or None}),
    }


def _smshub_taken(said: Mapping[str, Any], text: Text) -> list[Document]:
    if str(said.get("code")) != "1":
        raise Failed(str(said.get("message") or said.get("error") or "refused"))
    return [{"id": None, "to": to, "state": "accepted"} for to in text.to]


def textmessages(hub: Client, text: Text) -> list[Document]:
    """Log in at /api/Login, the username as ProgramSID and the password as ProgramKey, and send with the token."""
    only(text)
    sid, key = hub.credentials
    token = _said(hub, "/api/Login", {"ProgramSID": sid, "ProgramKey": key}, "", str)
    document = {"Message": text.text, "PhoneNumber": ",".join(text.to)}
    answer = _said(hub, "/api/TextMessages", document, f"Bearer {token}", dict)
    return [{"id": one["id"], "to": one["to"], "state": one["status"]} for one in answer["messages"]]


def _said(hub: Client, path: str, document: Document, authorization: str, kind: type[Any]) -> Any:
    status, raw = hub.exchange(path, json.dumps(document).encode(), "application/json", authorization)
    if status != 200:
        raise Failed(raw[:1_000].decode("utf-8", "replace").strip() or f"the hub answered with status {status}")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, kind):
        raise Failed(f"the hub does not answer at {path} as it should; is it the right URL?")
    return answer


def only(text: Text, *can: str) -> None:
    """Refuse options that a way cannot carry, rather than leave them out."""
    lost = [one.name for one in fields(text)[2:] if getattr(text, one.name) and one.name not in can]
    if lost:
        names = {"originator": "from", "message_class": "class"}
        options = ", ".join("--" + names.get(name, name).replace("_", "-") for name in lost)
        raise Failed(f"this way in cannot carry {options}; leave it out, or send without --via", Exit.USAGE)


WAYS: Final[Mapping[str, Way]] = {
    "native": native,
    "otppi": otppi,
    "soap": soap,
    "jsonrpc": jsonrpc,
    "textmessages": textmessages,
}


def way(name: str) -> Way:
    """Give a way in by its name."""
    if name not in WAYS:
        raise Failed(f"there is no way in '{name}'; there are {', '.join(WAYS)}", Exit.USAGE)
    return WAYS[name]
