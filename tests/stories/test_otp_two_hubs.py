"""Codes of two hubs on one PostgreSQL: asked for at one, checked at the other, whoever holds the connector."""

import re

import pytest

pytestmark = pytest.mark.needs("postgresql")

TABLES = """\
[otp]
generic = false
resend_after = 1
"""


@pytest.fixture(scope="module")
def house(make_shared_smsc, make_shared_hub, postgres_module_url, words):
    """Give two hubs on one database, the one that holds the connector first, and the message centre."""
    smsc = make_shared_smsc()
    tables = words.accounts + TABLES + words.smpp("smsc", smsc.port) + words.route("smsc")
    secret = f'secret = "{"5a" * 32}"\n'
    hubs = [
        make_shared_hub(tables, server=f'{secret}node = "{node}"', database=postgres_module_url)
        for node in ("one", "two")
    ]
    words.wait_for(lambda: any("up" == hub.connectors()["smsc"]["state"] for hub in hubs))
    hubs.sort(key=lambda hub: hub.connectors()["smsc"]["state"] != "up")
    assert ["up", "elsewhere"] == [hub.connectors()["smsc"]["state"] for hub in hubs]
    return *hubs, smsc


def ask(hub, reference, to):
    """Ask for a code; gives its id."""
    answer = hub.call("POST", "/v1/otp", {"to": to, "reference": reference})
    assert 202 == answer.status, answer.body
    return answer.json["id"]


def check(hub, reference, to, code):
    """Check a code; gives the verdict."""
    return hub.call("POST", "/v1/otp/verify", {"to": to, "reference": reference, "code": code}).json["verdict"]


def code_to(smsc, words, to, count=1):
    """Wait for so many texts to a number, and give the code in the last."""
    texts = words.wait_for(lambda: [text for text in smsc.texts if f"-> {to[1:]}:" in text][count - 1 :])
    return re.search(r"code is ([0-9]{6})", texts[-1])[1]


@pytest.mark.parametrize("asked_at", [0, 1], ids=["of the owner", "of the other"])
def test_a_code_of_either_is_checked_at_the_other(house, words, asked_at):
    """Sent by the one that holds the connector; a wrong one counts at both, and it matches once, at either."""
    first, second, smsc = house[asked_at], house[1 - asked_at], house[2]
    to, reference = f"+49170990000{asked_at}", f"at-{asked_at}"
    ask(first, reference, to)
    code = code_to(smsc, words, to)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    verdicts = [check(hub, reference, to, one) for hub, one in ((second, wrong), (first, wrong), (second, code))]

    assert ["MISMATCH", "MISMATCH", "MATCH"] == verdicts
    assert ["CONSUMED", "CONSUMED"] == [check(hub, reference, to, code) for hub in (first, second)]


def test_a_reference_is_taken_at_both_and_a_code_is_sent_again_by_either(house, words):
    """The other opens what the one has sealed: the same code twice; both know the reference."""
    owner, other, smsc = house
    to = "+491709900002"
    challenge = ask(owner, "again", to)
    code = code_to(smsc, words, to)

    taken = other.call("POST", "/v1/otp", {"to": to, "reference": "again"})
    path = f"/v1/otp/{challenge}/resend"
    words.wait_for(lambda: other.call("POST", path).status == 202)

    assert (409, "OtpLive") == (taken.status, taken.json["error"])
    assert code == code_to(smsc, words, to, count=2)
    assert "MATCH" == check(other, "again", to, code)


def test_what_the_owner_leaves_the_other_sends_and_checks(house, words):
    """A code asked for at the other while the owner ends goes out once, and is checked where a hub is left."""
    owner, other, smsc = house
    to = "+491709900003"
    kept = ask(owner, "kept", "+491709900004")
    code = code_to(smsc, words, "+491709900004")
    assert 0 == owner.stop()

    ask(other, "late", to)

    assert "MATCH" == check(other, "late", to, code_to(smsc, words, to))
    assert "MATCH" == check(other, "kept", "+491709900004", code)
    assert 1 == len([text for text in smsc.texts if f"-> {to[1:]}:" in text])
    other.ends(kept)
