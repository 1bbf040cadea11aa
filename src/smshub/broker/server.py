"""The wire of the broker: WebSocket (RFC 6455) connections, and messages from each to the others of its topic."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import structlog
from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN

from smshub.broker.credentials import Credentials, Verdict
from smshub.broker.handshake import UNAUTHENTICATED, No, check_origin, credentials_of, topic_of
from smshub.config.broker import BrokerSettings, BrokerTls
from smshub.config.values import address

log = structlog.get_logger(__name__)

OPEN_WITHIN = 10.0
CLOSE_WITHIN = 2.0
# Connections beyond max_connections that may be in their handshake, to be told 503; past them they are just cut.
WAITING_ROOM = 64
# A message in more fragments than this is no message but a leak.
MOST_FRAGMENTS = 1_024

FULL = No(HTTPStatus.SERVICE_UNAVAILABLE, "The broker has as many clients as it takes.")
BUSY = No(HTTPStatus.SERVICE_UNAVAILABLE, "Too many credentials are being verified; try again in a moment.")
SLOW_DOWN = No(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong passwords; try again in a minute.")


class _Connection(ServerConnection):
    """A connection that knows its topic, and is cut when what waits to be sent to it grows past a bound."""

    def __init__(self, *args: Any, server_of: "Server", **options: Any) -> None:
        super().__init__(*args, **options)
        self._server_of = server_of
        self.topic = ""
        self.user = ""
        self.active_at = self.loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it from its first moment."""
        super().connection_made(transport)
        if not self._server_of.arrived(self):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._server_of.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pongs to a peer that pings and never reads pile up too."""
        super().data_received(data)
        if self.unsent > self._server_of.settings.send_queue:
            self._server_of.drop(self)

    async def ping(self, data: Any = None) -> Awaitable[float]:
        """Ping without a payload: OTP-Publisher's client answers every ping with an empty pong."""
        return await super().ping(b"" if data is None else data)

    @property
    def unsent(self) -> int:
        """How many bytes wait for the peer to read."""
        return self.transport.get_write_buffer_size()

    @property
    def source(self) -> str:
        """The peer's address."""
        peer = self.remote_address
        return str(peer[0]) if peer else "unknown"


class Server:
    """One listener with its clients and their topics."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self.address = ""
        self._credentials = Credentials(Path(settings.htpasswd))
        self._connections: set[_Connection] = set()
        self._topics: dict[str, set[_Connection]] = {}
        self._clients = 0
        self._idle_task: asyncio.Task[None] | None = None
        self._server: WebSocketServer | None = None

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. Raises OSError where it cannot, also for a certificate that cannot be read."""
        host, port = address(self.settings.listen)
        # The library logs headers, and so credentials, at its debug level; its warnings are all that is wanted.
        logger = logging.getLogger("smshub.broker.websockets")
        logger.setLevel(logging.WARNING)
        tls = self.settings.tls
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=None if tls is None else await asyncio.to_thread(_context, tls),
            process_request=cast("Any", self._answer),
            compression=None,  # a small bomb is a large message
            server_header=None,
            open_timeout=OPEN_WITHIN,
            close_timeout=CLOSE_WITHIN,
            ping_interval=self.settings.ping,
            ping_timeout=self.settings.ping,
            max_size=self.settings.max_message,
            logger=logger,
            create_connection=cast("type[ServerConnection]", partial(_Connection, server_of=self)),
        )
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{'ws' if tls is None else 'wss'}://{shown}:{self._server.sockets[0].getsockname()[1]}"
        if self.settings.idle is not None:
            self._idle_task = asyncio.create_task(self._close_idle(self.settings.idle), name="broker-idle")

    async def stop(self) -> None:
        """Close every connection with 1001, going away; what does not answer within two seconds is cut."""
        if self._idle_task is not None:
            self._idle_task.cancel()
        if self._server is not None:
            for connection in list(self._connections):
                if connection.state is not OPEN:
                    connection.transport.abort()
            self._server.close(code=CloseCode.GOING_AWAY)
            try:
                async with asyncio.timeout(CLOSE_WITHIN + 1):
                    await self._server.wait_closed()
            except TimeoutError:
                for connection in list(self._connections):
                    connection.transport.abort()
        self._credentials.close()

    def arrived(self, connection: _Connection) -> bool:
        """Count a connection; give whether there is room to talk to it at all."""
        self._connections.add(connection)
        return len(self._connections) <= self.settings.max_connections + WAITING_ROOM

    def left(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._leave(connection)

    def drop(self, connection: _Connection) -> None:
        """Cut a connection whose peer does not read. A close frame would only queue behind the rest."""
        if connection in self._connections:
            self.left(connection)
            log.warning(
                "broker.slow_client_dropped", user=connection.user, source=connection.source, unsent=connection.unsent
            )
        connection.transport.abort()

    # --- the handshake ----------------------------------------------------------------------------------------------

    async def _answer(self, connection: _Connection, request: Request) -> Response | None:
        """Refuse an opening request with a plain HTTP answer, or give None for the upgrade to follow."""
        no = await self._why_not(connection, request)
        if no is None:
            return None
        if no.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
            log.info("broker.refused", status=no.status.value, user=connection.user, source=connection.source)
        response = connection.respond(no.status, no.why + "\n")
        if no.status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="smshub broker", charset="UTF-8"'
        elif no.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            response.headers["Retry-After"] = "60" if no is SLOW_DOWN else "5"
        return response

    async def _why_not(self, connection: _Connection, request: Request) -> No | None:
        if self._clients >= self.settings.max_connections:
            return FULL
        if (no := check_origin(request.headers.get_all("Origin"), self.settings.origins)) is not None:
            return no
        sent = credentials_of(request.headers.get_all("Authorization"))
        if isinstance(sent, No):
            return sent
        connection.user = sent.shown
        verdict = await self._credentials.check(sent, source=connection.source)
        if verdict is not Verdict.KNOWN:
            return {Verdict.BUSY: BUSY, Verdict.TOO_MANY_FAILURES: SLOW_DOWN}.get(verdict, UNAUTHENTICATED)
        topic = topic_of(request.path)
        if isinstance(topic, No):
            return topic
        # Others came in while the password was verified.
        if self._clients >= self.settings.max_connections:
            return FULL
        connection.topic = topic
        return None

    # --- messages ---------------------------------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        """Hand each message of a client to the others of its topic, until it leaves."""
        assert isinstance(connection, _Connection)
        self._join(connection)
        log.debug("broker.joined", user=connection.user, source=connection.source, topic=connection.topic)
        try:
            with suppress(ConnectionClosed):
                while (message := await _message(connection)) is not None:
                    connection.active_at = connection.loop.time()
                    self._publish(connection, message)
                await connection.close(CloseCode.POLICY_VIOLATION, "too many fragments")
        finally:
            self._leave(connection)

    def _join(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return  # dropped between its handshake and now
        connection.active_at = connection.loop.time()
        self._topics.setdefault(connection.topic, set()).add(connection)
        self._clients += 1

    def _leave(self, connection: _Connection) -> None:
        members = self._topics.get(connection.topic)
        if members is None or connection not in members:
            return
        self._clients -= 1
        members.discard(connection)
        if not members:
            del self._topics[connection.topic]

    def _publish(self, sender: _Connection, message: str | bytes) -> None:
        text = isinstance(message, str)
        data = message.encode() if isinstance(message, str) else message
        now = sender.loop.time()
        takers: list[_Connection] = []
        for other in list(self._topics.get(sender.topic, ())):
            if other is sender:
                continue
            if other.unsent + len(data) > self.settings.send_queue:
                self.drop(other)
                continue
            other.active_at = now
            takers.append(other)
        broadcast(takers, data, text=text)

    async def _close_idle(self, idle: float) -> None:
        """Close, from time to time, those that have been silent for long."""
        loop = asyncio.get_running_loop()
        closing: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(idle / 4)
            silent_since = loop.time() - idle
            for connection in [one for members in self._topics.values() for one in members]:
                if connection.active_at <= silent_since:
                    self._leave(connection)
                    task = asyncio.create_task(connection.close(CloseCode.NORMAL_CLOSURE, "idle"))
                    closing.add(task)
                    task.add_done_callback(closing.discard)


async def _message(connection: _Connection) -> str | bytes | None:
    """Receive a message, text or binary, with its fragments joined; None for one that has too many."""
    parts: list[str | bytes] = []
    async for part in connection.recv_streaming():
        parts.append(part)
        if len(parts) > MOST_FRAGMENTS:
            return None
    return parts[0] if len(parts) == 1 else type(parts[0])().join(cast("Any", parts))


def _context(tls: BrokerTls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    return context
