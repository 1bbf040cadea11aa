"""A second answer over a broker tells what became of a text; a door of which there may be one is open on one node."""

import json
import time

import pytest
from bench.broker_peers import Mqtt, Redis

from fixtures_hub import ADMIN, free_port, route, smpp, toml, wait_for

NUMBER = "+491701234567"
SHOP = 'password = "shop-password"\noriginator = "ACME"\n'
LOG = '[connectors.log]\ntype = "log"\nfile = "{}"\n' + route("log")


def door(carrier, url, topic, **settings):
    """Write the table of a door."""
    values = {"dialect": "otppi", "carrier": carrier, "name": topic, "url": url, "topic": topic, "account": "shop"}
    values |= {"callback_topics": ["replies*"], "backoff_initial": 0.1, "backoff_max": 0.3, **settings}
    return "[[frontends]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def text(words, callback="replies", **data):
    """Write a text that asks for answers."""
    data = {"id": words, "date_time": 1_795_290_496, "receiver": NUMBER, "message": words, **data}
    return json.dumps({"command": "send-sms", "callback_topic": callback, "data": data}).encode()


def view(hub):
    """Tell how the hub's first door is."""
    return hub.call("GET", "/v1/frontends", user=ADMIN).json["frontends"][0]


def state(hub):
    """Tell the state of the hub's first door."""
    return view(hub)["state"]


@pytest.fixture
def list_of(redis_server):
    """Give a program on a Redis list of its own, and the table of the door that takes from it."""

    def make():
        topic = f"follow-{time.monotonic_ns()}"
        url = f"redis://127.0.0.1:{redis_server.port}/0"
        return Redis(redis_server.port, topic, "list"), door("redis", url, topic, mode="list")

    return make


@pytest.mark.needs("redis")
@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
def test_what_became_of_a_text_follows_the_first_answer(make_hub, words, list_of, asked):
    """Where the account asks for it, a second document with the same id names the end; elsewhere none comes."""
    peer, table = list_of()
    accounts = words.accounts.replace("[accounts.shop]\n", f"[accounts.shop]\ncallback_final = {str(asked).lower()}\n")
    hub = make_hub(accounts + LOG.format("sent") + table)
    wait_for(lambda: state(hub) == "up")

    topic = f"replies-{time.monotonic_ns()}"
    with peer.listening(topic) as answers:
        peer.publish(text("Hello", topic))
        [first] = answers(1)
        message_id = first["data"]["result"]
        if asked:
            [second] = answers(1)
            assert ("send-sms", "0000") == (second["command"], second["response_code"])
            assert {"modemID": "log", "result": message_id, "state": "SENT"} == second["data"]
        else:
            wait_for(lambda: hub.message(message_id)["state"] == "SENT")
            peer.publish(json.dumps({"command": "echo", "callback_topic": topic}).encode())
            assert ["echo"] == [one["command"] for one in answers(1)]


@pytest.mark.needs("redis")
def test_the_second_answer_outlives_the_hub(make_hub, words, list_of):
    """A hub that is killed while a text waits tells its end after the next start, and tells it once."""
    peer, table = list_of()
    accounts = words.accounts.replace("[accounts.shop]\n", "[accounts.shop]\ncallback_final = true\n")
    closed = smpp("away", free_port())
    hub = make_hub(accounts + closed + route("away") + table)
    wait_for(lambda: state(hub) == "up")
    topic = f"replies-{time.monotonic_ns()}"

    with peer.listening(topic) as answers:
        peer.publish(text("In vain", topic, expiration=int(time.time()) + 3))
        [first] = answers(1)
        wait_for(lambda: view(hub)["taken"] == 1)  # and acknowledged soon: else it comes again, and its answer too
        hub.kill()
        hub.start()
        [second] = answers(1)

        assert ("1102", "EXPIRED") == (second["response_code"], second["data"]["state"])
        assert first["data"]["result"] == second["data"]["result"]
        assert "EXPIRED" in second["error"]
        assert 0 == peer.client.llen(topic)


@pytest.mark.needs("postgresql")
@pytest.mark.needs("mosquitto")
@pytest.mark.needs("redis")
def test_a_session_of_mqtt_belongs_to_one_of_two_nodes(make_hub, words, postgres_url, mosquitto, redis_server):
    """One node has it, the other waits and takes over when the first stops; a list is taken from by both."""
    topic, url = f"one-{time.monotonic_ns()}", f"mqtt://127.0.0.1:{mosquitto.port}"
    peer = Mqtt(mosquitto.port, topic)
    listed = door("redis", f"redis://127.0.0.1:{redis_server.port}/0", f"{topic}-list", mode="list", consumer="{}")
    secret = f'secret = "{"5a" * 32}"\n'
    hubs = [
        make_hub(
            words.accounts
            + LOG.format(f"sent-{node}")
            + door("mqtt", url, topic, client_id=topic)
            + listed.format(node),
            server=f'{secret}node = "{node}"',
            database=postgres_url,
        )
        for node in ("one", "two")
    ]
    one, two = hubs

    def states(hub):
        return [view["state"] for view in hub.call("GET", "/v1/frontends", user=ADMIN).json["frontends"]]

    def owner():
        found = [states(hub) for hub in hubs]
        return sorted(found) == [["elsewhere", "up"], ["up", "up"]] and hubs[found.index(["up", "up"])]

    first = wait_for(owner, 20)
    second = two if first is one else one
    peer.publish(text("before", callback=""))
    wait_for(lambda: len(first.messages()) == 1)

    assert 0 == first.stop()
    peer.publish(text("meanwhile", callback=""))
    wait_for(lambda: ["up", "up"] == states(second), 20)
    wait_for(lambda: {"before", "meanwhile"} == {message["text"] for message in second.messages()})
