"""Many checks of one code at once: over two client processes and one hub, and over two hubs on one PostgreSQL."""

import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PEER = Path(__file__).parents[1] / "otp_peer.py"
AUTHORIZATION = f"Basic {base64.b64encode(b'shop:shop-password').decode()}"

# Codes of its own, so that a story knows them without reading texts.
TABLES = """\
[accounts.admin]
password = "admin-password"
role = "administrator"

[accounts.shop]
password = "shop-password"
originator = "ACME"

[accounts.shop.otp]
custom_code = true
resend_after = 1
generic = false

[connectors.log]
type = "log"

[[routes]]
prefixes = [""]
connectors = ["log"]
"""


class Clients:
    """Two client processes that fire together; `ports` are those of the hubs each of them asks."""

    def __init__(self, *ports):
        self.ports = ports
        self.processes = [
            subprocess.Popen([sys.executable, str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]

    def fire(self, bodies, connections=100):
        """Check codes, half of them from each process; gives how many came to each verdict."""
        asked = {"ports": self.ports, "authorization": AUTHORIZATION, "connections": connections}
        for number, process in enumerate(self.processes):
            process.stdin.write(json.dumps({**asked, "bodies": bodies[number::2]}) + "\n")
            process.stdin.flush()
        return Counter(verdict for process in self.processes for verdict in json.loads(process.stdout.readline()))

    def close(self):
        """End them."""
        for process in self.processes:
            process.stdin.close()
            process.wait(10)
            process.stdout.close()


class Many:
    """One hub or two, and clients that ask all of them; each challenge has a reference and a number of its own."""

    def __init__(self, *hubs):
        self.hubs = hubs
        self.clients = Clients(*(hub.port for hub in hubs))
        self.count = 0

    def challenge(self, code="123456", to=None):
        """Have a code sent; gives the body of its right check."""
        self.count += 1
        body = {"to": to or f"+49170{self.count:07d}", "reference": f"race-{self.count}"}
        answer = self.hubs[0].call("POST", "/v1/otp", {**body, "code": code})
        assert 202 == answer.status, answer.body
        self.id = answer.json["id"]
        return {**body, "code": code}


def begin(make_hub, *databases):
    """Start a hub on each database, all with one secret."""
    secret = f'secret = "{"5a" * 32}"\n'
    return [
        make_hub(TABLES, server=f'{secret}node = "node{number}"', database=database)
        for number, database in enumerate(databases)
    ]


@pytest.fixture(scope="module")
def one_hub(make_shared_hub):
    """Give one hub on SQLite."""
    many = Many(*begin(make_shared_hub, ""))
    yield many
    many.clients.close()


@pytest.fixture(scope="module")
def two_hubs(make_shared_hub, postgres_module_url):
    """Give two hubs on one PostgreSQL."""
    many = Many(*begin(make_shared_hub, postgres_module_url, postgres_module_url))
    yield many
    many.clients.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def many(request):
    """Give the one hub, and then the two."""
    return request.getfixturevalue("one_hub" if request.param == "sqlite" else "two_hubs")


def test_of_200_right_checks_at_once_exactly_one_matches(many):
    """The others are told that it was consumed; a hundred rounds, on as many codes and 200 connections."""
    rounds = [many.clients.fire([many.challenge()] * 200) for _ in range(100)]

    assert [{"MATCH": 1, "CONSUMED": 199}] * 100 == rounds


def test_of_5000_wrong_guesses_at_once_at_most_five_are_evaluated(many):
    """The rest are not looked at, and neither is the right one after them."""
    right = many.challenge(code="999999")

    found = many.clients.fire([{**right, "code": f"{number:06d}"} for number in range(5_000)])

    assert {"MISMATCH": 5, "EXHAUSTED": 4_995} == found
    assert {"EXHAUSTED": 2} == many.clients.fire([right] * 2)


def test_failures_survive_a_resend_and_a_new_reference(many, words):
    """Fifteen wrong ones an hour for one number, however many codes it is sent; an operator can unlock it."""
    to = "+4917199" + ("00001" if len(many.hubs) == 1 else "00002")
    first = many.challenge("999999", to)
    wrong = [{**first, "code": "000000"}] * 3
    assert {"MISMATCH": 3} == many.clients.fire(wrong)
    path = f"/v1/otp/{many.id}/resend"
    words.wait_for(lambda: many.hubs[-1].call("POST", path).status == 202)
    assert {"MISMATCH": 2, "EXHAUSTED": 1} == many.clients.fire(wrong)
    for _ in range(2):
        again = many.challenge("999999", to)
        assert {"MISMATCH": 5, "EXHAUSTED": 15} == many.clients.fire([{**again, "code": "000000"}] * 20)

    body = {"to": to, "reference": "one-more", "code": "999999"}
    refused = many.hubs[-1].call("POST", "/v1/otp", body)
    assert (429, "OtpSlowed", "to") == (refused.status, refused.json["error"], refused.json["member"])
    assert 3_500 < int(refused.headers["retry-after"]) <= 3_600
    assert 403 == many.hubs[0].call("DELETE", f"/v1/otp/failures/{to}").status
    assert 200 == many.hubs[0].call("DELETE", f"/v1/otp/failures/{to}", user=words.admin).status
    assert 202 == many.hubs[0].call("POST", "/v1/otp", body).status
    assert {"MATCH": 1, "CONSUMED": 1} == many.clients.fire([body] * 2)
