"""
Redis: a channel (pub/sub), a list or a stream.

A channel keeps nothing. From a list each document is moved to a list of this hub's own, and removed from there when it
is on disk; from a stream it is read by a consumer group and acknowledged then. What a hub had under way when it was
killed is found there at its next start. https://redis.io/docs/latest/commands/lmove/
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, assert_never

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from smshub.frontends.carriers.consumer import Consumer, Received, reference_of
from smshub.frontends.carriers.frontend_settings import FrontendTls, RedisSettings

TIMEOUT = 10.0
HEALTH_CHECK = 15
DRAIN = 8.0
# Seconds that a blocking command waits; so long does the door take to notice that it shall stop.
BLOCK = 0.5
# Documents taken in one exchange.
MOST_AT_ONCE = 100
# What another hub has had under way for so long, it is taken to have left behind.
ABANDONED_MS = 60_000
LOOK_FOR_ABANDONED = 30.0
MEMBER = b"document"


class Carrier:
    """One channel, list or stream."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        match settings.mode:
            case "pubsub":
                self._way: Channel | List | Stream = Channel(settings)
            case "list":
                self._way = List(settings)
            case "stream":
                self._way = Stream(settings)
            case _:
                assert_never(settings.mode)

    async def session(self, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take documents until the connection is lost, which raises, or the door stops."""
        client = connect(self._settings)
        try:
            await client.ping()
            consumer.publisher = Answers(client, self._settings.mode)
            await self._way.session(client, consumer, up)
        finally:
            consumer.publisher = None
            with suppress(Exception):
                await client.aclose()


def connect(settings: RedisSettings) -> Any:
    """Make a client; it connects when it is used, and does not connect again by itself."""
    username, password = settings.credentials()
    more: dict[str, Any] = {}
    if settings.secure:
        tls = settings.tls or FrontendTls()
        more = {
            "ssl": True,
            "ssl_ca_certs": tls.ca,
            "ssl_certfile": tls.certificate,
            "ssl_keyfile": tls.key,
            "ssl_cert_reqs": "required" if tls.verify else "none",
            "ssl_check_hostname": tls.verify,
        }
    return Redis(
        host=settings.host,
        port=settings.port,
        db=settings.database,
        username=username,
        password=password,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK,
        client_name="smshub",
        retry=Retry(NoBackoff(), 0),
        **more,
    )


class Answers:
    """Publishes answers in kind: to a channel, onto a list, into a stream."""

    def __init__(self, client: Any, mode: str) -> None:
        self._client = client
        self._mode = mode

    async def publish(self, topic: str, document: bytes) -> None:
        """Publish an answer."""
        match self._mode:
            case "pubsub":
                await self._client.publish(topic, document)
            case "list":
                await self._client.rpush(topic, document)
            case _:
                await self._client.xadd(topic, {MEMBER: document})


class Channel:
    """Pub/sub: a document that is published while nobody listens is lost."""

    def __init__(self, settings: RedisSettings) -> None:
        self._topic = settings.topic

    async def session(self, client: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take what is published."""
        pubsub = client.pubsub(ignore_subscribe_messages=False)
        try:
            await pubsub.subscribe(self._topic)
            while not consumer.stopping.is_set():
                await consumer.wait_for_room()
                message = await pubsub.get_message(timeout=BLOCK)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    up()
                elif message["type"] == "message":
                    consumer.take(Received(message["data"], _nothing))
            await consumer.drain(DRAIN)
        finally:
            with suppress(Exception):
                await pubsub.aclose()


async def _nothing() -> None:
    """Acknowledge where there is nobody to be told."""


class Finished:
    """Documents that are done with, told to Redis in batches; what a lost connection keeps back is told later."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._some = asyncio.Event()

    def add(self, one: bytes) -> None:
        """Remember one."""
        self._waiting.append(one)
        self._some.set()

    async def tell(self, send: Callable[[list[bytes]], Awaitable[None]]) -> None:
        """Tell all that wait. Raises what stands in the way; they then wait on."""
        batch, self._waiting = self._waiting, []
        self._some.clear()
        if not batch:
            return
        try:
            await send(batch)
        except BaseException:
            self._waiting[:0] = batch
            self._some.set()
            raise

    async def tell_forever(self, send: Callable[[list[bytes]], Awaitable[None]]) -> None:
        """Tell them as they come."""
        while True:
            await self._some.wait()
            await self.tell(send)


async def _while_telling(finished: Finished, send: Any, taking: Any, consumer: Consumer) -> None:
    """Take, while what is done with is told beside it; when the door stops, tell the rest."""
    telling = asyncio.create_task(finished.tell_forever(send))
    taken = asyncio.create_task(taking)
    # Where both end of the broker's going, the one that is raised tells; the other must not be told as forgotten.
    telling.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.wait({telling, taken}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            await telling
        await taken
        await consumer.drain(DRAIN)
    finally:
        for task in (telling, taken):
            task.cancel()
        await asyncio.wait({telling, taken})
    await finished.tell(send)


class List:
    """
    A list: documents are taken from its left and pushed onto its right.

    `_held` counts those under way or not yet told; whatever else stands in the list of this hub's own was left there
    by a hub that was killed, or by an answer of Redis that was lost.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._topic = settings.topic
        self._own = f"{settings.topic}:processing:{settings.consumer}"
        self._held: Counter[bytes] = Counter()
        self._finished = Finished()

    async def session(self, client: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take what is pushed."""

        async def send(batch: list[bytes]) -> None:
            pipeline = client.pipeline(transaction=False)
            for body in batch:
                pipeline.lrem(self._own, 1, body)
            await pipeline.execute()
            self._held -= Counter(batch)

        await self._finished.tell(send)
        await _while_telling(self._finished, send, self._take(client, consumer, up), consumer)
        await self._give_back(client)

    async def _give_back(self, client: Any) -> None:
        """Put what was moved here and not carried out where it came from, for whoever takes next."""
        pipeline = client.pipeline(transaction=False)
        for _ in range(await client.llen(self._own)):
            pipeline.lmove(self._own, self._topic, "RIGHT", "LEFT")
        await pipeline.execute()

    async def _take(self, client: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        left = Counter(self._held)
        for body in await client.lrange(self._own, 0, -1):
            if left[body] > 0:
                left[body] -= 1
            else:
                await self._one(body, consumer)
        up()
        while not consumer.stopping.is_set():
            room = await consumer.wait_for_room()
            first = await client.blmove(self._topic, self._own, BLOCK, "LEFT", "RIGHT")
            if first is None:
                continue
            await self._one(first, consumer)
            pipeline = client.pipeline(transaction=False)
            for _ in range(min(room - 1, MOST_AT_ONCE)):
                pipeline.lmove(self._topic, self._own, "LEFT", "RIGHT")
            for body in await pipeline.execute():
                if body is not None:
                    await self._one(body, consumer)

    async def _one(self, body: bytes, consumer: Consumer) -> None:
        await consumer.wait_for_room()

        async def acknowledge() -> None:
            self._finished.add(body)

        self._held[body] += 1
        consumer.take(Received(body, acknowledge))


class Stream:
    """A stream, read by a consumer group. `_held` are the entries under way or not yet told."""

    def __init__(self, settings: RedisSettings) -> None:
        self._topic = settings.topic
        self._group = settings.group
        self._consumer = settings.consumer
        self._place = settings.place
        self._held: set[bytes] = set()
        self._finished = Finished()

    async def session(self, client: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        """Take what is added."""

        async def send(batch: list[bytes]) -> None:
            await client.xack(self._topic, self._group, *batch)
            self._held.difference_update(batch)

        try:
            # From the beginning: what was added before the hub's first start is a request too.
            await client.xgroup_create(self._topic, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        await self._finished.tell(send)
        await _while_telling(self._finished, send, self._take(client, consumer, up), consumer)

    async def _take(self, client: Any, consumer: Consumer, up: Callable[[], None]) -> None:
        await self._take_left(client, consumer)
        up()
        loop = asyncio.get_running_loop()
        looked_at = -LOOK_FOR_ABANDONED
        while not consumer.stopping.is_set():
            room = await consumer.wait_for_room()
            if loop.time() - looked_at > LOOK_FOR_ABANDONED:
                looked_at = loop.time()
                await self._claim(client, consumer)
            await self._read(client, consumer, ">", min(room, MOST_AT_ONCE), int(BLOCK * 1000))

    async def _take_left(self, client: Any, consumer: Consumer) -> None:
        """Take what this consumer was given before and has not acknowledged."""
        last: bytes | str = "0"
        while (found := await self._read(client, consumer, last, MOST_AT_ONCE, None)) is not None:
            last = found

    async def _claim(self, client: Any, consumer: Consumer) -> None:
        """Take over what other consumers have left behind."""
        start: bytes | str = "0-0"
        while True:
            start, entries, *_ = await client.xautoclaim(
                self._topic, self._group, self._consumer, ABANDONED_MS, start, count=MOST_AT_ONCE
            )
            for entry_id, members in entries:
                await self._one(entry_id, members, consumer)
            if start in {b"0-0", "0-0"}:
                return

    async def _read(
        self, client: Any, consumer: Consumer, after: bytes | str, count: int, block: int | None
    ) -> bytes | None:
        """Read some entries and take them; gives the id of the last one."""
        found = await client.xreadgroup(
            self._group, self._consumer, {self._topic: after}, count=max(1, count), block=block
        )
        last = None
        for _, entries in found.items() if isinstance(found, dict) else found or ():
            for entry_id, members in entries:
                await self._one(entry_id, members, consumer)
                last = entry_id
        return last

    async def _one(self, entry_id: bytes, members: Mapping[bytes, bytes] | None, consumer: Consumer) -> None:
        if entry_id in self._held:
            return
        await consumer.wait_for_room()

        async def acknowledge() -> None:
            self._finished.add(entry_id)

        self._held.add(entry_id)
        key = reference_of("redis", self._place, self._topic, entry_id.decode())
        consumer.take(Received(document_of(members), acknowledge, key))


def document_of(members: Mapping[bytes, bytes] | None) -> bytes:
    """Give the document of an entry: its member `document`, or its only one; anything else as it is, to be parked."""
    if not members:
        return b""
    if MEMBER in members:
        return members[MEMBER]
    if len(members) == 1:
        return next(iter(members.values()))
    return msgspec.json.encode({str(name, "utf-8", "replace"): repr(value) for name, value in members.items()})
