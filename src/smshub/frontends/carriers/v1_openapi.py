"""The OpenAPI 3.1 parts of each operation and what they share, made from the documents of the native door."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from smshub.domain.commands import one_of
from smshub.domain.message import MessageClass, State
from smshub.domain.servicelog import Level
from smshub.domain.users import USER_NAME
from smshub.frontends.carriers.v1_operations import MESSAGE_ID, SEND, Operation
from smshub.frontends.dialects.native import MAX_REFERENCE
from smshub.frontends.dialects.native_query import MOST, NAME, PAGING, USUAL
from smshub.frontends.dialects.native_schema import Problem

REF: Final = "#/components/schemas/{name}"

# What every operation may answer.
ALWAYS: Final = (401, 403, 429, 500, 503)

SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "basic": {"type": "http", "scheme": "basic", "description": "The account's username and password (RFC 7617)."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "One of the account's API keys."},
}
SECURITY: Final[list[dict[str, list[str]]]] = [{"basic": []}, {"key": []}]

_REFUSALS: Final = {
    400: "The body, a parameter or a header cannot be taken; `member` names it.",
    401: "No credentials, or wrong ones.",
    403: "The account may not do that, or the recipient is blocked.",
    404: "It is not there, or belongs to another account.",
    409: "It contradicts what was done before, or the state of the thing.",
    413: "The body is too large.",
    415: "The body does not say that it is JSON.",
    422: "No route leads there, or the message had expired when it arrived.",
    429: "Too fast; see `Retry-After`.",
    500: "A fault of the hub; its log tells more.",
    503: "The hub takes nothing just now; see `Retry-After`.",
}

_TIME: Final = {"type": "string", "format": "date-time"}
_WORD: Final = {"type": "string", "minLength": 1, "maxLength": 255}
_NAME: Final = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_USER_NAME: Final = {"type": "string", "pattern": f"^{USER_NAME.pattern}$"}

# The filters of GET /v1/messages: their schema and sentence. A test holds them to those that are read.
FILTERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "to": (_WORD, "The recipient, with its country code."),
    "state": ({"type": "string", "enum": [state.value for state in State]}, "The state it is in now."),
    "account": (_NAME, "The account that handed it in."),
    "connector": (_NAME, "The connector it went to or waits for."),
    "reference": (_WORD, "The idempotency key of its submission."),
    "class": ({"type": "string", "enum": [one.value for one in MessageClass]}, "What it is for."),
    "since": (_TIME, "Accepted at or after this time (RFC 3339 with an offset)."),
    "until": (_TIME, "Accepted before or at this time (RFC 3339 with an offset)."),
    "limit": ({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, "How many at most."),
    "cursor": (_WORD, "Where to go on: `next` of the page before."),
}

_LEVELS: Final = {"type": "string", "enum": [level.value for level in Level], "default": Level.DEBUG.value}

# What lists take besides a page: the schema and the sentence of each parameter.
OWN: Final[Mapping[str, Mapping[str, tuple[dict[str, Any], str]]]] = {
    "listDecisions": {"account": FILTERS["account"], "refused": ({"type": "boolean"}, "Without warnings.")},
    "listAudit": {"actor": (_WORD, "Only what this account or user has changed.")},
    "listLog": {
        "words": (_WORD, "What must be in a line, in any order."),
        "level": (_LEVELS, "The least that a line matters."),
    },
}

# Requests that may bring an idempotency key.
KEYED: Final = (SEND.name, "requestOtp")

# Lists that are asked for page by page, and nothing else.
PAGED: Final = ("listBlocked", "listParked", "listIncoming", "listDecisions", "listAudit", "listLog")


def components(operations: Iterable[Operation]) -> dict[str, Any]:
    """Make the schemas of every document, and the ways to authenticate."""
    documents: list[Any] = [Problem]
    for operation in operations:
        documents.append(operation.answers)
        if operation.takes not in {None, dict}:
            documents.append(operation.takes)
    _, schemas = msgspec.json.schema_components(dict.fromkeys(documents), ref_template=REF)
    return {"schemas": dict(sorted(schemas.items())), "securitySchemes": SECURITY_SCHEMES}


def responses_of(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """Describe every answer of an operation."""
    success: dict[str, Any] = {
        "description": (operation.answers.__doc__ or "").strip(),
        "content": {"application/json": {"schema": _ref(operation.answers)}},
    }
    if operation.name in KEYED:
        success["headers"] = {
            "Idempotent-Replay": {
                "description": "`true` where this is the answer to an earlier request with the same key.",
                "schema": {"type": "string", "const": "true"},
            }
        }
    return {operation.status: success, **{status: _problem(status) for status in statuses_of(operation)}}


def statuses_of(operation: Operation) -> list[int]:
    """Tell with which statuses an operation may be refused."""
    statuses = {*ALWAYS, *operation.refused}
    if operation.takes is not None:
        statuses |= {400, 413, 415}
    if "{" in operation.path:
        statuses.add(404)
    if operation.name in {"listMessages", *PAGED}:
        statuses.add(400)
    return sorted(statuses)


def extra_of(operation: Operation) -> dict[str, Any]:
    """Describe parameters and body of an operation."""
    extra: dict[str, Any] = {"security": SECURITY}
    parameters = _parameters(operation)
    if parameters:
        extra["parameters"] = parameters
    if operation.takes is not None:
        any_object = {"type": "object", "additionalProperties": True}
        schema = any_object if operation.takes is dict else _ref(operation.takes)
        content: dict[str, Any] = {"schema": schema}
        if operation.example is not None:
            content["example"] = dict(operation.example)
        extra["requestBody"] = {"required": not operation.may_be_empty, "content": {"application/json": content}}
    return extra


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{id}" in operation.path:
        found.append(
            _parameter(
                "path",
                "id",
                {"type": "string", "pattern": f"^{MESSAGE_ID.pattern}$"},
                "Its id.",
                required=True,
            )
        )
    if "{name}" in operation.path:
        pattern = _USER_NAME if operation.tag == "users" else _NAME
        what = "table" if operation.tag == "hub" else one_of(operation.tag)
        found.append(_parameter("path", "name", pattern, f"The name of the {what}.", required=True))
    if operation.name == "listMessages":
        found += [_parameter("query", name, schema, words) for name, (schema, words) in FILTERS.items()]
    if "{number}" in operation.path:
        found.append(_parameter("path", "number", _WORD, "The recipient, with its country code.", required=True))
    if "{prefix}" in operation.path:
        digits = {"type": "string", "pattern": "^[0-9]{1,15}$"}
        found.append(_parameter("path", "prefix", digits, "The digits that are watched.", required=True))
    found += [_parameter("query", name, *said) for name, said in OWN.get(operation.name, {}).items()]
    if operation.name in PAGED:
        found += [_parameter("query", name, *FILTERS[name]) for name in PAGING]
    if operation.name in KEYED:
        key = {"type": "string", "minLength": 1, "maxLength": MAX_REFERENCE}
        words = "Your key for this request, raw or in quotation marks"
        words += "; the same as the member `reference`." if operation is SEND else "."
        found.append(_parameter("header", "Idempotency-Key", key, words))
    return found


def _parameter(
    place: str, name: str, schema: dict[str, Any], description: str, *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    if status in {429, 503}:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"description": "Basic.", "schema": {"type": "string"}}}
    return answer


def _ref(document: Any) -> dict[str, Any]:
    return {"$ref": REF.format(name=document.__name__)}
