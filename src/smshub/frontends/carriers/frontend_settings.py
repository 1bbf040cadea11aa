"""What an operator sets for a door on a broker: `[[frontends]]`, one class for each carrier."""

import re
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, field_serializer, model_validator

from smshub.settings import Secret, Settings, Url, setting, shown_url

# A name that every broker can keep, and nothing that one of them reads as a pattern.
_TOPIC = re.compile(r"[^\x00-\x20\x7f#+*$][^\x00-\x20\x7f#+*]{0,199}")


def _url(value: Any) -> Any:
    """Look a reference (`env:`, `file:`) up, as for the database."""
    if not isinstance(value, str):
        return value
    reference = Secret(value)
    return Url(reference.reveal() if reference.is_reference else value)


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError("must be 1 to 200 characters without blanks, # + * and a $ at its beginning")
    return value


def _allowed(value: str) -> str:
    """Check an entry of the list of callback topics: a name, or the beginning of names and a star."""
    if value != "*":
        _topic(value.removesuffix("*"))
    return value


Topic = Annotated[str, AfterValidator(_topic)]
AllowedTopic = Annotated[str, AfterValidator(_allowed)]


class FrontendTls(Settings):
    """TLS to a broker; the broker's certificate is verified unless that is switched off."""

    ca: str | None = setting(
        "File with the authorities (PEM) that may sign the broker's certificate; without it those of the system.",
        None,
        examples=["broker-ca.crt"],
    )
    certificate: str | None = setting("File with our own certificate (PEM), where the broker asks for one.", None)
    key: str | None = setting("File with its private key (PEM).", None)
    verify: bool = setting("Whether the broker's certificate and name are verified.", default=True)

    def context(self) -> ssl.SSLContext:
        """Make the context. Raises OSError for files that cannot be read (`ssl.SSLError` is one)."""
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


class FrontendSettings(Settings):
    """What every door on a broker has."""

    SCHEMES: ClassVar[tuple[str, str]] = ("", "")  # plain, and with TLS
    PORTS: ClassVar[tuple[int, int]] = (0, 0)
    ALONE: ClassVar[bool] = False  # whether of several nodes only one may have the door open

    dialect: Literal["otppi"] = setting("What the documents are: otppi (OTP-Pi's JSON).")
    carrier: str
    name: str | None = setting(
        "Name of the door; without it, its carrier and topic.", None, min_length=1, max_length=100, examples=["codes"]
    )
    url: Annotated[Url, BeforeValidator(_url)] = setting(
        "Where the broker is; or env:NAME or file:PATH that holds it, where it has a password."
    )
    username: str | None = setting("Name for signing in, where it is not in the URL.", None)
    password: Secret | None = setting("Password, where it is not in the URL: env:NAME or file:PATH.", None)
    topic: Topic = setting("Topic, queue, list or stream from which documents are taken.", examples=["sms"])
    account: str = setting("Account for which everything that comes here is carried out.", examples=["shop"])
    callback_topics: list[AllowedTopic] = setting(
        'Topics to which answers may go, names or beginnings with a star ("replies-*"); an answer to another is not'
        " sent.",
        [],
        examples=[["replies-*"]],
    )
    tls: FrontendTls | None = setting("TLS, where the authorities of the system are not those of the broker.", None)
    prefetch: int = setting("Most documents that are under way at once.", 200, ge=1, le=10_000)
    backoff_initial: float = setting("Seconds before the first new try to connect.", 0.5, gt=0, le=60)
    backoff_max: float = setting("Most seconds between tries to connect.", 30.0, gt=0, le=3_600)

    @field_serializer("url")
    def _masked(self, url: str) -> str:
        return shown_url(url)

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        plain, secure = self.SCHEMES
        try:
            parts = urlsplit(self.url)
            bad = parts.scheme not in self.SCHEMES or not parts.hostname or parts.port == 0
        except ValueError:
            bad = True
        if bad:
            raise ValueError(f"url must look like {plain}://HOST:PORT or, with TLS, {secure}://HOST:PORT")
        if self.tls is not None and not self.secure:
            raise ValueError(f"tls is set and the url begins with {plain}://; write {secure}://")
        return self

    @property
    def title(self) -> str:
        """The name, or what stands in for it."""
        return self.name or f"{self.carrier}-{self.topic}"

    @property
    def alone(self) -> bool:
        """Whether of several nodes with one database only one may have the door open."""
        return self.ALONE

    @property
    def secure(self) -> bool:
        """Whether the connection has TLS."""
        return urlsplit(self.url).scheme == self.SCHEMES[1]

    @property
    def host(self) -> str:
        """The broker's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port."""
        return urlsplit(self.url).port or self.PORTS[self.secure]

    @property
    def place(self) -> str:
        """The URL without credentials and query, to be shown and compared."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{host}:{self.port}{parts.path}"

    def credentials(self) -> tuple[str | None, str | None]:
        """Give name and password, from their own keys or else from the URL. Raises `SecretMissing`."""
        parts = urlsplit(self.url)
        username = self.username if self.username is not None else parts.username and unquote(parts.username)
        if self.password is not None:
            return username, self.password.reveal()
        return username, parts.password and unquote(parts.password)

    def context(self) -> ssl.SSLContext | None:
        """Make the context for TLS, None where there is none. Raises OSError for files that cannot be read."""
        return (self.tls or FrontendTls()).context() if self.secure else None


class AmqpSettings(FrontendSettings):
    """A queue of RabbitMQ or another AMQP 0-9-1 broker; acknowledged when the text is on disk."""

    SCHEMES = ("amqp", "amqps")
    PORTS = (5672, 5671)

    carrier: Literal["amqp"] = setting("How the documents arrive.")
    durable: bool = setting(
        "Whether the queue, where it has to be declared, outlives the broker; one that is there is taken as it is.",
        default=True,
    )

    @property
    def vhost(self) -> str:
        """The virtual host (the path of the URL; without one, /)."""
        return unquote(urlsplit(self.url).path[1:]) or "/"


class RedisSettings(FrontendSettings):
    """A channel, list or stream of Redis."""

    SCHEMES = ("redis", "rediss")
    PORTS = (6379, 6379)

    carrier: Literal["redis"] = setting("How the documents arrive.")
    mode: Literal["pubsub", "list", "stream"] = setting(
        "pubsub (what OTP-Pi's clients speak; a document published while the hub is away is lost), list (RPUSH) or"
        " stream (XADD, member document): these two are kept until the text is on disk.",
        "pubsub",
    )
    group: str = setting("Consumer group of a stream.", "smshub", min_length=1, max_length=100)
    consumer: Annotated[str, AfterValidator(lambda name: name or socket.gethostname())] = setting(
        "Name of this hub among those that take from one list or stream, the same at every start; empty means the name"
        " of the host.",
        "",
        validate_default=True,
        max_length=100,
    )

    @property
    def alone(self) -> bool:
        """A channel delivers to every client; from a list or a stream each document goes to one."""
        return self.mode == "pubsub"

    @property
    def database(self) -> int:
        """Number of the database (the path of the URL)."""
        return int(urlsplit(self.url).path[1:] or 0)

    @model_validator(mode="after")
    def _check_database(self) -> Self:
        if not re.fullmatch(r"/?|/[0-9]{1,4}", urlsplit(self.url).path):
            raise ValueError("the path of the url must be the number of a database, such as /0")
        return self


class MqttSettings(FrontendSettings):
    """A topic of an MQTT broker; acknowledged when the text is on disk, with QoS 1."""

    SCHEMES = ("mqtt", "mqtts")
    PORTS = (1883, 8883)
    ALONE = True  # two clients of one name end each other's connection

    carrier: Literal["mqtt"] = setting("How the documents arrive.")
    qos: Literal[0, 1] = setting("Quality of service; with 0 a document may be lost.", 1)
    client_id: str = setting(
        "Name of our session at the broker, which keeps documents for it while the hub is away; no two clients of a"
        " broker may share one.",
        "smshub",
        min_length=1,
        max_length=100,
    )


class WebsocketSettings(FrontendSettings):
    """A topic of a WebSocket message broker; it keeps nothing, so a document is lost while the hub is away."""

    SCHEMES = ("ws", "wss")
    PORTS = (80, 443)
    ALONE = True  # a frame goes to every client

    carrier: Literal["websocket"] = setting("How the documents arrive.")


SETTINGS: Mapping[str, type[FrontendSettings]] = {
    "amqp": AmqpSettings,
    "redis": RedisSettings,
    "mqtt": MqttSettings,
    "websocket": WebsocketSettings,
}


SAMPLE_URLS: Mapping[str, str] = {
    "amqp": "amqp://guest:guest@127.0.0.1:5672/",
    "redis": "redis://127.0.0.1:6379/0",
    "mqtt": "mqtt://127.0.0.1:1883",
    "websocket": "ws://127.0.0.1:9000/",
}


def missing_files(settings: FrontendSettings) -> list[tuple[str, str]]:
    """Tell the keys of `tls` whose files cannot be read, each with its file."""
    found = []
    for key in ("ca", "certificate", "key"):
        file = getattr(settings.tls, key, None)
        if file is not None and not Path(file).is_file():
            found.append((key, file))
    return found
