"""Signed reports of Twilio and Vonage through a proxy that changes host and path: what is proved counts, and once."""

import http.client
import http.server
import json
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator
from smshub.simulators.providers import twilio, vonage

ACCOUNT = "AC" + "0" * 32
TOKEN, SIGNING = "token-of-the-account", "signature-of-the-account"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TABLES = """\
[connectors.twilio]
type = "twilio"
url = "{twilio}"
account_sid = "{account}"
auth_token = "env:TOKEN"
number = "+15017250604"
callback_url = "{public}"

[connectors.vonage]
type = "vonage"
url = "{vonage}"
api_key = "vonage-key"
api_secret = "vonage-secret"
signature_secret = "env:SIGNING"
signature_method = "md5hash"
callback_url = "{public}"

[[routes]]
prefixes = ["1"]
connectors = ["twilio"]

[[routes]]
prefixes = ["44"]
connectors = ["vonage"]
"""


class Proxy(http.server.BaseHTTPRequestHandler):
    """Takes what comes for /sms, and hands it to the hub under another host and path."""

    statuses: list

    def do_POST(self):
        """Hand it on."""
        body = self.rfile.read(int(self.headers["content-length"]))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.hub_port, timeout=20)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request("POST", self.path.removeprefix("/sms"), body, {**headers, "X-Forwarded-Proto": "https"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        self.server.statuses.append(answer.status)
        self.send_response(answer.status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words):
        """Be quiet."""


@pytest.fixture(scope="module")
def house(make_shared_hub, words, smsc_loop):
    """Give the hub behind its proxy, and both providers, which know the outer address only."""
    do = words.on_loop(smsc_loop)
    providers = {"twilio": HttpSimulator(signing=TOKEN), "vonage": HttpSimulator(signing=SIGNING)}
    urls = {name: f"http://127.0.0.1:{do(provider.start())}" for name, provider in providers.items()}
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.statuses = []
    public = f"http://127.0.0.1:{proxy.server_port}/sms"
    hub = make_shared_hub(
        words.accounts + TABLES.format(account=ACCOUNT, public=public, **urls),
        server=f'public_url = "{public}"',
        env={"TOKEN": TOKEN, "SIGNING": SIGNING},
    )
    proxy.hub_port = hub.port
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    hub.bound("twilio", "vonage")
    yield SimpleNamespace(hub=hub, providers=providers, public=public, statuses=proxy.statuses)
    for provider in providers.values():
        do(provider.stop())
    proxy.shutdown()
    proxy.server_close()
    thread.join()


PREFIXES = {"twilio": "+12015550123", "vonage": "+447700900123"}


def sent(house, name, receipts, text="Hello"):
    """Send a text whose reports come so; give its id."""
    house.providers[name].script = Script.parse(receipts)
    return house.hub.send(PREFIXES[name], text, **{"from": "15017250604"})


def called(house, name, body, headers):
    """Call as a provider does, through the proxy; give the status."""
    port, _, _ = house.public.removeprefix("http://127.0.0.1:").partition("/")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    try:
        connection.request("POST", f"/sms/receipts/{name}", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def of_twilio(house, ref, status, *, token=TOKEN, url=None):
    """Call as Twilio does; give the status."""
    fields = {"MessageSid": ref, "SmsSid": ref, "MessageStatus": status, "AccountSid": ACCOUNT}
    signature = twilio.sign(token, url or f"{house.public}/receipts/twilio", fields)
    return called(house, "twilio", urlencode(fields), {**FORM, "X-Twilio-Signature": signature})


def of_vonage(house, ref, status, *, secret=SIGNING, at=None):
    """Call as Vonage does; give the status."""
    fields = {"messageId": ref, "status": status, "msisdn": "447700900123", "to": "15017250604", "err-code": "0"}
    fields |= {"timestamp": str(int(at or time.time())), "nonce": "1"}
    fields["sig"] = vonage.signatures(fields, secret)[0]
    return called(house, "vonage", json.dumps(fields), {"Content-Type": "application/json"})


CALLS = {"twilio": of_twilio, "vonage": of_vonage}
REPORTS = {
    "in time": ("receipt good", "DELIVERED"),
    "before the answer": ("receipt early", "DELIVERED"),
    "late": ("receipt late 1s", "DELIVERED"),
    "twice": ("receipt twice", "DELIVERED"),
    "of failure": ("receipt bad", "UNDELIVERABLE"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("report", REPORTS)
def test_a_signed_report_is_taken_however_it_comes(house, words, name, report):
    """The signature is over the outer address, which the hub knows by `public_url`; each call is taken at once."""
    script, state = REPORTS[report]
    before = len(house.statuses)
    calls = 2 if report == "twice" else 1

    message = house.hub.ends(sent(house, name, script), state)
    words.wait_for(lambda: len(house.statuses) - before == calls)

    assert state == message["receipt"]["state"]
    assert {True} == {200 <= status < 300 for status in house.statuses[before:]}


@pytest.mark.parametrize("name", CALLS)
def test_a_report_out_of_order_takes_nothing_back(house, name):
    """What was on its way is told after it was delivered: it stays DELIVERED; and so it does when it failed later."""
    message_id = sent(house, name, "receipt none")
    ref = house.hub.ends(message_id, "SENT")["attempts"][0]["provider_ref"]
    call = CALLS[name]
    later, failed = {"twilio": ("sent", "undelivered"), "vonage": ("buffered", "failed")}[name]

    statuses = [call(house, ref, status) for status in ("delivered", later, failed)]

    assert {True} == {200 <= status < 300 for status in statuses}
    assert "DELIVERED" == house.hub.message(message_id)["state"]


@pytest.mark.parametrize("name", CALLS)
def test_a_forged_report_gets_403_and_changes_nothing(house, name):
    """Signed with a guess; over another address; or days old."""
    message_id = sent(house, name, "receipt none")
    ref = house.hub.ends(message_id, "SENT")["attempts"][0]["provider_ref"]
    if name == "twilio":
        inner = f"{house.hub.url}/receipts/twilio"
        statuses = [of_twilio(house, ref, "delivered", token="guess"), of_twilio(house, ref, "delivered", url=inner)]
        statuses.append(called(house, name, urlencode({"MessageSid": ref, "MessageStatus": "delivered"}), FORM))
    else:
        statuses = [of_vonage(house, ref, "delivered", secret="guess")]
        statuses.append(of_vonage(house, ref, "delivered", at=time.time() - 3 * 86_400))
        body = json.dumps({"messageId": ref, "status": "delivered"})
        statuses.append(called(house, name, body, {"Content-Type": "application/json"}))

    assert {403} == set(statuses)
    assert "SENT" == house.hub.message(message_id)["state"]


def test_one_part_of_several_is_not_the_whole(house, words):
    """Vonage reports on each part: after two of three the text is SENT, after the third DELIVERED."""
    text = "Three parts of a text that Vonage reports on, one by one. " * 6
    message_id = sent(house, "vonage", "receipt good 2; receipt none", text)
    before = len(house.statuses)
    message = house.hub.ends(message_id, "SENT", "DELIVERED")
    words.wait_for(lambda: len(house.statuses) - before >= 2)
    refs = message["attempts"][0]["provider_ref"].split(",")
    two_of_three = house.hub.message(message_id)["state"]

    assert of_vonage(house, refs[2], "delivered") < 300
    assert (3, "SENT") == (len(refs), two_of_three)
    assert "DELIVERED" == house.hub.ends(message_id, "DELIVERED")["state"]


def test_a_part_that_fails_is_the_whole(house):
    """However many others were delivered."""
    text = "Two parts of a text of which one does not arrive at all. " * 4

    message = house.hub.ends(sent(house, "vonage", "receipt good 1; receipt bad", text), "UNDELIVERABLE")

    assert 2 == len(message["attempts"][0]["provider_ref"].split(","))
