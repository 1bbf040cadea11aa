"""The operations of /v1: what each asks of the hub, and that every answer is as documented."""

import json
from typing import Any

import pytest

from smshub.domain.commands import (
    CancelMessage,
    Command,
    Connectors,
    ConnectorView,
    DeleteObject,
    Done,
    Explain,
    Explained,
    HubStatus,
    ListConnectors,
    Listed,
    ListMessages,
    ListObjects,
    Objects,
    PutObject,
    Refusal,
    Refused,
    ReleaseMessage,
    Reply,
    ShowMessage,
    Shown,
    Status,
    Submitted,
    TestConnector,
    Way,
)
from smshub.domain.message import Attempt, Message, MessageClass, State

MESSAGE = Message(
    id="01J0A",
    submission="01J0A",
    account="shop",
    to="491701234567",
    to_written="0170 1234567",
    text="Hello \u20ac",
    created_at=1_900_000_000.0,
    due_at=1_900_000_000.0,
    expires_at=1_900_000_300.5,
    originator="ACME",
    message_class=MessageClass.OTP,
    flash=True,
    encoding="GSM7",
    segments=1,
    state=State.DELIVERED,
    connector="carrier-a",
    attempt=2,
    receipt_state="DELIVERED",
    receipt_code="000",
    receipt_at=1_900_000_003.25,
)
ATTEMPTS = (
    Attempt(1, "carrier-a", 1_900_000_000.0, 1_900_000_001.0, "deferred", "THROTTLED", "88", "too fast"),
    Attempt(2, "carrier-a", 1_900_000_002.0, 1_900_000_002.5, "accepted", provider_ref="17"),
)
LISTED = {
    "id": "01J0A",
    "to": "0170 1234567",
    "recipient": "491701234567",
    "from": "ACME",
    "text": "Hello \u20ac",
    "subject": None,
    "class": "otp",
    "type": "flash",
    "state": "DELIVERED",
    "encoding": "GSM7",
    "segments": 1,
    "account": "shop",
    "created_at": "2030-03-17T17:46:40.000Z",
    "due_at": "2030-03-17T17:46:40.000Z",
    "expires_at": "2030-03-17T17:51:40.500Z",
    "connector": "carrier-a",
    "reason": None,
    "code": None,
    "detail": None,
    "receipt": {"state": "DELIVERED", "code": "000", "at": "2030-03-17T17:46:43.250Z"},
}
SHOWN = LISTED | {
    "attempts": [
        {
            "number": 1,
            "connector": "carrier-a",
            "started_at": "2030-03-17T17:46:40.000Z",
            "settled_at": "2030-03-17T17:46:41.000Z",
            "outcome": "deferred",
            "reason": "THROTTLED",
            "code": "88",
            "detail": "too fast",
            "provider_ref": None,
        },
        {
            "number": 2,
            "connector": "carrier-a",
            "started_at": "2030-03-17T17:46:42.000Z",
            "settled_at": "2030-03-17T17:46:42.500Z",
            "outcome": "accepted",
            "reason": None,
            "code": None,
            "detail": None,
            "provider_ref": "17",
        },
    ]
}
OBJECTS = (
    {"name": "carrier-a", "origin": "file", "settings": {"type": "smpp", "password": "********"}},
    {"name": "carrier-b", "origin": "database", "settings": {"type": "smpp"}},
)
CONNECTOR = ConnectorView("carrier-a", "smpp", "up", 3, 2, None, 10, 1, None, "file")
EXPLAINED = Explained(
    to="491701234567",
    originator="ACME",
    originator_ton=5,
    originator_npi=0,
    encoding="UCS2",
    characters=7,
    units=7,
    segments=1,
    message_class=MessageClass.BULK,
    valid_for=60.0,
    ways=(Way("carrier-a", "49", taken=True, why="first of its route"),),
    notes=("'\u0416' is not in GSM 03.38",),
)
STATUS = Status(True, "", "0.1.0", "a", 12.5, 3, 1, 2, ("127.0.0.1:8080",), 50_000_000)
SENT = {"id": "01J0A", "to": "0170 1234567", "state": "DELIVERED", "segments": 1, "encoding": "GSM7"}

# method, path, placeholders filled, body, command, reply of the hub, status, document
CASES: list[tuple[str, str, str, Any, Command, Reply, int, Any]] = [
    (
        "GET",
        "/v1/messages",
        "",
        b"",
        ListMessages(),
        Listed((MESSAGE,), "c1"),
        200,
        {"messages": [LISTED], "next": "c1"},
    ),
    ("GET", "/v1/messages/{id}", "01J0A", b"", ShowMessage("01J0A"), Shown(MESSAGE, ATTEMPTS), 200, SHOWN),
    ("POST", "/v1/messages/{id}/cancel", "01J0A", b"", CancelMessage("01J0A"), Shown(MESSAGE, ATTEMPTS), 200, SHOWN),
    (
        "POST",
        "/v1/messages/{id}/release",
        "01J0A",
        b"{}",
        ReleaseMessage("01J0A"),
        Shown(MESSAGE, ATTEMPTS),
        200,
        SHOWN,
    ),
    (
        "POST",
        "/v1/explain",
        "",
        {"to": "0170", "text": "\u0416", "from": "ACME", "class": "bulk", "type": "flash"},
        Explain("0170", "\u0416", "ACME", MessageClass.BULK, flash=True),
        EXPLAINED,
        200,
        {
            "to": "491701234567",
            "from": {"value": "ACME", "ton": 5, "npi": 0},
            "encoding": "UCS2",
            "characters": 7,
            "units": 7,
            "segments": 1,
            "class": "bulk",
            "valid_for": 60.0,
            "routes": [{"connector": "carrier-a", "prefix": "49", "taken": True, "why": "first of its route"}],
            "notes": ["'\u0416' is not in GSM 03.38"],
        },
    ),
    (
        "GET",
        "/v1/connectors",
        "",
        b"",
        ListConnectors(),
        Connectors((CONNECTOR,)),
        200,
        {
            "connectors": [
                {
                    "name": "carrier-a",
                    "type": "smpp",
                    "state": "up",
                    "queued": 3,
                    "in_flight": 2,
                    "throughput": None,
                    "sent": 10,
                    "failed": 1,
                    "last_error": None,
                    "origin": "file",
                    "balance": None,
                    "balance_unit": None,
                }
            ]
        },
    ),
    (
        "POST",
        "/v1/connectors/{name}/test",
        "carrier-a",
        {"to": "0170", "text": "Hi"},
        TestConnector("carrier-a", "0170", "Hi"),
        Submitted((MESSAGE,)),
        202,
        {"messages": [SENT]},
    ),
    (
        "GET",
        "/v1/connectors/{name}",
        "carrier-b",
        b"",
        ListObjects("connectors"),
        Objects("connectors", OBJECTS),
        200,
        OBJECTS[1],
    ),
    ("GET", "/v1/routes", "", b"", ListObjects("routes"), Objects("routes", OBJECTS), 200, {"objects": list(OBJECTS)}),
    ("GET", "/v1/accounts", "", b"", ListObjects("accounts"), Objects("accounts", ()), 200, {"objects": []}),
    (
        "PUT",
        "/v1/routes/{name}",
        "r-1",
        {"prefixes": ["49"]},
        PutObject("routes", "r-1", {"prefixes": ["49"]}),
        Done("made"),
        200,
        {"detail": "made"},
    ),
    ("DELETE", "/v1/accounts/{name}", "a", b"", DeleteObject("accounts", "a"), Done("gone"), 200, {"detail": "gone"}),
    (
        "GET",
        "/v1/status",
        "",
        b"",
        HubStatus(),
        STATUS,
        200,
        {
            "taking": True,
            "why": "",
            "version": "0.1.0",
            "node": "a",
            "uptime": 12.5,
            "queued": 3,
            "connectors_up": 1,
            "connectors": 2,
            "listeners": ["127.0.0.1:8080"],
            "memory": 50_000_000,
            "troubles": [],
        },
    ),
]


def filled(path: str, name: str) -> str:
    """Fill the placeholder of a path."""
    return path.replace("{id}", name).replace("{name}", name)


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
async def test_an_operation_asks_and_answers(api, hub, undocumented, case):
    """Each operation becomes its command, and its answer is the document that OpenAPI promises."""
    method, path, name, body, command, reply, status, document = case
    hub.reply = reply

    answer = await api.ask(method, filled(path, name), body)

    assert [("shop", command)] == hub.asked
    assert (status, document) == (answer.status, answer.document)
    assert [] == undocumented(method, path, answer)
    safe = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}
    assert safe.items() <= answer.headers.items()


def problem(status: int, title: str, error: str, detail: str, member: str | None = None) -> dict[str, Any]:
    """Make the problem document of an error."""
    made = {"type": f"/docs#error-{error}", "title": title, "status": status, "detail": detail, "error": error}
    return made if member is None else made | {"member": member}


@pytest.mark.parametrize(
    ("refused", "status", "title", "headers"),
    [
        (
            Refused(Refusal.UNAUTHENTICATED, "AuthFailed"),
            401,
            "Who are you?",
            {"www-authenticate": 'Basic realm="smshub", charset="UTF-8"'},
        ),
        (Refused(Refusal.FORBIDDEN, "Forbidden"), 403, "Not allowed", {}),
        (Refused(Refusal.MALFORMED, "EmptyText", member="text"), 400, "The request cannot be read", {}),
        (Refused(Refusal.NOT_FOUND, "NotFound", what="message"), 404, "Not there", {}),
        (Refused(Refusal.BLOCKED, "Blocked", member="to", value="49"), 403, "Not allowed", {}),
        (Refused(Refusal.NO_ROUTE, "NoRoute", member="to", value="49"), 422, "Cannot be delivered", {}),
        (Refused(Refusal.LIMITED, "Limited", retry_after=2.1, seconds=2), 429, "Too fast", {"retry-after": "3"}),
        (
            Refused(Refusal.CONFLICT, "WrongState", state="SENT", why="too late"),
            409,
            "In conflict with what was done before",
            {},
        ),
        (Refused(Refusal.EXPIRED, "ExpiredOnArrival"), 422, "Cannot be delivered", {}),
        (Refused(Refusal.UNAVAILABLE, "Stopping"), 503, "Not just now", {"retry-after": "1"}),
        (Refused(Refusal.UNAVAILABLE, "ServerError"), 500, "The hub has failed", {}),
    ],
    ids=lambda value: value.error if isinstance(value, Refused) else "",
)
async def test_every_refusal_has_its_status(api, hub, undocumented, refused, status, title, headers):
    """One table takes the hub's refusals to HTTP; the document tells name, words and member."""
    hub.reply = refused
    # Between them these two may be refused in every way.
    method, path, body = ("POST", "/v1/explain", {"to": "49", "text": "a"})
    if status in {404, 409}:
        method, path, body = ("PUT", "/v1/routes/{name}", {})

    answer = await api.ask(method, filled(path, "r"), body)

    assert problem(status, title, refused.error, str(refused), refused.member) == answer.document
    assert status == answer.status
    assert headers.items() <= answer.headers.items()
    assert ("retry-after" in headers) == ("retry-after" in answer.headers)
    assert [] == undocumented(method, path, answer)


@pytest.mark.parametrize(
    ("body", "content_type", "wanted"),
    [
        (b"", "application/json", (400, "MalformedBody", None)),
        (b"[1]", "application/json", (400, "MalformedBody", None)),
        (b'{"to":"1","text":"a","to":"2"}', "application/json", (400, "MalformedBody", "to")),
        (b'{"to":"1","text":"a","valid_for":1}', "application/json", (400, "UnknownMember", "valid_for")),
        (b'{"to":["1"],"text":"a"}', "application/json", (400, "MalformedBody", "to")),
        (b'{"to":"1","text":"a","type":"loud"}', "application/json", (400, "BadType", "type")),
        (b'{"to":"1","text":"' + b"a" * 262_144 + b'"}', "application/json", (413, "BodyTooLarge", None)),
        (b'{"to":"1","text":"a"}', "text/plain", (415, "WrongContentType", "Content-Type")),
        (b'{"to":"1","text":"a"}', "application/json; charset=latin-1", (415, "WrongContentType", "Content-Type")),
        (b'{"to":"1","text":"a"}', "", (415, "WrongContentType", "Content-Type")),
    ],
)
async def test_a_bad_body_is_a_problem(api, hub, undocumented, body, content_type, wanted):
    """What cannot be read never reaches the hub."""
    headers = {"authorization": "Basic c2hvcDpwdw==", "content-type": content_type}

    answer = await api.ask("POST", "/v1/explain", body, headers)

    assert wanted == (answer.status, answer.document["error"], answer.document.get("member"))
    assert [] == hub.asked
    assert [] == undocumented("POST", "/v1/explain", answer)


async def test_a_charset_may_be_named(api, hub):
    """JSON is UTF-8, and saying so is no error."""
    hub.reply = EXPLAINED
    headers = {"x-api-key": "k", "content-type": 'Application/JSON; charset="UTF-8"'}

    answer = await api.ask("POST", "/v1/explain", b'{"to":"1","text":"a"}', headers)

    assert 200 == answer.status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "it is not an object"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested more than 32 deep"),
        (b'{"port":NaN}', "NaN is not JSON"),
        (b'{"port":' + b"9" * 5_000 + b"}", "more than 64 bits"),
        (b'{"a":{"b":1,"b":2}}', "'b' is named twice"),
        (b'{"a":"\\ud800"}', "'a' holds a lone surrogate"),
        (b'{"a":["x",{"b":"\\ud800"}]}', "half a surrogate pair"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"{'a':1}", "at character 1"),
    ],
)
async def test_settings_are_read_strictly(api, hub, body, words):
    """An object of any shape is still read with limits."""
    answer = await api.ask("PUT", "/v1/connectors/x", body)

    assert (400, "MalformedBody") == (answer.status, answer.document["error"])
    assert words in answer.document["detail"]
    assert [] == hub.asked


@pytest.mark.parametrize(
    ("method", "path", "name", "status", "error"),
    [
        ("GET", "/v1/messages/{id}", "a.b", 404, "NotFound"),
        ("GET", "/v1/messages/{id}", "x" * 65, 404, "NotFound"),
        ("POST", "/v1/messages/{id}/cancel", "\0", 404, "NotFound"),
        ("GET", "/v1/connectors/{name}", "..", 404, "NotFound"),
        ("DELETE", "/v1/routes/{name}", "-a", 404, "NotFound"),
        ("PUT", "/v1/accounts/{name}", "a b", 400, "BadObject"),
        ("PUT", "/v1/accounts/{name}", "x" * 65, 400, "BadObject"),
    ],
)
async def test_a_name_that_cannot_be_is_not_looked_up(api, hub, undocumented, method, path, name, status, error):
    """Ids and names of another form never reach the database."""
    answer = await api.ask(method, filled(path, name), {} if method == "PUT" else b"")

    assert (status, error) == (answer.status, answer.document["error"])
    assert [] == hub.asked
    assert [] == undocumented(method, path, answer)


async def test_an_object_that_is_not_there_is_not_found(api, hub, undocumented):
    """The one asked for is picked from the kind's objects."""
    hub.reply = Objects("connectors", OBJECTS)

    answer = await api.ask("GET", "/v1/connectors/carrier-c")

    assert problem(404, "Not there", "NotFound", "There is no connector with that id.") == answer.document
    assert [] == undocumented("GET", "/v1/connectors/{name}", answer)


async def test_a_body_where_none_is_taken_is_refused(api, hub):
    """A caller that says something is told that it is not heard."""
    answer = await api.ask("POST", "/v1/messages/01J0A/cancel", {"why": "no"})

    assert (400, "MalformedBody") == (answer.status, answer.document["error"])
    assert [] == hub.asked


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic x"}, {"x-api-key": "l"}])
async def test_a_stranger_learns_nothing(api, hub, undocumented, headers):
    """Credentials are checked before anything else of a request."""
    answer = await api.ask("POST", "/v1/explain", b"\xff", headers)

    assert problem(401, "Who are you?", "AuthFailed", "Invalid username or password") == answer.document
    assert [] == undocumented("POST", "/v1/explain", answer)


async def test_a_fault_of_the_hub_tells_nothing(api, hub, undocumented):
    """An exception becomes a problem document without a trace of it."""
    hub.reply = RuntimeError("password=hunter2")

    answer = await api.ask("GET", "/v1/status")

    assert problem(500, "The hub has failed", "ServerError", "Server Error") == answer.document
    assert [] == undocumented("GET", "/v1/status", answer)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/connectors/x", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/v1/messages", "GET, HEAD, POST"),
        ("GET", "/v1/explain", "POST"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(api, method, path, allowed):
    """405 names every method of the path (RFC 9110 §15.5.6)."""
    answer = await api.ask(method, path)

    detail = f"{method} is not possible here; {allowed} would be."
    assert problem(405, "Not with this method", "MethodNotAllowed", detail) == answer.document
    assert allowed == answer.headers["allow"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/messages/", "/v1/nothing", "/v2/messages", "/v1/messages/a/b"])
async def test_an_unknown_path_is_a_problem(api, path):
    """Nothing is redirected, nothing is a page of another format."""
    answer = await api.ask("GET", path)

    assert problem(404, "Not there", "UnknownPath", f"There is nothing at {path}.") == answer.document
    assert "application/problem+json" == answer.headers["content-type"]


async def test_sending_is_left_to_the_hot_endpoint(api, hub):
    """The documented operation has no second implementation."""
    answer = await api.ask("POST", "/v1/messages", {"to": "1", "text": "a"})

    assert (202, "hot") == (answer.status, answer.headers["x-door"])
    assert [] == hub.asked


async def test_a_head_request_is_answered_as_its_get(api, hub):
    """HEAD goes wherever GET does (RFC 9110 §9.3.2); the server leaves the body out."""
    hub.reply = STATUS

    answer = await api.ask("HEAD", "/v1/status")

    assert (200, str(len(answer.body))) == (answer.status, answer.headers["content-length"])


async def test_a_texts_own_characters_survive(api, hub):
    """What is shown is UTF-8, whatever the text holds."""
    hub.reply = Shown(MESSAGE, ())

    answer = await api.ask("GET", "/v1/messages/01J0A")

    assert "Hello \u20ac".encode() in answer.body
    assert [] == json.loads(answer.body)["attempts"]
