"""
A consumer that only acknowledges: the measure beside which a door's intake stands.

It takes documents with the same library and settings as the hub's door, throws each away and acknowledges it. Prints
how many seconds it took from the first to the last.
"""

import argparse
import asyncio
import json
import time
from typing import Any

import aio_pika
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion
from redis.asyncio import Redis

PREFETCH = 200
AT_ONCE = 100


async def amqp(port: int, topic: str, count: int) -> float:
    """Take from a queue; each is acknowledged by itself."""
    async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{port}/") as connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=PREFETCH)
        underlay: Any = await channel.get_underlay_channel()
        done = asyncio.get_running_loop().create_future()
        taken, began = 0, 0.0

        async def take(delivered: Any) -> None:
            nonlocal taken, began
            began = began or time.monotonic()
            taken += 1
            await underlay.basic_ack(delivered.delivery.delivery_tag, wait=False)
            if taken == count:
                done.set_result(time.monotonic() - began)

        await underlay.basic_consume(topic, take)
        return float(await done)


async def redis_list(port: int, topic: str, count: int) -> float:
    """Move from a list to one of its own, and remove from there, a hundred at a time."""
    client: Any = Redis(port=port)
    own, taken, began = f"{topic}:acks", 0, time.monotonic()
    while taken < count:
        pipeline = client.pipeline(transaction=False)
        for _ in range(AT_ONCE):
            pipeline.lmove(topic, own, "LEFT", "RIGHT")
        found = [body for body in await pipeline.execute() if body is not None]
        pipeline = client.pipeline(transaction=False)
        for body in found:
            pipeline.lrem(own, 1, body)
        await pipeline.execute()
        taken += len(found)
    took = time.monotonic() - began
    await client.aclose()
    return took


async def redis_stream(port: int, topic: str, count: int) -> float:
    """Read from a stream in a group, and acknowledge, a hundred at a time."""
    client: Any = Redis(port=port)
    await client.xgroup_create(topic, "acks", id="0", mkstream=True)
    taken, began = 0, time.monotonic()
    while taken < count:
        found = await client.xreadgroup("acks", "one", {topic: ">"}, count=AT_ONCE)
        for _, entries in found.items() if isinstance(found, dict) else found:
            await client.xack(topic, "acks", *(entry_id for entry_id, _ in entries))
            taken += len(entries)
    took = time.monotonic() - began
    await client.aclose()
    return took


def mqtt(port: int, topic: str, count: int) -> float:
    """Take from a session at QoS 1; each is acknowledged by itself. A count of 0 begins the session and leaves."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=topic, clean_session=False, manual_ack=True)
    taken, began, took = 0, 0.0, 0.0

    def take(client: Any, _: Any, message: Any) -> None:
        nonlocal taken, began, took
        began = began or time.monotonic()
        client.ack(message.mid, message.qos)
        taken += 1
        if taken == count:
            took = time.monotonic() - began
            client.disconnect()

    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda client, *_: None if count else client.disconnect()
    client.on_message = take
    client.connect("127.0.0.1", port)
    client.loop_forever()
    return took


def main() -> None:
    """Take so many, and tell how long it took."""
    parser = argparse.ArgumentParser(prog="bench.broker_acks", description=__doc__)
    parser.add_argument("door", choices=["amqp", "list", "stream", "mqtt"])
    parser.add_argument("port", type=int)
    parser.add_argument("topic")
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    if given.door == "mqtt":
        took = mqtt(given.port, given.topic, given.count)
    else:
        ways = {"amqp": amqp, "list": redis_list, "stream": redis_stream}
        took = uvloop.run(ways[given.door](given.port, given.topic, given.count))
    print(json.dumps({"event": "took", "seconds": took}))


if __name__ == "__main__":
    main()
