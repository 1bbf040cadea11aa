"""The doors that the load generator can knock at: what a request looks like and what counts as accepted."""

import base64
import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

# A number and a tag are patched into the request; both have a fixed width, so its length never changes.
NUMBER = b"%08d"
RECIPIENT = "+49151"
WORDS = " Your code is 482911. It is valid for five minutes."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls which address, with what name and password, and under which run's tags."""

    host: str
    port: int
    username: str
    password: str
    run: str
    message_class: str | None = None
    recipient: str = RECIPIENT


@dataclass(frozen=True, slots=True)
class Door:
    """
    One way in.

    `template` is a whole HTTP request in which the counter is filled in twice by `%`: as the end of the recipient's
    number and as the end of the tag. `accepted` reads the status and the answer's bytes.
    """

    template: bytes
    accepted: Callable[[bytes, bytes], bool]

    def request(self, counter: int) -> bytes:
        """Give the bytes of one request."""
        return self.template % (counter, counter)


def tag_of(run: str, counter: int) -> str:
    """Give the tag that begins the text with this counter."""
    return f"{run}-{counter:08d}"


def check_loopback(host: str) -> None:
    """Refuse to load anything but this machine. Raises `ValueError`."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address; load goes to this machine only")


def _message(caller: Caller) -> tuple[bytes, bytes]:
    """Give the recipient and the text, each with a place for the counter."""
    return caller.recipient.encode() + NUMBER, caller.run.encode() + b"-" + NUMBER + WORDS.encode()


def _basic(caller: Caller) -> bytes:
    return b"Basic " + base64.b64encode(f"{caller.username}:{caller.password}".encode())


def _post(caller: Caller, path: str, content_type: str, body: bytes, extra: bytes = b"") -> bytes:
    """Write a POST whose body holds the two places for the counter."""
    length = len(body % (0, 0))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {caller.host}:{caller.port}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n"
    )
    return head.replace("%", "%%").encode() + extra + b"\r\n" + body


def v1(caller: Caller) -> Door:
    """The native door: JSON and Basic authentication; 202 is yes."""
    to, text = _message(caller)
    body = b'{"to": "' + to + b'", "text": "' + text + b'"'
    if caller.message_class:
        body += b', "class": ' + json.dumps(caller.message_class).encode()
    body += b"}"
    extra = b"Authorization: " + _basic(caller) + b"\r\n"
    return Door(
        _post(caller, "/v1/messages", "application/json", body, extra), lambda status, answer: status.startswith(b"2")
    )


def soap(caller: Caller) -> Door:
    """SMSHub's SOAP 1.1: the credentials are in the envelope; code 1 is yes."""
    to, text = _message(caller)
    body = (
        b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:smshub">'
        b"<soapenv:Header/><soapenv:Body><urn:smshubSend><username>" + caller.username.encode() + b"</username>"
        b"<password>" + caller.password.encode() + b"</password><mobile><String>" + to + b"</String></mobile><text>"
        b"" + text + b"</text><type>Normal</type><sender></sender><client>bench</client><source>127.0.0.1</source>"
        b"</urn:smshubSend></soapenv:Body></soapenv:Envelope>"
    )
    return Door(
        _post(caller, "/smshub/", "application/xml", body),
        lambda status, answer: status.startswith(b"2") and b">1</code>" in answer,
    )


def jsonrpc(caller: Caller) -> Door:
    """SMSHub's JSON-RPC: the credentials are in the params; code 1 is yes."""
    to, text = _message(caller)
    params = json.dumps({"username": caller.username, "password": caller.password, "client": "bench"}).encode()[:-1]
    body = (
        b'{"jsonrpc": "2.0", "method": "smshubSend", "params": ' + params + b', "mobile": ["' + to + b'"], "text": "'
        b"" + text + b'", "type": "Normal", "source": "127.0.0.1"}, "id": 1}'
    )
    return Door(
        _post(caller, "/smshub/", "application/json", body),
        lambda status, answer: status.startswith(b"2") and b'"code":1' in answer,
    )


def otppi(caller: Caller) -> Door:
    """OTP-Pi's JSON over HTTP, with Basic authentication; response code 0000 is yes."""
    to, text = _message(caller)
    body = b'{"command": "send-sms", "data": {"receiver": "' + to + b'", "message": "' + text + b'"}}'
    extra = b"Authorization: " + _basic(caller) + b"\r\n"
    return Door(
        _post(caller, "/api/message", "application/json", body, extra),
        lambda status, answer: status.startswith(b"2") and b'"0000"' in answer,
    )


def kannel(caller: Caller) -> Door:
    """Kannel's `sendsms`: everything in the query; 202 is yes (smsbox answers when bearerbox has stored it)."""
    to, _ = _message(caller)
    words = quote_plus(WORDS).replace("%", "%%").encode()
    text = caller.run.encode() + b"-" + NUMBER + words
    query = f"username={caller.username}&password={caller.password}&from=bench".encode()
    line = b"GET /cgi-bin/sendsms?" + query + b"&to=" + to.replace(b"+", b"%%2B") + b"&text=" + text + b" HTTP/1.1\r\n"
    return Door(
        line + f"Host: {caller.host}:{caller.port}\r\nConnection: keep-alive\r\n\r\n".encode(),
        lambda status, answer: status == b"202",
    )


DOORS: Mapping[str, Callable[[Caller], Door]] = {
    "v1": v1,
    "soap": soap,
    "jsonrpc": jsonrpc,
    "otppi": otppi,
    "kannel": kannel,
}
