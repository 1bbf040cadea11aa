"""
Mail of the hub's own: the named SMTP servers, and one message through one of them.

RFC 5321 (SMTP), RFC 5322 (the message), RFC 3207 (STARTTLS).
"""

import ssl
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator

from smshub.settings import Secret, Settings, setting

LONGEST_ADDRESS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class BadMail(ValueError):
    """Something that cannot be a part of a mail; its words say why and repeat nothing of it."""


class MailFailed(Exception):
    """
    The server would not take a mail, or was not there.

    `permanent`: asking again changes nothing.
    """

    def __init__(self, why: str, *, permanent: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent


def address(written: str) -> Address:
    """
    Read one mail address, `name@domain`. Raises `BadMail`.

    Nothing else is taken: no display name, no list, no quoted local part, no character that could end a header.
    """
    if not 3 <= len(written) <= LONGEST_ADDRESS:
        raise BadMail(f"an address has 3 to {LONGEST_ADDRESS} characters")
    if not written.isascii() or not written.isprintable() or set(written) & set(' "(),:;<>[\\]'):
        raise BadMail("an address is name@domain, of plain characters")
    try:
        found = Address(addr_spec=written)
    except (HeaderParseError, ValueError, IndexError):
        raise BadMail("an address is name@domain") from None
    if not found.username or not found.domain or found.addr_spec != written:
        raise BadMail("an address is name@domain")
    return found


def mail_address(written: str) -> str:
    """Check an address in a configuration."""
    address(written)
    return written


class SmtpServer(Settings):
    """A mail server by which the hub sends mail of its own."""

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


class Mail(msgspec.Struct, frozen=True):
    """A mail of plain text to one reader."""

    to: str
    subject: str
    text: str


def compose(mail: Mail, sender: str, message_id: str, now: datetime) -> EmailMessage:
    """
    Write a mail as it goes over the wire.

    `message_id` is its left part; the domain is the sender's. Raises `BadMail` for what would break out of a header.
    """
    if not mail.subject.isprintable():
        raise BadMail("a subject is one line of printable characters")
    if "\0" in mail.text:
        raise BadMail("a text has no NUL")
    reader, writer = address(mail.to), address(sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = writer
    message["To"] = reader
    message["Subject"] = mail.subject
    message["Date"] = now
    message["Message-ID"] = f"<{message_id}@{writer.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    # Line ends of one kind, so that none of another can be taken for the end of the text.
    message.set_content("\n".join(mail.text.splitlines()) + "\n", cte="quoted-printable")
    return message


async def send(server: SmtpServer, message: EmailMessage) -> None:
    """Hand a mail to a server. Raises `MailFailed`, whose words hold no secret."""
    import aiosmtplib  # noqa: PLC0415 - only where mail is sent

    try:
        await aiosmtplib.send(message, **_options(server))
    except aiosmtplib.SMTPAuthenticationError as error:
        raise MailFailed(f"the server refused the credentials ({error.code})", permanent=True) from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        code = min((one.code for one in error.recipients), default=0)
        raise MailFailed(f"the server refused the reader ({code})", permanent=code >= 500) from None
    except aiosmtplib.SMTPResponseException as error:
        raise MailFailed(f"the server answered {error.code}", permanent=error.code >= 500) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise MailFailed(f"the server cannot be reached ({type(error).__name__})") from None


def _options(server: SmtpServer) -> dict[str, Any]:
    secure = server.security != "none"
    return {
        "hostname": server.host,
        "port": server.port or PORTS[server.security],
        "username": server.username,
        "password": server.password.reveal() if server.password is not None else None,
        "use_tls": server.security == "tls",
        "start_tls": server.security == "starttls",
        "tls_context": ssl.create_default_context(cafile=server.ca) if secure else None,
        "timeout": server.timeout,
    }
