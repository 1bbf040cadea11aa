"""Texts and senders that would be something else to a form, to JSON, to an address: they arrive, and change nothing."""

import json
from urllib.parse import parse_qsl

import pytest

from smshub.conformance.payloads import some
from smshub.connectors import aql, clickatell, twilio
from smshub.domain.delivery import Accepted
from smshub.domain.text import measure

# What may differ from text to text: how it is counted and written.
COUNTED = {"unicode", "concat", "maxMessageParts", "allow_unicode", "max_concat"}


def latin(seen):
    """Read the form of Clickatell's old HTTP API."""
    fields = dict(parse_qsl(seen.body.decode(), keep_blank_values=True, encoding="latin-1", strict_parsing=True))
    if fields.get("unicode") == "1":
        fields["text"] = bytes.fromhex(fields["text"]).decode("utf-16-be")
    fields["from"] = fields["from"].encode("latin-1").decode()
    return fields.pop("text"), fields.pop("from"), fields


def rest(seen):
    """Read the JSON of Clickatell's old REST API."""
    fields = json.loads(seen.body)
    text = fields.pop("text")
    return bytes.fromhex(text).decode("utf-16-be") if "unicode" in fields else text, fields.pop("from"), fields


def one(seen):
    """Read the JSON of the One API."""
    whole = json.loads(seen.body)
    (entry,) = whole["messages"]
    return entry.pop("content"), entry.pop("from"), whole


def named(text, sender, read):
    """Read a request whose text and sender stand under these names."""

    def found(seen):
        fields = read(seen)
        return fields.pop(text), fields.pop(sender), fields

    return found


def form(seen):
    """Read a form, every field once."""
    pairs = parse_qsl(seen.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def body(seen):
    """Read JSON."""
    return dict(json.loads(seen.body))


CALLED = {"callback_url": "http://127.0.0.1:1", "callback_secret": "s3cret & more"}
KEY = {"type": "clickatell", "api_key": "k3y"}
WAYS = [
    ("http", clickatell, {"username": "u", "password": "p", "api_id": "1"}, "/http/sendmsg", latin),
    ("rest", clickatell, {"api_key": "k3y"}, "/rest/message", rest),
    ("platform", clickatell, {"api_key": "k3y"}, "/messages", named("content", "from", body)),
    ("one", clickatell, {"api_key": "k3y"}, "/v1/message", one),
    ("gateway", aql, {"username": "u", "password": "p"}, "/sms/sms_gw.php", named("message", "originator", form)),
    ("v2", aql, {"token": "t"}, "/v2/sms/send", named("message", "originator", body)),
    (None, twilio, {"account_sid": "AC1", "auth_token": "t"}, "", named("Body", "From", form)),
]


@pytest.mark.parametrize(("api", "module", "settings", "path", "read"), WAYS, ids=[str(way[0]) for way in WAYS])
async def test_a_text_and_a_sender_change_nothing_but_themselves(providers, message, api, module, settings, path, read):
    """Two hundred of each: the provider reads what was written, and beside it what it reads of any other text."""
    simulator, url = await providers()
    table = {"type": "x", "url": url + path, **settings, **CALLED, **({"api": api} if api else {})}
    connector = module.Connector("gw", module.Settings(**table))
    await connector.open()
    outcomes = []
    payloads = ["a plain text", *some(200)]

    for payload in payloads:
        counted = measure(payload)
        fields = {"encoding": counted.encoding, "segments": counted.segments}
        outcomes.append(await connector.send(message(text=payload, originator=payload, **fields)))
    await connector.close()

    read_by_them = [read(one.seen) for one in simulator.received]
    beside = [{name: value for name, value in more.items() if name not in COUNTED} for _, _, more in read_by_them]
    assert payloads == [text for text, _, _ in read_by_them] == [text.text for text in simulator.texts]
    assert [sender for _, sender, _ in read_by_them] == payloads
    assert [beside[0]] * len(payloads) == beside
    assert {simulator.received[0].seen.target} == {one.seen.target for one in simulator.received}
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
