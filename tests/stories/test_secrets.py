"""Secrets stay where they are written: a log at its loudest, answers and pages have none of them."""

import secrets
from pathlib import Path

import pytest

from smshub.simulators.http import HttpSimulator
from smshub.simulators.smsc import SmscSimulator


class Canary:
    """Makes values that occur nowhere else; `all` are those made."""

    def __init__(self):
        self.all = []

    def __call__(self, letters=24):
        """Make one of so many letters."""
        self.all.append(secrets.token_hex(12)[:letters])
        return self.all[-1]


@pytest.fixture
def canary():
    """Give a maker of canaries."""
    return Canary()


CONFIGURATION = """\
[accounts.admin]
password = "{admin}"
role = "administrator"

[accounts.shop]
password = "env:SHOP_PASSWORD"
api_keys = ["file:shop.key"]

[accounts.hashed]
password = "$2b$04$abcdefghijklmnopqrstuuGCuNvjGbYVBEQTt8oHSJyVdVC2h0Nve"

[connectors.smsc]
type = "smpp"
host = "127.0.0.1"
port = {smsc_port}
system_id = "hub"
password = "{smsc}"
backoff_max = 0.2
backoff_initial = 0.1

[connectors.barred]
type = "smpp"
host = "127.0.0.1"
port = {smsc_port}
system_id = "hub"
password = "{barred}"
backoff_max = 0.2
backoff_initial = 0.1

[connectors.basic]
type = "http"
url = "http://127.0.0.1:{http_port}/2010-04-01/Accounts/AC1/Messages"
method = "POST"
username = "AC1"
password = "{basic}"
options = {{ To = "{{phone}}", From = "+15005550006", Body = "{{otp}}" }}

[connectors.query]
type = "http"
url = "http://127.0.0.1:{http_port}/http/sendmsg?session={query}"
options = {{ user = "YOU", password = "{option}", api_id = "12345", text = "{{otp}}", to = "{{phone}}" }}
headers = {{ X-Token = "{header}" }}

[connectors.away]
type = "http"
url = "http://user:{userinfo}@127.0.0.1:1/send?token={away}"
options = {{ text = "{{otp}}", to = "{{phone}}" }}

[[routes]]
prefixes = [""]
connectors = ["smsc"]
"""
NAMES = ("admin", "smsc", "barred", "basic", "query", "option", "header", "userinfo", "away")


def provoke(hub, admin, password, key, text, canary):
    """Knock at every door, rightly and wrongly, with canaries in every place that holds a secret; give the answers."""
    wrong = canary()
    to = "+491701234567"
    answers = [
        hub.call("POST", "/v1/messages", {"to": to, "text": text}, user=f"shop:{password}"),
        hub.call("POST", "/v1/messages", {"to": to, "text": text}, user=None, headers={"X-API-Key": key}),
        hub.call("POST", "/v1/messages", {"to": to, "text": text}, user=f"shop:{wrong}", source="127.0.4.1"),
        hub.call("GET", "/v1/status", user=None, headers={"X-API-Key": canary()}, source="127.0.4.2"),
        hub.call("GET", "/v1/status", user=None, headers={"Authorization": f"Bearer {canary()}"}),
        hub.call("GET", "/v1/status", user=None, headers={"Authorization": f"Basic {canary()}!"}),
        hub.call("GET", "/v1/status", user=f"hashed:{canary()}", source="127.0.4.3"),
        hub.call("POST", "/v1/messages", f'{{"to": "{to}", "text": "{canary()}'.encode(), user=f"shop:{password}"),
        hub.call("PUT", "/v1/accounts/new", {"password": canary(), "rolle": "x"}, user=f"admin:{admin}"),
        hub.call("PUT", "/v1/accounts/new", {"password": canary(), "api_keys": [canary()]}, user=f"admin:{admin}"),
        hub.call("PUT", "/v1/connectors/new", {"type": "smpp", "password": canary()}, user=f"admin:{admin}"),
        hub.call("PUT", "/v1/connectors/new", {"type": "http", "options": canary()}, user=f"admin:{admin}"),
    ]
    for user, secret, words in (("shop", password, text), ("shop", wrong, text), ("shop", password, "")):
        params = {"username": user, "password": secret, "mobile": to, "text": words}
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in params.items())
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<u:smshubSend xmlns:u="urn:smshub">{inner}</u:smshubSend></s:Body></s:Envelope>'
        )
        xml = {"Content-Type": "text/xml"}
        answers += [
            hub.call("POST", "/smshub/", body.encode(), user=None, headers=xml, source="127.0.4.4"),
            hub.call("POST", "/smshub/", body.encode()[:-30], user=None, headers=xml),
            hub.call(
                *("POST", "/smshub/", {"jsonrpc": "2.0", "method": "smshubSend", "params": params, "id": 1}),
                user=None,
                source="127.0.4.5",
            ),
        ]
    for name in ("smsc", "barred", "basic", "query", "away"):
        body = {"to": to, "text": text}
        answers.append(hub.call("POST", f"/v1/connectors/{name}/test", body, user=f"admin:{admin}"))
    return answers


def test_no_secret_is_logged_or_told(make_hub, smsc_loop, canary, words, tmp_path):
    """At level debug, with every door knocked at, no canary is in the log, an answer or the list of processes."""
    made = {name: canary(8 if name in {"smsc", "barred"} else 24) for name in NAMES}
    password, key, text = canary(), canary(), f"Your code is {canary()}"
    run = words.on_loop(smsc_loop)
    smsc = SmscSimulator(system_id="hub", password=made["smsc"])
    gateway = HttpSimulator(users={"nobody": "nothing"})
    smsc_port, http_port = run(smsc.start()), run(gateway.start())
    try:
        hub = make_hub(start=False, env={"SHOP_PASSWORD": password})
        hub.configure(
            CONFIGURATION.format(smsc_port=smsc_port, http_port=http_port, **made), server='log_level = "debug"'
        )
        (hub.folder / "shop.key").touch(mode=0o600)
        (hub.folder / "shop.key").write_text(key)
        hub.start()
        admin = f"admin:{made['admin']}"

        answers = provoke(hub, made["admin"], password, key, text, canary)
        accepted = [one["id"] for answer in answers if answer.status == 202 for one in answer.json["messages"]]
        assert 7 == len(accepted)
        ended = {"DELIVERED", "SENT", "REJECTED"}

        def settled():
            found = [hub.call("GET", f"/v1/messages/{one}", user=admin).json for one in accepted]
            return all(one["state"] in ended or one["attempts"] or one["connector"] == "barred" for one in found)

        words.wait_for(settled)
        words.wait_for(lambda: "smpp.down" in hub.log)
        told = b"".join(answer.body for answer in answers).decode()
        for path in (
            "connectors",
            "accounts",
            "routes",
            "connectors/basic",
            "connectors/query",
            "accounts/shop",
            "status",
        ):
            told += hub.call("GET", f"/v1/{path}", user=admin).body.decode()
        told += hub.call("GET", "/metrics", user=admin).body.decode()
        assert hub.process is not None
        told += Path(f"/proc/{hub.process.pid}/cmdline").read_text()
        for command in (("config", "check"), ("config", "plan"), ("config", "plan", "--json")):
            done = hub.run(*command, "--config", str(hub.config))
            assert 0 == done.returncode, done.stderr
            told += done.stdout + done.stderr
        hub.reload()
        assert 0 == hub.stop()
    finally:
        run(smsc.stop())
        run(gateway.stop())

    assert "hub.started" in hub.log
    assert [] == [one for one in canary.all if one in hub.log]
    assert [] == [told[max(0, told.find(one) - 60) : told.find(one) + 40] for one in canary.all if one in told]
