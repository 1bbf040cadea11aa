"""
MQTT 3.1.1: a topic at QoS 1, its PUBACK sent by hand; the broker keeps the session while the hub is away.

paho-mqtt does the protocol; here its socket is watched by our loop. https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from smshub.frontends.carriers.consumer import Consumer, Received
from smshub.frontends.carriers.frontend_settings import MqttSettings

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 10.0
KEEPALIVE = 30
DRAIN = 8.0
GRANTED = 0x80  # SUBACK return codes from here on are refusals (MQTT 3.1.1 §3.9.3)


class Carrier:
    """One topic."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings

    async def session(self, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take documents until the connection is lost, which raises, or the door stops."""
        link = Link(self._settings, consumer)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await link.connect()
            consumer.publisher = link
            up()
            await consumer.until_stopping(link.lost)
            if link.lost.done():
                await link.lost
            await consumer.drain(DRAIN)
        finally:
            consumer.publisher = None
            await link.close()


class Link:
    """One connection. A document that comes while the door stops is not acknowledged, and comes again to the next."""

    def __init__(self, settings: MqttSettings, consumer: Consumer) -> None:
        self._settings = settings
        self._consumer = consumer
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._published: dict[int, asyncio.Future[None]] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._socket: Any = None
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(1_000)
        client.connect_timeout = CONNECT_TIMEOUT
        username, password = settings.credentials()
        if username is not None or password is not None:
            client.username_pw_set(username or "", password)
        context = settings.context()
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        self._client = client

    async def connect(self) -> None:
        """Connect and subscribe. Raises what the broker or the network says."""
        # Without callbacks for the socket yet: paho connects, and shakes hands for TLS, in a thread that may block.
        await asyncio.to_thread(self._client.connect, self._settings.host, self._settings.port, KEEPALIVE)
        sock = self._client.socket()
        if sock is None:
            raise ConnectionError("the broker closed the connection")
        self._socket = sock
        self._loop.add_reader(sock.fileno(), self._read)
        self._client.on_socket_register_write = self._want_write
        self._client.on_socket_unregister_write = self._done_writing
        self._client.on_socket_close = self._forget
        self._ticking = asyncio.create_task(self._tick())
        if self._client.want_write():
            self._want_write()
        self._read()
        await self._ready

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish at QoS 1 and wait for the broker's PUBACK."""
        info = self._client.publish(topic, document, qos=1)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError(paho.error_string(info.rc))
        published = self._published[info.mid] = self._loop.create_future()
        try:
            await published
        finally:
            self._published.pop(info.mid, None)

    async def close(self) -> None:
        """Say goodbye; the broker keeps the session."""
        if self._ticking is not None:
            self._ticking.cancel()
        with suppress(Exception):
            self._client.disconnect()
            self._client.loop_write()
        if self._socket is not None:
            self._forget()
            self._socket.close()
        self._lose("closed")

    # --- the socket -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            # What TLS has already taken from the socket, no event tells of.
            pending = getattr(self._client.socket(), "pending", None)
            if pending is None or not pending():
                break

    def _want_write(self, *_: Any) -> None:
        self._loop.add_writer(self._socket.fileno(), self._client.loop_write)

    def _done_writing(self, *_: Any) -> None:
        self._loop.remove_writer(self._socket.fileno())

    def _forget(self, *_: Any) -> None:
        if self._socket.fileno() != -1:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())

    async def _tick(self) -> None:
        while True:
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lose("the broker does not answer")
                return
            await asyncio.sleep(1.0)

    # --- what paho tells --------------------------------------------------------------------------------------------

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._lose(f"the broker refuses the connection: {reason}")
        else:
            client.subscribe(self._settings.topic, qos=self._settings.qos)

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        if any(reason.value >= GRANTED for reason in reasons):
            self._lose("the broker refuses the subscription")
        elif not self._ready.done():
            self._ready.set_result(None)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        mid, qos = message.mid, message.qos

        async def acknowledge() -> None:
            if qos and client.ack(mid, qos) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise ConnectionError("not connected")

        if message.retain:
            # A request that the broker repeats at every subscription would be carried out again each time.
            log.warning("broker.retained", frontend=self._consumer.name, topic=self._settings.topic)
            client.ack(mid, qos)
            return
        self._consumer.take(Received(message.payload, acknowledge))

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        published = self._published.get(mid)
        if published is not None and not published.done():
            published.set_result(None)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._lose(f"the connection was lost: {reason}")

    def _lose(self, why: str) -> None:
        error = ConnectionError(why)
        for future in (self.lost, self._ready, *self._published.values()):
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen: not everybody waits for each of them
