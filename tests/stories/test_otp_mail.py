"""Codes that go by mail where their texts cannot: by every door that takes an address, and through a kill."""

import re
import threading
import time
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from fixtures_hub import free_port

TABLES = """\
[otp]
fallback = true
fallback_after = 2
generic = false

[accounts.strict]
password = "strict-password"
otp = {{ fallback = false }}

[smtp.office]
host = "127.0.0.1"
port = {mail}
security = "none"
sender = "hub@example.org"

[connectors.mail]
type = "email"

[[routes]]
prefixes = ["@"]
connectors = ["mail"]

[[routes]]
prefixes = ["49"]
connectors = ["smsc"]
"""


class Mailbox:
    """A mail server on a thread of its own, and the mails that came: reader and mail."""

    def __init__(self):
        self.mails = []
        self.came = threading.Condition()
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name of aiosmtpd
        """Keep a mail."""
        with self.came:
            mail = message_from_bytes(envelope.content, policy=policy.default)
            self.mails.append((envelope.rcpt_tos, mail))
            self.came.notify_all()
        return "250 OK"

    def code_to(self, reader, within=20.0):
        """Wait for the one mail to a reader; give its subject and the code in it."""

        def found():
            return [mail for readers, mail in self.mails if readers == [reader]]

        with self.came:
            assert self.came.wait_for(found, within), f"{len(self.mails)} mails"
            [mail] = found()
        return mail["Subject"], re.search(r"code is ([0-9]{6})", mail.get_content())[1]


@pytest.fixture(scope="module")
def office(make_shared_hub, words):
    """Give a hub whose provider of texts does not listen, and the mail server that does."""
    box = Mailbox()
    box.controller.start()
    tables = words.accounts + words.smpp("smsc", free_port()) + TABLES.format(mail=box.controller.port)
    hub = make_shared_hub(tables)
    hub.bound("mail")
    yield hub, box
    box.controller.stop()


def check(hub, reference, to, code):
    """Check a code over /v1."""
    return hub.call("POST", "/v1/otp/verify", {"to": to, "reference": reference, "code": code}).json


def test_a_text_that_cannot_leave_goes_by_mail(office):
    """After two seconds; the text is cancelled and tells why, the match tells how it went."""
    hub, box = office
    to, reader = "+491701000001", "one@shop.example"
    body = {"to": to, "reference": "one", "fallback": reader, "subject": "Log in"}

    asked = hub.call("POST", "/v1/otp", body)

    assert (202, None) == (asked.status, asked.json.get("mailed")), asked.body
    subject, code = box.code_to(reader)
    assert "Log in" == subject
    text = hub.ends(asked.json["id"], "CANCELLED")
    assert ("CANCELLED", []) == (text["state"], text["attempts"])
    assert text["detail"].startswith("its code went by mail instead, with the message ")
    mail = hub.ends(text["detail"].split()[-1], "SENT")
    assert ("SENT", reader) == (mail["state"], mail["to"])
    assert {"verdict": "MISMATCH", "match": False, "tries_left": 4} == check(hub, "one", reader, code)
    assert {"verdict": "MATCH", "match": True, "tries_left": 0, "mailed": True} == check(hub, "one", to, code)
    shown = hub.run("message", "show", asked.json["id"])
    assert "CANCELLED: its code went by mail instead" in shown.stdout


def test_without_a_route_it_is_a_mail_at_once(office):
    """By the command line; it says so."""
    hub, box = office
    bound = ["--to", "+33612345678", "--reference", "two"]

    asked = hub.run("otp", "request", *bound, "--fallback", "two@shop.example")

    assert (0, "") == (asked.returncode, asked.stderr)
    assert "it goes by mail" in asked.stdout
    _, code = box.code_to("two@shop.example")
    assert (0, "MATCH\n") == ((done := hub.run("otp", "verify", *bound, input=code)).returncode, done.stdout)


def test_otppis_door_takes_an_address_too(office):
    """As the member `fallback`, which is none of OTP-Pi's own."""
    hub, box = office
    data = {
        "receiver": "+491701000003",
        "reference": "three",
        "fallback": "three@shop.example",
        "message": "code is %s",
    }

    asked = hub.call("POST", "/api/otp", {"command": "request-otp", "data": data})

    assert "0000" == asked.json["response_code"], asked.body
    _, code = box.code_to("three@shop.example")
    checked = hub.call("POST", "/api/otp", {"command": "verify-otp", "data": {**data, "otp": code}})
    assert "0000" == checked.json["response_code"]


def test_it_survives_a_kill(office, words):
    """Killed before its time has come, the hub lets it go by mail when it runs again, its time long over."""
    hub, box = office
    to, reader = "+491701000004", "four@shop.example"
    asked_at = time.time()
    asked = hub.call("POST", "/v1/otp", {"to": to, "reference": "four", "fallback": reader})
    assert 202 == asked.status

    hub.kill()
    words.wait_for(lambda: time.time() > asked_at + 2.5)
    hub.start()

    _, code = box.code_to(reader)
    assert "CANCELLED" == hub.ends(asked.json["id"], "CANCELLED")["state"]
    assert check(hub, "four", to, code)["match"]


def test_who_may_not_is_refused(office):
    """An account without leave, an address that is none, a receiver that is an address already."""
    hub, _ = office
    body = {"to": "+491701000005", "reference": "five", "fallback": "five@shop.example"}

    refused = [
        hub.call("POST", "/v1/otp", body, user="strict:strict-password"),
        hub.call("POST", "/v1/otp", {**body, "fallback": "five"}),
        hub.call("POST", "/v1/otp", {**body, "to": "five@shop.example"}),
    ]

    assert [(403, "FallbackNotAllowed"), (400, "BadAddress"), (400, "FallbackOfMail")] == [
        (one.status, one.json["error"]) for one in refused
    ]
    assert {"fallback"} == {one.json["member"] for one in refused}
