"""
Clickatell's four interfaces: a form that is answered in a line of text, and three kinds of JSON.

https://docs.clickatell.com/archive/channels/sms-http-s-api-archived/ (http),
https://docs.clickatell.com/archive/channels/rest-archived/ (rest),
https://docs.clickatell.com/channels/sms-channels/sms-api-reference/ (platform),
https://docs.clickatell.com/channels/one-api/one-api-reference/ (one)
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode, urljoin

from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import Callback, Called, prove
from smshub.connectors.clickatell import answers, callbacks
from smshub.connectors.clickatell.settings import URLS, Settings
from smshub.connectors.exchange import FORM, JSON, Request, Response, digits, form, json_body, remaining
from smshub.connectors.httpbase import HttpSender
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Balance, Outcome
from smshub.domain.message import Message
from smshub.domain.text import Encoding
from smshub.settings import Secret

# Minutes that a text is kept for at most, and unless something else is said.
MAX_VALIDITY = 1_440
MAX_PARTS = 3
UCS2_SINGLE, UCS2_CONCATENATED = 70, 67
MAX_CLIENT_ID = 32

# What is told by callbacks: what became final, and what reached the network (a mask).
CALLBACKS = "7"

# Where the balance is asked for, as seen from where texts are sent to.
BALANCES: Mapping[str, str] = {
    "http": "getbalance",
    "rest": "account/balance",
    "platform": "/public-client/balance",
    "one": "/public-client/balance",
}


class Connector(HttpSender):
    """Sends each text by a POST of its own, with the message's id as the client's."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.clickatell = settings
        self.capabilities = Capabilities(receipts=True, flash=settings.api in {"http", "rest"})

    def request(self, message: Message) -> Request:
        """Make the request for a message."""
        if self.clickatell.api == "http":
            fields = {**self._credentials, **self._http_fields(message)}
            return Request("POST", self._url, {"Content-Type": FORM}, urlencode(fields).encode())
        make = {"rest": self._rest_body, "platform": self._platform_body, "one": self._one_body}[self.clickatell.api]
        return Request("POST", self._url, {**self._headers, "Content-Type": JSON}, json_body(make(message)))

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means."""
        match self.clickatell.api:
            case "http":
                return answers.line(response)
            case "rest":
                return answers.rest(response)
            case "platform":
                return answers.platform(response)
            case "one":
                return answers.one(response)

    # --- bodies ---------------------------------------------------------------------------------------------------

    def _http_fields(self, message: Message) -> dict[str, str | bytes]:
        latin = _latin(message)
        fields: dict[str, str | bytes] = {"to": digits(message), "text": latin or _hexadecimal(message.text)}
        fields |= self._sender(message)
        if latin is None:
            fields["unicode"] = "1"
        if (parts := _parts(message, unicode=latin is None)) > 1:
            fields["concat"] = str(min(parts, MAX_PARTS))
        if message.flash:
            fields["msg_type"] = "SMS_FLASH"
        if self.clickatell.callback_url:
            fields["callback"] = CALLBACKS
        return {**fields, "climsgid": message.id[-MAX_CLIENT_ID:], "validity": str(_validity(message))}

    def _rest_body(self, message: Message) -> dict[str, Any]:
        is_unicode = message.encoding != Encoding.GSM7
        text = _hexadecimal(message.text) if is_unicode else message.text
        body: dict[str, Any] = {"text": text, "to": [digits(message)], **self._sender(message)}
        if is_unicode:
            body["unicode"] = "1"
        if message.segments > 1:
            body["maxMessageParts"] = str(min(message.segments, MAX_PARTS))
        if message.flash:
            body["type"] = "SMS_FLASH"
        if self.clickatell.callback_url:
            body["callback"] = CALLBACKS
        return {
            **body,
            "clientMessageId": message.id[-MAX_CLIENT_ID:],
            "validityPeriod": str(_validity(message)),
        }

    def _platform_body(self, message: Message) -> dict[str, Any]:
        return {
            "content": message.text,
            "to": [digits(message)],
            **self._sender(message),
            "charset": "UTF-8",
            "clientMessageId": message.id,
            "validityPeriod": _validity(message),
        }

    def _one_body(self, message: Message) -> dict[str, Any]:
        text = {"channel": "sms", "to": digits(message), "content": message.text, **self._sender(message)}
        return {"messages": [{**text, "clientMessageId": message.id}]}

    def _sender(self, message: Message) -> dict[str, str]:
        sender = message.originator or self.clickatell.source
        return {"from": sender} if sender else {}

    # --- balance and receipts -------------------------------------------------------------------------------------

    def balance_request(self) -> Request:
        """Ask for the account's balance."""
        url = urljoin(self._url, BALANCES[self.clickatell.api])
        if self.clickatell.api == "http":
            return Request("POST", url, {"Content-Type": FORM}, form(self._credentials).encode())
        return Request("GET", url, self._headers)

    def balance(self, response: Response) -> Balance | None:
        """Read the balance."""
        return answers.balance(response)

    def called(self, callback: Callback) -> Called:
        """Read a report or a text, in whichever of Clickatell's shapes. Raises `Forged`, ValueError."""
        prove(callback, self._reveal(self.clickatell.callback_secret))
        return callbacks.read(callback, self.name)

    @property
    def _url(self) -> str:
        return self.resolved(self.clickatell.url or URLS[self.clickatell.api])

    @property
    def _headers(self) -> dict[str, str]:
        """Who calls; only the old REST API has a word before its token."""
        key = self._reveal(self.clickatell.api_key)
        if self.clickatell.api == "rest":
            return {"Authorization": f"Bearer {key}", "X-Version": "1", "Accept": JSON}
        return {"Authorization": key, "Accept": JSON}

    @property
    def _credentials(self) -> dict[str, str]:
        """Who calls the old HTTP API."""
        settings = self.clickatell
        return {
            "user": settings.username or "",
            "password": self._reveal(settings.password),
            "api_id": settings.api_id or "",
        }

    def _reveal(self, secret: Secret | None) -> str:
        return self.reveal(secret) if secret else ""


def _hexadecimal(text: str) -> str:
    """Give a text in hexadecimal UCS-2, big end first, as the old interfaces want what is not in GSM 03.38."""
    return text.encode("utf-16-be").hex().upper()


def _latin(message: Message) -> bytes | None:
    """
    Give a text in Latin-1, in which the old HTTP API reads what is not said to be Unicode; None where it has no such.

    Of GSM 03.38 that is all but the Greek letters and the euro.
    """
    if message.encoding != Encoding.GSM7 or not message.text:
        return None
    try:
        return message.text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _parts(message: Message, *, unicode: bool) -> int:
    """Tell how many segments a text takes; one in GSM 03.38 that is sent in UCS-2 takes more than was counted."""
    if not unicode or message.encoding != Encoding.GSM7:
        return message.segments
    units = len(message.text.encode("utf-16-be")) // 2
    return 1 if units <= UCS2_SINGLE else -(-units // UCS2_CONCATENATED)


def _validity(message: Message) -> int:
    """Give the minutes that a message is still of use, rounded down, at least one."""
    return max(1, min(int(remaining(message) // 60), MAX_VALIDITY))
