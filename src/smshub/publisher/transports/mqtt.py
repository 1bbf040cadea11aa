"""
MQTT: QoS 1, and the broker's PUBACK awaited.

With version 5 the broker also says when nobody subscribes, or we may not publish; with 3.1.1 it takes such a request
all the same. A broker that does not know version 5 is spoken to in 3.1.1.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from smshub.publisher.exchange import Next, Publish, Refused
from smshub.publisher.settings import Settings

KEEPALIVE: Final = 30
NO_SUBSCRIBERS: Final = 0x10  # MQTT 5 §3.4.2.1
FAILURE: Final = 0x80
UNSUPPORTED_VERSION: Final = 0x84  # §3.2.2.2; 3.1.1's CONNACK 1, as paho gives it
CREDENTIALS: Final = frozenset({0x86, 0x87})


class Transport:
    """A session at an MQTT broker, of a name that nobody else has."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = settings.context()
        self._version = settings.version
        self._connecting = asyncio.Lock()
        self._link: Link | None = None

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[Publish]:
        """See that there is a connection."""
        await self._connect()
        yield self._publish

    async def _connect(self) -> None:
        """Connect where there is no connection."""
        async with self._connecting:
            if self._link is not None and not self._link.lost.done():
                return
            await self.close()
            try:
                self._link = await self._connected()
            except Unsupported:
                self._version = 3
                self._link = await self._connected()

    async def _connected(self) -> "Link":
        link = Link(self._settings, self._context, self._version)
        try:
            await link.connect()
        except BaseException:
            await link.close()
            raise
        return link

    async def _publish(self, document: bytes) -> None:
        """Publish, and wait for the PUBACK."""
        await self._up().publish(self._settings.topic, document)

    @asynccontextmanager
    async def listening(self, topic: str) -> AsyncIterator[Next]:
        """Subscribe to a topic."""
        link = self._up()
        answers = await link.subscribe(topic)

        async def following() -> bytes:
            body = await answers.get()
            if body is None:
                raise ConnectionError("the connection was lost")
            return body

        try:
            yield following
        finally:
            link.unsubscribe(topic)

    def _up(self) -> "Link":
        if self._link is None:
            raise ConnectionError("not connected")
        return self._link

    async def close(self) -> None:
        """Disconnect."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def _shaking(context: ssl.SSLContext) -> ssl.SSLContext:
    """Have the handshake within `wrap_socket`, which closes the socket where it fails; paho would leave it open."""
    wrap = context.wrap_socket

    def wrap_socket(sock: Any, **options: Any) -> Any:
        return wrap(sock, **{**options, "do_handshake_on_connect": True})

    context.wrap_socket = wrap_socket  # type: ignore[assignment,method-assign]
    return context


class Unsupported(Exception):
    """The broker does not speak this version of MQTT."""


class Link:
    """One connection: paho speaks in a thread of its own, and what it hears is handled on our loop."""

    def __init__(self, settings: Settings, context: Any, version: int) -> None:
        self._settings = settings
        self._version = version
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        # By the id of the packet: what the broker has yet to answer.
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answers: dict[str, asyncio.Queue[bytes | None]] = {}
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{settings.client_id}-{secrets.token_hex(6)}",
            protocol=paho.MQTTv5 if version == 5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = settings.timeout
        if settings.username or settings.password:
            client.username_pw_set(settings.username, settings.password or None)
        if context is not None:
            client.tls_set_context(_shaking(context))
        client.on_connect = lambda client, data, flags, reason, properties: self._hear(self._connack, reason)
        client.on_disconnect = lambda client, data, flags, reason, properties: self._hear(self._lose)
        client.on_publish = lambda client, data, mid, reason, properties: self._hear(self._answered, mid, reason)
        client.on_subscribe = lambda client, data, mid, reasons, properties: self._hear(
            self._answered, mid, reasons[0] if reasons else None
        )
        client.on_message = lambda client, data, message: self._hear(self._arrived, message.topic, message.payload)
        self._client: Any = client

    async def connect(self) -> None:
        """Connect. Raises `Refused`, `Unsupported`, or what the network says."""
        more: dict[str, Any] = {"clean_start": True} if self._version == 5 else {}
        await asyncio.to_thread(self._client.connect, self._settings.host, self._settings.port, KEEPALIVE, **more)
        self._client.loop_start()
        await self._connected

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish at QoS 1, and wait for the broker's word."""
        if self._client is None:
            raise ConnectionError("not connected")
        info = self._client.publish(topic, document, qos=1)
        reason = await self._word(info.rc, info.mid)
        if reason is not None and reason.value == NO_SUBSCRIBERS:
            raise Refused(f"nobody subscribes to {topic!r}")
        if reason is not None and reason.value >= FAILURE:
            raise Refused(str(reason))

    async def subscribe(self, topic: str) -> "asyncio.Queue[bytes | None]":
        """Subscribe, and wait for the SUBACK; gives where the messages come."""
        answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._answers[topic] = answers
        rc, mid = self._client.subscribe(topic, qos=1)
        reason = await self._word(rc, mid)
        if reason is not None and reason.value >= FAILURE:
            raise Refused(f"the subscription to {topic!r} ({reason})")
        return answers

    def unsubscribe(self, topic: str) -> None:
        """Unsubscribe, without waiting for the broker."""
        self._answers.pop(topic, None)
        with suppress(Exception):
            self._client.unsubscribe(topic)

    async def close(self) -> None:
        """Disconnect, and end the thread."""
        with suppress(Exception):
            self._client.disconnect()
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.loop_stop)
            # Without the way back to here it is gone now, and its sockets are closed.
            for name in ("on_connect", "on_disconnect", "on_publish", "on_subscribe", "on_message"):
                setattr(client, name, None)
        self._lose()

    async def _word(self, rc: Any, mid: int | None) -> Any:
        """Wait for the broker's word about a packet; gives its reason code."""
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self.lost.done():
            raise ConnectionError("not connected")
        answered = self._waiting[mid] = self._loop.create_future()
        try:
            return await answered
        finally:
            self._waiting.pop(mid, None)

    # --- what paho's thread tells, on our loop ----------------------------------------------------------------------

    def _hear(self, what: Any, *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(what, *arguments)

    def _connack(self, reason: Any) -> None:
        if self._connected.done():
            return
        if not reason.is_failure:
            self._connected.set_result(None)
        elif reason.value == UNSUPPORTED_VERSION and self._version == 5:
            self._connected.set_exception(Unsupported())
        else:
            self._connected.set_exception(Refused("the credentials" if reason.value in CREDENTIALS else str(reason)))

    def _answered(self, mid: int, reason: Any) -> None:
        answered = self._waiting.get(mid)
        if answered is not None and not answered.done():
            answered.set_result(reason)

    def _arrived(self, topic: str, body: bytes) -> None:
        if topic in self._answers:
            self._answers[topic].put_nowait(body)

    def _lose(self) -> None:
        error = ConnectionError("the connection was lost")
        for future in (self._connected, *self._waiting.values()):
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen: not everybody waits for each of them
        for answers in self._answers.values():
            answers.put_nowait(None)
        if not self.lost.done():
            self.lost.set_result(None)
