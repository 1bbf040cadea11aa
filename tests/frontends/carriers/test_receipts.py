"""The door that providers call: what of a request reaches the connector, and how it is answered."""

import pytest

from smshub.domain.callbacks import Called
from smshub.domain.commands import CATALOGUE, Refusal, Refused
from smshub.frontends.carriers.receipts import BODY_LIMIT, ReceiptsDoor

FORM = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")


class Asked:
    """A door, what its connector was given, and what the caller got."""

    def __init__(self, answer, *, public_url="https://sms.example/hub", mount="/hub"):
        self.given = []
        self.answer = answer
        self.sent = []
        self.door = ReceiptsDoor(
            self.take, lambda: CATALOGUE, self.rest, public_url=lambda: public_url, mount=mount, clock=lambda: 7.0
        )

    async def take(self, connector, callback):
        """Be the hub."""
        self.given.append((connector, callback))
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer

    async def rest(self, scope, receive, send):
        """Be the other doors."""
        self.sent.append("rest")

    async def __call__(self, method="POST", path="/receipts/twilio", query=b"", headers=(), body=b""):
        """Call, and give the status, the headers and the body of the answer."""

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            self.sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(b"host", b"10.0.0.1:8080"), *headers],
            "scheme": "http",
        }
        await self.door(scope, receive, send)
        if self.sent == ["rest"]:
            return "rest"
        return self.sent[0]["status"], dict(self.sent[0]["headers"]), self.sent[1]["body"]


async def test_the_connector_gets_the_call_as_the_provider_signed_it():
    """The address is that of the hub's outside, the fields are decoded in their order, and the body is whole."""
    ask = Asked(Called(status=200, content_type="text/xml", body=b"<Response/>"))
    status, headers, body = await ask(query=b"key=a%20b&x=", headers=[FORM], body=b"To=%2B49&To=1&Body=a+b")

    ((connector, callback),) = ask.given
    assert ("twilio", "https://sms.example/hub/receipts/twilio?key=a%20b&x=") == (connector, callback.url)
    assert (("key", "a b"), ("x", "")) == callback.query
    assert (("To", "+49"), ("To", "1"), ("Body", "a b")) == callback.form
    assert (b"To=%2B49&To=1&Body=a+b", 7.0, "POST") == (callback.body, callback.at, callback.method)
    assert {"To": "+49", "Body": "a b", "key": "a b", "x": ""} == callback.fields
    assert (200, b"text/xml", b"<Response/>") == (status, headers[b"content-type"], body)


async def test_without_a_public_address_the_one_that_was_called_counts():
    """Scheme, host and mount are those of the request."""
    ask = Asked(Called(), public_url=None)
    await ask(method="GET", query=b"a=1")

    assert "http://10.0.0.1:8080/hub/receipts/twilio?a=1" == ask.given[0][1].url


async def test_other_paths_are_others():
    """What is not below /receipts/ is handed on."""
    assert "rest" == await Asked(Called())(path="/v1/messages")


ANSWERS = [
    (Refused(Refusal.NOT_FOUND, "NotFound", what="connector"), 404),
    (Refused(Refusal.FORBIDDEN, "CallbackForged"), 403),
    (Refused(Refusal.MALFORMED, "CallbackUnreadable"), 400),
    (Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=5.0), 503),
]


@pytest.mark.parametrize(("refused", "status"), ANSWERS)
async def test_a_refusal_is_told_by_its_status(refused, status):
    """And by a sentence of the catalogue; one that passes says when to come again."""
    answered, headers, body = await Asked(refused)()

    assert status == answered
    assert body.strip()
    assert (b"5" if status == 503 else None) == headers.get(b"retry-after")


@pytest.mark.parametrize(
    "request_of",
    [
        {"method": "DELETE"},
        {"body": b"x" * (BODY_LIMIT + 1)},
        {"headers": [FORM], "body": b"&".join(b"f%d=1" % n for n in range(300))},
        {"query": b"&".join(b"f%d=1" % n for n in range(300))},
    ],
    ids=["method", "large", "fields", "query"],
)
async def test_what_no_provider_sends_does_not_reach_the_connector(request_of):
    """Another method, a huge body and a flood of fields are refused before."""
    ask = Asked(Called())
    status, _, _ = await ask(**request_of)

    assert ([], True) == (ask.given, status in {400, 405})
