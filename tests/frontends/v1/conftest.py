"""The documented application in front of a hub that writes down what it was asked."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from smshub.domain.accounts import Account
from smshub.domain.commands import CATALOGUE, Command, Refusal, Refused, Reply
from smshub.frontends.carriers import v1

BASIC = {"authorization": "Basic c2hvcDpwdw=="}


@dataclass
class RecordingHub:
    """A hub (domain.contracts.Hub) that notes each command and answers with what it was given."""

    reply: Reply | Exception | None = None
    asked: list[tuple[str, Command]] = field(default_factory=list)

    async def handle(self, account: Account, command: Command) -> Reply:
        """Note the command."""
        self.asked.append((account.name, command))
        assert self.reply is not None
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Api:
    """Asks an ASGI application (ASGI 3.0, HTTP) as a server would."""

    app: FastAPI
    hub: RecordingHub

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes | Any = b"",
        headers: Mapping[str, str] | None = None,
        **scope: Any,
    ) -> Answer:
        """Send a request; a body that is not bytes goes as JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if headers is None:
            headers = BASIC | ({"content-type": "application/json"} if body else {})
        path, _, query = target.partition("?")
        sent: list[dict[str, Any]] = []
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        request = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": ("127.0.0.1", 40_000),
            "server": ("127.0.0.1", 8080),
            **scope,
        }
        await self.app(request, receive, send)
        start = sent[0]
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


async def authenticate(scope: Any) -> Account:
    """Know one account."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    if headers.get("authorization") != BASIC["authorization"] and headers.get("x-api-key") != "k":
        raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")
    return Account("shop")


async def hot_send(scope: Any, receive: Any, send: Any) -> None:
    """Stand where the hot endpoint stands."""
    await send({"type": "http.response.start", "status": 202, "headers": [(b"x-door", b"hot")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def hub() -> RecordingHub:
    """A hub that notes commands."""
    return RecordingHub()


@pytest.fixture
def api(hub: RecordingHub) -> Api:
    """The application in front of the hub."""
    return Api(v1.build(hub, authenticate, lambda: CATALOGUE, hot_send), hub)


def _problems(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], at: str) -> list[str]:
    """Hold a value to a JSON schema, as far as ours go (2020-12: type, enum, anyOf, objects, arrays, patterns)."""
    if "$ref" in schema:
        return _problems(value, schemas[schema["$ref"].removeprefix("#/components/schemas/")], schemas, at)
    if "anyOf" in schema:
        found = [_problems(value, one, schemas, at) for one in schema["anyOf"]]
        return [] if [] in found else [f"{at}: {value!r} is none of {len(found)}"]
    types: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": int | float,
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{at}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is not in {schema['enum']}"]
    if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
        return [f"{at}: {value!r} is no time"]
    problems = [f"{at}.{name}: missing" for name in schema.get("required", []) if name not in value]
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name not in schema["properties"]:
                problems.append(f"{at}.{name}: not documented")
            else:
                problems += _problems(inner, schema["properties"][name], schemas, f"{at}.{name}")
    if isinstance(value, list):
        problems += [text for item in value for text in _problems(item, schema.get("items", {}), schemas, f"{at}[]")]
    return problems


@pytest.fixture
def undocumented(api: Api) -> Callable[[str, str, Answer], list[str]]:
    """Tell in what an answer differs from the published OpenAPI document; members it does not name count."""

    def check(method: str, path: str, answer: Answer) -> list[str]:
        document = api.app.openapi()
        response = document["paths"][path][method.lower()]["responses"].get(str(answer.status))
        if response is None:
            return [f"{answer.status} is not documented"]
        content = response["content"].get(answer.headers["content-type"])
        if content is None:
            return [f"{answer.headers['content-type']} is not documented"]
        missing = [
            name
            for name in ("Retry-After",)
            if name in response.get("headers", {}) and name.lower() not in answer.headers
        ]
        return missing + _problems(answer.document, content["schema"], document["components"]["schemas"], "$")

    return check
