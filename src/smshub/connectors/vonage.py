"""
Vonage's (once Nexmo's) SMS interface: https://developer.vonage.com/en/api/sms.

It always answers 200; a long text has an answer for each of its parts, and parts may fail singly.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from smshub.connectors import vonagecalls, vonagesign
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import KEY, Callback, Called, CalledSettings, callback_address
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
)
from smshub.connectors.httpbase import HttpSender
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Balance, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.domain.text import Encoding
from smshub.settings import Secret, setting

TAKEN = "0"

# https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms
REASONS: Mapping[str, Reason] = {
    "1": Reason.THROTTLED,
    "2": Reason.MISCONFIGURED,  # a parameter is missing
    "3": Reason.MISCONFIGURED,  # a parameter is wrong
    "4": Reason.BAD_CREDENTIALS,
    "5": Reason.TEMPORARY,  # an error inside, to be tried again
    "6": Reason.INVALID_RECIPIENT,  # it cannot be processed, such as a number of no known network
    "7": Reason.BARRED,  # the number
    "8": Reason.BAD_CREDENTIALS,  # the account is barred
    "9": Reason.NO_CREDIT,
    "10": Reason.TEMPORARY,  # too many connections
    "11": Reason.MISCONFIGURED,  # the account may not use this interface
    "12": Reason.CONTENT,  # too long
    "14": Reason.BAD_CREDENTIALS,  # the signature
    "15": Reason.INVALID_ORIGINATOR,
    "22": Reason.UNROUTABLE,  # the code of a network
    "23": Reason.MISCONFIGURED,  # the address to call back
    "29": Reason.UNROUTABLE,  # an account on trial sends to numbers on its list only
    "32": Reason.MISCONFIGURED,  # both a secret and a signature
    "33": Reason.INVALID_RECIPIENT,  # the number is no longer in use
}

SHORTEST, LONGEST = 20_000, 604_800_000  # milliseconds of `ttl`
MOST_REFS = 16
REFERENCE = CALLBACK = 100  # characters of `client-ref` and `callback`

_log = logging.getLogger(__name__)


class Settings(CalledSettings):
    """One account at Vonage (Nexmo)."""

    url: str = setting("Address of the interface, without /sms/json.", "https://rest.nexmo.com")
    api_key: str = setting("Key of the account.", min_length=1)
    api_secret: Secret | None = setting("Secret of the account: env:NAME or file:PATH.", None)
    signature_secret: Secret | None = setting(
        "Secret of signatures: those of requests (auth = signature) and those of Vonage's calls.",
        None,
    )
    signature_method: vonagesign.Method = setting("How is signed, as chosen in Vonage's dashboard.", "md5hash")
    auth: Literal["secret", "basic", "signature"] = setting(
        "How a request says who sends it: the secret in its form or in a Basic header, or a signature.", "secret"
    )
    sender: str | None = setting("Sender of texts that name no originator.", None)
    receipts: bool = setting("Whether delivery reports are asked for.", True)
    account_ref: str | None = setting("Reference for Vonage's bill.", None, max_length=100)
    entity_id: str | None = setting("Entity id that India's regulator asks for.", None, max_length=64)
    content_id: str | None = setting("Content id that India's regulator asks for.", None, max_length=64)
    throughput: float | None = setting("Segments a second that Vonage takes for a key.", 30.0, gt=0, le=100_000)

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        """Refuse what is no address."""
        return (checked_address(url) or "").rstrip("/")

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        """Refuse what cannot send."""
        if self.auth == "signature" and self.signature_secret is None:
            raise ValueError("auth = 'signature' needs a signature_secret")
        if self.auth != "signature" and self.api_secret is None:
            raise ValueError(f"auth = '{self.auth}' needs an api_secret")
        return self


class Connector(HttpSender):
    """Sends each text by a request of its own; Vonage cuts long ones."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings
    capabilities = Capabilities(receipts=True, flash=True)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.vonage = settings

    def request(self, message: Message) -> Request:
        """Make the request for a message. Raises ValueError where it says no sender, or its recipient is no number."""
        sender = message.originator or self.vonage.sender
        if not sender:
            raise ValueError("no sender")
        fields = {
            "from": sender,
            "to": digits(message),
            "text": message.text,
            "type": "unicode" if message.encoding == Encoding.UCS2 else "text",
            "ttl": str(max(SHORTEST, min(int(remaining(message) * 1000), LONGEST))),
            "client-ref": message.id[:REFERENCE],
            "status-report-req": "1" if self.vonage.receipts else "0",
        }
        if message.flash:
            fields["message-class"] = "0"
        optional = {
            "callback": self._callback,
            "account-ref": self.vonage.account_ref,
            "entity-id": self.vonage.entity_id,
            "content-id": self.vonage.content_id,
        }
        fields |= {name: value for name, value in optional.items() if value}
        headers = {"Content-Type": FORM}
        match self.vonage.auth:
            case "basic":
                headers["Authorization"] = self._basic()
            case "secret":
                fields |= {"api_key": self.vonage.api_key, "api_secret": self._secret()}
            case "signature":
                fields |= {"api_key": self.vonage.api_key, "timestamp": str(int(message.started_at or message.due_at))}
                secret = self.reveal(self.vonage.signature_secret) if self.vonage.signature_secret else ""
                fields["sig"] = vonagesign.sign(fields, secret, self.vonage.signature_method)
        return Request("POST", f"{self.vonage.url}/sms/json", headers, form(fields).encode())

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means: taken where every part was."""
        parts = _parts(response)
        if response.status != 200:
            return by_status(response, response.text)
        if not parts:
            return Uncertain(detail=f"an unreadable answer: {response.text}")
        refs = tuple(
            dict.fromkeys(str(part["message-id"]) for part in parts if _taken(part) and part.get("message-id"))
        )
        refused = [part for part in parts if not _taken(part)]
        if refused:
            return _refused(refused, len(parts), refs)
        if _count(response) > len(parts):
            return Uncertain(detail=f"{len(parts)} of {_count(response)} parts are answered for")
        return Accepted(refs[:MOST_REFS])

    # --- balance and calls ----------------------------------------------------------------------------------------

    def balance_request(self) -> Request | None:
        """Ask what is left; only with the account's secret, a signature is not taken there."""
        if self.vonage.api_secret is None:
            return None
        return Request("GET", f"{self.vonage.url}/account/get-balance", {"Authorization": self._basic()})

    def balance(self, response: Response) -> Balance | None:
        """Read what is left, in euros."""
        answer = response.json()
        if response.status != 200 or not isinstance(answer, dict):
            return None
        return balance_of(answer.get("value"), "EUR")

    def called(self, callback: Callback) -> Called:
        """Check and read a delivery report or a text. Raises `Forged`, ValueError."""
        signing, secret = self.vonage.signature_secret, self.vonage.callback_secret
        fields = vonagecalls.fields_of(callback)
        vonagecalls.check(
            callback,
            fields,
            api_key=self.vonage.api_key,
            signing=(self.reveal(signing), self.vonage.signature_method) if signing else None,
            secret=self.reveal(secret) if secret else None,
        )
        return vonagecalls.read(fields, callback.at)

    async def open(self) -> None:
        """Read the secrets and make the pool. Raises `SecretMissing` and OSError (no such CA file)."""
        await super().open()
        if self.vonage.receipts and self.vonage.callback_url and not self._callback:
            _log.warning(
                "connector %s: the address for receipts has more than %d characters, so Vonage is not told it",
                self.name,
                CALLBACK,
            )

    @cached_property
    def _callback(self) -> str | None:
        """The address for reports, where there is one and Vonage takes it; the key only where nothing is signed."""
        if not self.vonage.receipts or not self.vonage.callback_url:
            return None
        secret = self.vonage.callback_secret if self.vonage.signature_secret is None else None
        address = callback_address(self.vonage.callback_url, self.name, {KEY: self.reveal(secret)} if secret else {})
        return address if len(address) <= CALLBACK else None

    def _secret(self) -> str:
        return self.reveal(self.vonage.api_secret) if self.vonage.api_secret else ""

    def _basic(self) -> str:
        return basic(self.vonage.api_key, self._secret())


def _parts(response: Response) -> list[Mapping[str, Any]]:
    """Read the answers for the parts; none where they cannot be read."""
    answer = response.json()
    parts = answer.get("messages") if isinstance(answer, dict) else None
    readable = isinstance(parts, list) and all(isinstance(part, dict) and "status" in part for part in parts)
    return list(parts) if readable and parts else []


def _count(response: Response) -> int:
    """Read how many parts there are, 0 where it does not say."""
    count = str(response.json().get("message-count", ""))
    return int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0


def _taken(part: Mapping[str, Any]) -> bool:
    return str(part["status"]) == TAKEN


def _refused(refused: Sequence[Mapping[str, Any]], count: int, refs: tuple[str, ...]) -> Outcome:
    """
    Say what it came to where parts, or all, were refused.

    Part of a text is on its way then: it is neither sent nor surely not taken (docs/decisions, 12 and 55).
    """
    code, words = str(refused[0]["status"]), str(refused[0].get("error-text", ""))
    outcome = refusal(_reason(code, words), code, words)
    if len(refused) == count:
        return outcome
    words = f"{count - len(refused)} of {count} parts were taken ({', '.join(refs[:3])}), then: {code} {words}"
    final = next((part for part in refused if isinstance(_outcome(part), Rejected)), None)
    if final is None:
        return Uncertain(detail=words)
    return Rejected(_reason(str(final["status"]), str(final.get("error-text", ""))), str(final["status"]), words)


def _outcome(part: Mapping[str, Any]) -> Outcome:
    return refusal(_reason(str(part["status"]), str(part.get("error-text", ""))))


def _reason(code: str, words: str) -> Reason:
    """Give the reason of a status; of a wrong parameter it is the words that tell whether it is the number."""
    if code == "3" and re.search(r"\bto (?:address|param|number)\b|\bto\b[^a-z]*$", words, re.IGNORECASE):
        return Reason.INVALID_RECIPIENT
    return REASONS.get(code, Reason.UNKNOWN)
