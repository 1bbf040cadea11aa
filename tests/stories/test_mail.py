"""Mail through the whole hub: by every door that takes addresses, to a mail server of another house."""

import json
import threading
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from fixtures_hub import free_port

READER = "Anna.B@shop.example"


class Mailbox:
    """A mail server on a thread of its own; `mails` are sender, readers and bytes, `closed` refuses for now."""

    def __init__(self, port=0):
        self.mails = []
        self.closed = False
        self.came = threading.Condition()
        self.controller = Controller(self, hostname="127.0.0.1", port=port or free_port())

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the name of aiosmtpd
        """Take a reader, unless closed or nobody's."""
        if self.closed:
            return "451 4.3.0 not now"
        if address.startswith("nobody@"):
            return "550 5.1.1 no such reader"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Keep a mail."""
        with self.came:
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
            self.came.notify_all()
        return "250 OK"

    @property
    def port(self):
        """Where it listens."""
        return self.controller.port

    def subjects(self, count, within=15.0):
        """Wait for so many mails, and give their subjects."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.mails) >= count, within), f"{len(self.mails)} mails"
            return [message_from_bytes(raw, policy=policy.default)["Subject"] for _, _, raw in self.mails]


TABLES = """\
[accounts.handsets]
password = "handsets-password"
channels = ["sms"]

[accounts.defaults]
password = "defaults-password"
subject = "News of the shop"
originator = "Shop"

[smtp.first]
host = "127.0.0.1"
port = {first}
security = "none"
sender = "hub@example.org"

[smtp.second]
host = "127.0.0.1"
port = {second}
security = "none"
sender = "hub@example.org"

[connectors.mail]
type = "email"

[connectors.gateway]
type = "smtp"
SMTPIDENTIFIED = "second"
MAILTO = "{{phone}}@sms.example"
SUBJECT = "for {{phone}}"
BODY = "{{otp}} {{not a tag}}"
REGEXP = "/^49/0/"

[[routes]]
prefixes = ["@"]
connectors = ["mail"]

[[routes]]
prefixes = ["49"]
connectors = ["gateway"]
"""


@pytest.fixture(scope="module")
def office(make_shared_hub, words):
    """Give a hub with two mail servers, and these."""
    boxes = [Mailbox(), Mailbox()]
    for box in boxes:
        box.controller.start()
    hub = make_shared_hub(words.accounts + TABLES.format(first=boxes[0].port, second=boxes[1].port))
    hub.bound("mail", "gateway")
    yield hub, boxes
    for box in boxes:
        box.controller.stop()


def read(boxes, words, subject):
    """Wait for the one mail with this subject in any of the boxes; give its readers and it."""

    def look():
        return [
            (readers, mail)
            for box in boxes
            for _, readers, raw in tuple(box.mails)
            if (mail := message_from_bytes(raw, policy=policy.default))["Subject"] == subject
        ]

    (found,) = words.wait_for(look)
    return found


def test_v1_takes_an_address(office, words):
    """The mail arrives as it was given, and the message tells of it."""
    hub, boxes = office
    answer = hub.call("POST", "/v1/messages", {"to": READER, "text": "Grüße\n.\nende", "subject": "Über /v1"})

    assert 202 == answer.status
    (message,) = answer.json["messages"]
    assert (READER, 1, "MAIL") == (message["to"], message["segments"], message["encoding"])
    shown = hub.ends(message["id"], "SENT")
    assert ("Anna.B@shop.example", "Über /v1", "mail") == (shown["recipient"], shown["subject"], shown["connector"])
    readers, mail = read(boxes, words, "Über /v1")
    assert ([READER], ["Grüße", ".", "ende"]) == (readers, mail.get_content().splitlines())
    assert ("ACME", "hub@example.org") == (mail["From"].addresses[0].display_name, mail["From"].addresses[0].addr_spec)
    assert f"<{message['id']}@example.org>" == mail["Message-ID"]


def test_numbers_and_addresses_share_a_request(office, words):
    """Each goes its own way; the text that a handset cannot show is a mail all the same."""
    hub, boxes = office
    to = ["+491701234567", "both@SHOP.example"]
    answer = hub.call("POST", "/v1/messages", {"to": to, "text": "For both", "subject": "Both"})

    assert [("GSM7", 1), ("MAIL", 1)] == [(one["encoding"], one["segments"]) for one in answer.json["messages"]]
    assert ["both@shop.example"] == read(boxes, words, "Both")[0]
    readers, mail = read(boxes, words, "for 01701234567")
    assert (["01701234567@sms.example"], "For both {not a tag}") == (readers, mail.get_content().strip())
    long = hub.call("POST", "/v1/messages", {"to": READER, "text": "x" * 50_000, "subject": "Long"})
    assert 202 == long.status
    assert "x" * 50_000 == read(boxes, words, "Long")[1].get_content().strip()


@pytest.mark.parametrize("command", ["send-mail", "send-email", "send-message"])
def test_otp_pis_commands_send_mail(office, words, command):
    """By the two spellings, and by the one that chooses; a redelivery sends nothing twice."""
    hub, boxes = office
    data = {"receiver": "otp@shop.example", "subject": f"By {command}", "message": "Hi", "date_time": 1, "id": 2}
    request = {"command": command, "data": data}

    answers = [hub.call("POST", "/api/email", request).json for _ in range(2)]

    assert ["0000", "0000"] == [answer["response_code"] for answer in answers]
    assert (command == "send-message") is ("message" not in answers[0])
    assert 1 == len({answer["data"]["result"] for answer in answers})
    assert ["otp@shop.example"] == read(boxes, words, f"By {command}")[0]


def test_the_command_line_sends_mail(office, words):
    """With a subject, by /v1 and by OTP-Pi's path; --wait ends when the server has it."""
    hub, boxes = office
    for via, subject in [("native", "By the line"), ("otppi", "By the other")]:
        sent = hub.run(
            "send", "--wait", "--via", via, "--to", "line@shop.example", "--subject", subject, "--text", "Hi"
        )
        assert (0, "") == (sent.returncode, sent.stderr)
        assert "SENT via mail" in sent.stdout
        assert ["line@shop.example"] == read(boxes, words, subject)[0]


def test_who_names_no_subject_gets_the_accounts(office, words):
    """And the account's sender as a name."""
    hub, boxes = office
    hub.send("news@shop.example", user="defaults:defaults-password")

    _, mail = read(boxes, words, "News of the shop")
    assert "Shop" == mail["From"].addresses[0].display_name


@pytest.mark.parametrize(
    ("body", "user", "expected"),
    [
        ({"to": "a@b@c", "text": "x"}, None, (400, "BadAddress", "to")),
        ({"to": "a@b\r\nBcc: c@d", "text": "x"}, None, (400, "BadAddress", "to")),
        ({"to": "a@b.example, c@d.example", "text": "x"}, None, (400, "BadAddress", "to")),
        ({"to": READER, "text": "x", "subject": "a\r\nBcc: c@d"}, None, (400, "BadSubject", "subject")),
        ({"to": READER, "text": "x", "subject": "a\u2028b"}, None, (400, "BadSubject", "subject")),
        ({"to": READER, "text": "x", "subject": "x" * 256}, None, (400, "BadSubject", "subject")),
        ({"to": READER, "text": "x" * 100_001}, None, (400, "MailTooLong", "text")),
        ({"to": READER, "text": ""}, None, (400, "EmptyText", "text")),
        ({"to": READER, "text": "x"}, "handsets:handsets-password", (403, "ChannelClosed", "to")),
        ({"to": "+1970690454", "text": "x"}, None, (422, "NoRoute", "to")),
    ],
)
def test_what_cannot_be_a_mail_is_refused_by_its_member(office, body, user, expected):
    """Nothing of it is stored or sent."""
    hub, _ = office
    answer = hub.call("POST", "/v1/messages", body, **({"user": user} if user else {}))

    assert expected == (answer.status, answer.json["error"], answer.json["member"])


def test_doors_for_handsets_take_no_address(office):
    """SOAP's sister and OTP-Pi's send-sms say so in their own words."""
    hub, _ = office
    call = {"jsonrpc": "2.0", "method": "smshubSend", "id": 1}
    call["params"] = {"username": "shop", "password": "shop-password", "mobile": READER, "text": "Hi"}

    assert b"it contains '@'" in hub.call("POST", "/smshub/", call, user=None).body
    data = {"receiver": READER, "message": "Hi"}
    assert "1102" == hub.call("POST", "/api/sms", {"command": "send-sms", "data": data}).json["response_code"]


def test_an_address_is_blocked_in_any_spelling(office):
    """At the door, and no longer once it is unblocked."""
    hub, _ = office
    for words_ in (("block", "No.More@shop.example"), ("unblock", "no.more@SHOP.example")):
        said = hub.run(*words_, "--username", "admin", "--password-file", admin(hub))
        assert 0 == said.returncode, said.stderr
        status = hub.call("POST", "/v1/messages", {"to": "NO.MORE@shop.example", "text": "x"}).status
        assert (403 if words_[0] == "block" else 202) == status


def admin(hub):
    """Write the administrator's password to a file, and name it."""
    path = hub.folder / "admin"
    path.touch(mode=0o600)
    path.write_text("admin-password\n")
    return str(path)


def test_a_server_that_cannot_just_now_is_followed_by_the_other(office, words):
    """And a reader that does not exist is the end of it."""
    hub, boxes = office
    boxes[0].closed = True
    try:
        for number in range(3):
            hub.ends(hub.send("turn@shop.example", subject=f"Turn {number}"), "SENT")
            words.wait_for(lambda number=number: f"Turn {number}" in boxes[1].subjects(1))
    finally:
        boxes[0].closed = False
    shown = hub.ends(hub.send("nobody@shop.example", subject="Nobody"), "REJECTED")
    assert ("INVALID_RECIPIENT", "550 5.1.1") == (shown["reason"], shown["code"])
    assert "no such reader" not in json.dumps(shown)


def test_a_changed_server_is_used_at_once(make_hub, words):
    """A reload starts the connector anew, with the server that the table now names; nothing is lost on the way."""
    boxes = [Mailbox(), Mailbox()]
    for box in boxes:
        box.controller.start()
    try:
        port = boxes[0].port
        hub = make_hub(words.accounts + TABLES.format(first=port, second=port))
        hub.bound("mail")
        hub.send("one@shop.example", subject="Before")
        assert "Before" in boxes[0].subjects(1)

        text = hub.config.read_text(encoding="utf-8").replace(f"port = {port}\n", f"port = {boxes[1].port}\n")
        hub.config.write_text(text, encoding="utf-8")
        hub.reload()
        hub.bound("mail")

        hub.send("one@shop.example", subject="After")
        assert "After" in boxes[1].subjects(1)
    finally:
        for box in boxes:
            box.controller.stop()


def test_a_mail_waits_for_its_server(make_hub, words):
    """Accepted while no server is there, killed, and started again with one: it arrives, once."""
    port = free_port()
    hub = make_hub(words.accounts + TABLES.format(first=port, second=port))
    message = hub.send("late@shop.example", subject="Late")
    words.wait_for(lambda: hub.message(message)["attempts"])
    words.wait_for(lambda: hub.message(message)["attempts"][-1]["outcome"] == "deferred")
    hub.kill()
    box = Mailbox(port)
    box.controller.start()
    try:
        hub.start()
        hub.ends(message, "SENT", within=30)
        assert ["Late"] == box.subjects(1)
    finally:
        box.controller.stop()
    assert "late@shop" not in hub.log
