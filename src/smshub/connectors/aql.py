"""
AQL's SMS gateway: the classic one, and the second version of its interface.

The classic one is documented at https://aql.com/sms/, the second version known from its clients only.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote_plus, urljoin

from pydantic import field_validator, model_validator

from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import Callback, Called, CalledSettings, callback_address, prove
from smshub.connectors.exchange import (
    FORM,
    JSON,
    Request,
    Response,
    balance_of,
    by_status,
    checked_address,
    digits,
    form,
    json_body,
    refusal,
)
from smshub.connectors.httpbase import HttpSender
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Balance, Outcome, Reason, Receipt, ReceiptState, Uncertain
from smshub.domain.message import Message
from smshub.domain.text import Encoding
from smshub.settings import Secret, setting

URLS: Mapping[str, str] = {
    "gateway": "https://gw.aql.com/sms/sms_gw.php",
    "v2": "https://api.aql.com/v2/sms/send",
}

# The number with which the classic gateway's answer begins.
REASONS: Mapping[str, Reason] = {
    "2": Reason.BAD_CREDENTIALS,
    "3": Reason.INVALID_RECIPIENT,
    "4": Reason.MISCONFIGURED,  # a time to send at; we give none
    "5": Reason.NO_CREDIT,
    "9": Reason.TEMPORARY,  # undefined
}

# What AQL puts for %code. The bits are those of Kannel's delivery reports.
STATES: Mapping[str, ReceiptState] = {
    "1": ReceiptState.DELIVERED,
    "2": ReceiptState.UNDELIVERABLE,
    "4": ReceiptState.ENROUTE,
    "8": ReceiptState.ACCEPTED,
    "16": ReceiptState.REJECTED,
}

_ANSWER = re.compile(r"\s*(\d{1,2}):(\d{1,6}(?:\.\d{1,4})?)\b[ \t]*(.*)")
_CREDIT = re.compile(r"(?:AQSMS-CREDIT=)?\s*(-?\d{1,12}(?:\.\d{1,6})?)\s*")


class Settings(CalledSettings):
    """One account at AQL."""

    api: Literal["gateway", "v2"] = setting("The classic gateway, or the second version of the interface.", "gateway")
    url: str | None = setting("Address to send to; without it AQL's own.", None)
    username: str | None = setting("User of the classic gateway.", None)
    password: Secret | None = setting("Password of the classic gateway.", None)
    token: Secret | None = setting("Token of the second version.", None)
    source: str | None = setting("Sender where a message names none.", None)

    @field_validator("url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return checked_address(url)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what cannot sign in, and a call that proves nothing."""
        if self.api == "v2" and self.token is None:
            raise ValueError("token is missing, which api v2 needs")
        if self.api == "gateway" and (not self.username or self.password is None):
            raise ValueError("username and password are missing, which api gateway needs")
        if self.callback_url and self.callback_secret is None:
            raise ValueError("callback_secret is missing, without which no report is believed")
        return self


class Connector(HttpSender):
    """Sends each text by a POST of its own. The classic gateway gives no id, so the message's own is its id there."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.aql = settings
        classic = settings.api == "gateway"
        self.capabilities = Capabilities(receipts=classic, flash=classic)

    def request(self, message: Message) -> Request:
        """Make the request for a message."""
        sender = message.originator or self.aql.source
        if self.aql.api == "v2":
            body: dict[str, Any] = {"destinations": [digits(message)], "message": message.text}
            if sender:
                body["originator"] = sender
            return Request("POST", self._url, {"X-Auth-Token": self._token, "Content-Type": JSON}, json_body(body))
        fields = {**self._credentials, "destination": digits(message), "message": message.text}
        if sender:
            fields["originator"] = sender
        fields["max_concat"] = str(message.segments)
        fields["allow_unicode"] = "0" if message.encoding == Encoding.GSM7 else "1"
        fields["flash"] = "1" if message.flash else "0"
        if self.aql.callback_url and self.aql.callback_secret:
            fields["dlr_url"] = self._report_address(message.id)
        return Request("POST", self._url, {"Content-Type": FORM}, form(fields).encode())

    def _report_address(self, message_id: str) -> str:
        """Give the address for the report on one message; AQL puts the code and the number where their names stand."""
        secret = self.reveal(self.aql.callback_secret) if self.aql.callback_secret else ""
        base = self.resolved(self.aql.callback_url or "")
        return f"{callback_address(base, self.name, {'key': secret, 'id': message_id})}&code=%code&dest=%dest"

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means."""
        if response.status != 200:
            return by_status(response, response.text)
        return _taken(response) if self.aql.api == "v2" else _answered(message, response.text)

    # --- balance and receipts -------------------------------------------------------------------------------------

    def balance_request(self) -> Request:
        """Ask how many credits are left."""
        if self.aql.api == "v2":
            return Request("GET", urljoin(self._url, "credit"), {"X-Auth-Token": self._token})
        body = form({**self._credentials, "cmd": "credit"}).encode()
        return Request("POST", urljoin(self._url, "postmsg.php"), {"Content-Type": FORM}, body)

    def balance(self, response: Response) -> Balance | None:
        """Read how many credits are left."""
        if response.status != 200:
            return None
        if self.aql.api == "v2":
            data = _data(response)
            return balance_of(data.get("credit"), "credits") if isinstance(data, dict) else None
        found = _CREDIT.fullmatch(response.text)
        return balance_of(found[1], "credits") if found else None

    def called(self, callback: Callback) -> Called:
        """Read a report of the classic gateway. Raises `Forged`, ValueError."""
        prove(callback, self.reveal(self.aql.callback_secret) if self.aql.callback_secret else None)
        fields = dict(callback.query)
        ref, code = fields.get("id", ""), fields.get("code", "")
        if not ref or not code:
            raise ValueError("a report without id or code")
        return Called((Receipt(ref, STATES.get(code, ReceiptState.UNKNOWN), callback.at, code),))

    def secret_values(self) -> Iterable[str]:
        """Give the secret of the calls as it stands in an address, too: that is encoded once more within a form."""
        yield from super().secret_values()
        if self.aql.callback_secret:
            yield quote_plus(self.reveal(self.aql.callback_secret))

    @property
    def _url(self) -> str:
        return self.resolved(self.aql.url or URLS[self.aql.api])

    @property
    def _token(self) -> str:
        return self.reveal(self.aql.token) if self.aql.token else ""

    @property
    def _credentials(self) -> dict[str, str]:
        password = self.reveal(self.aql.password) if self.aql.password else ""
        return {"username": self.aql.username or "", "password": password}


def _answered(message: Message, text: str) -> Outcome:
    """Read `<status>:<credits used> <description>`."""
    found = _ANSWER.match(text)
    if found is None:
        return Uncertain(detail=f"an unreadable answer: {text}")
    status, _, words = found.groups()
    if status == "0":
        return Accepted((message.id,))
    if status == "1":  # taken for some of the recipients, of which there is one
        return Uncertain(detail=f"taken in part: {text}")
    return refusal(REASONS.get(status, Reason.UNKNOWN), status, words or text)


def _taken(response: Response) -> Outcome:
    """Read the answer of the second version: the message, with its id."""
    data = _data(response)
    first = data[0] if isinstance(data, list) and data else None
    ref = first.get("id") if isinstance(first, dict) else None
    if isinstance(ref, str | int) and ref != "" and not isinstance(ref, bool):
        return Accepted((str(ref),))
    return Uncertain(detail=f"an answer without an id: {response.text}")


def _data(response: Response) -> Any:
    """Give what stands under `data`."""
    answer = response.json()
    return answer.get("data") if isinstance(answer, dict) else None
