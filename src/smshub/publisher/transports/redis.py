"""Redis: PUBLISH, RPUSH or XADD, as the `mode` says; answers come in kind."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from smshub.publisher.exchange import Next, Publish, Refused
from smshub.publisher.settings import Settings

MEMBER: Final = "document"
# Milliseconds that a blocking command waits before it is said again.
BLOCK: Final = 60_000


class Transport:
    """Connections to a Redis. With `pubsub` a request that nobody listens for is an error; the others keep it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        settings.context()  # says now what is wrong with the authorities
        self._client: Any = None
        # Lists and streams whose answers did not come in time.
        self._late: set[str] = set()

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[Publish]:
        """See that there is a connection."""
        await self._connect()
        yield self._publish

    async def _connect(self) -> None:
        """Ask whether Redis is there, over a new connection where the old one is gone."""
        had_one = self._client is not None
        try:
            await self._ping()
        except NoPermissionError:
            return  # it may not ask; Redis is there
        except (AuthenticationError, ResponseError):
            raise Refused("the credentials (a Redis without a password takes none)") from None
        except Exception:
            await self.close()
            if not had_one:
                raise
            await self._ping()

    async def _ping(self) -> None:
        if self._client is None:
            self._client = self._made()
        await self._client.ping()

    def _made(self) -> Any:
        settings = self._settings
        more: dict[str, Any] = {}
        if settings.tls:
            more = {"ssl": True, "ssl_ca_certs": settings.ca or None, "ssl_cert_reqs": "required"}
            more |= {"ssl_check_hostname": True, "ssl_min_version": ssl.TLSVersion.TLSv1_2}
        return Redis(
            host=settings.host,
            port=settings.port,
            db=settings.database,
            username=settings.username or None,
            password=settings.password or None,
            socket_connect_timeout=settings.timeout,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            **more,
        )

    async def _publish(self, document: bytes) -> None:
        """Publish, push or add; Redis' answer is the confirmation."""
        topic = self._settings.topic
        try:
            match self._settings.mode:
                case "list":
                    await self._client.rpush(topic, document)
                case "stream":
                    await self._client.xadd(topic, {MEMBER: document})
                case _:
                    if not await self._client.publish(topic, document):
                        raise Refused(f"nobody listens on {topic!r}")
        except ResponseError as error:  # rights, memory, another kind of key; its words may repeat the request
            raise Refused(f"Redis says no ({type(error).__name__})") from None

    @asynccontextmanager
    async def listening(self, topic: str) -> AsyncIterator[Next]:
        """Listen on a channel, a list or a stream of one answer."""
        if self._settings.mode == "pubsub":
            async with self._subscribed(topic) as following:
                yield following
            return
        following = self._from_list(topic) if self._settings.mode == "list" else self._from_stream(topic)
        self._late.add(topic)
        yield following
        with suppress(Exception):
            await self._client.delete(topic)
        self._late.discard(topic)

    @asynccontextmanager
    async def _subscribed(self, topic: str) -> AsyncIterator[Next]:
        pubsub = self._client.pubsub()
        try:
            await pubsub.subscribe(topic)
            while (await pubsub.get_message(timeout=None))["type"] != "subscribe":
                pass

            async def following() -> bytes:
                while (message := await pubsub.get_message(timeout=None))["type"] != "message":
                    pass
                return bytes(message["data"])

            yield following
        finally:
            with suppress(Exception):
                await pubsub.aclose()

    def _from_list(self, topic: str) -> Callable[[], Awaitable[bytes]]:
        async def following() -> bytes:
            while (found := await self._client.blpop([topic], timeout=BLOCK // 1000)) is None:
                pass
            return bytes(found[1])

        return following

    def _from_stream(self, topic: str) -> Callable[[], Awaitable[bytes]]:
        last: Any = "0"

        async def following() -> bytes:
            nonlocal last
            while not (found := await self._client.xread({topic: last}, count=1, block=BLOCK)):
                pass
            [(_, entries)] = found.items() if isinstance(found, dict) else found
            # RESP3 may wrap the entries of a stream once more.
            [(last, members)] = entries[0] if isinstance(entries[0], list) else entries
            return bytes(next(iter(members.values())))

        return following

    async def close(self) -> None:
        """Remove what answers are left, and disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        late, self._late = self._late, set()
        with suppress(Exception):
            if late:
                await client.delete(*late)
        with suppress(Exception):
            await client.aclose()
