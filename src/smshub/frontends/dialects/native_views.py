"""What the native door answers: replies of the hub as documents (native_schema) and these as JSON."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, assert_never

import msgspec

from smshub.domain.audit import AuditPage, AuditVerified
from smshub.domain.challenges import Decisions, OtpRequested, OtpVerified, Prefixes
from smshub.domain.commands import (
    CATALOGUE,
    BlockedRecipient,
    Blocklist,
    Connectors,
    Done,
    Explained,
    Frontends,
    Listed,
    Objects,
    Parked,
    ParkedPage,
    Refusal,
    Refused,
    Reply,
    Shown,
    Status,
    Submitted,
    TokenShown,
    one_of,
    text_of,
)
from smshub.domain.configuring import FilePlan
from smshub.domain.delivery import ReceiptState
from smshub.domain.exchanges import Exchanges
from smshub.domain.figures import FiguresShown
from smshub.domain.incoming import IncomingPage, Modems, UssdAnswered
from smshub.domain.message import Attempt, Message, MessageType
from smshub.domain.servicelog import LogPage
from smshub.domain.upkeep import RecipientData, RecipientErased
from smshub.domain.users import Users
from smshub.frontends.dialects import native_figures
from smshub.frontends.dialects.native_schema import (
    AttemptDocument,
    BlockedDocument,
    BlocklistPage,
    ConnectorDocument,
    ConnectorList,
    DoneDocument,
    ExplainedRoute,
    ExplainedSender,
    Explanation,
    FrontendDocument,
    FrontendList,
    ListedMessage,
    MessagePage,
    ObjectDocument,
    ObjectList,
    ParkedDocument,
    ParkedEntry,
    ParkedList,
    ReceiptDocument,
    RefusedRecipient,
    Sent,
    SentMessage,
    ShownMessage,
    StatusDocument,
    TokenDocument,
)

Document = TypeVar("Document", bound=msgspec.Struct)

# Settings may hold values that JSON has no form for (paths, durations); they are shown as text.
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


def encode(reply: Reply) -> bytes:
    """Write a reply of the hub."""
    return _ENCODER.encode(document_of(reply))


def encode_object(reply: Reply, name: str) -> bytes:
    """Write the one object of this name. Raises `Refused` (NOT_FOUND)."""
    assert isinstance(reply, Objects)
    for found in reply.objects:
        if found["name"] == name:
            return _ENCODER.encode(_object(found))
    raise Refused(Refusal.NOT_FOUND, "NotFound", what=one_of(reply.kind))


def encode_blocked(reply: Reply) -> bytes:
    """Write the one blocked recipient that was asked for. Raises `Refused` (NOT_FOUND)."""
    assert isinstance(reply, Blocklist)
    for found in reply.recipients:
        return _ENCODER.encode(_blocked(found))
    raise Refused(Refusal.NOT_FOUND, "NotFound", what="blocked recipient")


def document_of(reply: Reply) -> msgspec.Struct:  # noqa: C901, PLR0912 - a case for each reply
    """Put a reply into the shape in which it is answered."""
    match reply:
        case Submitted():
            return sent(reply)
        case Shown():
            return shown_message(reply.message, reply.attempts)
        case Listed():
            return MessagePage(tuple(listed_message(message) for message in reply.messages), reply.cursor)
        case Explained():
            return _explanation(reply)
        case Connectors() | Objects():
            return _configured(reply)
        case BlockedRecipient() | Blocklist():
            return _blocklist(reply)
        case Frontends() | Parked() | ParkedPage():
            return _broker(reply)
        case Status():
            return _same(StatusDocument, reply)
        case TokenShown():
            return TokenDocument(dict(reply.claims), reply.valid, reply.why, reply.account)
        case Done():
            return DoneDocument(reply.detail)
        case FiguresShown():
            return native_figures.document_of(reply)
        case AuditPage() | AuditVerified() | LogPage() | Users() | FilePlan():
            return reply
        case Exchanges() | RecipientData() | RecipientErased():
            return reply
        case OtpRequested() | OtpVerified() | Decisions() | Prefixes() | IncomingPage() | Modems() | UssdAnswered():
            return reply
        case _:
            assert_never(reply)


def sent(submitted: Submitted, catalogue: Mapping[str, str] = CATALOGUE) -> Sent:
    """Show what was accepted; the hot path."""
    messages = tuple(
        [
            SentMessage(message.id, message.to_written, message.state, message.segments, message.encoding)
            for message in submitted.messages
        ]
    )
    if not submitted.refused:
        return Sent(messages)
    return Sent(
        messages,
        tuple(
            RefusedRecipient(one.to, one.refused.error, text_of(one.refused, catalogue)) for one in submitted.refused
        ),
    )


def listed_message(message: Message) -> ListedMessage:
    """Show a message as lists do."""
    return ListedMessage(**_members(message))


def shown_message(message: Message, attempts: Sequence[Attempt]) -> ShownMessage:
    """Show a message with its timeline."""
    return ShownMessage(**_members(message), attempts=tuple(_attempt(attempt) for attempt in attempts))


def _blocklist(reply: BlockedRecipient | Blocklist) -> msgspec.Struct:
    if isinstance(reply, BlockedRecipient):
        return _blocked(reply)
    return BlocklistPage(tuple(_blocked(one) for one in reply.recipients), reply.cursor)


def _blocked(one: BlockedRecipient) -> BlockedDocument:
    return BlockedDocument(one.to, rfc3339(one.blocked_at), one.blocked_by, one.reason)


def rfc3339(seconds: float) -> str:
    """Write a time (seconds since 1970) as RFC 3339, UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def _members(message: Message) -> dict[str, Any]:
    receipt = None
    if message.receipt_state is not None:
        receipt = ReceiptDocument(ReceiptState(message.receipt_state), message.receipt_code, _maybe(message.receipt_at))
    return {
        "id": message.id,
        "to": message.to_written,
        "recipient": message.to,
        "originator": message.originator,
        "text": message.text,
        "subject": message.subject or None,
        "message_class": message.message_class,
        "message_type": MessageType.FLASH if message.flash else MessageType.NORMAL,
        "state": message.state,
        "encoding": message.encoding,
        "segments": message.segments,
        "account": message.account,
        "created_at": rfc3339(message.created_at),
        "due_at": rfc3339(message.due_at),
        "expires_at": rfc3339(message.expires_at),
        "connector": message.connector or None,
        "reason": message.reason,
        "code": message.code,
        "detail": message.detail,
        "receipt": receipt,
    }


def _attempt(attempt: Attempt) -> AttemptDocument:
    return AttemptDocument(
        number=attempt.number,
        connector=attempt.connector,
        started_at=rfc3339(attempt.started_at),
        settled_at=_maybe(attempt.settled_at),
        outcome=attempt.outcome,
        reason=attempt.reason,
        code=attempt.code,
        detail=attempt.detail,
        provider_ref=attempt.provider_ref,
    )


def _explanation(explained: Explained) -> Explanation:
    return Explanation(
        to=explained.to,
        originator=ExplainedSender(explained.originator, explained.originator_ton, explained.originator_npi),
        encoding=explained.encoding,
        characters=explained.characters,
        units=explained.units,
        segments=explained.segments,
        message_class=explained.message_class,
        valid_for=explained.valid_for,
        routes=tuple(_same(ExplainedRoute, way) for way in explained.ways),
        notes=explained.notes,
    )


def _broker(reply: Frontends | Parked | ParkedPage) -> msgspec.Struct:
    match reply:
        case Frontends():
            return FrontendList(tuple(_same(FrontendDocument, frontend) for frontend in reply.frontends))
        case Parked():
            return _parked(reply)
        case ParkedPage():
            return ParkedList(tuple(ParkedEntry(**_entry(parked)) for parked in reply.documents), reply.cursor)


def _entry(parked: Parked) -> dict[str, Any]:
    members = msgspec.structs.asdict(parked)
    del members["document"]
    return {**members, "parked_at": rfc3339(parked.parked_at)}


def _parked(parked: Parked) -> ParkedDocument:
    try:
        text, encoding = parked.document.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(parked.document).decode(), "base64"
    return ParkedDocument(**_entry(parked), document=text, encoding=encoding)


def _configured(reply: Connectors | Objects) -> msgspec.Struct:
    if isinstance(reply, Objects):
        return ObjectList(tuple(_object(found) for found in reply.objects))
    return ConnectorList(tuple(_same(ConnectorDocument, connector) for connector in reply.connectors))


def _object(found: Any) -> ObjectDocument:
    return ObjectDocument(name=found["name"], origin=found["origin"], settings=dict(found["settings"]))


def _same(document: type[Document], view: msgspec.Struct) -> Document:
    return document(**msgspec.structs.asdict(view))
