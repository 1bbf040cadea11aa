"""
OVHcloud's SMS interface for the simplest of clients: one address with everything in it, http2sms.

https://help.ovhcloud.com/csm/en-sms-sending-via-url-http2sms. It knows no validity: a text may come late.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from smshub.connectors import ovhwords
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import Callback, Called, prove
from smshub.connectors.exchange import FORM, Request, Response, by_status, checked_address, digits, form, with_query
from smshub.connectors.httpbase import HttpSender, ProviderSettings
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Uncertain
from smshub.domain.message import Message
from smshub.domain.text import Encoding
from smshub.settings import Secret, setting

TAKEN = frozenset({"100", "101"})

REASONS: Mapping[str, Reason] = {
    "201": Reason.MISCONFIGURED,  # a parameter is missing
    "202": Reason.UNKNOWN,  # a parameter is wrong; its words may say which
    "401": Reason.BAD_CREDENTIALS,  # not from this address
}


class Settings(ProviderSettings):
    """One SMS user of an account at OVHcloud, by http2sms."""

    url: str = setting("Address of the interface.", "https://www.ovh.com/cgi-bin/sms/http2sms.cgi")
    method: Literal["GET", "POST"] = setting(
        "GET as OVH documents it, with the password in the address; POST keeps it out of the logs on the way, and is"
        " taken too, though OVH does not say so.",
        "GET",
    )
    account: str = setting("Name of the SMS account, such as sms-ab12345-1.", min_length=1)
    login: str = setting("Name of the SMS user.", min_length=1)
    password: Secret = setting("Password of the SMS user: env:NAME or file:PATH.")
    sender: str | None = setting("Sender of texts that name no originator; one that OVH has approved.", None)
    sender_for_response: bool = setting("Send from a number to which people can answer, in place of a sender.", False)
    no_stop: bool = setting("Leave out the STOP line that OVH adds to advertisements.", True)
    callback_secret: Secret | None = setting(
        "What OVH's calls must hold: /receipts/NAME?key=VALUE. Without it they are refused.", None
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        """Refuse what is no address."""
        return checked_address(url) or ""


class Connector(HttpSender):
    """Sends each text by a request of its own."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings
    capabilities = Capabilities(receipts=True, flash=True)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.ovh = settings

    def request(self, message: Message) -> Request:
        """Make the request for a message. Raises ValueError where it says no sender, or its recipient is no number."""
        sender = message.originator or self.ovh.sender
        if not sender and not self.ovh.sender_for_response:
            raise ValueError("no sender")
        fields = {
            "account": self.ovh.account,
            "login": self.ovh.login,
            "password": self.reveal(self.ovh.password),
            "from": "" if self.ovh.sender_for_response else sender or "",
            "to": f"+{digits(message)}",
            "message": re.sub(r"\r\n|\n", "\r", message.text),  # how OVH writes the end of a line
            "contentType": "text/json",
            "smsCoding": "2" if message.encoding == Encoding.UCS2 else "1",
            "tag": message.id[-20:],
        }
        if self.ovh.sender_for_response:
            fields["senderForResponse"] = "1"
        if self.ovh.no_stop:
            fields["noStop"] = "1"
        if message.flash:
            fields["class"] = "0"
        if self.ovh.method == "POST":
            return Request("POST", self.ovh.url, {"Content-Type": FORM}, form(fields).encode())
        return Request("GET", with_query(self.ovh.url, form(fields)))

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means: JSON as it was asked for, or the three lines of its other form."""
        if response.status != 200:
            return by_status(response, response.text)
        status, words, refs = _read(response)
        if status in TAKEN:
            return Accepted(refs)
        if not status:
            return Uncertain(detail=f"an unreadable answer: {response.text}" if words else "an empty answer")
        reason = REASONS.get(status, Reason.UNKNOWN)
        if status != "401":
            reason = ovhwords.inferred(words) or reason
        return Deferred(reason, status, words)

    def called(self, callback: Callback) -> Called:
        """Check and read a delivery report. Raises `Forged`, ValueError."""
        secret = self.ovh.callback_secret
        prove(callback, self.reveal(secret) if secret else None)
        return ovhwords.called(callback)


def _read(response: Response) -> tuple[str, str, tuple[str, ...]]:
    """Read the status (empty where there is none), the words and the ids of an answer."""
    answer = response.json()
    if isinstance(answer, dict):
        ids: Any = answer.get("SmsIds", answer.get("smsIds"))
        refs = tuple(str(one) for one in ids if isinstance(one, int | str)) if isinstance(ids, list) else ()
        return str(answer.get("status", "")), str(answer.get("message", "")), refs
    lines = [line.strip() for line in response.text.splitlines() if line.strip()]
    if lines[:1] == ["OK"]:
        return "100", "", tuple(line for line in lines[2:] if re.fullmatch(r"[0-9]{1,20}", line))
    return "KO" if lines[:1] == ["KO"] else "", " ".join(lines[1:] if lines[:1] == ["KO"] else lines), ()
