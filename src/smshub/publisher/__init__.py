"""
The client library: an application's way to the hub, or to an OTP-Pi, over REST, RabbitMQ, Redis, MQTT or WebSocket.

`Publisher.from_ini("publisher.ini")` reads the file of OTP-Publisher; `AsyncPublisher` is the same for asyncio.
Nothing but the standard library is loaded until a transport is used.
"""

from smshub.publisher.answers import Answer
from smshub.publisher.blocking import Publisher
from smshub.publisher.client import AsyncPublisher
from smshub.publisher.errors import (
    BadAnswer,
    CacheError,
    ConfigError,
    ConfigWarning,
    InvalidArgument,
    NoAnswer,
    NotSent,
    PublisherError,
    Unconfirmed,
)
from smshub.publisher.settings import Settings

__all__ = [
    "Answer",
    "AsyncPublisher",
    "BadAnswer",
    "CacheError",
    "ConfigError",
    "ConfigWarning",
    "InvalidArgument",
    "NoAnswer",
    "NotSent",
    "Publisher",
    "PublisherError",
    "Settings",
    "Unconfirmed",
]
