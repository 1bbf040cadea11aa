"""The operations of /v1 as one table: how each is asked, what command it becomes, and what it answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec

from smshub.domain.commands import (
    CancelMessage,
    Command,
    DeleteObject,
    DropParked,
    HubStatus,
    ListBlocked,
    ListConnectors,
    ListFrontends,
    ListObjects,
    PutObject,
    Refusal,
    Refused,
    ReleaseMessage,
    Reply,
    RevokeTokens,
    ShowMessage,
    ShowParked,
    ShowToken,
    Unblock,
    one_of,
)
from smshub.frontends.dialects import native, native_schema, native_views
from smshub.frontends.dialects.native_json import malformed, read_object
from smshub.frontends.dialects.native_query import NAME, decode_filters, decode_paging, decode_parked

MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Settings of each kind of object, as the configuration file has them.
EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "connectors": {"type": "smpp", "host": "127.0.0.1", "port": 2775, "system_id": "hub", "password": "env:CARRIER"},
    "routes": {"prefixes": ["49", "43"], "connectors": ["carrier-a"]},
    "accounts": {"username": "shop", "password": "env:SHOP_PASSWORD", "originator": "ACME"},
    "policies": {"length": 8, "life": 180, "guard": {"mode": "enforce"}},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request makes a command: the names in its path, its query string and its body."""

    path: Mapping[str, str]
    query: bytes
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One operation.

    `takes` is the document of its body, None where it has none, `dict` where it may be any object; `refused` are the
    statuses of its own, beside those that every operation may answer. `answered` writes the reply. `example` is a body.
    `may_be_empty`: its body may be left out.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    command: Callable[[Asked], Command]
    answers: type[msgspec.Struct]
    takes: type[msgspec.Struct] | type[dict[str, Any]] | None = None
    status: int = 200
    refused: tuple[int, ...] = ()
    answered: Callable[[Reply, Asked], bytes] = lambda reply, _: native_views.encode(reply)
    example: Mapping[str, Any] | None = None
    may_be_empty: bool = False


def message_id(asked: Asked) -> str:
    """Give the id in the path. Raises `Refused` (NOT_FOUND)."""
    message_id = asked.path["id"]
    if not MESSAGE_ID.fullmatch(message_id):
        raise Refused(Refusal.NOT_FOUND, "NotFound", what="message")
    return message_id


def named_id(asked: Asked) -> str:
    """Give the id in a path. Raises `Refused`: none of ours looks like it."""
    return message_id(asked)


def _name(kind: str, asked: Asked) -> str:
    name = asked.path["name"]
    if not NAME.fullmatch(name):
        raise Refused(Refusal.NOT_FOUND, "NotFound", what=one_of(kind))
    return name


def no_body(asked: Asked) -> None:
    """Refuse a body where there is nothing to say. Raises `Refused`."""
    if asked.body.strip() not in {b"", b"{}"}:
        raise malformed("there is nothing to say in a body here; leave it empty")


def _send(asked: Asked) -> Command:
    # Documented here and served by the hot endpoint, which also reads the header Idempotency-Key.
    return native.decode_send(asked.body, idempotency_key=None, client="", source="")


def _cancel(asked: Asked) -> Command:
    no_body(asked)
    return CancelMessage(message_id(asked))


def _release(asked: Asked) -> Command:
    no_body(asked)
    return ReleaseMessage(message_id(asked))


def _test(asked: Asked) -> Command:
    return native.decode_test(_name("connectors", asked), asked.body)


def _unblock(asked: Asked) -> Command:
    no_body(asked)
    return Unblock(asked.path["number"])


def _put(kind: str, asked: Asked) -> Command:
    name = asked.path["name"]
    if not NAME.fullmatch(name):
        why = "a name is up to 64 letters, digits and _.-, the first a letter or digit"
        raise Refused(Refusal.MALFORMED, "BadObject", member="name", name=f"'{name[:40]}'", why=why)
    return PutObject(kind, name, read_object(asked.body))


def _delete(kind: str, asked: Asked) -> Command:
    return DeleteObject(kind, _name(kind, asked))


def _one(kind: str, asked: Asked) -> Command:
    _name(kind, asked)
    return ListObjects(kind)


def _listed(kind: str, asked: Asked) -> Command:
    return ListObjects(kind)


def _revoke(asked: Asked) -> Command:
    return RevokeTokens(_name("accounts", asked), native.decode_revoke(asked.body))


def object_operations(kind: str, about: str, *, role: str = "an operator") -> list[Operation]:
    """Make the operations that every kind of configured object has; connectors are listed at work instead."""
    one = one_of(kind)
    named = f"/v1/{kind}/{{name}}"
    title = one.capitalize()
    listed = Operation(
        method="GET",
        path=f"/v1/{kind}",
        name=f"list{kind.capitalize()}",
        tag=kind,
        summary=f"List the {kind}",
        description=f"{about} Needs a role that sees everything.",
        command=partial(_listed, kind),
        answers=native_schema.ObjectList,
    )
    shown = Operation(
        method="GET",
        path=named,
        name=f"show{title}",
        tag=kind,
        summary=f"Show the settings of one {one}",
        description="Secrets are masked or shown as the place they are read from.",
        command=partial(_one, kind),
        answers=native_schema.ObjectDocument,
        answered=lambda reply, asked: native_views.encode_object(reply, asked.path["name"]),
    )
    put = Operation(
        method="PUT",
        path=named,
        name=f"put{title}",
        tag=kind,
        summary=f"Make or change a {one}" if one[0] not in "aeiou" else f"Make or change an {one}",
        description="The body holds its settings, with the names of the configuration file. A secret sent back masked "
        "stays as it is. What the configuration file declares cannot be changed here. Needs "
        f"{role}.",
        command=partial(_put, kind),
        answers=native_schema.DoneDocument,
        takes=dict,
        refused=(409,),
        example=EXAMPLES[kind],
    )
    delete = Operation(
        method="DELETE",
        path=named,
        name=f"delete{title}",
        tag=kind,
        summary=f"Remove a {one}" if one[0] not in "aeiou" else f"Remove an {one}",
        description=f"What the configuration file declares, or others name, cannot be removed. Needs {role}.",
        command=partial(_delete, kind),
        answers=native_schema.DoneDocument,
        refused=(409,),
    )
    return [shown, put, delete] if kind == "connectors" else [listed, shown, put, delete]


SEND: Final = Operation(
    method="POST",
    path="/v1/messages",
    name="sendMessages",
    tag="messages",
    summary="Send a text",
    description="The answer comes when every message is on disk, before it is sent; ask for a message to learn what "
    "became of it. All recipients are accepted or none is. With an idempotency key the request may safely be repeated.",
    command=_send,
    answers=native_schema.Sent,
    takes=native_schema.SendRequest,
    status=202,
    refused=(409, 422),
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    SEND,
    Operation(
        method="GET",
        path="/v1/messages",
        name="listMessages",
        tag="messages",
        summary="List messages",
        description="Newest first. An account sees its own; operators, auditors and administrators see all.",
        command=lambda asked: decode_filters(asked.query),
        answers=native_schema.MessagePage,
    ),
    Operation(
        method="GET",
        path="/v1/messages/{id}",
        name="showMessage",
        tag="messages",
        summary="Show a message",
        description="Its state, the provider's last report, and every try.",
        command=lambda asked: ShowMessage(message_id(asked)),
        answers=native_schema.ShownMessage,
    ),
    Operation(
        method="POST",
        path="/v1/messages/{id}/cancel",
        name="cancelMessage",
        tag="messages",
        summary="Cancel a message",
        description="Possible while it is QUEUED, or UNCERTAIN and held. The body is empty.",
        command=_cancel,
        answers=native_schema.ShownMessage,
        refused=(400, 409, 413),
    ),
    Operation(
        method="POST",
        path="/v1/messages/{id}/release",
        name="releaseMessage",
        tag="messages",
        summary="Send a held message once more",
        description="For an UNCERTAIN message that is held: it may then arrive twice. The body is empty. "
        "Needs an operator.",
        command=_release,
        answers=native_schema.ShownMessage,
        refused=(400, 409, 413),
    ),
    Operation(
        method="POST",
        path="/v1/explain",
        name="explain",
        tag="messages",
        summary="Explain what would be done with a text",
        description="Encoding, segments, and every route with the reason it would be taken or not. Sends nothing.",
        command=lambda asked: native.decode_explain(asked.body),
        answers=native_schema.Explanation,
        takes=native_schema.ExplainRequest,
        refused=(422,),
    ),
    Operation(
        method="GET",
        path="/v1/connectors",
        name="listConnectors",
        tag="connectors",
        summary="List the connectors",
        description="Each with its state, figures and last error. Needs a role that sees everything.",
        command=lambda asked: ListConnectors(),
        answers=native_schema.ConnectorList,
    ),
    *object_operations("connectors", ""),
    Operation(
        method="POST",
        path="/v1/connectors/{name}/test",
        name="testConnector",
        tag="connectors",
        summary="Send a real text through one connector",
        description="Past the routes, and never over another connector; it expires after a minute. Needs an operator.",
        command=_test,
        answers=native_schema.Sent,
        takes=native_schema.TestRequest,
        status=202,
        refused=(422,),
    ),
    *object_operations("routes", "In the order in which they are tried."),
    *object_operations("accounts", "Passwords and keys are masked.", role="an administrator"),
    Operation(
        method="POST",
        path="/v1/accounts/{name}/revoke-tokens",
        name="revokeTokens",
        tag="accounts",
        summary="End the tokens of an account",
        description="Those of POST /api/Login: one that is named, or all that were issued so far. Whoever holds the "
        "account's ProgramKey can log in again. For the account itself, or an administrator.",
        command=_revoke,
        answers=native_schema.DoneDocument,
        takes=native_schema.RevokeRequest,
        example={},
    ),
    Operation(
        method="POST",
        path="/v1/tokens/show",
        name="showToken",
        tag="accounts",
        summary="Show the claims of a token",
        description="What a token of POST /api/Login says, and whether it counts.",
        command=lambda asked: ShowToken(native.decode_token(asked.body)),
        answers=native_schema.TokenDocument,
        takes=native_schema.TokenRequest,
    ),
    Operation(
        method="GET",
        path="/v1/blocklist",
        name="listBlocked",
        tag="blocklist",
        summary="List the blocked recipients",
        description="By number. Needs a role that sees everything.",
        command=lambda asked: decode_paging(asked.query),
        answers=native_schema.BlocklistPage,
    ),
    Operation(
        method="GET",
        path="/v1/blocklist/{number}",
        name="showBlocked",
        tag="blocklist",
        summary="Show a blocked recipient",
        description="404 where it is not blocked. Needs a role that sees everything.",
        command=lambda asked: ListBlocked(to=asked.path["number"]),
        answers=native_schema.BlockedDocument,
        refused=(400,),
        answered=lambda reply, _: native_views.encode_blocked(reply),
    ),
    Operation(
        method="PUT",
        path="/v1/blocklist/{number}",
        name="block",
        tag="blocklist",
        summary="Block a recipient",
        description="No account can reach it any more, through any door; what is queued for it is rejected. "
        "The body may be left out. Needs an operator.",
        command=lambda asked: native.decode_block(asked.path["number"], asked.body),
        answers=native_schema.BlockedDocument,
        takes=native_schema.BlockRequest,
        example={"reason": "asked us to stop"},
        may_be_empty=True,
    ),
    Operation(
        method="DELETE",
        path="/v1/blocklist/{number}",
        name="unblock",
        tag="blocklist",
        summary="Unblock a recipient",
        description="What was rejected while it was blocked stays rejected. Needs an operator.",
        command=_unblock,
        answers=native_schema.DoneDocument,
        refused=(400, 413),
    ),
    Operation(
        method="GET",
        path="/v1/frontends",
        name="listFrontends",
        tag="brokers",
        summary="List the doors on brokers",
        description="Each with its state, figures and last error. Needs a role that sees everything.",
        command=lambda asked: ListFrontends(),
        answers=native_schema.FrontendList,
    ),
    Operation(
        method="GET",
        path="/v1/parked",
        name="listParked",
        tag="brokers",
        summary="List documents that could not be handled",
        description="They came from a broker and failed at every try. Newest first, without their contents. "
        "Needs a role that sees everything.",
        command=lambda asked: decode_parked(asked.query),
        answers=native_schema.ParkedList,
    ),
    Operation(
        method="GET",
        path="/v1/parked/{id}",
        name="showParked",
        tag="brokers",
        summary="Show a document that could not be handled",
        description="With its content. Needs a role that sees everything.",
        command=lambda asked: ShowParked(message_id(asked)),
        answers=native_schema.ParkedDocument,
    ),
    Operation(
        method="DELETE",
        path="/v1/parked/{id}",
        name="dropParked",
        tag="brokers",
        summary="Throw a document away that could not be handled",
        description="It is gone for good. Needs an operator.",
        command=lambda asked: DropParked(message_id(asked)),
        answers=native_schema.DoneDocument,
    ),
    Operation(
        method="GET",
        path="/v1/status",
        name="status",
        tag="hub",
        summary="Tell the hub's condition",
        description="Whether it takes messages, and its figures.",
        command=lambda asked: HubStatus(),
        answers=native_schema.StatusDocument,
    ),
)
