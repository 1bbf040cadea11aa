"""One provider's bad day is not the operator's: three of a route fail each in its own way, and the message tells it."""

import http.server
import subprocess
import threading
import time
from datetime import datetime
from types import SimpleNamespace
from typing import ClassVar

import pytest

from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator

GATEWAY = """\
[connectors.{name}]
type = "http"
url = "http://127.0.0.1:{port}/send"
http_method = "POST"
username = "hub"
password = "env:GATEWAY_PASSWORD"
return_success = "OK"
timeout = 1
[connectors.{name}.options]
to = "{{phone}}"
text = "{{text}}"

"""
TWILIO = """\
[connectors.twilio]
type = "twilio"
url = "http://127.0.0.1:{port}"
account_sid = "{account}"
auth_token = "env:GATEWAY_PASSWORD"
number = "+15017250604"

"""
ROUTES = {
    "4911": ("hurried", "broke", "silent"),
    "4912": ("flapping", "spare"),
    "4913": ("twilio", "spare"),
    "4914": ("busy", "spare"),
}
PASSWORD = "pass-secret-4711"
SCRIPTS = {"hurried": "throttle", "broke": "refuse 402", "silent": "hang", "flapping": "accept", "spare": "accept"}


class Busy(http.server.BaseHTTPRequestHandler):
    """Asks everybody to come again in a minute."""

    asked: ClassVar[list[str]] = []

    def do_POST(self):
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(self.path)
        self.send_response(429)
        self.send_header("retry-after", "60")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        """Be quiet."""


@pytest.fixture(scope="module")
def busy():
    """Give a provider that throttles for a minute."""
    handler = type("Handler", (Busy,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def house(make_shared_hub, words, smsc_loop, busy):
    """Give a hub whose routes lead to providers that have a bad day, and to a spare one."""
    do = words.on_loop(smsc_loop)
    providers = {name: HttpSimulator(Script.parse(script)) for name, script in SCRIPTS.items()}
    providers["twilio"] = HttpSimulator(Script.parse("refuse 21610"))
    ports = {name: do(provider.start()) for name, provider in providers.items()}
    tables = words.accounts + "".join(GATEWAY.format(name=name, port=ports[name]) for name in SCRIPTS)
    tables += GATEWAY.format(name="busy", port=busy.port)
    tables += TWILIO.format(port=ports["twilio"], account="AC" + "0" * 32)
    for prefix, names in ROUTES.items():
        tables += f'[[routes]]\nprefixes = ["{prefix}"]\nconnectors = {list(names)!r}\n'.replace("'", '"')
    hub = make_shared_hub(tables, env={"GATEWAY_PASSWORD": PASSWORD})
    hub.bound(*providers)
    yield SimpleNamespace(hub=hub, providers=providers)
    for provider in providers.values():
        do(provider.stop())


def told(message):
    """Tell each attempt's connector, outcome, reason and the provider's code."""
    fields = ("connector", "outcome", "reason", "code")
    return [" ".join(str(one[name]) for name in fields if one[name] is not None) for one in message["attempts"]]


def admin(house, words, *command):
    """Run the command line as the administrator."""
    name, _, password = words.admin.partition(":")
    env = {**house.hub.env, "SMSHUB_URL": house.hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    run = subprocess.run([*words.command, *command], env=env, capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


def moment(attempt):
    """Give when an attempt was begun, in seconds."""
    return datetime.fromisoformat(attempt["started_at"]).timestamp()


def test_the_timeline_tells_of_three_bad_days(house, words):
    """
    The first throttles: it is asked thrice, and the next one within five seconds. That has no credit: the last one.

    It hangs after it has read: once more there and nowhere else, and the message is UNCERTAIN. Every word is told.
    """
    message_id = house.hub.send("+491170123456", "Your code is 987654")
    message = house.hub.ends(message_id, "UNCERTAIN")

    expected = ["hurried deferred THROTTLED 429"] * 3
    expected += ["broke deferred NO_CREDIT 402", *["silent uncertain NO_ANSWER"] * 2]
    assert expected == told(message)
    first, *_, fourth, fifth, _ = message["attempts"]
    assert moment(fourth) - moment(first) < 5.0
    assert moment(fifth) - moment(fourth) < 1.0
    assert ["Your code is 987654"] * 2 == [text.text for text in house.providers["silent"].texts]

    shown = admin(house, words, "message", "show", message_id, "--debug")
    timeline, _, said = shown.partition("attempt 1, request:")
    for line in ("THROTTLED (code 429): ERROR 429", "NO_CREDIT (code 402): ERROR 402", "uncertain NO_ANSWER"):
        assert line in timeline
    for words_of_providers in ("ERROR 429 too many requests", "ERROR 402 refused", "POST http://127.0.0.1", "(none)"):
        assert words_of_providers in said
    assert [] == [secret for secret in (PASSWORD, "987654", "491170123456") if secret in said]

    explained = admin(house, words, "explain", "--to", "+491170123456", "--text", "And now?")
    (why,) = [line for line in explained.splitlines() if line.startswith("broke")]
    assert "open (tried again in " in why
    assert "ERROR 402 refused; priority 2" in why


def test_a_campaign_is_held_where_it_hangs(house):
    """Of the class bulk nothing is repeated: two providers defer, the third is asked once, and a person decides."""
    message = house.hub.ends(house.hub.send("+491170123457", "Buy now", **{"class": "bulk"}), "UNCERTAIN")

    assert "silent uncertain NO_ANSWER" == told(message)[-1]
    assert ["Buy now"] == [text.text for text in house.providers["silent"].texts if text.text == "Buy now"]


def test_who_has_opted_out_is_not_asked_by_another(house):
    """Twilio's 21610 is the end, whatever other ways there are."""
    message = house.hub.ends(house.hub.send("+491370123456", "Please stay"), "REJECTED")

    assert ["twilio rejected OPTED_OUT 21610"] == told(message)
    assert [] == [text for text in house.providers["spare"].texts if text.text == "Please stay"]


def test_one_text_tries_a_provider_again(house, words):
    """
    Five failures open its breaker: what follows goes the next way at once. After its rest one text tries it again.

    That it fails is not for long: that text too takes the next way, and the rest is twice as long.
    """
    flapping, spare = house.providers["flapping"], house.providers["spare"]
    flapping.script = Script.parse("refuse 503 6; accept")
    before = len(flapping.received)
    failed = [house.hub.ends(house.hub.send("+491270123456", f"Flap {n}"), "SENT") for n in range(8)]
    opened = time.monotonic()

    assert [["flapping deferred TEMPORARY 503", "spare accepted"]] * 5 + [["spare accepted"]] * 3 == list(
        map(told, failed)
    )
    assert "open" == house.hub.connectors()["flapping"]["state"]
    assert before + 5 == len(flapping.received)

    def tried():
        house.hub.ends(house.hub.send("+491270123456", "Is it well?"), "SENT")
        return len(flapping.received) > before + 5

    words.wait_for(tried)
    assert time.monotonic() - opened > 3.0
    for _ in range(5):
        house.hub.ends(house.hub.send("+491270123456", "Not yet"), "SENT")
    assert before + 6 == len(flapping.received)
    assert {"Flap 0", "Is it well?", "Not yet"} <= {text.text for text in spare.texts}


def test_a_provider_that_asks_for_a_long_pause_gets_it(house, busy, words):
    """Told to come again in a minute, the hub sends it nothing more, and takes the next way: also with that text."""
    first = house.hub.ends(house.hub.send("+491470123456", "Wait 0"), "SENT")
    others = [house.hub.ends(house.hub.send("+491470123456", f"Wait {n}"), "SENT") for n in range(1, 4)]

    assert ["busy deferred THROTTLED 429", "spare accepted"] == told(first)
    assert [["spare accepted"]] * 3 == list(map(told, others))
    assert 1 == len(busy.asked)
    explained = admin(house, words, "explain", "--to", "+491470123456", "--text", "And now?")
    (why,) = [line for line in explained.splitlines() if line.startswith("busy")]
    assert "the provider said that this was too fast" in why
