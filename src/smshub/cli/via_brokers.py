"""`smshub send --via amqp` and its sisters: a text goes to a broker as OTP-Pi's clients send it, not to a hub."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from smshub.cli.client import Document
from smshub.cli.failure import Exit, Failed
from smshub.cli.via import Text, only, otppi_document

TIMEOUT = 10.0
BROKERS: Final = ("amqp", "redis", "redis-list", "redis-stream", "mqtt", "websocket")


def hand_over(via: str, url: str | None, topic: str, text: Text) -> list[Document]:
    """Publish a document for each recipient; a broker tells no ids. Raises `Failed`."""
    from pydantic import ValidationError  # noqa: PLC0415 - what only these ways need

    from smshub.frontends.carriers.frontend_settings import SETTINGS  # noqa: PLC0415

    only(text, "valid_for", "subject")
    if url is None:
        raise Failed(f"--via {via} needs --broker-url (or SMSHUB_BROKER_URL)", Exit.USAGE)
    carrier, _, mode = via.partition("-")
    more = {"mode": mode} if mode else {}
    try:
        table = {"dialect": "otppi", "carrier": carrier, "url": url, "topic": topic, "account": "-"}
        settings = SETTINGS[carrier].model_validate(table | more)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise Failed(said, Exit.USAGE) from None
    documents = [json.dumps(otppi_document(to, text)).encode() for to in text.to]
    try:
        _WAYS[carrier](settings, documents)
    except Exception as error:  # noqa: BLE001 - each library has its own
        raise Failed(f"{settings.place} has not taken it ({type(error).__name__})") from None
    return [{"id": None, "to": to, "state": "published"} for to in text.to]


def _amqp(settings: Any, documents: list[bytes]) -> None:
    import asyncio  # noqa: PLC0415
    import logging  # noqa: PLC0415

    import aio_pika  # noqa: PLC0415

    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    username, password = settings.credentials()

    async def publish() -> None:
        connection = await aio_pika.connect(
            host=settings.host,
            port=settings.port,
            login=username or "guest",
            password=password or "guest",
            virtualhost=settings.vhost,
            ssl=settings.secure,
            ssl_context=settings.context(),
            timeout=TIMEOUT,
        )
        async with connection:
            channel = await connection.channel(on_return_raises=True)
            for document in documents:
                message = aio_pika.Message(document, delivery_mode=2, content_type="application/json")
                await channel.default_exchange.publish(message, settings.topic, timeout=TIMEOUT)

    asyncio.run(publish())


def _redis(settings: Any, documents: list[bytes]) -> None:
    import redis  # noqa: PLC0415

    username, password = settings.credentials()
    client = redis.Redis(
        host=settings.host,
        port=settings.port,
        db=settings.database,
        username=username,
        password=password,
        ssl=settings.secure,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
    )
    with client:
        for document in documents:
            match settings.mode:
                case "list":
                    client.rpush(settings.topic, document)
                case "stream":
                    client.xadd(settings.topic, {"document": document})
                case _:
                    if not client.publish(settings.topic, document):
                        raise ConnectionError("nobody listens")


def _mqtt(settings: Any, documents: list[bytes]) -> None:
    import time  # noqa: PLC0415

    from paho.mqtt.client import Client as Session  # noqa: PLC0415
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode  # noqa: PLC0415

    username, password = settings.credentials()
    session = Session(CallbackAPIVersion.VERSION2)
    session.connect_timeout = TIMEOUT
    if username is not None:
        session.username_pw_set(username, password)
    context = settings.context()
    if context is not None:
        session.tls_set_context(context)
    session.connect(settings.host, settings.port)
    published = [session.publish(settings.topic, document, qos=1) for document in documents]
    until = time.monotonic() + TIMEOUT
    while not all(one.is_published() for one in published):
        if session.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > until:
            raise ConnectionError
    session.disconnect()


def _websocket(settings: Any, documents: list[bytes]) -> None:
    import base64  # noqa: PLC0415

    from websockets.sync.client import connect  # noqa: PLC0415

    from smshub.frontends.carriers.websocket import address  # noqa: PLC0415

    username, password = settings.credentials()
    pair = base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"} if username is not None else {}
    with connect(
        address(settings, settings.topic),
        additional_headers=headers,
        ssl=settings.context(),
        proxy=None,
        open_timeout=TIMEOUT,
    ) as connection:
        for document in documents:
            connection.send(document.decode())


_WAYS: Final[Mapping[str, Callable[[Any, list[bytes]], None]]] = {
    "amqp": _amqp,
    "redis": _redis,
    "mqtt": _mqtt,
    "websocket": _websocket,
}
