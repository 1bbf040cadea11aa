"""Programs that speak through brokers as a user's would: they publish documents and wait for answers."""

import asyncio
import contextlib
import itertools
import json
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aio_pika
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

WITHIN = 15.0
Listen = Callable[[int], list[dict[str, Any]]]


def read(documents: list[Any]) -> list[dict[str, Any]]:
    """Read answers."""
    return [json.loads(document) for document in documents]


class Amqp:
    """A program on RabbitMQ: persistent documents, each confirmed."""

    def __init__(self, port: int, topic: str) -> None:
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        self.topic = topic

    def publish(self, *documents: bytes, message_id: str | None = None) -> None:
        """Publish, and wait until the broker has confirmed each."""

        async def run() -> None:
            connection = await aio_pika.connect(self.url, timeout=WITHIN)
            async with connection:
                exchange = (await connection.channel()).default_exchange
                for at in range(0, len(documents), 1_000):
                    messages = [
                        aio_pika.Message(document, delivery_mode=2, message_id=message_id)
                        for document in documents[at : at + 1_000]
                    ]
                    await asyncio.gather(*(exchange.publish(message, self.topic) for message in messages))

        asyncio.run(run())

    @contextlib.contextmanager
    def listening(self, topic: str) -> Iterator[Listen]:
        """Take answers from a queue, declared as OTP-Publisher declares it."""

        async def run(count: int) -> list[dict[str, Any]]:
            async with await aio_pika.connect(self.url, timeout=WITHIN) as connection:
                channel = await connection.channel()
                queue = await channel.declare_queue(topic, durable=True, auto_delete=False)
                found: list[bytes] = []
                async with asyncio.timeout(WITHIN), queue.iterator() as answers:
                    while len(found) < count:
                        answer = await anext(answers)
                        await answer.ack()
                        found.append(answer.body)
                return read(found)

        yield lambda count: asyncio.run(run(count))


class Redis:
    """A program on Redis, in one of three ways."""

    def __init__(self, port: int, topic: str, mode: str) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client: Any = redis.Redis(port=port, socket_timeout=WITHIN)
        self.topic = topic
        self.mode = mode

    def publish(self, *documents: bytes) -> None:
        """Publish, push or add, and wait until Redis has answered for each."""
        pipeline = self.client.pipeline(transaction=False)
        for document in documents:
            match self.mode:
                case "pubsub":
                    pipeline.publish(self.topic, document)
                case "list":
                    pipeline.rpush(self.topic, document)
                case _:
                    pipeline.xadd(self.topic, {"document": document})
        pipeline.execute()

    @contextlib.contextmanager
    def listening(self, topic: str) -> Iterator[Listen]:
        """Take answers in kind."""
        if self.mode != "pubsub":
            places = itertools.count()  # of a stream: it is read on from the last one
            yield lambda count: read([self._next(topic, next(places)) for _ in range(count)])
            return
        with self.client.pubsub() as pubsub:
            pubsub.subscribe(topic)
            assert pubsub.get_message(timeout=WITHIN)["type"] == "subscribe"
            yield lambda count: read([pubsub.get_message(timeout=WITHIN)["data"] for _ in range(count)])

    def _next(self, topic: str, place: int) -> bytes:
        if self.mode == "list":
            return bytes(self.client.blpop([topic], timeout=WITHIN)[1])
        for _ in range(int(WITHIN * 10)):
            if len(found := self.client.xrange(topic)) > place:
                return bytes(found[place][1][b"document"])
            self.client.xread({topic: "$"}, block=100)
        raise TimeoutError


class Mqtt:
    """A program on MQTT: Mosquitto's own clients, QoS 1."""

    def __init__(self, port: int, topic: str) -> None:
        self.url = f"mqtt://127.0.0.1:{port}"
        self.port = str(port)
        self.topic = topic

    def publish(self, *documents: bytes) -> None:
        """Publish, and wait for the PUBACK of each."""
        command = ["mosquitto_pub", "-p", self.port, "-t", self.topic, "-q", "1"]
        if len(documents) == 1:
            subprocess.run([*command, "-s"], input=documents[0], check=True, timeout=WITHIN)
        else:
            subprocess.run([*command, "-l"], input=b"\n".join(documents) + b"\n", check=True, timeout=60)

    @contextlib.contextmanager
    def listening(self, topic: str) -> Iterator[Listen]:
        """Subscribe, and take answers."""
        # A line at a time: it would keep its lines back until there are many.
        command = ["stdbuf", "-oL", "mosquitto_sub", "-p", self.port, "-t", topic, "-q", "1", "-d"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = (line for line in process.stdout if line.startswith((b"{", b"Subscribed")))
            timer = threading.Timer(WITHIN, process.kill)
            timer.start()
            assert next(lines).startswith(b"Subscribed")
            yield lambda count: read([next(lines) for _ in range(count)])
            timer.cancel()
            process.kill()


class WebSocket:
    """A program on a WebSocket broker."""

    def __init__(self, url: str, topic: str) -> None:
        self.url = url
        self.topic = topic

    def publish(self, *documents: bytes) -> None:
        """Publish; nobody confirms it."""
        with self._connect(self.topic) as connection:
            for document in documents:
                connection.send(document)

    @contextlib.contextmanager
    def listening(self, topic: str) -> Iterator[Listen]:
        """Join a topic, and take answers."""
        with self._connect(topic) as connection:
            yield lambda count: read([connection.recv(WITHIN) for _ in range(count)])

    def _connect(self, topic: str) -> Any:
        return connect(f"{self.url}?topic={topic}", proxy=None)


@contextlib.contextmanager
def websocket_broker() -> Iterator[str]:
    """Run a broker as OTP-Pi's are: each frame goes to all others of its topic, and is then forgotten."""
    joined: dict[str, set[Any]] = defaultdict(set)

    def serve_one(connection: Any) -> None:
        topic = parse_qs(urlsplit(connection.request.path).query).get("topic", [""])[0]
        joined[topic].add(connection)
        try:
            for frame in connection:
                for other in joined[topic] - {connection}:
                    with contextlib.suppress(ConnectionClosed):
                        other.send(frame)
        finally:
            joined[topic].discard(connection)

    with serve(serve_one, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()
