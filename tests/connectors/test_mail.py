"""What a mail looks like on the wire: nothing breaks out of a header or a text."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from smshub.connectors.mail import BadMail, Mail, compose, mail_address

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
MAIL = Mail("web-team@shop.example", "The key has changed", "Grüße\n.\nend")


def written(mail=MAIL, sender="hub@example.org"):
    """Write a mail as it goes over the wire."""
    return compose(mail, sender, "abc", NOW)


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
    with pytest.raises(ValueError, match="address"):
        mail_address(bad)
    with pytest.raises(BadMail):
        written(Mail(bad, "s", "t"))
    with pytest.raises(BadMail):
        written(sender=bad)


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\u202eb", "a\x85b", "a\x1cb", "\ud800"]
)
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


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?=0d=0aBcc:_x@y?=",
        "Grüße 👨\u200d👩\u200d👧",
        " leading and trailing ",
        "a" * 250,
        "ü" * 250,
        "\xa0",
        'a "quoted" <b@c>, d',
        "",
    ],
)
def test_a_subject_is_shown_as_it_was_given(text):
    """What looks like a coded word is a text too, long and foreign ones are folded, and no line is too long."""
    raw = written(Mail("a@b.example", text, "t", name=text[:20]))

    mail = message_from_bytes(raw, policy=policy.default)
    assert (text, text[:20].strip()) == (mail["Subject"], mail["From"].addresses[0].display_name.strip())
    assert 78 >= max(len(line) for line in raw.split(b"\r\n"))
    assert {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"} | BODY == set(mail.keys())


def test_a_page_stands_beside_the_text():
    """Who shows HTML gets that; the text is there for the others."""
    mail = message_from_bytes(written(Mail("a@b.example", "s", "text", html="<b>.</b>")), policy=policy.default)

    assert ["text/plain", "text/html"] == [part.get_content_type() for part in mail.iter_parts()]
