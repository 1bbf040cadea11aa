"""
The CSU SMS hub's door as its deployed clients use it: log in, send, log in again after 401.

A program whose key has changed is ended, and its support address gets a mail without a secret in it.
"""

import re
import threading
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from fixtures_hub import free_port

PROGRAM = """\
[accounts.campus]
password = "campus-password"
program_sid = "6ymXUTPfyNG6pBjd"
program_key = "{key}"
originator = "CSU"
country = "US"
cors_origins = ["http://localhost:3000"]
{more}
"""
PAIR = {"ProgramSID": "6ymXUTPfyNG6pBjd", "ProgramKey": "first-key"}
TEXTS = "/api/TextMessages"
PAGE = {"Origin": "http://localhost:3000"}
STRANGER = {"Origin": "http://evil.example"}


def hub_of_campus(make_smsc, make_hub, words, more="", tables=""):
    """Start a hub with the program and a message centre behind it."""
    smsc = make_smsc()
    program = PROGRAM.format(key="first-key", more=more)
    return make_hub(words.accounts + program + tables + words.smpp("smsc", smsc.port) + words.route("smsc")), smsc


@pytest.fixture
def campus(make_smsc, make_hub, words):
    """Give a function that starts a hub of the test's own, with more in the account's table or the file."""
    return lambda **more: hub_of_campus(make_smsc, make_hub, words, **more)


@pytest.fixture(scope="module")
def shared_campus(make_shared_smsc, make_shared_hub, words):
    """Give a hub to all tests that change nothing about it, and the message centre behind it."""
    other = '[accounts.web]\npassword = "web-password"\ncors_origins = ["https://other.example"]\n'
    return hub_of_campus(make_shared_smsc, make_shared_hub, words, tables=other)


def log_in(hub, pair=PAIR, **more):
    """Log in; give the answer."""
    return hub.call("POST", "/api/Login", pair, user=None, **more)


def text(hub, authorization, members, **headers):
    """Send with a header; give the answer."""
    return hub.call("POST", TEXTS, members, user=None, headers={"Authorization": authorization, **headers})


def test_the_csharp_client_logs_in_sends_and_logs_in_again(shared_campus, words):
    """Its list of numbers is told one by one; 401 after the tokens were ended, and a new token sends."""
    hub, smsc = shared_campus
    answer = log_in(hub)
    assert (200, "application/json") == (answer.status, answer.headers["content-type"])
    token = answer.body.decode().replace("\\", "").replace('"', "")

    sent = text(hub, f"Bearer {token}", {"Message": "hey there", "PhoneNumber": "9706904544,19706904545"})

    assert 200 == sent.status
    assert ["9706904544", "19706904545"] == [one["to"] for one in sent.json["messages"]]
    smsc.arrives("CSU -> 19706904544: hey there")
    smsc.arrives("CSU -> 19706904545: hey there")
    hub.ends(sent.json["messages"][0]["id"])

    ended = hub.call("POST", "/v1/accounts/campus/revoke-tokens", {}, user=words.admin)
    assert (200, {"detail": "every token of campus is ended"}) == (ended.status, ended.json)
    late = text(hub, f"Bearer {token}", {"Message": "late", "PhoneNumber": "9706904544"})
    assert (401, 'Bearer realm="smshub"') == (late.status, late.headers["www-authenticate"])
    again = log_in(hub).json
    assert 200 == text(hub, f"Bearer {again}", {"Message": "again", "PhoneNumber": "9706904544"}).status
    smsc.arrives("CSU -> 19706904544: again")


def test_the_other_samples_headers(shared_campus):
    """PHP logs in with a form and sends the bare token; what the jQuery sample sends is 401 and sends nothing."""
    hub, smsc = shared_campus
    form = b"ProgramSID=6ymXUTPfyNG6pBjd&ProgramKey=first-key"
    token = log_in(hub, form, headers={"Content-Type": "application/x-www-form-urlencoded"}).json

    for number, authorization in enumerate((token, f"bearer {token}", f"Bearer   {token}")):
        assert 200 == text(hub, authorization, {"message": f"n{number}", "phonenumber": 19706904544}).status
    for garbage in ("NaN", f"undefined{token}", "undefined", "Bearer", f"Basic {token}", token[:-1]):
        assert 401 == text(hub, garbage, {"Message": "no", "PhoneNumber": "19706904544"}).status
    assert 401 == hub.call("POST", TEXTS, {"Message": "no", "PhoneNumber": "1"}, user="campus:campus-password").status

    for number in range(3):
        smsc.arrives(f"CSU -> 19706904544: n{number}")
    assert [] == [one for one in hub.messages() if one["text"] == "no"]


def test_one_bad_number_stops_the_whole_call(shared_campus):
    """Nothing of it is queued, and the answer names the number."""
    hub, _ = shared_campus
    token = log_in(hub).json

    for bad in ("970690454x", "5", "+19999999999999999"):
        answer = text(hub, token, {"Message": "no", "PhoneNumber": f"9706904544, {bad},19706904545"})
        assert (400, "text/plain; charset=utf-8") == (answer.status, answer.headers["content-type"])
        assert f"'{bad}' is not a number" in answer.body.decode()
    assert [] == [one for one in hub.messages() if one["text"] == "no"]


def test_a_token_sends_nowhere_else(shared_campus):
    """It is not taken at /v1, not even a moment after it was verified here."""
    hub, _ = shared_campus
    token = log_in(hub).json
    assert 400 == text(hub, f"Bearer {token}", {}).status

    answer = hub.call("GET", "/v1/messages", user=None, headers={"Authorization": f"Bearer {token}"})

    assert 401 == answer.status


def test_other_methods_and_bodies_are_refused(shared_campus):
    """405 names POST; a body that is too large is 413."""
    hub, _ = shared_campus

    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = hub.call(method, "/api/login", user=None)
        assert (405, "POST") == (answer.status, answer.headers["allow"])
    assert 413 == log_in(hub, b" " * 20_000).status
    assert 415 == log_in(hub, b"x", headers={"Content-Type": "text/plain"}).status


def test_pages_of_a_listed_origin_may_call(shared_campus):
    """Exactly the origin is repeated, at the login, here and at /v1, refusals too; no other gets a word."""
    hub, _ = shared_campus
    asked = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for path in ("/api/Login", TEXTS, "/v1/messages"):
        answer = hub.call("OPTIONS", path, user=None, headers=asked)
        assert (204, b"") == (answer.status, answer.body)
        assert PAGE["Origin"] == answer.headers["access-control-allow-origin"]
        assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].split(", "))
        assert "Origin" == answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
        refused = hub.call("OPTIONS", path, user=None, headers={**asked, **STRANGER})
        assert (403, None) == (refused.status, refused.headers.get("access-control-allow-origin"))
    elsewhere = hub.call("OPTIONS", "/smshub/", user=None, headers=asked)
    assert (404, None) == (elsewhere.status, elsewhere.headers.get("access-control-allow-origin"))

    def origin_of(answer):
        assert "Origin" == answer.headers["vary"]
        return answer.headers.get("access-control-allow-origin")

    logged_in = log_in(hub, headers=PAGE)
    token = logged_in.json
    members = {"Message": "from a page", "PhoneNumber": "9706904544"}
    assert PAGE["Origin"] == origin_of(logged_in)
    assert PAGE["Origin"] == origin_of(log_in(hub, {**PAIR, "ProgramKey": "wrong"}, headers=PAGE))
    assert PAGE["Origin"] == origin_of(text(hub, token, members, **PAGE))
    assert PAGE["Origin"] == origin_of(text(hub, "NaN", members, **PAGE))
    assert origin_of(text(hub, token, members, **STRANGER)) is None
    assert origin_of(text(hub, token, members, Origin="null")) is None
    # Another account's origin may log in, but hears nothing of this account's texts.
    assert origin_of(text(hub, token, members, Origin="https://other.example")) is None
    assert origin_of(hub.call("GET", "/v1/messages", headers={"Origin": "https://other.example"})) is None
    mine = hub.call("GET", "/v1/messages", user="campus:campus-password", headers=PAGE)
    assert (200, PAGE["Origin"]) == (mine.status, origin_of(mine))


def test_the_command_line_shows_and_ends_tokens(shared_campus):
    """`send --via textmessages` logs in by the pair; `account claims` tells what a token says."""
    hub, smsc = shared_campus
    token = log_in(hub).json

    shown = hub.run("account", "claims", input=f'"{token}"\n')
    assert (0, "valid        yes, for campus") == (shown.returncode, shown.stdout.splitlines()[-1])
    assert "unique_name  6ymXUTPfyNG6pBjd" in shown.stdout
    stranger = hub.run("account", "revoke-tokens", "campus", "--one", input=token)
    assert (1, "smshub: This account may not do that.\n") == (stranger.returncode, stranger.stderr)
    own = hub.call("POST", "/v1/accounts/campus/revoke-tokens", {"token": token}, user="campus:campus-password")
    assert {"detail": "the token of campus is ended"} == own.json
    after = hub.run("account", "claims", input=token)
    assert (1, "valid        no: it has been revoked") == (after.returncode, after.stdout.splitlines()[-1])
    assert 200 == text(hub, log_in(hub).json, {"Message": "another token", "PhoneNumber": "9706904544"}).status
    smsc.arrives("CSU -> 19706904544: another token")


def test_ended_tokens_stay_ended_after_a_crash(campus, words):
    """What was ended is on disk before it is answered; other tokens live through it."""
    hub, _ = campus()
    old = log_in(hub).json
    assert 200 == hub.call("POST", "/v1/accounts/campus/revoke-tokens", {"token": old}, user=words.admin).status
    kept = log_in(hub).json

    hub.kill()
    hub.start()

    assert 401 == text(hub, old, {"Message": "no", "PhoneNumber": "9706904544"}).status
    assert 200 == text(hub, kept, {"Message": "yes", "PhoneNumber": "9706904544"}).status


class Inbox:
    """A mail server on a thread of its own that keeps what it is given."""

    def __init__(self):
        self.mails = []
        self.came = threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name of aiosmtpd
        """Keep a mail."""
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        self.came.set()
        return "250 kept"


@pytest.fixture
def inbox():
    """Run a mail server on loopback."""
    inbox = Inbox()
    inbox.port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    controller.start()
    yield inbox
    controller.stop()


def test_a_changed_key_is_told_by_mail_and_ends_the_tokens(campus, inbox, words):
    """Between two runs, by a reload, and when tokens are ended; never with a key or token in it, and once each."""
    smtp = f'[smtp.office]\nhost = "127.0.0.1"\nport = {inbox.port}\nsecurity = "none"\nsender = "hub@example.org"\n'
    hub, _ = campus(more='support_email = "web-team@shop.example"', tables=smtp)
    token = log_in(hub).json
    again = hub.config.read_text(encoding="utf-8")
    hub.config.write_text(again.replace("first-key", "second-key"), encoding="utf-8")

    hub.reload()

    assert inbox.came.wait(10)
    sender, readers, content = inbox.mails[0]
    mail = message_from_bytes(content, policy=policy.default)
    assert ("hub@example.org", ["web-team@shop.example"]) == (sender, readers)
    assert "The ProgramKey of 'campus' has changed" == mail["Subject"]
    assert re.search(r"When:    20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", mail.get_content())
    assert "Where:   the configuration file, on the hub '" in mail.get_content()
    assert 401 == text(hub, token, {"Message": "no", "PhoneNumber": "9706904544"}).status
    assert 401 == log_in(hub).status
    second = log_in(hub, {**PAIR, "ProgramKey": "second-key"}).json

    hub.stop()
    hub.start()
    hub.bound("smsc")
    assert 200 == text(hub, second, {"Message": "yes", "PhoneNumber": "9706904544"}).status
    hub.stop()
    hub.config.write_text(again.replace("first-key", "third-key"), encoding="utf-8")
    inbox.came.clear()
    hub.start()
    assert inbox.came.wait(10)
    assert 2 == len(inbox.mails)

    inbox.came.clear()
    assert 200 == hub.call("POST", "/v1/accounts/campus/revoke-tokens", {}, user=words.admin).status
    assert inbox.came.wait(10)
    assert b"Subject: The tokens of 'campus' were ended" in inbox.mails[2][2]
    for secret in ("first-key", "second-key", "third-key", token, second):
        assert not any(secret.encode() in content for _, _, content in inbox.mails)
        assert secret not in hub.log


def test_a_mail_server_that_is_not_there_stops_nothing(campus, words):
    """The hub sends on, the failure is in the log without the address, and the mail is not lost when the hub stops."""
    port = free_port()
    smtp = f'[smtp.office]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nsender = "hub@example.org"\n'
    hub, smsc = campus(more='support_email = "web-team@shop.example"', tables=smtp)
    hub.config.write_text(hub.config.read_text(encoding="utf-8").replace("first-key", "second-key"), encoding="utf-8")

    hub.reload()

    token = log_in(hub, {**PAIR, "ProgramKey": "second-key"}).json
    assert 200 == text(hub, token, {"Message": "still here", "PhoneNumber": "9706904544"}).status
    smsc.arrives("CSU -> 19706904544: still here")
    words.wait_for(lambda: "mail.failed" in hub.log)
    assert 0 == hub.stop()

    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        hub.start()
        assert inbox.came.wait(10)
        words.wait_for(lambda: "mail.sent" in hub.log)
        assert 0 == hub.stop()
        hub.start()
        hub.bound("smsc")
        assert 0 == hub.stop()
    finally:
        controller.stop()
    assert [["web-team@shop.example"]] == [readers for _, readers, _ in inbox.mails]
    assert "web-team" not in hub.log
