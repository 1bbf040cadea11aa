"""OVH, Vonage, sipgate and Mpulse behind a whole hub: texts go out signed, and what becomes of them comes back."""

import itertools
import time

import pytest

from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator
from smshub.simulators.providers import vonage

# {url} is the simulator's address; each is reached by a prefix of its own.
TABLES = """\
[connectors.ovh]
type = "ovh"
url = "{url}/1.0"
service_name = "sms-ab12345-1"
application_key = "application-key"
application_secret = "application-secret"
consumer_key = "consumer-key"
callback_secret = "ovh-callback-key"

[connectors.http2sms]
type = "ovh_http2sms"
url = "{url}/cgi-bin/sms/http2sms.cgi"
account = "sms-ab12345-1"
login = "ovh-user"
password = "ovh-password"
callback_secret = "ovh-callback-key"

[connectors.vonage]
type = "vonage"
url = "{url}"
api_key = "vonage-key"
auth = "signature"
api_secret = "vonage-secret"
signature_secret = "vonage-signature"
signature_method = "md5hash"
throughput_originator = 1

[connectors.xmlrpc]
type = "sipgate"
api = "xmlrpc"
url = "{url}/RPC2"
username = "sipgate-user"
password = "sipgate-password"

[connectors.rest]
type = "sipgate"
url = "{url}/v2"
username = "sipgate-user"
password = "sipgate-password"

[connectors.mpulse]
type = "mpulse"
url = "{url}/gateway"
options = {{ number = "{{phone}}", message = "{{text}}", user = "mpulse-user", password = "mpulse-password" }}
return_success = "OK"
"""
PREFIXES = {"ovh": "331", "http2sms": "332", "vonage": "333", "xmlrpc": "334", "rest": "335", "mpulse": "336"}
USERS = {
    "application-key": "application-secret",
    "ovh-user": "ovh-password",
    "vonage-key": "vonage-secret",
    "sipgate-user": "sipgate-password",
    "mpulse-user": "mpulse-password",
}
# More than OVH forgives a signature, less than what makes a report of Vonage's one of another time.
AHEAD = 500


class House:
    """A hub, and the providers on a thread of their own, whose clock is some minutes ahead."""

    def __init__(self, hub, simulator, do):
        self.hub = hub
        self.simulator = simulator
        self.do = do

    def send(self, connector, text, **members):
        """Hand in a text for a connector's prefix."""
        return self.hub.send(f"+{PREFIXES[connector]}701234567", text, **members)

    def calls(self, connector, key=""):
        """Have the provider call this connector from now on."""
        self.simulator.callback = f"{self.hub.url}/receipts/{connector}{'?key=' + key if key else ''}"

    def came(self, text):
        """Give what the provider took with this text; exactly once."""
        (one,) = [one for one in list(self.simulator.received) for taken in one.taken if taken.text == text]
        return one


@pytest.fixture(scope="module")
def house(make_shared_hub, words, smsc_loop):
    """Give the hub with all six, and their simulator."""
    do = words.on_loop(smsc_loop)
    lines = []
    simulator = HttpSimulator(
        users=USERS,
        signing="vonage-signature",
        clock=lambda: time.time() + AHEAD,
        writer=lambda line: lines.append((time.monotonic(), line)),
    )
    port = do(simulator.start())
    tables = words.accounts + TABLES.format(url=f"http://127.0.0.1:{port}")
    for name, prefix in PREFIXES.items():
        tables += f'[[routes]]\nprefixes = ["{prefix}"]\nconnectors = ["{name}"]\n'
    hub = make_shared_hub(tables)
    hub.bound(*PREFIXES)
    house = House(hub, simulator, do)
    house.lines = lines
    yield house
    do(simulator.stop())


@pytest.fixture(autouse=True)
def _no_faults(house):
    """Leave no fault to the next story."""
    yield
    house.simulator.script = Script()
    house.simulator.clock = lambda: time.time() + AHEAD


@pytest.mark.parametrize("connector", ["ovh", "http2sms"])
def test_ovh_takes_a_text_and_calls_when_it_is_delivered(house, connector):
    """Signed by OVH's clock, which is not ours; its report comes with the key that the operator put in the address."""
    house.calls(connector, "ovh-callback-key")
    text = f"Grüße & 50 % <{connector}>"

    message = house.hub.ends(house.send(connector, text))

    assert [(connector, "accepted")] == [(one["connector"], one["outcome"]) for one in message["attempts"]]
    taken = house.came(text).taken[0]
    assert ("ACME", f"{PREFIXES[connector]}701234567") == (taken.sender, taken.to)


def test_a_report_without_the_key_is_refused(house):
    """Whoever knows an id cannot say that it was delivered."""
    house.simulator.script = Script.parse("receipt none")
    message_id = house.send("ovh", "Nobody reports on this")
    ref = house.hub.ends(message_id, "SENT")["attempts"][0]["provider_ref"]

    statuses = [
        house.hub.call("GET", f"/receipts/ovh?id={ref}&ptt=4{more}", user=None).status
        for more in ("", "&key=", "&key=guess", "&key=ovh-callback-keyx")
    ]

    assert ([403] * 4, "SENT") == (statuses, house.hub.message(message_id)["state"])


def test_a_clock_that_jumps_costs_one_try(house):
    """OVH refuses the signature of another day; the next try asks for the time first."""
    house.simulator.clock = lambda: time.time() + 86_400
    message = house.hub.ends(house.send("ovh", "After the jump"), "SENT", "DELIVERED")

    assert [("deferred", "QUERY_TIME_OUT"), ("accepted", None)] == [
        (one["outcome"], one["code"]) for one in message["attempts"]
    ]


def test_vonage_takes_a_long_text_and_reports_on_its_parts(house):
    """Signed both ways: the request with the account's secret, each report with the same."""
    house.calls("vonage")
    text = "Three parts, all of them signed and all delivered. " * 7

    message = house.hub.ends(house.send("vonage", text, **{"from": "Long"}))

    taken = house.came(text)
    assert (1, 3, False) == (len(taken.taken), 1 + len(taken.taken[0].more), "api_secret" in taken.seen.fields)
    assert 3 == len(message["attempts"][0]["provider_ref"].split(","))


def test_a_part_that_is_refused_leaves_the_whole_uncertain(house):
    """Part of the text is on its way, the rest may pass: a bulk text waits for the operator."""
    house.simulator.script = Script.parse("refuse 1@2; accept")
    message_id = house.send("vonage", "Two parts. " * 20, **{"from": "Parts", "class": "bulk"})

    message = house.hub.ends(message_id, "UNCERTAIN")

    assert "1 of 2 parts were taken" in message["attempts"][0]["detail"]


def test_a_forged_report_of_vonages_changes_nothing(house):
    """Signed with another secret, or with a field changed after."""
    house.calls("vonage")
    house.simulator.script = Script.parse("receipt none")
    message_id = house.send("vonage", "Nobody signs for this", **{"from": "Forger"})
    ref = house.hub.ends(message_id, "SENT")["attempts"][0]["provider_ref"]
    fields = {"messageId": ref, "status": "delivered", "msisdn": "1", "timestamp": str(int(time.time()))}
    forged = [
        {**fields, "sig": vonage.signatures(fields, "guessed")[0]},
        {**fields, "sig": vonage.signatures({**fields, "status": "buffered"}, "vonage-signature")[0]},
        fields,
    ]

    statuses = [house.hub.call("POST", "/receipts/vonage", one, user=None).status for one in forged]

    assert ([403] * 3, "SENT") == (statuses, house.hub.message(message_id)["state"])


def test_a_text_of_somebody_comes_in_through_vonage(house, words):
    """Signed, in the query; repeated, it is kept once."""
    fields = {"msisdn": "447700900001", "to": "447700900000", "messageId": "0B01", "text": "STOP & go", "type": "text"}
    fields |= {"timestamp": str(int(time.time())), "nonce": "1"}
    fields["sig"] = vonage.signatures(fields, "vonage-signature")[0]
    call = vonage.text_of_somebody(fields, "/receipts/vonage")

    statuses = [house.hub.call("GET", call.url, user=None).status for _ in range(2)]

    texts = house.hub.call("GET", "/v1/incoming", user=words.admin).json["texts"]
    assert ([204, 204], [("447700900001", "STOP & go")]) == (statuses, [(one["sender"], one["text"]) for one in texts])


def test_a_number_sends_one_text_a_second(house):
    """As a long code in the United States may; another number does not wait for it."""
    house.calls("vonage")
    ids = [house.send("vonage", f"Slowly {n}", **{"from": "12015550001"}) for n in range(3)]
    for message_id in ids:
        house.hub.ends(message_id, "SENT", "DELIVERED")

    times = [at for at, line in house.lines if "Slowly" in line]
    assert 3 == len(times)
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.9


@pytest.mark.parametrize("connector", ["xmlrpc", "rest"])
def test_sipgate_gets_the_text_and_nothing_else(house, connector):
    """Whatever XML or JSON may think of it."""
    text = f"</string> & ]]> <{connector}> \"ü\" 'x'\n2nd line"

    message = house.hub.ends(house.send(connector, text), "SENT")

    assert PREFIXES[connector] + "701234567" == house.came(text).taken[0].to
    assert "accepted" == message["attempts"][0]["outcome"]


def test_a_number_that_sipgate_finds_invalid_is_final(house):
    """Its StatusCode says so under status 200."""
    house.simulator.script = Script.parse("refuse 508")

    message = house.hub.ends(house.send("xmlrpc", "To nobody"), "REJECTED")

    assert ("INVALID_RECIPIENT", "508") == (message["attempts"][0]["reason"], message["attempts"][0]["code"])


def test_mpulse_sends_and_has_said_that_it_is_unverified(house):
    """By what the operator filled in; the log has the warning."""
    house.hub.ends(house.send("mpulse", "Moien"), "SENT")

    assert PREFIXES["mpulse"] + "701234567" == house.came("Moien").taken[0].to
    assert "the type mpulse is unverified" in house.hub.log


def test_what_is_left_is_shown(house, words):
    """For each account whose provider tells it."""
    told = words.wait_for(
        lambda: (
            (found := house.hub.connectors())
            and all(found[name].get("balance") is not None for name in ("ovh", "vonage", "xmlrpc", "rest"))
            and {name: (one.get("balance"), one.get("balance_unit")) for name, one in found.items()}
        )
    )

    assert {
        "ovh": (1987.0, "credits"),
        "vonage": (31.41, "EUR"),
        "xmlrpc": (42.5, "EUR"),
        "rest": (42.5, "EUR"),
    } == {name: told[name] for name in ("ovh", "vonage", "xmlrpc", "rest")}


def test_no_secret_is_in_the_log(house):
    """After all of this."""
    secrets = [*USERS.values(), "consumer-key", "vonage-signature", "ovh-callback-key", "701234567"]

    assert [] == [secret for secret in secrets if secret in house.hub.log]
