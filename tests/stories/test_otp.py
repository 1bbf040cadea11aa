"""One-time passwords over /v1 and the command line, with a real hub and what the handset shows."""

import contextlib
import json
import re
import sqlite3
from pathlib import Path

import pytest

TABLES = """\
[otp]
generic = false
templates = { de = "Ihr Code: %s" }

[accounts.bank]
password = "bank-password"
originator = "Bank"
[accounts.bank.otp]
length = 8
hosts = ["login.bank.example"]
app_hashes = ["FA+9qCX9VSu"]
generic = true
life = 60
"""
BANK = "bank:bank-password"


@pytest.fixture(scope="module")
def pair(make_shared_smsc, make_shared_hub, words):
    """Give a hub with codes and the message centre behind it; it logs all it has to say."""
    smsc = make_shared_smsc()
    tables = words.accounts + TABLES + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_shared_hub(tables, server='log_level = "debug"')
    hub.bound("smsc")
    return hub, smsc


def ask(hub, reference, to="+491701234567", user="shop:shop-password", headers=None, **members):
    """Ask for a code."""
    return hub.call("POST", "/v1/otp", {"to": to, "reference": reference, **members}, user=user, headers=headers)


def check(hub, reference, code, to="+491701234567", user="shop:shop-password", **members):
    """Check a code that must be one that can be checked."""
    body = {"to": to, "reference": reference, "code": code, **members}
    answer = hub.call("POST", "/v1/otp/verify", body, user=user)
    assert 200 == answer.status, answer.body
    return answer.json


def shown(smsc, to, count=1):
    """Wait for so many texts to a number, and give the last one with its code."""
    texts = [text for text in smsc.arrived(1) if f"-> {to}:" in text]
    while len(texts) < count:
        smsc.arrived(len(smsc.texts) + 1)
        texts = [text for text in smsc.texts if f"-> {to}:" in text]
    return texts[-1], re.search(r"[0-9]{6,8}", texts[-1].partition(":")[2])[0]


def test_a_code_goes_out_and_matches_once(pair):
    """Request, text, wrong, right, again: each is answered as it is."""
    hub, smsc = pair

    answer = ask(hub, "s1", to="+491700000001", params=["transfer", 1500])

    assert 202 == answer.status, answer.body
    assert ("s1", "+491700000001", False) == tuple(answer.json[name] for name in ("reference", "to", "clipped"))
    text, code = shown(smsc, "491700000001")
    said = f"Your code is {code}. It is valid for 5 minutes. Do not give it to anyone."
    assert f"ACME -> 491700000001: {said}" == text
    right = {"to": "+49 170 0000001", "params": ["transfer", "1500"]}
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    assert {"verdict": "MISMATCH", "match": False, "tries_left": 4} == check(hub, "s1", wrong, **right)
    assert {"verdict": "MISMATCH", "match": False, "tries_left": 3} == check(hub, "s1", code, to=right["to"])
    assert {"verdict": "MATCH", "match": True, "tries_left": 0} == check(hub, "s1", code, **right)
    assert "CONSUMED" == check(hub, "s1", code, **right)["verdict"]
    assert "UNKNOWN" == check(hub, "s0", code, **right)["verdict"]
    message = hub.message(answer.json["message"]["id"])
    assert ("otp", answer.json["expires_at"]) == (message["class"], message["expires_at"])


def test_a_live_reference_and_a_repeated_request(pair):
    """409 without a key; with one, the first answer again."""
    hub, _ = pair
    key = {"Idempotency-Key": "k-s2"}
    first = ask(hub, "s2", to="+491700000002", headers=key)
    again = ask(hub, "s2", to="+491700000002", headers=key)
    other = ask(hub, "s2", to="+491700000003", headers=key)
    taken = ask(hub, "s2", to="+491700000002")

    assert (202, 202) == (first.status, again.status)
    assert first.json["id"] == again.json["id"]
    assert (None, "true") == (first.headers.get("idempotent-replay"), again.headers.get("idempotent-replay"))
    assert (409, "ReferenceConflict", "Idempotency-Key") == problem(other)
    assert (409, "OtpLive", "reference") == problem(taken)


def test_an_account_has_a_policy_of_its_own(pair):
    """Eight digits for a minute, the text of the language, the last line of its site; strangers learn yes or no."""
    hub, smsc = pair

    asked = {"to": "+491700000004", "language": "de-AT", "host": "login.bank.example", "valid_for": 86_400}
    answer = ask(hub, "b1", user=BANK, **asked)

    assert (202, True) == (answer.status, answer.json["clipped"])
    text, code = shown(smsc, "491700000004")
    assert f"Bank -> 491700000004: Ihr Code: {code}\n@login.bank.example #{code}" == text
    assert 8 == len(code)
    no = {"verdict": "MISMATCH", "match": False, "tries_left": None}
    assert no == check(hub, "b1", "1", to="+491700000004", user=BANK)
    assert no == check(hub, "b0", "1", to="+491700000004", user=BANK)
    assert {**no, "verdict": "MATCH", "match": True} == check(hub, "b1", code, to="+491700000004", user=BANK)
    assert (403, "HostNotAllowed", "host") == problem(ask(hub, "b2", user=BANK, host="login.bank.example.evil.example"))
    assert (403, "HostNotAllowed", "host") == problem(ask(hub, "b2", host="login.bank.example"))


def test_the_same_code_is_sent_again_but_not_at_once(pair):
    """429 with the seconds to wait; nobody else's, and none that is not there."""
    hub, _ = pair
    challenge = ask(hub, "s5", to="+491700000005").json["id"]

    early = hub.call("POST", f"/v1/otp/{challenge}/resend")

    assert (429, "ResendEarly", None) == problem(early)
    assert 25 < int(early.headers["retry-after"]) <= 30
    assert (404, "NotFound", None) == problem(hub.call("POST", f"/v1/otp/{challenge}/resend", user=BANK))
    assert (404, "NotFound", None) == problem(hub.call("POST", "/v1/otp/nothing/resend"))


BAD = [
    ({"template": "no place"}, 400, "template"),
    ({"template": "%s %s"}, 400, "template"),
    ({"template": "%n"}, 400, "template"),
    ({"template": "{0.__class__}"}, 400, "template"),
    ({"valid_for": 0}, 400, "valid_for"),
    ({"valid_for": -5}, 400, "valid_for"),
    ({"expires_at": "2001-01-01T00:00:00Z"}, 422, "expires_at"),
    ({"reference": ""}, 400, "reference"),
    ({"reference": None}, 400, "reference"),
    ({"to": "somebody"}, 400, "to"),
    ({"to": "a@b@c"}, 400, "to"),
    ({"params": [{"a": 1}]}, 400, "params"),
    ({"params": ["x" * 10_240]}, 400, "param1"),
    ({"subject": "a\r\nBcc: b@c.example"}, 400, "subject"),
    ({"code": "123456"}, 403, "code"),
]


@pytest.mark.parametrize(("members", "status", "member"), BAD, ids=str)
def test_bad_input_is_refused_by_name_and_nothing_is_stored(pair, members, status, member):
    """A problem document with the member; neither a message nor a challenge more."""
    hub, _ = pair
    before = rows(hub)

    answer = hub.call("POST", "/v1/otp", {"to": "+491701234567", "reference": "bad", **members})

    assert (status, member) == (answer.status, answer.json.get("member")), answer.body
    assert before == rows(hub)


def test_a_century_is_cut_to_ten_minutes(pair):
    """By either way of saying it, and the answer says so."""
    hub, _ = pair

    for place, members in enumerate(({"valid_for": 3.2e9}, {"expires_at": "2190-01-01T00:00:00Z"})):
        answer = ask(hub, f"century-{place}", to="+491700000006", **members)
        assert (202, True) == (answer.status, answer.json["clipped"])
        message = hub.message(answer.json["message"]["id"])
        assert message["expires_at"] == answer.json["expires_at"]
        assert answer.json["expires_at"] < message["created_at"].replace(message["created_at"][:4], "2189")


def test_the_command_line_asks_and_checks(pair):
    """`otp request` prints the id, `otp verify` reads the code from its input; its status says whether it matched."""
    hub, smsc = pair
    bound = ["--to", "+491700000007", "--reference", "cli", "--param", "login"]

    asked = hub.run("otp", "request", *bound, "--template", "Code %s", "--json")
    assert (0, "") == (asked.returncode, asked.stderr)
    _, code = shown(smsc, "491700000007")
    wrong = hub.run("otp", "verify", *bound, "--code", "nothing")
    right = hub.run("otp", "verify", *bound, input=f"{code}\n")
    again = hub.run("otp", "resend", json.loads(asked.stdout)["id"])

    assert (1, "MISMATCH\n") == (wrong.returncode, wrong.stdout)
    assert (0, "MATCH\n") == (right.returncode, right.stdout)
    assert 1 == again.returncode
    assert "cannot be sent any more" in again.stderr


def test_no_code_is_in_the_log_or_in_an_answer(pair):
    """At debug level, after requests, checks and refusals: neither the code nor what was typed."""
    hub, smsc = pair
    answers = [ask(hub, "secret", to="+491700000008")]
    _, code = shown(smsc, "491700000008")
    hub.ends(answers[0].json["message"]["id"])
    typed = "8675309-typed"
    answers.append(hub.call("POST", "/v1/otp/verify", {"to": "+491700000008", "reference": "secret", "code": typed}))
    answers.append(hub.call("POST", "/v1/otp/verify", {"to": "x", "reference": "secret", "code": typed}))
    answers.append(ask(hub, "own", code="86753097"))

    assert code not in hub.log
    for answer in answers:
        assert code.encode() not in answer.body
        assert typed.encode() not in answer.body
    assert typed not in hub.log
    assert "86753097" not in hub.log


def test_it_is_documented(pair):
    """The OpenAPI document has the four operations, and the page shows them."""
    hub, _ = pair

    paths = hub.call("GET", "/openapi.json", user=None).json["paths"]

    assert {"/v1/otp", "/v1/otp/verify", "/v1/otp/{id}/resend", "/v1/otp/failures/{number}"} <= set(paths)
    names = [one["name"] for one in paths["/v1/otp"]["post"]["parameters"]]
    assert ["Idempotency-Key"] == names
    assert b"/v1/otp/verify" in hub.call("GET", "/docs", user=None).body


def problem(answer):
    """Give a refusal's status, error and member."""
    return answer.status, answer.json.get("error"), answer.json.get("member")


def rows(hub):
    """Count what is stored."""
    file = Path(hub.database.removeprefix("sqlite:///"))
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("messages", "challenges", "submissions")
        ]
