"""
OVHcloud's SMS interface, REST: signed requests by its own clock, reports by call and by question.

https://eu.api.ovh.com/console/?section=%2Fsms and https://github.com/ovh/python-ovh for the signature.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import field_validator

from smshub.connectors import ovhwords
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.callbacks import Callback, Called, prove
from smshub.connectors.exchange import (
    JSON,
    Request,
    Response,
    balance_of,
    by_status,
    checked_address,
    digits,
    json_body,
    remaining,
)
from smshub.connectors.httpbase import HttpSender, ProviderSettings
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Receipt, Rejected, Uncertain
from smshub.domain.message import Message, MessageClass
from smshub.settings import Secret, setting

# errorCode of an answer above 399.
REASONS: Mapping[str, Reason] = {
    "INVALID_SIGNATURE": Reason.BAD_CREDENTIALS,
    "INVALID_KEY": Reason.BAD_CREDENTIALS,
    "INVALID_CREDENTIAL": Reason.BAD_CREDENTIALS,
    "NOT_CREDENTIAL": Reason.BAD_CREDENTIALS,
    "NOT_GRANTED_CALL": Reason.BAD_CREDENTIALS,
    "FORBIDDEN": Reason.BAD_CREDENTIALS,
}

# Statuses of a plain no, of which code and words tell more; the others tell enough by themselves.
EXPLAINED = frozenset({400, 401, 402, 403, 404, 460})

# What says that our clock, not our key, is the trouble.
OUT_OF_TIME = re.compile(r"QUERY_TIME_OUT|INVALID_TIMESTAMP|out of time|timestamp", re.IGNORECASE)

# Seconds after which OVH's clock is asked again; ours may drift, or be put right.
CLOCK_AGE = 3_600.0
MAX_VALIDITY = 2_880
PRIORITIES: Mapping[MessageClass, str] = {
    MessageClass.OTP: "high",
    MessageClass.TRANSACTIONAL: "high",
    MessageClass.BULK: "low",
}


class Settings(ProviderSettings):
    """One SMS account at OVHcloud, by its REST interface."""

    url: str = setting(
        "Address of the interface: https://eu.api.ovh.com/1.0, https://ca.api.ovh.com/1.0 or"
        " https://api.us.ovhcloud.com/1.0.",
        "https://eu.api.ovh.com/1.0",
    )
    service_name: str = setting("Name of the SMS account, such as sms-ab12345-1.", min_length=1, max_length=64)
    application_key: str = setting("Application key (AK).", min_length=1)
    application_secret: Secret = setting("Application secret (AS): env:NAME or file:PATH.")
    consumer_key: Secret = setting("Consumer key (CK): env:NAME or file:PATH.")
    sender: str | None = setting("Sender of texts that name no originator; one that OVH has approved.", None)
    sender_for_response: bool = setting("Send from a number to which people can answer, in place of a sender.", False)
    no_stop_clause: bool = setting("Leave out the STOP line that OVH adds to advertisements.", True)
    priority: Literal["high", "medium", "low", "veryLow"] | None = setting(
        "Priority of every text; without it bulk texts are low and all others high.", None
    )
    callback_secret: Secret | None = setting(
        "What OVH's calls must hold: /receipts/NAME?key=VALUE. Without it they are refused.", None
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        """Refuse what is no address; the signature is over the address as it is written."""
        return (checked_address(url) or "").rstrip("/")


def signature(secret: str, consumer_key: str, method: str, url: str, body: bytes, timestamp: int) -> str:
    """Sign a request: the secret, the consumer key, and method, address and body as they are on the wire."""
    signed = f"{secret}+{consumer_key}+{method}+{url}+".encode() + body + f"+{timestamp}".encode()
    return "$1$" + hashlib.sha1(signed, usedforsecurity=False).hexdigest()  # OVH's choice


class Connector(HttpSender):
    """Sends each text as a job of its own."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings
    capabilities = Capabilities(receipts=True, flash=True)
    polls: ClassVar[bool] = True

    def __init__(self, name: str, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        super().__init__(name, settings)
        self.ovh = settings
        self._clock = clock
        self._ahead = 0.0  # OVH's clock less ours, in seconds
        self._asked_at: float | None = None
        self._untold: tuple[float, Deferred] | None = None  # when (the loop's time) it last did not tell, and why
        self._asking = asyncio.Lock()

    # --- sending --------------------------------------------------------------------------------------------------

    def request(self, message: Message) -> Request:
        """Make the job for a message. Raises ValueError where its recipient is no number."""
        sender = message.originator or self.ovh.sender
        job: dict[str, Any] = {
            "charset": "UTF-8",
            "message": message.text,
            "noStopClause": self.ovh.no_stop_clause,
            "priority": self.ovh.priority or PRIORITIES[message.message_class],
            "receivers": [f"+{digits(message)}"],
            "tag": message.id[-20:],
            "validityPeriod": max(1, min(int(remaining(message) // 60), MAX_VALIDITY)),
        }
        if self.ovh.sender_for_response:
            job["senderForResponse"] = True
        elif sender:
            job["sender"] = sender
        if message.flash:
            job["class"] = "flash"
        return self._signed("POST", f"{self._service}/jobs", json_body(dict(sorted(job.items()))))

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means: a 200 that names no valid receiver took nothing."""
        answer = response.json()
        if response.status >= 400 and isinstance(answer, dict):
            return self._refused(response, str(answer.get("errorCode", "")), str(answer.get("message", "")))
        if response.status != 200:
            return by_status(response, response.text)
        if not isinstance(answer, dict) or not isinstance(answer.get("validReceivers"), list):
            return Uncertain(detail=f"an unreadable answer: {response.text}")
        ids = answer.get("ids")
        refs = tuple(str(one) for one in ids if isinstance(one, int | str)) if isinstance(ids, list) else ()
        if answer["validReceivers"]:
            return Accepted(refs)
        if refs:
            return Uncertain(detail="no valid receiver, and yet an id")
        if answer.get("invalidReceivers"):
            return Rejected(Reason.INVALID_RECIPIENT, "invalidReceivers", "OVH finds the receiver invalid")
        return Deferred(Reason.UNKNOWN, "validReceivers", "OVH took nothing and does not say why")

    def _refused(self, response: Response, code: str, words: str) -> Outcome:
        """Say what an error means that OVH explains."""
        if response.status == 400 and (OUT_OF_TIME.search(code) or OUT_OF_TIME.search(words)):
            return Deferred(Reason.TEMPORARY, code or "400", words, retry_after=1.0)
        reason = REASONS.get(code)
        if reason is None or code == "FORBIDDEN":  # which is said of more than keys
            reason = ovhwords.inferred(words) or reason
        if reason is not None and response.status in EXPLAINED:
            return Deferred(reason, code or str(response.status), words)
        if response.status == 460:  # the service has run out and must be paid
            return Deferred(Reason.NO_CREDIT, code or "460", words)
        if response.status == 400:
            return Deferred(Reason.UNKNOWN, code or "400", words)
        outcome = by_status(response, words)
        if isinstance(outcome, Deferred) and code:
            return Deferred(outcome.reason, code, words, outcome.retry_after)
        return outcome

    async def send(self, message: Message) -> Outcome:
        """Send one message by OVH's clock. Without that nothing is sent: a signature of another hour is refused."""
        if (not_now := await self._set_clock()) is not None:
            return not_now
        outcome = await super().send(message)
        if isinstance(outcome, Deferred) and OUT_OF_TIME.search(f"{outcome.code} {outcome.detail}"):
            self._asked_at = None
        return outcome

    # --- signatures -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the secrets, make the pool and ask for the time. Raises `SecretMissing`, OSError (no such CA file)."""
        await super().open()
        await self._set_clock()

    async def _set_clock(self) -> Deferred | None:
        """Ask OVH for the time where that is due; give why nothing can be signed where it is not told."""
        began = asyncio.get_running_loop().time()
        async with self._asking:
            now = self._clock()
            if self._asked_at is not None and 0 <= now - self._asked_at < CLOCK_AGE:
                return None
            if self._untold is not None and began < self._untold[0]:
                return self._untold[1]  # asked while this one waited: each would wait as long again
            answer = await self._exchange(Request("GET", f"{self.ovh.url}/auth/time"))
            text = answer.text.strip() if isinstance(answer, Response) and answer.status == 200 else ""
            if not re.fullmatch(r"[0-9]{1,12}", text):
                if self._asked_at is not None:  # what it told an hour ago is better than nothing
                    return None
                why = f"status {answer.status}" if isinstance(answer, Response) else answer.detail
                not_now = Deferred(Reason.UNREACHABLE, detail=f"OVH does not tell the time: {why}")
                self._untold = (asyncio.get_running_loop().time(), not_now)
                return not_now
            self._ahead = int(text) - now
            self._asked_at = now
            return None

    @property
    def _service(self) -> str:
        return f"{self.ovh.url}/sms/{quote(self.ovh.service_name, safe='')}"

    def _signed(self, method: str, url: str, body: bytes = b"") -> Request:
        """Make a request with the signature over its very bytes."""
        secret, consumer = self.reveal(self.ovh.application_secret), self.reveal(self.ovh.consumer_key)
        timestamp = round(self._clock() + self._ahead)
        headers = {
            "X-Ovh-Application": self.ovh.application_key,
            "X-Ovh-Consumer": consumer,
            "X-Ovh-Timestamp": str(timestamp),
            "X-Ovh-Signature": signature(secret, consumer, method, url, body, timestamp),
        }
        return Request(method, url, {**headers, "Content-Type": JSON} if body else headers, body)

    # --- balance and reports --------------------------------------------------------------------------------------

    def balance_request(self) -> Request:
        """Ask for the account."""
        return self._signed("GET", self._service)

    def balance(self, response: Response) -> Balance | None:
        """Read the credits that are left."""
        answer = response.json()
        if response.status != 200 or not isinstance(answer, dict):
            return None
        return balance_of(answer.get("creditsLeft"), "credits")

    def receipt_request(self, ref: str) -> Request | None:
        """Ask what became of a text."""
        return self._signed("GET", f"{self._service}/outgoing/{ref}") if re.fullmatch(r"[0-9]{1,20}", ref) else None

    def receipt_of(self, ref: str, response: Response) -> Receipt | None:
        """Read what became of a text; None while OVH does not say."""
        answer = response.json()
        if response.status != 200 or not isinstance(answer, dict) or str(answer.get("id")) != ref:
            return None
        return ovhwords.polled(ref, answer, response.at)

    def called(self, callback: Callback) -> Called:
        """Check and read a delivery report. Raises `Forged`, ValueError."""
        secret = self.ovh.callback_secret
        prove(callback, self.reveal(secret) if secret else None)
        return ovhwords.called(callback)

    def secret_values(self) -> Iterable[str]:
        """Give the application key too: with it and a leaked secret anybody could send."""
        yield from super().secret_values()
        yield self.ovh.application_key
