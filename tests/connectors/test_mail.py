"""Mail of the hub's own: nothing breaks out of a header, and a server's no is told without a secret."""

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from aiosmtpd import smtp

from smshub.connectors.mail import BadMail, Mail, MailFailed, SmtpServer, address, compose, send
from smshub.connectors.post import PAUSES, Post

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MAIL = Mail("web-team@shop.example", "The key has changed", "Grüße\n.\nend")


def written(mail=MAIL, sender="hub@example.org"):
    """Write a mail as it goes over the wire."""
    return compose(mail, sender, "abc", NOW).as_bytes()


def test_a_mail_is_written_whole():
    """Its headers are these and no others, and the text comes out as it went in."""
    mail = message_from_bytes(written(), policy=policy.default)

    assert {
        "From": "hub@example.org",
        "To": "web-team@shop.example",
        "Subject": "The key has changed",
        "Date": "Fri, 02 Jan 2026 03:04:05 +0000",
        "Message-ID": "<abc@example.org>",
        "Auto-Submitted": "auto-generated",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "MIME-Version": "1.0",
    } == dict(mail.items())
    assert "Grüße\r\n.\r\nend\r\n" == mail.get_content()


@pytest.mark.parametrize(
    "bad",
    [
        "a@b\r\nBcc: x@y",
        "a@b\nRCPT TO:<x@y>",
        "a@b\r",
        "a@b\u2028c",
        "a@b\0",
        "a@b, c@d",
        "a@b;c@d",
        '"<x>"@y',
        "<a@b>",
        "A B <a@b>",
        "a@b (comment)",
        "a@@b",
        "a",
        "@b",
        "a@",
        "",
        "ü@b.example",
        "a@[127.0.0.1]",
        "a" * 250 + "@b.example",
    ],
)
def test_an_address_is_one_plain_address(bad):
    """Whatever could add a header, a reader or a command is refused, as reader and as sender."""
    with pytest.raises(BadMail):
        address(bad)
    with pytest.raises(BadMail):
        written(Mail(bad, "s", "t"))
    with pytest.raises(BadMail):
        written(sender=bad)


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\u202eb"])
def test_a_subject_is_one_line(subject):
    """A line end of any kind is refused."""
    with pytest.raises(BadMail):
        written(Mail("a@b.example", subject, "t"))


def test_a_text_cannot_end_itself():
    """Line ends of other kinds and lines of one dot (SMTP smuggling) are text, and long lines are folded."""
    raw = written(Mail("a@b.example", "s", "one\r\n.\r\nMAIL FROM:<x@y>\n.\rtwo\u2028three " + "x" * 2000))

    body = raw.partition(b"\r\n\r\n")[2]
    assert b"\n" not in body.replace(b"\r\n", b"") and b"\r" not in body.replace(b"\r\n", b"")  # noqa: PT018
    assert 78 >= max(len(line) for line in body.split(b"\r\n"))
    with pytest.raises(BadMail):
        written(Mail("a@b.example", "s", "a\0b"))


class Inbox:
    """What a mail server does with a mail: `answers` in order, the last again and again."""

    def __init__(self, answers=("250 kept",)):
        self.answers = list(answers)
        self.mails = []
        self.came = asyncio.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name of aiosmtpd
        """Keep a mail and answer."""
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        self.came.set()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def serve():
    """Give a function that serves an inbox on loopback and gives the settings for it."""
    loop = asyncio.get_running_loop()
    servers = []

    async def make(inbox, login=None, **settings):
        def authenticate(server, session, envelope, mechanism, data):
            return smtp.AuthResult(handled=False, success=login == (data.login.decode(), data.password.decode()))

        options = {"authenticator": authenticate, "auth_require_tls": False} if login else {}
        server = await loop.create_server(lambda: smtp.SMTP(inbox, loop=loop, **options), "127.0.0.1", 0)
        servers.append(server)
        values = {"host": "127.0.0.1", "security": "none", "sender": "hub@example.org", "timeout": 5, **settings}
        return SmtpServer.model_validate({**values, "port": server.sockets[0].getsockname()[1]})

    yield make
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_mail_arrives(serve):
    """The reader and the sender are those of the envelope, and the server is signed in to."""
    inbox = Inbox()
    server = await serve(inbox, ("hub", "smtp-password"), username="hub", password="smtp-password")

    await send(server, compose(MAIL, server.sender, "abc", NOW))

    assert [("hub@example.org", ["web-team@shop.example"])] == [mail[:2] for mail in inbox.mails]


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        ("550 no such reader: secret words", "the server answered 550", True),
        ("451 later", "the server answered 451", False),
    ],
)
async def test_a_servers_no_is_told(serve, answer, words, permanent):
    """By its code, not by its words; 5xx is final, 4xx is not."""
    server = await serve(Inbox([answer]))

    with pytest.raises(MailFailed) as caught:
        await send(server, compose(MAIL, server.sender, "abc", NOW))

    assert (words, permanent) == (str(caught.value), caught.value.permanent)


async def test_wrong_credentials_are_told_without_them(serve):
    """The password is nowhere in the error."""
    server = await serve(Inbox(), ("hub", "right"), username="hub", password="wrong-password")

    with pytest.raises(MailFailed) as caught:
        await send(server, compose(MAIL, server.sender, "abc", NOW))

    assert ("the server refused the credentials (535)", True) == (str(caught.value), caught.value.permanent)
    assert caught.value.__cause__ is None


async def test_nothing_is_sent_in_clear_where_tls_is_wanted(serve):
    """A server without STARTTLS gets neither credentials nor a mail."""
    inbox = Inbox()
    server = await serve(inbox, security="starttls", username="hub", password="smtp-password")

    with pytest.raises(MailFailed):
        await send(server, compose(MAIL, server.sender, "abc", NOW))

    assert [] == inbox.mails


async def test_a_failed_mail_is_tried_again(serve):
    """After each of the pauses, and not once it has gone."""
    inbox = Inbox(["451 later", "451 later", "250 kept"])
    server = await serve(inbox)
    slept = []
    gone = asyncio.Event()

    async def sleep(seconds):
        slept.append(seconds)

    post = Post(sleep)
    post.hand_in(server, MAIL)
    task = next(iter(post._tasks))
    task.add_done_callback(lambda _: gone.set())
    await asyncio.wait_for(gone.wait(), 10)

    assert (list(PAUSES[:2]), 3) == (slept, len(inbox.mails))
    assert 1 == len({content for _, _, content in inbox.mails})  # the same mail, by its Message-ID too


async def test_a_final_no_is_not_asked_again(serve):
    """550 is the end of it."""
    inbox = Inbox(["550 no"])
    server = await serve(inbox)
    post = Post(lambda _: pytest.fail("it waited"))

    post.hand_in(server, MAIL)
    await asyncio.wait_for(next(iter(post._tasks)), 10)

    assert 1 == len(inbox.mails)


async def test_the_end_of_the_hub_ends_what_waits():
    """A mail that waits for its next try does not hold the hub up."""
    begun = asyncio.Event()

    async def forever(_):
        begun.set()
        await asyncio.Event().wait()

    post = Post(forever)
    post.hand_in(SmtpServer(host="127.0.0.1", port=1, security="none", sender="hub@example.org"), MAIL)
    await asyncio.wait_for(begun.wait(), 10)

    await asyncio.wait_for(post.stop(), 5)

    assert set() == post._tasks


async def test_what_cannot_be_written_is_dropped():
    """It is said in the log, and nothing is raised to who handed it in."""
    post = Post()

    post.hand_in(SimpleNamespace(sender="hub@example.org", host="x"), Mail("a@b\nc", "s", "t"))

    assert set() == post._tasks
