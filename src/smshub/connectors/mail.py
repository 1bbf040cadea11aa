"""
Mail: the named SMTP servers, and what a mail looks like on the wire.

RFC 5321 (SMTP), RFC 5322 (the message), RFC 2047 (words in headers), RFC 3834 (mail that a program sends).
"""

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator

from smshub.domain.addresses import BadAddress, BadSubject, check_subject, parse_address
from smshub.settings import Secret, Settings, setting

PORTS = {"starttls": 587, "tls": 465, "none": 25}

# The longest line of a header, RFC 5322 §2.1.1.
LINE = 76

_LINE_ENDS = re.compile("\r\n|\r")
_PLAIN = re.compile(r"[ -~]*")
_WORD = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")


class BadMail(ValueError):
    """Something that cannot be a part of a mail; its words say why and repeat nothing of it."""


def mail_address(written: str) -> str:
    """Check an address in a configuration. Raises ValueError."""
    return parse_address(written)


class SmtpServer(Settings):
    """A mail server by which the hub sends mail: its own, and that of connectors."""

    host: str = setting("Name or address of the server.", min_length=1, max_length=255, examples=["smtp.example"])
    port: int | None = setting(
        "Its port; without it that of the security: 587, 465 or 25.", None, ge=1, le=65_535, examples=[587]
    )
    security: Literal["starttls", "tls", "none"] = setting(
        "How the connection is protected: starttls (never without it), tls from the first byte, or none.", "starttls"
    )
    username: str | None = setting("Name for signing in; without it the hub does not.", None, examples=["smshub"])
    password: Secret | None = setting("Its password.", None, examples=["env:SMTP_PASSWORD"])
    sender: Annotated[str, AfterValidator(mail_address)] = setting(
        "Address that the mail is from.", examples=["smshub@example.org"]
    )
    ca: str | None = setting(
        "File with the authority that signed its certificate (PEM); without it the system's.", None, examples=["ca.crt"]
    )
    timeout: float = setting("Seconds for each step.", 30.0, gt=0, le=300)
    ehlo: str | None = setting(
        "Name by which the hub introduces itself there; without it the host's.",
        None,
        pattern=r"^[A-Za-z0-9.-]{1,255}$",
        examples=["sms.example.org"],
    )


class Mail(msgspec.Struct, frozen=True):
    """
    A mail of plain text to one reader.

    `name` stands beside the sender's address, `reply_to` is where answers go, `html` the same text for those who show
    it; "" is none.
    """

    to: str
    subject: str
    text: str
    name: str = ""
    reply_to: str = ""
    html: str = ""


def compose(mail: Mail, sender: str, message_id: str, now: datetime) -> bytes:
    """
    Write a mail as it goes over the wire, but for the doubling of dots.

    `message_id` is its left part; the domain is the sender's. Raises `BadMail` for what would break out of a header.
    """
    try:
        check_subject(mail.subject)
        check_subject(mail.name)
        reader, writer = parse_address(mail.to), parse_address(sender)
        answers = parse_address(mail.reply_to) if mail.reply_to else None
    except (BadAddress, BadSubject) as error:
        raise BadMail(str(error)) from None
    if "\0" in mail.text:
        raise BadMail("a text has no NUL")
    try:
        content = _content(mail)
    except UnicodeEncodeError:
        raise BadMail("a text has no half surrogate pairs") from None
    headers = {
        # On two lines, so that neither is too long whatever the name is.
        "From": f"{_phrase(mail.name)}\r\n <{writer}>" if mail.name.strip() else writer,
        "To": reader,
        "Reply-To": answers,
        "Subject": _line("Subject", mail.subject),
        "Date": format_datetime(now),
        "Message-ID": f"<{message_id}@{writer.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # no answering machine answers it
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return head.encode("ascii") + content


def _content(mail: Mail) -> bytes:
    """Write the text with the headers that describe it; quoted, no line of it can be taken for a command's end."""
    message = EmailMessage(policy=SMTP)
    # Line ends of one kind, so that none of another can be taken for the end of the text.
    text = _LINE_ENDS.sub("\n", mail.text)
    message.set_content(text if text.endswith("\n") else text + "\n", cte="quoted-printable")
    if mail.html:
        message.add_alternative(_LINE_ENDS.sub("\n", mail.html), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def _line(header: str, text: str) -> str:
    """Write a text as the value of a header; what could be taken for a word in code is put into one."""
    if _PLAIN.fullmatch(text) and "=?" not in text and len(header) + 2 + len(text) <= LINE and text == text.strip():
        return text
    return Header(text, "utf-8", maxlinelen=LINE, header_name=header).encode(linesep="\r\n")


def _phrase(name: str) -> str:
    """Write the name beside an address."""
    if _WORD.fullmatch(name) and "=?" not in name:
        return f'"{name}"'
    return Header(name, "utf-8", maxlinelen=LINE, header_name="From").encode(linesep="\r\n")
