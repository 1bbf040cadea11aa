"""
Twilio's Messages resource, from a number or a messaging service.

https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/usage/security#validating-requests
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import field_validator, model_validator

from smshub.connectors import twiliocallbacks
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import Callback, Called, CalledSettings, Forged, callback_address
from smshub.connectors.exchange import (
    FORM,
    Request,
    Response,
    balance_of,
    basic,
    by_status,
    checked_address,
    digits,
    form,
    refusal,
    remaining,
    retry_after,
)
from smshub.connectors.httpbase import HttpSender
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Uncertain
from smshub.domain.message import Message
from smshub.settings import Secret, setting

MAX_VALIDITY = 36_000

# https://www.twilio.com/docs/api/errors
REASONS: Mapping[str, Reason] = {
    "20003": Reason.BAD_CREDENTIALS,
    "20404": Reason.MISCONFIGURED,
    "20429": Reason.THROTTLED,
    "21211": Reason.INVALID_RECIPIENT,
    "21212": Reason.INVALID_ORIGINATOR,
    "21408": Reason.UNROUTABLE,  # this region is not enabled
    "21602": Reason.CONTENT,  # no text
    "21603": Reason.INVALID_ORIGINATOR,  # no sender
    "21604": Reason.INVALID_RECIPIENT,  # no recipient
    "21606": Reason.INVALID_ORIGINATOR,
    "21608": Reason.UNROUTABLE,  # a trial account and a number that is not verified
    "21610": Reason.OPTED_OUT,
    "21611": Reason.THROTTLED,  # the sender's queue is full
    "21612": Reason.UNROUTABLE,
    "21614": Reason.INVALID_RECIPIENT,
    "21617": Reason.CONTENT,  # more than 1600 characters
}

_SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")
_XML = re.compile(r"<(Sid|Code|Message)>([^<]*)</\1>")


class Settings(CalledSettings):
    """One Twilio account."""

    url: str = setting("Address of the interface, without path.", "https://api.twilio.com")
    account_sid: str = setting("SID of the account, AC and 32 digits.", pattern="^AC[0-9A-Za-z]{1,64}$")
    auth_token: Secret | None = setting("Auth token of the account; it also proves Twilio's calls.", None)
    api_key: str | None = setting("SID of an API key (SK...) to sign in with in place of the auth token.", None)
    api_secret: Secret | None = setting("Secret of the API key.", None)
    number: str | None = setting(
        "Number of the account that sends every text; without it each text has its own sender.",
        None,
        pattern=r"^\+?[1-9][0-9]{2,14}$",
    )
    messaging_service_sid: str | None = setting(
        "Messaging service (MG...) that chooses the sender.", None, pattern="^MG[0-9A-Za-z]{1,64}$"
    )
    answers: Literal["json", "xml"] = setting("Whether the resource is Messages.json or Messages.", "json")

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        """Refuse what is no address."""
        return (checked_address(url) or "").rstrip("/")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what cannot sign in, and two senders."""
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret belong together")
        if self.auth_token is None and self.api_secret is None:
            raise ValueError("auth_token is missing, or api_key and api_secret")
        if self.number and self.messaging_service_sid:
            raise ValueError("give number or messaging_service_sid, not both")
        return self


class Connector(HttpSender):
    """Sends each text by a POST of its own; Twilio queues, splits and throttles by itself."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings
    capabilities = Capabilities(receipts=True)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.twilio = settings

    def request(self, message: Message) -> Request:
        """Make the request for a message; the text goes as it is, Twilio has no flash."""
        fields = {"To": f"+{digits(message)}", **self._sender(message), "Body": message.text}
        fields["ValidityPeriod"] = str(max(1, min(int(remaining(message)), MAX_VALIDITY)))
        if self.twilio.callback_url:
            base = self.resolved(self.twilio.callback_url)
            fields["StatusCallback"] = callback_address(base, self.name, {})
        resource = "Messages.json" if self.twilio.answers == "json" else "Messages"
        headers = {"Authorization": self._authorization, "Content-Type": FORM}
        return Request("POST", f"{self._account}/{resource}", headers, form(fields).encode())

    def _sender(self, message: Message) -> dict[str, str]:
        if self.twilio.messaging_service_sid:
            return {"MessagingServiceSid": self.twilio.messaging_service_sid}
        sender = (self.twilio.number or message.originator).removeprefix("+")
        if not sender:
            return {}  # Twilio says that it is missing, by a code of its own
        # A long number is E.164 with a plus, a short code and a name are not.
        return {"From": f"+{sender}" if sender.isascii() and sender.isdigit() and len(sender) > 8 else sender}

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means: only 201 with a sid has taken the text."""
        answer = self._read(response)
        sid = answer.get("sid")
        if response.status == 201 and isinstance(sid, str) and _SID.fullmatch(sid):
            return Accepted((sid,))
        if 200 <= response.status < 300:
            return Uncertain(detail=f"status {response.status} without a sid")
        code, words = str(answer.get("code") or ""), str(answer.get("message") or "")
        reason = REASONS.get(code)
        if reason is None or response.status >= 500:
            if response.status == 400 and code:
                return Deferred(Reason.UNKNOWN, code, words)
            return by_status(response, f"{code} {words}".strip() or response.text)
        if reason is Reason.THROTTLED:
            return Deferred(reason, code, words, retry_after(response))
        return refusal(reason, code, words)

    def _read(self, response: Response) -> Mapping[str, Any]:
        """Read an answer's fields; of XML only those that count, the first of each name."""
        if "xml" not in response.headers.get("content-type", ""):
            found = response.json()
            return found if isinstance(found, dict) else {}
        fields: dict[str, str] = {}
        for name, value in _XML.findall(response.text):
            fields.setdefault(name.lower(), html.unescape(value))
        return fields

    # --- balance and receipts -------------------------------------------------------------------------------------

    def balance_request(self) -> Request:
        """Ask for the account's balance."""
        return Request("GET", f"{self._account}/Balance.json", {"Authorization": self._authorization})

    def balance(self, response: Response) -> Balance | None:
        """Read the balance, in the account's currency."""
        answer = response.json()
        if response.status != 200 or not isinstance(answer, dict):
            return None
        return balance_of(answer.get("balance"), str(answer.get("currency") or "USD"))

    def called(self, callback: Callback) -> Called:
        """Check the signature of a call and read it. Raises `Forged`, ValueError."""
        if self.twilio.auth_token is None:  # an API key signs nothing
            raise Forged
        base = self.resolved(self.twilio.callback_url or "")
        told = callback_address(base, self.name, {}) if base else None
        twiliocallbacks.verify(callback, self.reveal(self.twilio.auth_token), told)
        return twiliocallbacks.read(callback, self.name)

    def secret_values(self) -> Iterable[str]:
        """Give the Basic header, too."""
        yield from super().secret_values()
        yield self._authorization.removeprefix("Basic ")

    @property
    def _account(self) -> str:
        return f"{self.twilio.url}/2010-04-01/Accounts/{quote(self.twilio.account_sid, safe='')}"

    @property
    def _authorization(self) -> str:
        secret = self.twilio.api_secret or self.twilio.auth_token
        return basic(self.twilio.api_key or self.twilio.account_sid, self.reveal(secret) if secret else "")
