"""Two providers and their faults: what may go elsewhere does, what may double does not, long texts arrive whole."""

from dataclasses import dataclass

import pytest

from smshub.protocols.smpp.pdus import Pdu

# The beginnings of numbers that lead to a provider with this fault first, and then to the spare one.
PREFIXES = {"credit": "491", "throttle": "492", "broken": "493", "silent": "494", "final": "495", "down": "496"}


@dataclass
class House:
    """A hub with a message centre for each fault, and a spare one behind each."""

    hub: object
    smscs: dict
    spare: object

    def send(self, fault, text, **members):
        """Send a text to a number whose first provider has this fault; give the id."""
        return self.hub.send(f"+{PREFIXES[fault]}51234567", text, **members)

    def shown(self, text):
        """Tell which message centres show a text, and how often."""
        every = {**self.smscs, "spare": self.spare}
        found = {name: sum(text in shown for shown in smsc.texts) for name, smsc in every.items()}
        return {name: count for name, count in found.items() if count}


@pytest.fixture(scope="module")
def house(make_shared_smsc, make_shared_hub, words):
    """Give the house; its providers begin without faults."""
    spare = make_shared_smsc()
    smscs = {fault: make_shared_smsc() for fault in PREFIXES}
    tables = words.accounts + words.smpp("spare", spare.port) + words.route("spare")
    for fault, prefix in PREFIXES.items():
        more = {"reasons": {"0x45D": "NO_CREDIT"}} if fault == "credit" else {}
        tables += words.smpp(fault, smscs[fault].port, response_timeout=1, **more)
        tables += f'[[routes]]\nprefixes = ["{prefix}"]\nconnectors = ["{fault}", "spare"]\n'
    hub = make_shared_hub(tables)
    hub.bound("spare", *PREFIXES)
    return House(hub, smscs, spare)


def timeline(message):
    """Tell each attempt's connector, outcome and reason."""
    return [" ".join(filter(None, (one["connector"], one["outcome"], one["reason"]))) for one in message["attempts"]]


def test_a_provider_without_credit_is_passed_over(house):
    """A status that the operator calls NO_CREDIT sends the text the next way at once, and the one after it too."""
    house.smscs["credit"].play("refuse 0x45D")

    first = house.hub.ends(house.send("credit", "no money"))
    second = house.hub.ends(house.send("credit", "no money yet"))

    assert ["credit deferred NO_CREDIT", "spare accepted"] == timeline(first)
    assert "0x0000045D" == first["attempts"][0]["code"]
    # Its breaker is open: it is not asked again.
    assert ["spare accepted"] == timeline(second)
    assert "open" == house.hub.connectors()["credit"]["state"]


def test_a_throttled_text_waits_for_its_own_provider(house):
    """ESME_RTHROTTLED is no reason to go elsewhere: the text leaves the same way a little later."""
    house.smscs["throttle"].play("throttle 2; accept")

    message = house.hub.ends(house.send("throttle", "not so fast"))

    assert ["throttle deferred THROTTLED", "throttle deferred THROTTLED", "throttle accepted"] == timeline(message)
    assert {"throttle": 1} == house.shown("not so fast")


def test_a_lost_connection_is_repeated_there_and_nowhere_else(house):
    """A link that breaks before the answer makes the try Uncertain; the repeat goes to the same provider."""
    house.smscs["broken"].play("drop; accept")

    message = house.hub.ends(house.send("broken", "did you get it"))

    assert ["broken uncertain NO_ANSWER", "broken accepted"] == timeline(message)
    assert {"broken": 2} == house.shown("did you get it")


def test_an_uncertain_campaign_text_is_held(house):
    """Of the class bulk it is neither repeated nor sent elsewhere: it is UNCERTAIN until a late receipt or a person."""
    house.smscs["silent"].play("hang; accept")

    message_id = house.send("silent", "hello all of you", **{"class": "bulk"})
    message = house.hub.ends(message_id, "UNCERTAIN")

    assert 1 == len(message["attempts"])
    assert "uncertain" == message["attempts"][0]["outcome"]
    assert {"silent": 1} == house.shown("hello all of you")


def test_a_final_refusal_is_final(house):
    """A number that the provider calls invalid is rejected with both words for it; nobody else is asked."""
    house.smscs["final"].play("refuse ESME_RINVDSTADR")

    message = house.hub.ends(house.send("final", "nobody there"), "REJECTED")

    assert ["final rejected INVALID_RECIPIENT"] == timeline(message)
    assert ("INVALID_RECIPIENT", "ESME_RINVDSTADR") == (message["reason"], message["code"])
    assert {} == {name: count for name, count in house.shown("nobody there").items() if name != "final"}


def test_a_provider_that_is_away_is_passed_over(house):
    """With no bind there is no try: the text takes the next way at once."""
    house.smscs["down"].stop()

    message = house.hub.ends(house.send("down", "around the corner"))

    assert "spare accepted" == timeline(message)[-1]
    assert {"spare": 1} == house.shown("around the corner")
    house.smscs["down"].start()
    house.hub.bound("down")


LONG = {
    "GSM": ("0123456789" * 16 + "€", "GSM7", 2),
    "UCS-2": ("Grüße aus 京都! " * 6 + "😀" * 30, "UCS2", 3),
    "an emoji at every edge": ("x" + "😀" * 100, "UCS2", 4),
}


@pytest.mark.parametrize("what", LONG)
def test_a_long_text_arrives_whole(house, what):
    """Its segments carry a header that joins them, none is past 140 octets, and the handset shows one text."""
    text, encoding, segments = LONG[what]
    before = len(house.spare.received)

    message = house.hub.ends(house.hub.send("+43660123456", text))

    assert (encoding, segments) == (message["encoding"], message["segments"])
    house.spare.arrives(f"ACME -> 43660123456 ({segments} segments): {text}")
    pdus: list[Pdu] = [received.pdu for received in house.spare.received[before:]]
    # TS 23.040 §9.2.3.24.1: length 5, element 0, length 3, reference, how many, which.
    headers = [pdu.message[:6] for pdu in pdus]
    assert {b"\x05\x00\x03"} == {header[:3] for header in headers}
    assert 1 == len({header[3] for header in headers})
    assert [bytes((segments, place)) for place in range(1, segments + 1)] == sorted(header[4:] for header in headers)
    octets = [len(pdu.message) if encoding == "UCS2" else 6 + -(-(len(pdu.message) - 6) * 7 // 8) for pdu in pdus]
    assert max(octets) <= 140


def test_a_long_text_is_delivered_when_its_last_part_is(house):
    """Receipts of two parts leave it SENT; that of the third makes it DELIVERED."""
    house.spare.play("receipt good 2; receipt late 1s; receipt good")

    message_id = house.hub.send("+43660123457", "y" * 400)
    house.hub.ends(message_id, "SENT", within=5)
    assert 3 == house.hub.message(message_id)["segments"]
    message = house.hub.ends(message_id, within=5)

    assert "DELIVERED" == message["receipt"]["state"]


def test_a_text_that_could_not_be_delivered_says_so(house):
    """A receipt that says undeliverable ends the message so, with the provider's code."""
    house.spare.play("receipt bad")

    message = house.hub.ends(house.hub.send("+43660123458", "in vain"), "UNDELIVERABLE")

    assert ("UNDELIVERABLE", "001") == (message["receipt"]["state"], message["receipt"]["code"])


def test_a_flash_text_has_class_0(house):
    """data_coding has the class bits (TS 23.038 §4) for both alphabets, and the handset shows it as flash."""
    house.spare.play("accept")
    before = len(house.spare.received)

    for text in ("look up", "schau 👀"):
        house.hub.ends(house.hub.send("+43660123459", text, type="flash"))
        house.spare.arrives(f"ACME -> 43660123459 flash: {text}")

    assert [0x10, 0x18] == [received.pdu.number("data_coding") for received in house.spare.received[before:]]
