"""What brokers may deliver: large documents, strange headers, a thousand copies, retained messages."""

import asyncio
import json
import subprocess
import time

import aio_pika
import pytest
from bench.broker_peers import Amqp, Mqtt, Redis

from fixtures_hub import ADMIN, route, toml, wait_for

LOG = '[connectors.log]\ntype = "log"\nfile = "sent"\n' + route("log")
LARGE = 16 * 1024 * 1024


def text(words):
    """Write a text."""
    data = {"id": words, "date_time": 1_795_290_496, "receiver": "+491701234567", "message": words}
    return json.dumps({"command": "send-sms", "data": data}).encode()


@pytest.fixture
def door(make_hub, words):
    """Give a hub with one door, and what to look at: the texts that were sent, the door's figures."""

    def make(carrier, url, topic, **more):
        values = {"dialect": "otppi", "carrier": carrier, "url": url, "topic": topic, "account": "shop", **more}
        hub = make_hub(
            words.accounts + LOG + "[[frontends]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in values.items())
        )

        def view():
            return hub.call("GET", "/v1/frontends", user=ADMIN).json["frontends"][0]

        wait_for(lambda: view()["state"] == "up")
        return hub, view

    return make


def sent(hub):
    """Give the texts that were sent."""
    file = hub.folder / "sent"
    return [json.loads(line)["text"] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.needs("rabbitmq")
def test_amqp_documents_are_known_by_their_bodies(door, rabbitmq):
    """Headers nested deep and wrong content types mean nothing; a thousand copies are one text; 16 MiB are parked."""
    topic = f"odd-{time.monotonic_ns()}"
    peer = Amqp(rabbitmq.port, topic)
    hub, view = door("amqp", peer.url, topic)
    nested = {"deep": 1}
    for _ in range(100):
        nested = {"deep": nested}
    odd = [{"headers": nested}, {"content_type": "application/x-php"}, {"content_encoding": "gzip"}, {"expiration": 60}]

    async def publish():
        async with await aio_pika.connect(peer.url) as connection:
            exchange = (await connection.channel()).default_exchange
            for place, properties in enumerate(odd):
                await exchange.publish(aio_pika.Message(text(f"odd {place}"), **properties), topic)
            await exchange.publish(aio_pika.Message(b"[" * LARGE), topic)

    asyncio.run(publish())
    peer.publish(*([text("a thousand times")] * 1_000))

    wait_for(lambda: view()["taken"] == len(odd) + 1 + 1_000, 30)
    assert sorted([*(f"odd {place}" for place in range(len(odd))), "a thousand times"]) == sorted(sent(hub))
    assert 1 == view()["parked"]


@pytest.mark.needs("redis")
@pytest.mark.parametrize("mode", ["list", "stream"])
def test_redis_documents_may_be_of_any_size(door, redis_server, mode):
    """What is too large is parked with its size, copies are one text, and what comes behind is sent."""
    topic = f"odd-{time.monotonic_ns()}"
    peer = Redis(redis_server.port, topic, mode)
    hub, view = door("redis", peer.url, topic, mode=mode)

    peer.publish(b"x" * LARGE, *([text("again and again")] * 1_000), text("behind"))

    wait_for(lambda: view()["taken"] == 1_002, 30)
    assert ["again and again", "behind"] == sent(hub)
    parked = hub.call("GET", "/v1/parked", user=ADMIN).json["parked"]
    assert [LARGE] == [one["size"] for one in parked]


@pytest.mark.needs("mosquitto")
@pytest.mark.needs("mosquitto_pub")
def test_a_retained_message_is_not_carried_out(door, mosquitto):
    """It is told at every subscription, and would be sent at every start; a thousand copies of another are one text."""
    topic = f"odd-{time.monotonic_ns()}"
    peer = Mqtt(mosquitto.port, topic)
    retained = ["mosquitto_pub", "-p", peer.port, "-t", topic, "-q", "1", "-r", "-s"]
    subprocess.run(retained, input=text("kept for all"), check=True, timeout=20)

    hub, view = door("mqtt", peer.url, topic, client_id=topic)
    peer.publish(*([text("copied")] * 1_000))

    wait_for(lambda: view()["taken"] == 1_000, 30)
    assert ["copied"] == sent(hub)
