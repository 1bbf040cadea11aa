"""A thousand codes that occur nowhere else: while they live no file tells them, and after their end nothing does."""

import base64
import contextlib
import http.client
import json
import re
import secrets
import sqlite3
import string
import subprocess
import time
from types import SimpleNamespace

import pytest

COUNT = 1_000
TABLES = """\
[accounts.shop.otp]
custom_code = true

[accounts.codes]
password = "codes-password"
class = "otp"
originator = "ACME"

[connectors.broken]
type = "http"
URL = "http://127.0.0.1:9/?text={otp}"
HTTP_METHOD = "GET"
RETURN_SUCCESS = "OK"
debug = "all"

[[routes]]
prefixes = ["43"]
connectors = ["broken"]
"""
# Every canary begins with this, so that all are looked for at once; a seal in base64 holds none of them by chance.
MARK = "QXZ"
CANARY = re.compile(rf"{MARK}[A-Z]{{7}}".encode())


def forms(data):
    """Give bytes as they are, and what they hold in the other ways in which text may lie in a file."""
    plain = data.replace(b"\0", b"")  # UTF-16
    turned = [bytes.fromhex(found.decode()) for found in re.findall(rb"(?:[0-9a-fA-F]{2}){10,}", data)]
    return b"\n".join([data, plain, data.upper(), *turned])


def held(data, canaries):
    """Tell which canaries are in some bytes."""
    return set(CANARY.findall(forms(data))) & canaries


class Caller:
    """Calls one hub over one connection, as several accounts."""

    def __init__(self, hub):
        self.answers = []
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)

    def __call__(self, path, body, user="shop:shop-password", **headers):
        """Post a document; gives status and answer."""
        sent = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}", **headers}
        sent["Content-Type"] = "application/json"
        self.connection.request("POST", path, json.dumps(body).encode(), sent)
        answer = self.connection.getresponse()
        self.answers.append(raw := answer.read())
        assert answer.status in {200, 202}, raw
        return json.loads(raw)


@pytest.fixture(scope="module")
def let_loose(make_shared_smsc, make_shared_hub, words):
    """Give a hub at its loudest with a thousand codes in it, each handed in by one of the ways there are."""
    smsc = make_shared_smsc()
    tables = words.accounts + TABLES + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_shared_hub(tables, server='log_level = "debug"\nlog_format = "json"')
    hub.bound("smsc")
    codes = [MARK + "".join(secrets.choice(string.ascii_uppercase) for _ in range(7)) for _ in range(COUNT)]
    call = Caller(hub)
    for number, code in enumerate(codes):
        to = f"+4917{number:08}"
        match number % 5:
            case 0 | 1:
                life = {"valid_for": 12} if number % 10 == 1 else {}
                call("/v1/otp", {"to": to, "reference": f"r{number}", "code": code, **life})
            case 2:
                body = {"to": to, "text": f"Your code: {code}", "class": "otp"}
                call("/v1/messages", body, **{"Idempotency-Key": f"k{number}"})
            case 3:
                data = {"id": number, "date_time": int(time.time()), "receiver": to, "message": f"Code {code}"}
                call("/api/sms", {"command": "send-sms", "data": data}, user="codes:codes-password")
            case 4:
                to = f"+43{number:010}" if number % 50 == 4 else to
                call("/v1/messages", {"to": to, "text": f"{code} ist Ihr Code", "class": "otp", "valid_for": 12})
    yield SimpleNamespace(hub=hub, smsc=smsc, call=call, canaries={code.encode() for code in codes}, codes=codes)
    call.connection.close()


def files(hub):
    """Give what lies in the database's files and the log."""
    return b"\n".join(file.read_bytes() for file in sorted(hub.folder.glob("hub.*")))


def backed_up(hub, words):
    """Give what lies in a backup made by the command line."""
    name, _, password = words.admin.partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    made = subprocess.run(
        [*words.command, "backup"], cwd=hub.folder, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return (hub.folder / made.stdout.strip()).read_bytes()


def told(hub, words):
    """Give what the hub tells an administrator: figures, lists, messages with their timelines, a number's data."""
    lists = ("messages?limit=500&class=otp", "guard/decisions", "audit", "connectors", "status", "parked", "incoming")
    found = [hub.call("GET", f"/v1/{path}", user=words.admin).body for path in lists]
    ids = re.findall(rb'"id":"([0-9a-f]{32})"', found[0])[::25]
    for message_id in ids:
        paths = (f"/v1/messages/{message_id.decode()}{path}" for path in ("", "/exchanges"))
        found += [hub.call("GET", path, user=words.admin).body for path in paths]
    found.append(hub.call("GET", "/v1/recipients/%2B491700000000/export", user=words.admin).body)
    return b"\n".join([*found, hub.call("GET", "/metrics").body])


def unerased(hub):
    """Count the codes whose text is still kept, sealed."""
    with contextlib.closing(sqlite3.connect(f"file:{hub.folder}/hub.db?mode=ro", uri=True)) as connection:
        statement = "SELECT count(*) FROM messages WHERE message_class = 'otp' AND text <> ''"
        return connection.execute(statement).fetchone()[0]


def test_codes_are_nowhere_while_they_live_and_nothing_is_left_after_their_end(let_loose, words):
    """
    Every one reaches its handset; in files, log, answers, figures and backups there is none of them, early or late.

    The control: a word in a text that is no code is found by the same look, and a plain copy of the codes would be.
    """
    hub, smsc, canaries = let_loose.hub, let_loose.smsc, let_loose.canaries
    smsc.arrived(COUNT - COUNT // 50, within=60.0)
    hub.send(text=f"{MARK}CONTROL")
    control = {*canaries, f"{MARK}CONTROL".encode()}

    assert COUNT - COUNT // 50 == len(held("\n".join(smsc.texts).encode(), canaries))
    assert canaries == held("\n".join(let_loose.codes).encode("utf-16"), canaries)
    assert {f"{MARK}CONTROL".encode()} == held(files(hub), control)
    assert {f"{MARK}CONTROL".encode()} == held(backed_up(hub, words), control)
    assert set() == held(hub.log.encode(), control)
    assert set() == held(b"\n".join(let_loose.call.answers), control)
    assert set() == held(told(hub, words), canaries)
    assert unerased(hub) > 0

    wrong = {f"{MARK}WRONGAA".encode()}
    for number in (number for number in range(COUNT) if number % 10 in {0, 5, 6}):
        to, code = f"+4917{number:08}", let_loose.codes[number]
        tries = [code] if number % 10 else [f"{MARK}WRONGAA"] * 5
        body = {"to": to, "reference": f"r{number}"}
        said = [let_loose.call("/v1/otp/verify", {**body, "code": one})["verdict"] for one in tries]
        assert said[-1] == ("MATCH" if number % 10 else "MISMATCH")
    words.wait_for(lambda: not unerased(hub), within=60.0)
    words.wait_for(lambda: (hub.folder / "hub.db-wal").stat().st_size == 0, within=20.0)

    assert {f"{MARK}CONTROL".encode()} == held(files(hub), control | wrong)
    assert {f"{MARK}CONTROL".encode()} == held(backed_up(hub, words), control | wrong)
    assert set() == held(told(hub, words), canaries | wrong)
    assert {"(erased)"} == {one["text"] for one in hub.messages(**{"class": "otp"})}


def test_a_changed_secret_rejects_what_it_cannot_read(make_hub, make_smsc, words):
    """A code that waited is never sent sealed: it is rejected, with the reason, and a text without a code is sent."""
    smsc = make_smsc()
    smsc.stop()
    tables = words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_hub(tables, server=f'secret = "{"6b" * 32}"')
    code = hub.send(text="Your code is 123456", **{"class": "otp"})
    text = hub.send(text="Hello")
    hub.stop()
    hub.configure(tables, f'secret = "{"7c" * 32}"')
    smsc.start()
    hub.start()

    rejected = hub.ends(code, "REJECTED")
    assert ("UNREADABLE", "(sealed)") == (rejected["reason"], rejected["text"])
    hub.ends(text)
    assert ["ACME -> 491701234567: Hello"] == smsc.texts
    assert "messages.unreadable" in hub.log


@pytest.mark.needs("postgresql")
def test_codes_are_sealed_and_erased_on_postgresql_too(make_hub, make_smsc, words, postgres_url):
    """Its rows hold no code while it waits, and no text after its end."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    smsc = make_smsc()
    smsc.stop()
    tables = words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc")
    hub = make_hub(tables, database=postgres_url)
    code = hub.send(text=f"{MARK}AAAAAAA", **{"class": "otp"})
    with psycopg.connect(postgres_url) as connection:
        waiting = connection.execute("SELECT text FROM messages").fetchall()
    smsc.start()
    hub.ends(code)

    def kept():
        with psycopg.connect(postgres_url) as connection:
            return connection.execute("SELECT text FROM messages WHERE text <> ''").fetchall()

    words.wait_for(lambda: not kept(), within=60.0)
    assert ("sealed:1:", False) == (waiting[0][0][:9], MARK in waiting[0][0])
    smsc.arrives(f"ACME -> 491701234567: {MARK}AAAAAAA")
