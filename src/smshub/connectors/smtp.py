"""
Texts by way of a gateway that takes mail: the SMTP gateway of privacyIDEA.

Its parameters are taken by their names: MAILTO, SMTPIDENTIFIER (also spelt SMTPIDENTIFIED), SUBJECT, BODY, REGEXP.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, model_validator

from smshub.connectors.base import ConnectorSettings
from smshub.connectors.mail import Mail
from smshub.connectors.mailsettings import MailSender, MailSettings
from smshub.connectors.rewriting import check, rewrite
from smshub.domain.addresses import BadAddress, BadSubject, check_subject, is_address, parse_address
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Outcome, Reason, Rejected
from smshub.domain.message import Message
from smshub.settings import setting

# privacyIDEA's names for settings, and the misspelling in its documentation.
SYNONYMS = {"smtpidentifier": "server", "smtpidentified": "server", "identifier": "server"}

_TAG = re.compile(r"\{(phone|otp|text|from)\}")
_LINE_ENDS = re.compile(r"\s*[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]\s*")
_A_NUMBER, _A_TEXT = "491701234567", "text"


def _tagged_address(written: str) -> str:
    """Check the gateway's address, whose tags stand for plain numbers. Raises ValueError."""
    if "{otp}" in written or "{text}" in written or "{from}" in written:
        raise ValueError("only {phone} can stand in an address")
    parse_address(filled(written, {"phone": _A_NUMBER}))
    return written


def _tagged_line(written: str) -> str:
    check_subject(filled(written, {"phone": _A_NUMBER, "otp": _A_TEXT, "text": _A_TEXT, "from": _A_TEXT}))
    return written


class SmtpSettings(MailSettings):
    """One gateway that makes texts of mails. privacyIDEA's names are taken too, in any case."""

    server: str | None = setting(
        "Name of one mail server ([smtp.NAME]); SMTPIDENTIFIER in privacyIDEA. `servers` names several.",
        None,
        examples=["office"],
    )
    mailto: Annotated[str, AfterValidator(_tagged_address)] = setting(
        "Address of the gateway; {phone} in it is the number.", examples=["{phone}@sms.example"]
    )
    subject: Annotated[str, AfterValidator(_tagged_line)] = setting(
        "Subject of the mail; {phone} is the number, {otp} the text, {from} the sender.", "{phone}"
    )
    body: str = setting("Text of the mail, with the same tags.", "{otp}", max_length=10_000)
    regexp: Annotated[str, AfterValidator(check)] | None = setting(
        "Rewriting of the number: /pattern/replacement/.", None, examples=["/^49/0/"]
    )

    phone_format: Literal["digits", "plus", "written"] = setting(
        "How {phone} is written: digits, with a plus, or as the caller wrote it.", "digits"
    )

    @model_validator(mode="before")
    @classmethod
    def _by_any_name(cls, table: Any) -> Any:
        """Take privacyIDEA's names, in any case."""
        if not isinstance(table, Mapping):
            return table
        read: dict[str, Any] = {}
        for written, value in table.items():
            name = str(written).lower()
            name = SYNONYMS.get(name, name)
            if name in read:
                raise ValueError(f"'{written}' is written twice")
            read[name] = value
        return read

    def named(self) -> Iterable[tuple[str, str]]:
        """Tell each server that is named, with the key under which it is."""
        return [*([("server", self.server)] if self.server is not None else []), *super().named()]


class Connector(MailSender):
    """Sends texts to the gateway's address."""

    settings_class: ClassVar[type[ConnectorSettings]] = SmtpSettings
    capabilities = Capabilities()

    def __init__(self, name: str, settings: SmtpSettings) -> None:
        super().__init__(name, settings)
        self._smtp = settings

    async def send(self, message: Message) -> Outcome:
        """Send one text."""
        if is_address(message.to):
            return Rejected(Reason.UNROUTABLE, detail="a connector of type smtp reaches numbers only")
        try:
            mail = self.mail(message)
        except (BadAddress, BadSubject) as error:
            return Rejected(Reason.CONTENT, detail=f"the mail to the gateway cannot be written: {error}")
        return await self.servers.hand_over(mail, message.id)

    def mail(self, message: Message) -> Mail:
        """Write the mail for a text. Raises `BadAddress`, `BadSubject`."""
        phone = rewrite(self._phone(message), self._smtp.regexp)
        tags = {"phone": phone, "otp": message.text, "text": message.text, "from": message.originator}
        # A subject is one line: where the text stands in it, the ends of its lines become blanks.
        subject = filled(self._smtp.subject, {name: _LINE_ENDS.sub(" ", value) for name, value in tags.items()})
        check_subject(subject)
        return Mail(
            to=parse_address(filled(self._smtp.mailto, tags)), subject=subject, text=filled(self._smtp.body, tags)
        )

    def _phone(self, message: Message) -> str:
        match self._smtp.phone_format:
            case "written":
                return message.to_written
            case "plus":
                return f"+{message.to}"
            case _:
                return message.to


def filled(template: str, tags: Mapping[str, str]) -> str:
    """Fill in the tags in one pass; any other brace stays, and what is filled in is not looked at again."""
    return _TAG.sub(lambda tag: tags.get(tag[1], tag[0]), template)
