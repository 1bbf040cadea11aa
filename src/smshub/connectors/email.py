"""
E-mail as a way out of its own: a message to an address becomes a mail of plain text.

A page (HTML) beside the text is only ever the operator's own, with the text in it as text.
"""

import asyncio
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from smshub.connectors.base import ConnectorSettings
from smshub.connectors.mail import Mail, mail_address
from smshub.connectors.mailsettings import MailSender, MailSettings
from smshub.domain.addresses import check_subject, is_address
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Outcome, Reason, Rejected
from smshub.domain.message import Message
from smshub.settings import setting

_TAG = re.compile(r"\{(text|subject)\}")
LARGEST_TEMPLATE = 262_144


def _one_line(text: str) -> str:
    check_subject(text)
    return text


class EmailSettings(MailSettings):
    """Mail to addresses, by the servers of [smtp.NAME]."""

    sender_name: Annotated[str, AfterValidator(_one_line)] | None = setting(
        "Name beside the sender's address; without it the message's own sender.",
        None,
        max_length=64,
        examples=["ACME"],
    )
    reply_to: Annotated[str, AfterValidator(mail_address)] | None = setting(
        "Address for answers; without it the sender's.", None, examples=["office@example.org"]
    )
    html_template: str | None = setting(
        "File (HTML, UTF-8) for a page beside the plain text; {text} and {subject} in it are filled in, escaped.",
        None,
        examples=["mail.html"],
    )

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """Tell what is wrong with the page."""
        if self.html_template is None:
            return
        try:
            read_template(self.html_template)
        except (OSError, UnicodeDecodeError) as error:
            why = f"the file {self.html_template} cannot be read ({type(error).__name__})"
        except ValueError as error:
            why = str(error)
        else:
            return
        yield "html_template", why, "Name a file of HTML in UTF-8 with {text} in it."


class Connector(MailSender):
    """Sends messages to mail addresses."""

    settings_class: ClassVar[type[ConnectorSettings]] = EmailSettings
    capabilities = Capabilities(texts=False, mail=True)

    def __init__(self, name: str, settings: EmailSettings) -> None:
        super().__init__(name, settings)
        self._email = settings
        self._template = ""

    async def open(self) -> None:
        """Read the template. Raises OSError, ValueError."""
        if self._email.html_template is not None:
            self._template = await asyncio.to_thread(read_template, self._email.html_template)

    async def send(self, message: Message) -> Outcome:
        """Send one mail."""
        if not is_address(message.to):
            return Rejected(Reason.UNROUTABLE, detail="a connector of type email reaches mail addresses only")
        name = self._email.sender_name if self._email.sender_name is not None else message.originator
        mail = Mail(
            to=message.to,
            subject=message.subject,
            text=message.text,
            name=name,
            reply_to=self._email.reply_to or "",
            html=page(self._template, message.subject, message.text) if self._template else "",
        )
        return await self.servers.hand_over(mail, message.id)


def read_template(path: str) -> str:
    """Read the operator's page. Raises OSError, ValueError."""
    with Path(path).open(encoding="utf-8") as file:
        template = file.read(LARGEST_TEMPLATE + 1)
    if len(template) > LARGEST_TEMPLATE:
        raise ValueError(f"the file {path} has more than {LARGEST_TEMPLATE} characters")
    if "{text}" not in template:
        raise ValueError(f"the file {path} has no {{text}} where the text would stand")
    return template


def page(template: str, subject: str, text: str) -> str:
    """Fill a page in one pass: what is filled in is shown as it was written, whatever it looks like."""
    values = {"subject": html.escape(subject), "text": "<br>\n".join(html.escape(text).splitlines())}
    return _TAG.sub(lambda tag: values[tag[1]], template)
