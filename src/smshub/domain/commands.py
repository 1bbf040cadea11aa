"""The one internal request that every dialect decodes to, its answers, and its typed no."""

from collections.abc import Mapping
from typing import Any

import msgspec

from smshub.domain.audit import AuditCommand, AuditReply
from smshub.domain.challenges import OtpCommand, OtpReply
from smshub.domain.configuring import ConfiguringCommand, FilePlan
from smshub.domain.exchanges import Exchanges, ShowExchanges
from smshub.domain.figures import FiguresShown, ShowFigures
from smshub.domain.incoming import IncomingCommand, IncomingReply
from smshub.domain.message import Attempt, Message, MessageClass, State
from smshub.domain.refusals import CATALOGUE as CATALOGUE  # noqa: PLC0414 - who knows the commands knows their no
from smshub.domain.refusals import Refusal as Refusal  # noqa: PLC0414 - who knows the commands knows their no
from smshub.domain.refusals import Refused as Refused  # noqa: PLC0414 - who knows the commands knows their no
from smshub.domain.refusals import text_of as text_of  # noqa: PLC0414 - who knows the commands knows their no
from smshub.domain.servicelog import ListLog, LogPage
from smshub.domain.upkeep import UpkeepCommand, UpkeepReply
from smshub.domain.users import UserCommand, Users


class SendTexts(msgspec.Struct, frozen=True):
    """
    Send one text to one or many recipients.

    `to` is as the caller wrote it. `reference` is the caller's idempotency key. `valid_for` is in seconds from now,
    `send_at` in seconds since 1970. `client` and `source` name the calling system and its end user for the logs.
    `expires_at` (seconds since 1970) is for callers that name the end of the validity instead. None means: the
    account's default. `connector` names the one to take, past the routes; only an account that may override it.
    A receiver with `@` is a mail address; `subject` is the mail's.
    """

    to: tuple[str, ...]
    text: str
    originator: str | None = None
    message_class: MessageClass | None = None
    flash: bool = False
    reference: str | None = None
    valid_for: float | None = None
    send_at: float | None = None
    client: str = ""
    source: str = ""
    expires_at: float | None = None
    connector: str | None = None
    subject: str | None = None


class ShowMessage(msgspec.Struct, frozen=True):
    """Tell one message with its timeline of attempts."""

    id: str


class ListMessages(msgspec.Struct, frozen=True):
    """
    List messages, newest first, at most `limit`; `cursor` is where the page before ended.

    `since` and `until` are seconds since 1970, compared with the time of acceptance.
    """

    to: str | None = None
    state: State | None = None
    account: str | None = None
    connector: str | None = None
    reference: str | None = None
    message_class: MessageClass | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 50
    cursor: str | None = None


class CancelMessage(msgspec.Struct, frozen=True):
    """Cancel a message that has not left: QUEUED, or UNCERTAIN and held."""

    id: str


class ReleaseMessage(msgspec.Struct, frozen=True):
    """Send a held UNCERTAIN message once more, knowing that it may arrive twice."""

    id: str


class Explain(msgspec.Struct, frozen=True):
    """Tell what would be done with a text: encoding, segments, each route with its reason. Sends nothing."""

    to: str
    text: str
    originator: str | None = None
    message_class: MessageClass | None = None
    flash: bool = False


class ListConnectors(msgspec.Struct, frozen=True):
    """Tell every connector with its state, figures and last error."""


class TestConnector(msgspec.Struct, frozen=True):
    """Send one real text through one connector, past the routes."""

    __test__ = False

    name: str
    to: str
    text: str


class ListObjects(msgspec.Struct, frozen=True):
    """Tell the configured objects of one kind (`connectors`, `routes`, `accounts`), secrets masked."""

    kind: str


class PutObject(msgspec.Struct, frozen=True):
    """Make or change a configured object in the database; what the file declares is refused."""

    kind: str
    name: str
    body: Mapping[str, Any]


def one_of(kind: str) -> str:
    """Tell what one object of a kind is called: a connector, a policy."""
    return f"{kind.removesuffix('ies')}y" if kind.endswith("ies") else kind.removesuffix("s")


class DeleteObject(msgspec.Struct, frozen=True):
    """Remove a configured object from the database."""

    kind: str
    name: str


class Block(msgspec.Struct, frozen=True):
    """
    Let nobody reach a recipient until it is unblocked; what waits for it is rejected.

    `own`: an application asks for itself, which any account may; otherwise it takes an operator.
    """

    to: str
    reason: str = ""
    own: bool = False


class Unblock(msgspec.Struct, frozen=True):
    """
    Take a recipient off the blocklist.

    `own`: an application asks for itself, which lifts only what its own account has blocked; that the recipient is not
    on the list is then no error.
    """

    to: str
    own: bool = False


class ListBlocked(msgspec.Struct, frozen=True):
    """List blocked recipients, at most `limit`; `cursor` is where the page before ended, `to` asks for one."""

    to: str | None = None
    limit: int = 50
    cursor: str | None = None


class ListFrontends(msgspec.Struct, frozen=True):
    """Tell every door on a broker with its state and figures."""


class ListParked(msgspec.Struct, frozen=True):
    """List documents from brokers that could not be handled, newest first, at most `limit`."""

    limit: int = 50
    cursor: str | None = None


class ShowParked(msgspec.Struct, frozen=True):
    """Tell one parked document whole."""

    id: str


class DropParked(msgspec.Struct, frozen=True):
    """Throw a parked document away."""

    id: str


class RevokeTokens(msgspec.Struct, frozen=True):
    """End the tokens of an account: one (`token`, the token itself), or all that were issued so far."""

    account: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"RevokeTokens({self.account!r})"


class ShowToken(msgspec.Struct, frozen=True):
    """Tell what a token of POST /api/Login says, and whether it counts."""

    token: str

    def __repr__(self) -> str:
        return "ShowToken()"


class HubStatus(msgspec.Struct, frozen=True):
    """Tell whether the hub takes messages, and its figures."""


Command = (
    SendTexts
    | ShowMessage
    | ListMessages
    | CancelMessage
    | ReleaseMessage
    | Explain
    | ListConnectors
    | TestConnector
    | ListObjects
    | PutObject
    | DeleteObject
    | RevokeTokens
    | ShowToken
    | Block
    | Unblock
    | ListBlocked
    | ListFrontends
    | ListParked
    | ShowParked
    | DropParked
    | HubStatus
    | ShowFigures
    | ShowExchanges
    | AuditCommand
    | ListLog
    | UserCommand
    | ConfiguringCommand
    | UpkeepCommand
    | OtpCommand
    | IncomingCommand
)


class Submitted(msgspec.Struct, frozen=True):
    """
    The messages of a submission, on disk. `replayed`: they are those of an earlier call with the same reference.

    `refused` are receivers that were not taken, where the account wants the others sent all the same.
    """

    messages: tuple[Message, ...]
    replayed: bool = False
    refused: "tuple[NotTaken, ...]" = ()


class NotTaken(msgspec.Struct, frozen=True):
    """A receiver, as it was written, that was refused, and why."""

    to: str
    refused: "Refused"


class Shown(msgspec.Struct, frozen=True):
    """A message and its attempts, oldest first."""

    message: Message
    attempts: tuple[Attempt, ...]


class Listed(msgspec.Struct, frozen=True):
    """A page of messages and where the next one begins (None: there is none)."""

    messages: tuple[Message, ...]
    cursor: str | None


class Way(msgspec.Struct, frozen=True):
    """One connector that a route names for a recipient, whether it would be taken, and why or why not."""

    connector: str
    prefix: str
    taken: bool
    why: str


class Explained(msgspec.Struct, frozen=True):
    """What would be done with a text."""

    to: str
    originator: str
    originator_ton: int
    originator_npi: int
    encoding: str
    characters: int
    units: int
    segments: int
    message_class: MessageClass
    valid_for: float
    ways: tuple[Way, ...]
    notes: tuple[str, ...] = ()


class ConnectorView(msgspec.Struct, frozen=True):
    """A connector as an operator sees it."""

    name: str
    type: str
    state: str  # up | down | connecting | open (breaker) | elsewhere (another node owns it)
    queued: int
    in_flight: int
    throughput: float | None
    sent: int
    failed: int
    last_error: str | None
    origin: str  # "file" or "database"
    balance: float | None = None  # what is left there, where the provider tells it
    balance_unit: str | None = None


class Connectors(msgspec.Struct, frozen=True):
    """Every connector."""

    connectors: tuple[ConnectorView, ...]


class Objects(msgspec.Struct, frozen=True):
    """Configured objects of one kind: their names, settings (secrets masked) and origin (`file`, `database`)."""

    kind: str
    objects: tuple[Mapping[str, Any], ...]


class BlockedRecipient(msgspec.Struct, frozen=True):
    """A recipient that nobody may reach: since when (seconds since 1970), who asked for it, and why."""

    to: str
    blocked_at: float
    blocked_by: str
    reason: str = ""


class Blocklist(msgspec.Struct, frozen=True):
    """A page of blocked recipients and where the next one begins (None: there is none)."""

    recipients: tuple[BlockedRecipient, ...]
    cursor: str | None = None


class FrontendView(msgspec.Struct, frozen=True):
    """
    A door on a broker as an operator sees it, with its figures since the start.

    `url` has no credentials. `taken` are documents whose carrying out is over, `refused` those of them that the hub
    said no to, `unanswered` answers that could not go to their callback topic.
    """

    name: str
    carrier: str
    url: str
    topic: str
    account: str
    state: str  # up | connecting | down | elsewhere (another node has it)
    in_flight: int
    taken: int
    refused: int
    parked: int
    unanswered: int
    last_error: str | None


class Frontends(msgspec.Struct, frozen=True):
    """Every door on a broker."""

    frontends: tuple[FrontendView, ...]


class Parked(msgspec.Struct, frozen=True):
    """
    A document that could not be handled, however often it was tried.

    `frontend` is the door through which it came, `error` what was wrong at the last of its `tries`, `size` its whole
    size in bytes, of which `document` is the beginning. `parked_at` is in seconds since 1970.
    """

    id: str
    frontend: str
    parked_at: float
    tries: int
    error: str
    size: int
    document: bytes = b""


class ParkedPage(msgspec.Struct, frozen=True):
    """A page of parked documents, without their contents, and where the next one begins (None: there is none)."""

    documents: tuple[Parked, ...]
    cursor: str | None = None


class Status(msgspec.Struct, frozen=True):
    """
    The hub's own condition.

    `taking` is whether it accepts messages now; `why` says why not, `troubles` in a word each: stopping, database,
    disk, queue.
    """

    taking: bool
    why: str
    version: str
    node: str
    uptime: float
    queued: int
    connectors_up: int
    connectors: int
    listeners: tuple[str, ...]
    memory: int
    troubles: tuple[str, ...] = ()


class TokenShown(msgspec.Struct, frozen=True):
    """A token's claims; `valid` is whether it counts, for `account`; `why` says why not."""

    claims: Mapping[str, Any]
    valid: bool
    why: str
    account: str | None


class Done(msgspec.Struct, frozen=True):
    """It is done. `detail` says what, in words."""

    detail: str


Reply = (
    Submitted
    | Shown
    | Listed
    | Explained
    | Connectors
    | Objects
    | BlockedRecipient
    | Blocklist
    | Frontends
    | Parked
    | ParkedPage
    | Status
    | TokenShown
    | Done
    | FiguresShown
    | Exchanges
    | AuditReply
    | LogPage
    | FilePlan
    | UpkeepReply
    | Users
    | OtpReply
    | IncomingReply
)
