"""
Hostile texts, subjects, names and addresses on their way to a mail server that is not ours.

Whatever they are, the server gets the one mail for the one reader, with the hub's own headers, or nothing.
"""

import asyncio
from email import message_from_bytes, policy

import pytest
from aiosmtpd import smtp as peer

from smshub.connectors.email import Connector as EmailConnector
from smshub.connectors.email import EmailSettings
from smshub.connectors.mail import SmtpServer
from smshub.connectors.smtp import Connector as SmtpConnector
from smshub.connectors.smtp import SmtpSettings
from smshub.domain.delivery import Accepted, Rejected

READER = "reader@shop.example"
GATEWAY = "gateway@sms.example"
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
}

# What ends a line somewhere: for SMTP, for a header, for Python, for a sloppy server.
BREAKS = ["\r\n", "\n", "\r", "\0", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\n\r", "\r\r\n", "\r\n\r\n"]
# What would follow.
TAILS = [
    "Bcc: evil@attacker.example",
    ".",
    ".\r\nMAIL FROM:<evil@attacker.example>\r\nRCPT TO:<evil@attacker.example>\r\nDATA\r\nevil",
    ".\nMAIL FROM:<evil@attacker.example>",
    "RCPT TO:<evil@attacker.example>",
    "Content-Type: text/html",
    "To: evil@attacker.example",
    "..",
    ".\r",
    "\t folded",
    "QUIT",
]
PLAIN = [
    "x" * 998,
    "x" * 5_000,
    "ü" * 1_200,
    "=?utf-8?q?a=0d=0aBcc:_evil@attacker.example?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAYXR0YWNrZXIuZXhhbXBsZQ==?=",
    '"<x>"@y',
    "a@b, c@d",
    "<evil@attacker.example>",
    "Grüße 👋",
    "{phone} {otp} {0} {otp.__class__} {",
    "\u202eelpmaxe",
    "\ud800",
    "From evil",
    ".",
    "..",
    "",
]
PAYLOADS = [*(f"a{line_end}{tail}" for line_end in BREAKS for tail in TAILS), *PLAIN]
PAYLOADS += [f"{line_end}.{line_end}{tail}" for line_end in ("\n", "\r", "\r\n") for tail in TAILS] + BREAKS


class Sink:
    """A mail server of another house; `mails` are sender, readers and bytes of each mail."""

    def __init__(self):
        self.mails = []
        self.commands = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the name of aiosmtpd
        """Note a reader."""
        self.commands.append(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Keep a mail."""
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


@pytest.fixture
async def sink():
    """Run a sink and give it with the settings of a connector's server."""
    loop = asyncio.get_running_loop()
    sink = Sink()
    server = await loop.create_server(lambda: peer.SMTP(sink, loop=loop), "127.0.0.1", 0)
    values = {"host": "127.0.0.1", "security": "none", "sender": "hub@example.org", "timeout": 5}
    sink.server = SmtpServer.model_validate({**values, "port": server.sockets[0].getsockname()[1]})
    yield sink
    server.close()
    await server.wait_closed()


def check(sink, outcome, reader, *, sender="hub@example.org"):
    """Assert that exactly this mail came, or none; give it where it came."""
    mails, sink.mails = sink.mails, []
    commands, sink.commands = sink.commands, []
    if isinstance(outcome, Rejected):
        assert ([], []) == (mails, commands)
        return None
    assert isinstance(outcome, Accepted), outcome
    ((mail_from, readers, raw),) = mails
    assert (sender, [reader], [reader]) == (mail_from, readers, commands)
    assert b"\r" not in raw.replace(b"\r\n", b""), "a lone CR"
    assert b"\n" not in raw.replace(b"\r\n", b""), "a lone LF"
    assert 998 >= max(map(len, raw.split(b"\r\n")))
    assert raw.isascii()
    mail = message_from_bytes(raw, policy=policy.default)
    assert HEADERS == set(mail.keys())
    assert reader == mail["To"]
    assert sender == mail["From"].addresses[0].addr_spec
    assert [] == mail.defects
    return mail


def as_lines(text):
    """Give a text as its reader sees it: line ends of one kind."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def test_there_are_enough_of_them():
    """No two alike."""
    assert 200 <= len(set(PAYLOADS))


async def test_no_payload_breaks_out_of_a_mail(sink, message):
    """As text, subject, sender's name and address of a mail to a reader."""
    connector = EmailConnector("mail", EmailSettings(type="email").resolve({"office": sink.server}))
    for payload in PAYLOADS:
        mail = check(sink, await connector.send(message(payload, to=READER, subject="S")), READER)
        if mail is not None:
            assert as_lines(payload) == as_lines(mail.get_content())
        mail = check(sink, await connector.send(message("T", to=READER, subject=payload)), READER)
        if mail is not None:
            assert payload == mail["Subject"]
        check(sink, await connector.send(message("T", to=READER, subject="S", originator=payload)), READER)
        for hostile in (payload, f"{READER}{payload}", f"{payload}@shop.example", f"{READER},{payload}@x.example"):
            outcome = await connector.send(message("T", to=hostile, subject="S"))
            if hostile != READER:
                assert isinstance(outcome, Rejected), hostile
            check(sink, outcome, READER)
    await connector.close()


@pytest.mark.parametrize("settings", [{}, {"subject": "SMS to {phone}: {otp}", "body": "{from}\n{text}\n{x} {"}])
async def test_no_payload_breaks_out_of_a_gateways_mail(sink, message, settings):
    """As text and as sender of a text that a gateway makes of a mail, wherever its tags stand."""
    table = {"type": "smtp", "mailto": GATEWAY, **settings}
    connector = SmtpConnector("gw", SmtpSettings.model_validate(table).resolve({"office": sink.server}))
    for payload in PAYLOADS:
        mail = check(sink, await connector.send(message(payload)), GATEWAY)
        if mail is not None:
            wanted = f"ACME\n{payload}\n{{x}} {{" if settings else payload
            assert as_lines(wanted) == as_lines(mail.get_content())
        check(sink, await connector.send(message("T", originator=payload)), GATEWAY)
    await connector.close()


async def test_no_payload_breaks_out_of_a_gateways_address(sink, message):
    """A number as the caller wrote it is put into the address, or the text is refused."""
    table = {"type": "smtp", "mailto": "{phone}@sms.example", "phone_format": "written"}
    connector = SmtpConnector("gw", SmtpSettings.model_validate(table).resolve({"office": sink.server}))
    for payload in PAYLOADS:
        outcome = await connector.send(message("T", to_written=payload))
        assert isinstance(outcome, Rejected) or outcome == Accepted(detail="office")
        check(sink, outcome, f"{payload}@sms.example")
    await connector.close()
