"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification): bytes to requests, results and errors to bytes."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NoReturn

import msgspec

MAX_SIZE: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_BATCH: Final = 100
MAX_INTEGER: Final = 2**63 - 1

Id = str | int | float | None

# A string without an end is taken to the end of the document, so that nothing is looked at twice.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Code(IntEnum):
    """The error codes of JSON-RPC 2.0 §5.1."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603


MESSAGES: Final[Mapping[Code, str]] = {
    Code.PARSE_ERROR: "Parse error",
    Code.INVALID_REQUEST: "Invalid Request",
    Code.METHOD_NOT_FOUND: "Method not found",
    Code.INVALID_PARAMS: "Invalid params",
    Code.INTERNAL_ERROR: "Internal error",
}


class JsonError(ValueError):
    """A body that is no acceptable JSON; the one exception of this module. Its message repeats nothing of the body."""


class Error(msgspec.Struct, frozen=True):
    """An answer that says no to the request with this id (None where none could be read); `why` in words."""

    code: Code
    why: str = ""
    id: Id = None


class Request(msgspec.Struct, frozen=True):
    """One request; `notification` means that it named no id and gets no answer."""

    method: str
    params: Mapping[str, Any] | Sequence[Any]
    id: Id = None
    notification: bool = False

    def __repr__(self) -> str:
        return f"Request({self.method!r}, id={self.id!r})"


class Document(msgspec.Struct, frozen=True):
    """What a body asked for, in its order; a `batch` is answered by an array."""

    items: tuple[Request | Error, ...]
    batch: bool = False


def load(body: bytes) -> Any:
    """
    Read JSON (RFC 8259, UTF-8) of at most 256 KiB and 32 levels, without the freedoms that make two readers differ.

    Refused are repeated names, NaN and Infinity in any spelling, integers beyond 64 bits and lone surrogates. Raises
    `JsonError` and nothing else.
    """
    if len(body) > MAX_SIZE:
        raise JsonError(f"the body is larger than {MAX_SIZE} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise JsonError("the body is not UTF-8") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    try:
        value = _DECODER.decode(text)
        if "\\u" in text and _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError("a text holds half a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at character {error.pos}") from None
    return value


def _check_depth(text: str) -> None:
    """Count brackets outside of strings: the decoder recurses and has no limit of its own."""
    depth = 0
    for token in _TOKENS.finditer(text):
        match text[token.start()]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise JsonError(f"the values are nested more than {MAX_DEPTH} deep")
            case "]" | "}":
                depth -= 1
            case _:
                pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonError("an object names a member twice")
    return made


def _integer(digits: str) -> int:
    # The length first: Python itself refuses thousands of digits, and with another exception.
    if len(digits) > 20 or abs(value := int(digits)) > MAX_INTEGER:
        raise JsonError("an integer has more than 64 bits")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError("a number is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def parse(body: bytes) -> Document:
    """Read a body: a request, or a batch of at most 100. Never raises; what cannot be read becomes its own error."""
    try:
        return read(load(body))
    except JsonError as error:
        return Document((Error(Code.PARSE_ERROR, str(error)),))


def read(value: Any) -> Document:
    """Read a loaded document (JSON-RPC 2.0 §4 and §6)."""
    if not isinstance(value, list):
        return Document((_request(value),))
    if not value:
        return Document((Error(Code.INVALID_REQUEST, "the batch is empty"),))
    if len(value) > MAX_BATCH:
        return Document((Error(Code.INVALID_REQUEST, f"the batch holds more than {MAX_BATCH} requests"),))
    return Document(tuple(_request(item) for item in value), batch=True)


def _request(value: Any) -> Request | Error:
    if not isinstance(value, dict):
        return Error(Code.INVALID_REQUEST, "a request is an object")
    identity = value.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        return Error(Code.INVALID_REQUEST, "the id is neither a string nor a number nor null")
    if value.get("jsonrpc") != "2.0":
        return Error(Code.INVALID_REQUEST, 'the member jsonrpc is not "2.0"', identity)
    method = value.get("method")
    if not isinstance(method, str):
        return Error(Code.INVALID_REQUEST, "the method is not a string", identity)
    params = value.get("params", {})
    if not isinstance(params, dict | list):
        return Error(Code.INVALID_REQUEST, "the params are neither an object nor an array", identity)
    return Request(method, params, identity, notification="id" not in value)


def result(value: Any, identity: Id) -> dict[str, Any]:
    """Make the answer to a request that was carried out (JSON-RPC 2.0 §5)."""
    return {"jsonrpc": "2.0", "result": value, "id": identity}


def error(refused: Error) -> dict[str, Any]:
    """Make the answer to a request that was not (JSON-RPC 2.0 §5.1); `data` says why, where there is more to say."""
    said: dict[str, Any] = {"code": int(refused.code), "message": MESSAGES[refused.code]}
    if refused.why:
        said["data"] = refused.why
    return {"jsonrpc": "2.0", "error": said, "id": refused.id}


def write(answers: Sequence[Mapping[str, Any]], *, batch: bool) -> bytes:
    """Write the answers of a document; b"" where there is none to give, since every request was a notification."""
    if not answers:
        return b""
    return msgspec.json.encode(list(answers) if batch else answers[0])
