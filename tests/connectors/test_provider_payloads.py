"""Two hundred texts and senders that would be something else: each arrives as it was, and nothing else changes."""

import itertools

import pytest

from smshub.conformance.payloads import some
from smshub.domain.delivery import Accepted

PAYLOADS = some(200)
ALL = {
    "ovh": (
        {"service_name": "sms-1", "application_key": "k", "application_secret": "s", "consumer_key": "c"},
        "/1.0",
        {"k": "s"},
    ),
    "ovh_http2sms": ({"account": "sms-1", "login": "k", "password": "s"}, "/cgi-bin/sms/http2sms.cgi", {"k": "s"}),
    "vonage": ({"api_key": "k", "api_secret": "s"}, "", {"k": "s"}),
    "sipgate": ({"api": "xmlrpc", "username": "k", "password": "s"}, "/RPC2", {"k": "s"}),
    "sipgate rest": ({"api": "rest", "username": "k", "password": "s"}, "/v2", {"k": "s"}),
    "mpulse": (
        {"options": {"to": "{phone}", "text": "{text}", "from": "{from}"}, "return_success": "OK"},
        "/gateway",
        {},
    ),
}
# What sipgate sends from is the account's, never the message's.
SENDERLESS = {"sipgate": "", "sipgate rest": "s0"}
FREE = frozenset({"tag", "client-ref", "x-ovh-timestamp", "x-ovh-signature", "content-length"})


def lines(text):
    """Give a text as a reader sees its lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def frame(seen):
    """Give what of a request no text may change: its method, its path, its headers and the names of its fields."""
    headers = {name: value for name, value in seen.headers.items() if name not in FREE}
    return seen.method, seen.path, headers, sorted(seen.fields)


@pytest.mark.parametrize("kind", ALL)
async def test_a_payload_is_nothing_but_a_text(way_out, providers, message, kind):
    """As the text and as the originator of one message each, by the provider's own reading of the request."""
    settings, path, users = ALL[kind]
    simulator, url = await providers(users=users)
    connector = await way_out(kind.split()[0], url=url + path, **settings)

    for payload in PAYLOADS:
        outcome = await connector.send(message(text=payload, originator=payload))
        assert Accepted is type(outcome), payload

    sent = [one for one in simulator.received if one.taken]
    for payload, one in zip(PAYLOADS, sent, strict=True):
        (text,) = one.taken
        exact = kind != "ovh_http2sms"
        assert ("491701234567", payload if exact else lines(payload)) == (text.to, text.text)
        assert SENDERLESS.get(kind, payload) == text.sender
    assert all(frame(a.seen) == frame(b.seen) for a, b in itertools.pairwise(sent))
