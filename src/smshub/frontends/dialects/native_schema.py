"""The documents of the native door: what each member is called, holds and means. OpenAPI is made from it."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from smshub.domain.delivery import ReceiptState
from smshub.domain.message import MessageClass, MessageType, State

Time = Annotated[str, Meta(description="RFC 3339, UTC, milliseconds.", extra_json_schema={"format": "date-time"})]

_To = Meta(
    description="A number: `+` or `00` and digits, or as the account's country has it; blanks and `().-/` are skipped. "
    "Or a mail address, `name@domain`.",
    examples=["+491701234567"],
)
_Text = Meta(description="What the handset shows.", examples=["Your code is 123456"])
_From = Meta(description="The sender: a number or up to 11 characters. The account's own where it is missing.")
_Class = Meta(description="What it is for; decides lane, default validity, and what follows an uncertain try.")
_Type = Meta(description="`flash` is shown at once and not kept.")


class SendRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One text to one or many recipients. A member that is null counts as missing."""

    to: Annotated[
        Annotated[str, _To] | tuple[Annotated[str, _To], ...],
        Meta(description="One recipient or many; each gets a message of its own."),
    ]
    text: Annotated[str, _Text]
    originator: Annotated[str | None, _From] = field(default=None, name="from")
    message_class: Annotated[MessageClass | None, _Class] = field(default=None, name="class")
    message_type: Annotated[MessageType | None, _Type] = field(default=None, name="type")
    reference: Annotated[
        str | None,
        Meta(
            description="Your idempotency key, 1 to 255 printable characters, the same as the header Idempotency-Key: "
            "the same key and content give the first answer again, the same key and other content a conflict."
        ),
    ] = None
    valid_for: Annotated[
        float | None, Meta(description="Seconds after which it is not to be sent any more.", examples=[300])
    ] = None
    send_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="Not before this time: RFC 3339 with an offset.", examples=["2030-01-01T08:00:00Z"]),
    ] = None
    subject: Annotated[
        str | None, Meta(description="Subject of a mail: one line, up to 255 characters. Numbers get none.")
    ] = None
    client: Annotated[str | None, Meta(description="The calling system, for the logs; up to 255 characters.")] = None


class SentMessage(Struct, frozen=True, gc=False):
    """A message that is on disk."""

    id: Annotated[str, Meta(description="By which to ask for it.")]
    to: Annotated[str, Meta(description="The recipient as you wrote it.")]
    state: Annotated[State, Meta(description="What has become of it so far.")]
    segments: Annotated[int, Meta(description="How many short messages it takes on the air.")]
    encoding: Annotated[str, Meta(description="`GSM7` or `UCS2`; `MAIL` for a mail.")]


class RefusedRecipient(Struct, frozen=True):
    """A receiver that was not taken, as it was written: the name of the error, and what it says."""

    to: str
    error: str
    detail: str


class Sent(Struct, frozen=True, omit_defaults=True):
    """
    The messages of a submission, in the order of its recipients.

    `refused` are those that were not taken; only an account with `partial` has the others sent then.
    """

    messages: tuple[SentMessage, ...]
    refused: tuple[RefusedRecipient, ...] = ()


class ExplainRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to be explained, not sent."""

    to: Annotated[str, _To]
    text: Annotated[str, _Text]
    originator: Annotated[str | None, _From] = field(default=None, name="from")
    message_class: Annotated[MessageClass | None, _Class] = field(default=None, name="class")
    message_type: Annotated[MessageType | None, _Type] = field(default=None, name="type")


class TestRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A real text to be sent through one connector, past the routes."""

    __test__ = False

    to: Annotated[str, _To]
    text: Annotated[str, _Text]


class ReceiptDocument(Struct, frozen=True):
    """What the provider reported last."""

    state: ReceiptState
    code: Annotated[str | None, Meta(description="The provider's own error code.")]
    at: Time | None


class AttemptDocument(Struct, frozen=True):
    """One try on one connector."""

    number: int
    connector: str
    started_at: Time
    settled_at: Time | None
    outcome: Annotated[str | None, Meta(description="What it came to; null while no answer has come.")]
    reason: Annotated[str | None, Meta(description="Why not, in the hub's words.")]
    code: Annotated[str | None, Meta(description="Why not, in the provider's.")]
    detail: str | None
    provider_ref: Annotated[str | None, Meta(description="The provider's id of the message.")]


class ListedMessage(Struct, frozen=True):
    """A message as lists show it."""

    id: str
    to: Annotated[str, Meta(description="The recipient as the caller wrote it.")]
    recipient: Annotated[str, Meta(description="As the hub read it: E.164 digits without `+`, or an address.")]
    originator: str = field(name="from")
    text: str
    subject: Annotated[str | None, Meta(description="The mail's; null for a number.")]
    message_class: MessageClass = field(name="class")
    message_type: MessageType = field(name="type")
    state: State
    encoding: str
    segments: int
    account: str
    created_at: Time
    due_at: Annotated[Time, Meta(description="Not to be sent before.")]
    expires_at: Annotated[Time, Meta(description="Not to be sent after.")]
    connector: Annotated[str | None, Meta(description="The connector it went to or is waiting for.")]
    reason: Annotated[str | None, Meta(description="Why the last try failed, in the hub's words.")]
    code: Annotated[str | None, Meta(description="Why, in the provider's.")]
    detail: str | None
    receipt: ReceiptDocument | None


class ShownMessage(ListedMessage, frozen=True):
    """A message and its timeline."""

    attempts: Annotated[tuple[AttemptDocument, ...], Meta(description="Every try, oldest first.")]


class MessagePage(Struct, frozen=True):
    """A page of messages, newest first."""

    messages: tuple[ListedMessage, ...]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page; null when this is the last.")]


class ExplainedSender(Struct, frozen=True):
    """A sender as it goes over the air."""

    value: str
    ton: Annotated[int, Meta(description="Type of number (SMPP 3.4 §5.2.5).")]
    npi: Annotated[int, Meta(description="Numbering plan (SMPP 3.4 §5.2.6).")]


class ExplainedRoute(Struct, frozen=True):
    """A connector that a route names for the recipient."""

    connector: str
    prefix: str
    taken: bool
    why: Annotated[str, Meta(description="Why it would be taken, or not.")]


class Explanation(Struct, frozen=True):
    """What would be done with a text."""

    to: Annotated[str, Meta(description="E.164 digits without `+`.")]
    originator: ExplainedSender = field(name="from")
    encoding: str
    characters: int
    units: Annotated[int, Meta(description="Septets with GSM7, 16-bit units with UCS2.")]
    segments: int
    message_class: MessageClass = field(name="class")
    valid_for: Annotated[float, Meta(description="Seconds.")]
    routes: Annotated[tuple[ExplainedRoute, ...], Meta(description="In the order in which they would be tried.")]
    notes: tuple[str, ...]


class ConnectorDocument(Struct, frozen=True):
    """A connector at work."""

    name: str
    type: str
    state: Annotated[str, Meta(description="up, down, connecting, open (its breaker) or elsewhere (another node).")]
    queued: int
    in_flight: int
    throughput: Annotated[float | None, Meta(description="Segments a second; null: no limit.")]
    sent: int
    failed: int
    last_error: str | None
    origin: Annotated[str, Meta(description="`file` or `database`.")]
    balance: Annotated[float | None, Meta(description="What is left with the provider, where it tells.")] = None
    balance_unit: Annotated[str | None, Meta(description="What `balance` is counted in.")] = None


class ConnectorList(Struct, frozen=True):
    """Every connector."""

    connectors: tuple[ConnectorDocument, ...]


class ObjectDocument(Struct, frozen=True):
    """A configured object."""

    name: str
    origin: Annotated[str, Meta(description="`file` (read-only here) or `database`; an error text may be `default`.")]
    settings: Annotated[dict[str, Any], Meta(description="As in the configuration file; secrets are masked.")]


class ObjectList(Struct, frozen=True):
    """Configured objects of one kind."""

    objects: tuple[ObjectDocument, ...]


class BlockRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a recipient is blocked; the whole body may be left out."""

    reason: Annotated[str, Meta(description="For whoever looks at the list: one line.", max_length=255)] = ""


class BlockedDocument(Struct, frozen=True):
    """A recipient that nobody may reach."""

    to: Annotated[str, Meta(description="International number, digits only.")]
    blocked_at: Annotated[str, Meta(description="RFC 3339.")]
    blocked_by: Annotated[str, Meta(description="The account that asked for it.")]
    reason: str


class BlocklistPage(Struct, frozen=True):
    """Blocked recipients, and where the next page begins."""

    blocked: tuple[BlockedDocument, ...]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null where there is none.")]


class FrontendDocument(Struct, frozen=True):
    """A door on a broker at work; its figures count from the hub's start."""

    name: str
    carrier: Annotated[str, Meta(description="amqp, redis, mqtt or websocket.")]
    url: Annotated[str, Meta(description="Without credentials.")]
    topic: str
    account: Annotated[str, Meta(description="The account for which its documents are carried out.")]
    state: Annotated[str, Meta(description="up, connecting or down.")]
    in_flight: int
    taken: Annotated[int, Meta(description="Documents that are done with.")]
    refused: Annotated[int, Meta(description="Those of them to which the hub said no.")]
    parked: Annotated[int, Meta(description="Documents that could not be handled.")]
    unanswered: Annotated[int, Meta(description="Answers that could not go to their callback topic.")]
    last_error: str | None


class FrontendList(Struct, frozen=True):
    """Every door on a broker."""

    frontends: tuple[FrontendDocument, ...]


class ParkedEntry(Struct, frozen=True):
    """A document from a broker that could not be handled, without its content."""

    id: str
    frontend: Annotated[str, Meta(description="The door through which it came.")]
    parked_at: Annotated[str, Meta(description="RFC 3339.")]
    tries: int
    error: Annotated[str, Meta(description="What was wrong at the last try.")]
    size: Annotated[int, Meta(description="Bytes.")]


class ParkedDocument(ParkedEntry, frozen=True):
    """A parked document, whole."""

    document: Annotated[str, Meta(description="Its content, or the beginning of one that is too large.")]
    encoding: Annotated[str, Meta(description="utf-8, or base64 where it is no text.")]


class ParkedList(Struct, frozen=True):
    """Parked documents, newest first, and where the next page begins."""

    parked: tuple[ParkedEntry, ...]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null where there is none.")]


class RevokeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tokens to end."""

    token: Annotated[str | None, Meta(description="This one by itself; without it, all that were issued so far.")] = (
        None
    )


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be looked at."""

    token: Annotated[str, Meta(description="As POST /api/Login gave it.", examples=["eyJhbGciOi.eyJ1bmlxd.8X2nVt"])]


class TokenDocument(Struct, frozen=True):
    """A token of POST /api/Login."""

    claims: Annotated[dict[str, Any], Meta(description="What it says (RFC 7519); times are seconds since 1970.")]
    valid: Annotated[bool, Meta(description="Whether it counts.")]
    why: Annotated[str, Meta(description="Why not; empty while it does.")]
    account: Annotated[str | None, Meta(description="Whose it is, where it counts.")]


class DoneDocument(Struct, frozen=True):
    """It is done."""

    detail: Annotated[str, Meta(description="What was done, in words.")]


class StatusDocument(Struct, frozen=True):
    """The hub's condition."""

    taking: Annotated[bool, Meta(description="Whether it accepts messages now.")]
    why: Annotated[str, Meta(description="Why not; empty while it does.")]
    version: str
    node: str
    uptime: Annotated[float, Meta(description="Seconds.")]
    queued: int
    connectors_up: int
    connectors: int
    listeners: tuple[str, ...]
    memory: Annotated[int, Meta(description="Bytes; 0 where it cannot be known.")]
    troubles: Annotated[
        tuple[str, ...], Meta(description="Why it does not, in a word each: stopping, database, disk, queue.")
    ] = ()


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why it was not done (RFC 9457)."""

    type: Annotated[
        str, Meta(description="Where this error is explained.", extra_json_schema={"format": "uri-reference"})
    ]
    title: Annotated[str, Meta(description="The kind of refusal.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="What is wrong with this request.")]
    error: Annotated[str, Meta(description="The error's name, for programs.")]
    member: Annotated[str | None, Meta(description="The member, parameter or header at fault.")] = None
