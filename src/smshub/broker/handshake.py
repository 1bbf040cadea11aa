"""What a client's opening request (RFC 6455 §4.2.1) says: its topic, its credentials, its origin."""

import base64
import binascii
from collections.abc import Container, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

LONGEST_TOPIC = 255
LONGEST_CREDENTIAL = 1_024
MOST_PARAMETERS = 32


@dataclass(frozen=True, slots=True)
class No:
    """A refusal before the upgrade: an HTTP status and a sentence."""

    status: HTTPStatus
    why: str


@dataclass(frozen=True, slots=True)
class Basic:
    """A name and a password (RFC 7617), as the bytes that were sent. Its repr does not tell the password."""

    name: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"Basic({self.shown})"

    @property
    def shown(self) -> str:
        """The name as it may stand in a log."""
        return repr(self.name[:64])[2:-1]


UNAUTHENTICATED = No(HTTPStatus.UNAUTHORIZED, "A user name and password of this broker are needed.")
FOREIGN = No(HTTPStatus.FORBIDDEN, "Pages of this origin may not connect.")


def topic_of(target: str) -> str | No:
    """Read the topic out of a request's target: any path, one parameter `topic`; other parameters are passed over."""
    try:
        query = urlsplit(target).query
        parameters = parse_qs(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:  # a UnicodeDecodeError is one
        return No(HTTPStatus.BAD_REQUEST, "The query cannot be read.")
    topics = parameters.get("topic", [])
    if topics in ([], [""]):
        return No(HTTPStatus.BAD_REQUEST, "The query names no topic: connect to ...?topic=NAME.")
    if len(topics) > 1:
        return No(HTTPStatus.BAD_REQUEST, "The query names more than one topic.")
    topic = topics[0]
    if len(topic) > LONGEST_TOPIC or not topic.isprintable():
        return No(HTTPStatus.BAD_REQUEST, f"A topic is at most {LONGEST_TOPIC} printable characters.")
    return topic


def check_origin(origins: Sequence[str], allowed: Container[str]) -> No | None:
    """
    Refuse what a page of a foreign origin asks: a browser would send the credentials it knows (RFC 6455 §10.2).

    `origins` are the Origin headers of the request. Programs send none; browsers always send one, be it `null`.
    """
    if not origins:
        return None
    return None if len(origins) == 1 and origins[0].strip().lower() in allowed else FOREIGN


def credentials_of(headers: Sequence[str]) -> Basic | No:
    """Read the Authorization headers of a request; a password may contain colons (RFC 7617 §2)."""
    if len(headers) != 1:
        return UNAUTHENTICATED
    scheme, _, token = headers[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return UNAUTHENTICATED
    try:
        sent = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return UNAUTHENTICATED
    name, colon, password = sent.partition(b":")
    # RFC 7617 §2: neither may hold control characters; in a name they would also reach across lines of the file.
    control = any(byte < 0x20 or byte == 0x7F for byte in sent)
    if not colon or not name or control or max(len(name), len(password)) > LONGEST_CREDENTIAL:
        return UNAUTHENTICATED
    return Basic(name, password)
