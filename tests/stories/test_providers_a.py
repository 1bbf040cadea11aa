"""Clickatell, AQL and Twilio as an operator has them: texts out, reports back, what is left on the account."""

from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator

ACCOUNT = "AC" + "0" * 32
SECRET = "s3cret-of-the-calls/&"

# What each connector is set to, its path at the provider, and the prefix of its texts.
WAYS = {
    "ck-http": ('api = "http"\nusername = "u"\npassword = "env:CK_PASSWORD"\napi_id = "1"', "/http/sendmsg", "4911"),
    "ck-rest": ('api = "rest"\napi_key = "env:CK_KEY"', "/rest/message", "4912"),
    "ck-platform": ('api = "platform"\napi_key = "env:CK_KEY"', "/messages", "4913"),
    "ck-one": ('api = "one"\napi_key = "env:CK_KEY"', "/v1/message", "4914"),
    "aql": ('username = "u"\npassword = "env:CK_PASSWORD"\nlow_credit = 1500', "/sms/sms_gw.php", "4915"),
    "aql-v2": ('api = "v2"\ntoken = "env:CK_KEY"', "/v2/sms/send", "4916"),
    "twilio": (f'account_sid = "{ACCOUNT}"\nauth_token = "env:CK_KEY"\nnumber = "+15017250604"', "", "1"),
}
KINDS = {"ck": "clickatell", "aql": "aql", "twilio": "twilio"}
ENV = {"CK_PASSWORD": "p4ssword", "CK_KEY": "k3y-of-the-account", "CALLS": SECRET}
REPORTING = [name for name in WAYS if name != "aql-v2"]


@pytest.fixture(scope="module")
def world(words, smsc_loop, make_shared_hub):
    """Give a hub with a connector of each kind, and a provider of its own behind each."""
    run = words.on_loop(smsc_loop)
    providers = {name: HttpSimulator() for name in WAYS}
    ports = {name: run(provider.start()) for name, provider in providers.items()}
    hub = make_shared_hub(start=False, env=ENV)
    tables = ""
    for name, (settings, path, prefix) in WAYS.items():
        called = f'callback_url = "{hub.url}"\n' + ("" if name == "twilio" else 'callback_secret = "env:CALLS"\n')
        tables += f'[connectors.{name}]\ntype = "{KINDS[name.split("-")[0]]}"\n{called if name in REPORTING else ""}'
        tables += f'url = "http://127.0.0.1:{ports[name]}{path}"\nbalance_every = 1\n{settings}\n'
        tables += f'[[routes]]\nprefixes = ["{prefix}"]\nconnectors = ["{name}"]\n'
        providers[name].callback = f"{hub.url}/receipts/{name}?{urlencode({'key': SECRET})}"
    hub.configure(words.accounts + tables)
    try:
        hub.start()
        hub.bound(*WAYS)
        yield SimpleNamespace(hub=hub, providers=providers)
    finally:
        for provider in providers.values():
            run(provider.stop())


def sent(world, name, text, **fields):
    """Send a text through a connector, by its prefix; give the message's id."""
    to = f"+{(WAYS[name][2] + '70123456789')[:12]}"
    answer = world.hub.call("POST", "/v1/messages", {"to": to, "text": text, **fields})
    assert 202 == answer.status, answer.body
    return answer.json["messages"][0]["id"]


@pytest.mark.parametrize("name", WAYS)
def test_a_text_arrives_whole_and_its_report_comes_back(world, name):
    """Latin, euro, Cyrillic and an emoji; a long one too. Where the provider reports, it ends as delivered."""
    texts = ["Grüße & Code 123456?", "5 € + Δ", "Привет 🎉", "Ten chars. " * 20]

    ids = [sent(world, name, text) for text in texts]
    ends = [world.hub.ends(one, "DELIVERED" if name in REPORTING else "SENT") for one in ids]

    taken = {text.text: text.ref for text in world.providers[name].texts}
    assert set(texts) <= taken.keys()
    own_ids = name == "aql"
    assert [one if own_ids else taken[text] for one, text in zip(ids, texts, strict=True)] == [
        end["attempts"][-1]["provider_ref"] for end in ends
    ]


@pytest.mark.parametrize("name", REPORTING)
def test_a_report_of_failure_ends_a_text(world, name):
    """With the provider's own code beside it."""
    world.providers[name].script = Script.parse("receipt bad 1; receipt good")

    end = world.hub.ends(sent(world, name, f"A text that fails on {name}"), "UNDELIVERABLE", "DELIVERED")

    assert "UNDELIVERABLE" == end["state"]


@pytest.mark.parametrize("name", REPORTING)
def test_nobody_else_can_report(world, name):
    """Without the secret or the signature a call is refused, and the text stays as it was."""
    world.providers[name].script = Script.parse("receipt none 1; receipt good")
    ref = world.hub.ends(sent(world, name, f"A text nobody reports on {name}"), "SENT")["id"]

    fields = {"apiMsgId": ref, "id": ref, "status": "004", "code": "1", "MessageSid": ref, "MessageStatus": "delivered"}
    answers = [
        world.hub.call("GET", f"/receipts/{name}?{urlencode({**fields, **more})}", user=None).status
        for more in ({}, {"key": "guessed"})
    ]

    assert [403, 403] == answers
    assert "SENT" == world.hub.message(ref)["state"]


REFUSED = {
    "ck-http": ("122", "OPTED_OUT"),
    "ck-rest": ("122", "OPTED_OUT"),
    "ck-platform": ("122", "OPTED_OUT"),
    "ck-one": ("26", "OPTED_OUT"),
    "aql": ("3", "INVALID_RECIPIENT"),
    "aql-v2": ("422", "UNKNOWN"),
    "twilio": ("21610", "OPTED_OUT"),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_final_refusal_ends_a_text(world, name):
    """It is not tried again, and its reason is told with the provider's code."""
    code, reason = REFUSED[name]
    world.providers[name].script = Script.parse(f"refuse {code}")  # also to questions what is left

    end = world.hub.ends(sent(world, name, f"A text refused by {name}"), "REJECTED", "DELIVERED")
    world.providers[name].script = Script()

    assert [("rejected", reason, code)] == [(one["outcome"], one["reason"], one["code"]) for one in end["attempts"]]


def test_what_is_left_is_shown_and_a_low_credit_told_once(world, words):
    """In each provider's unit, with its connector."""
    hub = world.hub
    words.wait_for(lambda: all(one["balance"] is not None for one in hub.connectors().values()))

    found = {name: (one["balance"], one["balance_unit"]) for name, one in hub.connectors().items()}

    money = {"ck-platform": "EUR", "ck-one": "EUR", "twilio": "USD"}
    assert {name: (1000.0, money.get(name, "credits")) for name in WAYS} == found
    assert 1 == hub.log.count("balance.low")
    assert "aql" in next(line for line in hub.log.splitlines() if "balance.low" in line)


def test_no_secret_is_told_anywhere(world):
    """Not by the log, not by the settings that the API shows."""
    shown = world.hub.call("GET", "/v1/connectors/twilio", user="admin:admin-password").body
    for secret in ENV.values():
        assert secret not in world.hub.log
        assert secret.encode() not in (shown if isinstance(shown, bytes) else shown.encode())
