"""The table of the built-in WebSocket message broker."""

from typing import Annotated

from pydantic import AfterValidator

from smshub.config.values import host_and_port, web_origin
from smshub.settings import Settings, setting


class BrokerTls(Settings):
    """The certificate with which the broker speaks wss:// (TLS 1.2 or newer) instead of ws://."""

    certificate: str = setting("File with the certificate and its chain (PEM).", examples=["hub.crt"])
    key: str = setting("File with the private key (PEM), readable by its owner only.", examples=["hub.key"])


class BrokerSettings(Settings):
    """A WebSocket message broker for OTP-Pi, OTP-Publisher and the like; it runs only where this table is written."""

    listen: Annotated[str, AfterValidator(host_and_port)] = setting(
        "Address and port of its listener.", "127.0.0.1:9000"
    )
    htpasswd: str = setting(
        "File with a line user:hash for each who may connect (bcrypt, $apr1$ or {SHA}); read anew when it changes.",
        examples=["brokers.htpasswd"],
    )
    origins: list[Annotated[str, AfterValidator(web_origin)]] = setting(
        "Origins whose pages may connect from a browser; programs that send no Origin header always may.",
        [],
        examples=[["https://shop.example"]],
    )
    max_message: int = setting("Largest message, whole or in fragments, in bytes.", 65_536, ge=125, le=16_777_216)
    max_connections: int = setting("Most clients at once; one more is answered 503.", 1_000, ge=1, le=100_000)
    send_queue: int = setting(
        "Bytes that may wait for a client that reads too slowly; past them it is disconnected.",
        1_048_576,
        ge=65_536,
        le=268_435_456,
    )
    ping: float = setting(
        "Seconds between pings; a client that does not answer for as long again is disconnected.",
        20.0,
        ge=0.1,
        le=3_600,
    )
    idle: float | None = setting(
        "Seconds after which a client with no message in either direction is disconnected; without it, never.",
        None,
        ge=0.1,
        le=604_800,
        examples=[86_400],
    )
    tls: BrokerTls | None = setting("Speak wss:// instead of ws://.", None)
