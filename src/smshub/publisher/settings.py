"""What a publisher is told: one flat value, whichever way it speaks."""

import os
import re
import ssl
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from smshub.publisher.errors import ConfigError

METHODS: Final = ("REST", "REDIS", "AMQP", "MQTT", "WS")
PORTS: Final = {"REDIS": (6379, 6379), "AMQP": (5672, 5671), "MQTT": (1883, 8883), "WS": (9000, 9000)}  # plain, TLS
MODES: Final = ("pubsub", "list", "stream")
EMAIL_COMMANDS: Final = ("send-email", "send-mail")

# A name that every broker can keep, and nothing that one of them reads as a pattern.
_TOPIC: Final = re.compile(r"[^\x00-\x20\x7f#+*$][^\x00-\x20\x7f#+*]{0,149}")
SHORTEST_KEY: Final = 32

# Numbers: the least and the most that each may be.
_RANGES: Final = {
    "port": (1, 65_535),
    "database": (0, 9_999),
    "callback_delay": (0, 10_000),
    "timeout": (0.1, 600),
    "cache_max_age": (0, 604_800),
    "max_lifetime": (1, 86_400),
    "max_tries": (1, 100),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    How a publisher speaks, where to, and as whom. Raises `ConfigError` for what cannot work.

    `method` is REST, REDIS, AMQP, MQTT or WS. REST needs `url`, the others `host` and `topic`. `username` and
    `password` are sent; a password or `cache_key` may be a reference, `env:NAME` or `file:PATH` (its first line).
    `tls` encrypts the way to a broker, `ca` is a file of authorities (PEM) in place of the system's.

    `callback_topic` is how the topics begin on which answers are awaited; without it nobody is asked to answer.
    `timeout` are the seconds for connecting, for a confirmation, and for an answer beyond `callback_delay` (ms).

    With `manage_otp` codes are made and checked here, in `cache_dir`; a code lives `max_lifetime` seconds at most, and
    stands `max_tries` checks. `send_expiration` tells the server when a text is worth nothing any more.
    `email_command` is what an e-mail is asked for with. `mode` and `database` are Redis', `vhost` AMQP's, `client_id`
    and `version` (3 or 5) MQTT's, `path` WebSocket's.
    """

    method: str
    url: str = ""
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    topic: str = "sms"
    path: str = "/"
    vhost: str = "/"
    mode: str = "pubsub"
    database: int = 0
    client_id: str = "publisher"
    version: int = 5
    tls: bool = False
    ca: str = ""
    callback_topic: str = ""
    callback_delay: int = 10
    timeout: float = 10.0
    manage_otp: bool = False
    cache_dir: str = ""
    cache_key: str = field(default="", repr=False)
    cache_max_age: float = 300.0
    max_lifetime: float = 600.0
    max_tries: int = 5
    send_expiration: bool = True
    email_command: str = "send-email"

    def __post_init__(self) -> None:
        """Look references up, fill in what the method implies, and check."""
        self._check_kinds()
        self._set("method", self.method.upper())
        _one_of("method", self.method, METHODS)
        for key in ("password", "cache_key"):
            self._set(key, reveal(getattr(self, key), key))
        if self.method == "REST":
            self._check_url()
        else:
            self._check_broker()
        for key, (least, most) in _RANGES.items():
            value = getattr(self, key)
            if (key != "port" or self.method != "REST") and not (isfinite(value) and least <= value <= most):
                raise ConfigError(f"must be from {least} to {most}", key)
        _one_of("email_command", self.email_command, EMAIL_COMMANDS)
        if self.manage_otp and not self.cache_dir:
            raise ConfigError("is missing, and manage_otp needs it", "cache_dir")
        if self.cache_key and len(self.cache_key) < SHORTEST_KEY:
            raise ConfigError(f"must have at least {SHORTEST_KEY} characters", "cache_key")

    def _set(self, key: str, value: Any) -> None:
        object.__setattr__(self, key, value)

    def _check_kinds(self) -> None:
        for one in fields(self):
            value, kind = getattr(self, one.name), one.type
            fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)  # type: ignore[arg-type]
            if not fits or (isinstance(value, bool) and kind is not bool):
                raise ConfigError(f"must be of the type {kind.__name__}", one.name)  # type: ignore[union-attr]

    def _check_url(self) -> None:
        if not self.url:
            raise ConfigError("is missing", "url")
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or not self.url.isprintable() or " " in self.url:
            raise ConfigError("must look like http://HOST:PORT/api/otp", "url")
        if parts.username is not None or parts.password is not None:
            raise ConfigError("must hold no credentials; write username and password", "url")
        if not self.username:
            raise ConfigError("is missing", "username")

    def _check_broker(self) -> None:
        if not self.host:
            raise ConfigError("is missing", "host")
        if not self.host.isprintable() or set("/@ ") & set(self.host):
            raise ConfigError("must be a name or an address, without a scheme, a port and a path", "host")
        if not self.port:
            self._set("port", PORTS[self.method][self.tls])
        if not _TOPIC.fullmatch(self.topic):
            raise ConfigError("must be 1 to 150 characters without blanks, # + * and a $ at its beginning", "topic")
        self._set("callback_topic", self.callback_topic.removesuffix("*"))
        if self.callback_topic and (not _TOPIC.fullmatch(self.callback_topic) or self.callback_topic == self.topic):
            raise ConfigError("must be the beginning of topics for answers, such as replies-", "callback_topic")
        if not self.path.startswith("/") or not self.path.isprintable() or set("?# ") & set(self.path):
            raise ConfigError("must begin with / and hold no query", "path")
        if not self.client_id or len(self.client_id) > 100 or not self.client_id.isprintable():
            raise ConfigError("must be 1 to 100 characters", "client_id")
        _one_of("mode", self.mode, MODES)
        if self.version not in {3, 5}:
            raise ConfigError("must be 3 or 5", "version")
        if self.ca and not self.tls:
            raise ConfigError("is set and tls is not", "ca")

    @property
    def place(self) -> str:
        """Where it speaks to, for people; no credentials are in it."""
        if self.method == "REST":
            return self.url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.method.lower()}{'s' if self.tls else ''}://{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """Make the context for TLS, None where there is none; certificates are always verified. Raises OSError."""
        if not (self.tls or self.url.startswith("https:")):
            return None
        context = ssl.create_default_context(cafile=self.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def reveal(reference: str, key: str) -> str:
    """Give a secret, looked up where it is a reference. Raises `ConfigError`, which names the place."""
    kind, colon, place = reference.partition(":")
    if colon and kind == "env":
        if not (value := os.environ.get(place)):
            raise ConfigError(f"names the environment variable {place}, which is not set", key)
        return value
    if colon and kind == "file":
        try:
            lines = Path(place).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"names the file {place}, which cannot be read ({type(error).__name__})", key) from None
        if not lines or not lines[0]:
            raise ConfigError(f"names the file {place}, which is empty", key)
        return lines[0]
    return reference


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"must be one of {', '.join(known)}", key)
