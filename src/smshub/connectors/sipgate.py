"""
sipgate, by its XML-RPC interface (samurai) or by its REST interface (v2).

https://api.sipgate.com/v2/doc. Neither reports what becomes of a text, nor lets the sender of a text be chosen: it is
what the account, or its web SMS extension, is set to.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from smshub.connectors import samurai
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.exchange import (
    JSON,
    Request,
    Response,
    balance_of,
    basic,
    by_status,
    checked_address,
    digits,
    json_body,
    refusal,
)
from smshub.connectors.httpbase import HttpSender, ProviderSettings
from smshub.connectors.rewriting import check, rewrite
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Balance, Deferred, Outcome, Reason, Uncertain
from smshub.domain.message import Message
from smshub.settings import Secret, setting

URLS: Mapping[str, str] = {
    "xmlrpc": "https://samurai.sipgate.net/RPC2",
    "rest": "https://api.sipgate.com/v2",
}
XML = "text/xml"

# In what the REST interface counts money: ten-thousandths. Its own documents do not say it; its clients agree.
FRACTION = 10_000


class Settings(ProviderSettings):
    """One account at sipgate. The parameters of privacyIDEA's sipgate gateway are taken by its names for them too."""

    api: Literal["xmlrpc", "rest"] = setting("Which interface: samurai (xmlrpc) or REST v2 (rest).", "rest")
    url: str | None = setting("Address of the interface; none means sipgate's own.", None)
    username: str = setting("User name (xmlrpc), or id of the personal access token (rest).", min_length=1)
    password: Secret = setting("Password, or the personal access token: env:NAME or file:PATH.")
    sms_id: str = setting("Web SMS extension that sends (rest), such as s0.", "s0", min_length=1, max_length=32)
    local_uri: str | None = setting(
        "SIP address that sends (xmlrpc), one of the account's; none means its first.", None
    )
    regexp: str | None = setting("Rewriting of the number: /pattern/replacement/.", None)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, table: Any) -> Any:
        """Take USERNAME, PASSWORD, PROXY and REGEXP by the names that privacyIDEA gives them."""
        if not isinstance(table, Mapping):
            return table
        named = {key.lower() if key.isupper() else key: value for key, value in table.items()}
        if len(named) < len(table):
            raise ValueError("a setting is given twice, in capitals and in small letters")
        return named

    @field_validator("url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return (checked_address(url) or "").rstrip("/") or None

    @field_validator("regexp")
    @classmethod
    def _regexp(cls, regexp: str | None) -> str | None:
        """Refuse a rule that would never do anything."""
        return check(regexp) if regexp else None


class Connector(HttpSender):
    """Sends each text by a call of its own."""

    settings_class: ClassVar[type[ConnectorSettings]] = Settings
    capabilities = Capabilities()

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.sipgate = settings
        self.url = settings.url or URLS[settings.api]

    def request(self, message: Message) -> Request:
        """Make the call for a message. Raises ValueError where its recipient is no number."""
        number = rewrite(digits(message), self.sipgate.regexp).strip().lstrip("+")
        if self.sipgate.api == "xmlrpc":
            members = {"RemoteUri": f"sip:{number}@sipgate.de", "TOS": "text", "Content": message.text}
            if self.sipgate.local_uri:
                members["LocalUri"] = self.sipgate.local_uri
            return self._call("samurai.SessionInitiate", members)
        fields = {"smsId": self.sipgate.sms_id, "recipient": f"+{number}", "message": message.text}
        headers = {"Authorization": self._basic(), "Content-Type": JSON}
        return Request("POST", f"{self.url}/sessions/sms", headers, json_body(fields))

    def outcome(self, message: Message, response: Response) -> Outcome:
        """Say what an answer means. Of REST only the status tells; of XML-RPC only what is in the answer."""
        if not 200 <= response.status < 300:
            return by_status(response, response.text)
        if self.sipgate.api == "rest":
            # 204 and nothing; but whoever answers a page of his own is not sipgate.
            plain = not response.body.strip() or response.json() is not None
            return Accepted() if plain else Uncertain(detail=f"an unreadable answer: {response.text}")
        try:
            answer = samurai.read(response.body)
        except ValueError as error:
            return Uncertain(detail=f"an unreadable answer ({error}): {response.text}")
        if answer.fault:
            return refusal(Reason.UNKNOWN, f"fault {answer.status}", answer.words)
        if answer.status == samurai.OK:
            session = answer.members.get("SessionID", "").strip()
            return Accepted((session,) if session else ())
        if answer.status == 0 or answer.status in samurai.BROKEN:
            return Uncertain(detail=f"StatusCode {answer.status}: {answer.words}")
        return refusal(samurai.REASONS.get(answer.status, Reason.UNKNOWN), str(answer.status), answer.words)

    async def send(self, message: Message) -> Outcome:
        """Send one message; one that XML cannot hold goes by another connector."""
        if self.sipgate.api == "xmlrpc" and samurai.unwritable(message.text):
            return Deferred(Reason.CONTENT, detail="it holds a character that XML cannot")
        return await super().send(message)

    def balance_request(self) -> Request:
        """Ask what is left on the account."""
        if self.sipgate.api == "xmlrpc":
            return self._call("samurai.BalanceGet")
        return Request("GET", f"{self.url}/balance", {"Authorization": self._basic(), "Accept": JSON})

    def balance(self, response: Response) -> Balance | None:
        """Read what is left on the account."""
        if response.status != 200:
            return None
        if self.sipgate.api == "xmlrpc":
            members = samurai.read(response.body).members
            amount = members.get("CurrentBalance.TotalIncludingVat")
            return balance_of(amount, members.get("CurrentBalance.Currency", "EUR"))
        answer = response.json()
        if not isinstance(answer, dict):
            return None
        found = balance_of(answer.get("amount"), str(answer.get("currency", "EUR")))
        return found and Balance(found.amount / FRACTION, found.unit)

    def secret_values(self) -> Iterable[str]:
        """Give the Basic header too."""
        yield from super().secret_values()
        yield self._basic().removeprefix("Basic ")

    def _call(self, method: str, members: Mapping[str, str] | None = None) -> Request:
        headers = {"Authorization": self._basic(), "Content-Type": XML}
        return Request("POST", self.url, headers, samurai.call(method, members))

    def _basic(self) -> str:
        return basic(self.sipgate.username, self.reveal(self.sipgate.password))
