"""The guard of codes over /v1 and the command line, across a restart."""

import json
import subprocess

import pytest

TABLES = """\
[otp.guard]
mode = "enforce"

[accounts.shop.otp]
custom_code = true

[accounts.careful]
password = "careful-password"
[accounts.careful.otp.guard]
mode = "record"
countries = ["AT"]
recipient_10_minutes = 1
"""
CAREFUL = "careful:careful-password"


@pytest.fixture
def hub(make_hub, words):
    """Give a hub that enforces for one account and records for another."""
    tables = words.accounts.replace('originator = "ACME"', 'originator = "ACME"\ncountry = "DE"', 1)
    return make_hub(tables + TABLES + '[connectors.log]\ntype = "log"\n' + words.route("log"))


def ask(hub, number, to="+491701234567", user="shop:shop-password", **members):
    """Ask for a code under a reference of its own."""
    return hub.call("POST", "/v1/otp", {"to": to, "reference": f"r{number}", **members}, user=user)


def run(hub, words, *command):
    """Run the command line as the administrator."""
    name, _, password = words.admin.partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    return subprocess.run(
        [*words.command, *command], cwd=hub.folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_too_many_codes_are_refused_recorded_and_remembered(hub, words):
    """429 with the seconds to wait, 403 abroad; what is only recorded is sent; a kill changes nothing."""
    assert [202] * 5 == [ask(hub, number, source="192.0.2.1").status for number in range(5)]
    answer = ask(hub, 5)
    assert (429, "GuardRecipient", "to") == (answer.status, answer.json["error"], answer.json["member"])
    assert 500 < int(answer.headers["retry-after"]) <= 600
    abroad = ask(hub, 6, to="+436641234567")
    assert (403, "GuardCountry") == (abroad.status, abroad.json["error"])
    assert [202, 202] == [ask(hub, number, to="+491601234567", user=CAREFUL).status for number in range(2)]

    listed = hub.call("GET", "/v1/guard/decisions?limit=10", user=words.admin).json
    assert [
        ("careful", "recipient_10_minutes", False),
        ("careful", "countries", False),
        ("careful", "countries", False),
        ("shop", "countries", True),
        ("shop", "recipient_10_minutes", True),
    ] == [(one["account"], one["rule"], one["enforced"]) for one in listed["decisions"]]
    assert listed["next"] is None
    assert 403 == hub.call("GET", "/v1/guard/decisions").status

    hub.kill()
    hub.start()

    assert (429, "GuardRecipient") == (ask(hub, 7).status, ask(hub, 8).json["error"])
    assert 202 == ask(hub, 9, to="+491701234568").status


def test_a_block_is_seen_and_lifted_on_the_command_line(hub, words):
    """`smshub guard`: the prefixes, the decisions, and the block that an operator lifts."""
    for number in range(3):
        answer = ask(hub, number, to=f"+49155512{number}000", code="123456")
        assert 202 == answer.status, answer.body
    body = {"to": "+491555120000", "reference": "r0", "code": "123456"}
    assert hub.call("POST", "/v1/otp/verify", body).json["match"]
    shown = run(hub, words, "guard", "prefixes")
    assert "49155512" in shown.stdout, shown.stderr
    (prefix,) = json.loads(run(hub, words, "guard", "prefixes", "--json").stdout)["prefixes"]
    assert ("49155512", "DE", 1, 1, None) == tuple(
        prefix[name] for name in ("prefix", "country", "requested", "verified", "blocked_until")
    )
    ask(hub, 9, to="+436641234567")
    listed = run(hub, words, "guard", "list", "--refused", "--account", "shop")
    assert ["countries", "AT"] == [word for word in listed.stdout.split() if word in {"countries", "AT"}][:2]
    none = run(hub, words, "guard", "open", "49155512")
    assert (1, "There is no blocked prefix") == (none.returncode, none.stderr.partition(": ")[2][:26])
    assert 404 == hub.call("POST", "/v1/guard/prefixes/abc/open", {}, user=words.admin).status
    assert 403 == hub.call("POST", "/v1/guard/prefixes/49155512/open", {}).status
