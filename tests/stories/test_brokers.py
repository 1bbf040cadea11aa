"""The same commands over RabbitMQ, Redis, Mosquitto and WebSocket: answered, kept, taken once, parked."""

import json
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from bench.broker_ledger import Publishing, restarted
from bench.broker_peers import Amqp, Mqtt, Redis, WebSocket, websocket_broker

from fixtures_brokers import RABBITMQ, Server
from fixtures_hub import ADMIN, COMMAND, Hub, free_port, route, toml, wait_for

NUMBER = "+491701234567"
CONNECTOR = '[connectors.log]\ntype = "log"\nfile = "sent"\n' + route("log")
DOORS = [
    pytest.param("amqp", marks=pytest.mark.needs("rabbitmq")),
    *(pytest.param(mode, marks=pytest.mark.needs("redis")) for mode in ("list", "stream", "pubsub")),
    pytest.param("mqtt", marks=[pytest.mark.needs("mosquitto"), pytest.mark.needs("mosquitto_pub")]),
    pytest.param("websocket"),
]
DOOR_NAMES = [door.values[0] for door in DOORS]
KEEPING = [door for door in DOORS if door.values[0] in {"amqp", "list", "stream", "mqtt"}]


def text(words, *, id="1", at=1_795_290_496, callback=None, **data):  # noqa: A002 - OTP-Pi's word
    """Write the document of a text."""
    document = {"command": "send-sms", "data": {"id": id, "date_time": at, "receiver": NUMBER, "message": words}}
    document["data"] |= data
    return json.dumps(document | ({"callback_topic": callback} if callback else {})).encode()


def table(door, url, topic, **settings):
    """Write the table of a door."""
    carrier = door if door in {"amqp", "mqtt", "websocket"} else "redis"
    values = {"dialect": "otppi", "carrier": carrier, "name": door, "url": url, "topic": topic, "account": "shop"}
    values |= {"callback_topics": ["replies-*"], "backoff_initial": 0.1, "backoff_max": 0.3, **settings}
    if carrier == "redis":
        values["mode"] = door
    if carrier == "mqtt":
        values["client_id"] = topic
    return "[[frontends]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def sent(hub: Hub) -> list[str]:
    """Give the texts that were sent, in order."""
    file = hub.folder / "sent"
    return [json.loads(line)["text"] for line in file.read_text().splitlines()] if file.exists() else []


def doors(hub: Hub) -> dict[str, dict]:
    """Tell the doors by name."""
    return {one["name"]: one for one in hub.call("GET", "/v1/frontends", user=ADMIN).json["frontends"]}


def up(hub: Hub, *names: str) -> None:
    """Wait until these doors are up."""
    wait_for(lambda: all(doors(hub)[name]["state"] == "up" for name in names))


@pytest.fixture(scope="session")
def broker(request):
    """Give the server, the URL and a peer for each kind of door, as they are asked for."""

    def make(door, topic):
        if door == "amqp":
            server: Server = request.getfixturevalue("rabbitmq")
            return server, f"amqp://guest:guest@127.0.0.1:{server.port}/", Amqp(server.port, topic)
        if door == "mqtt":
            server = request.getfixturevalue("mosquitto")
            return server, f"mqtt://127.0.0.1:{server.port}", Mqtt(server.port, topic)
        if door == "websocket":
            url = request.getfixturevalue("ws_broker")
            return None, url, WebSocket(url, topic)
        server = request.getfixturevalue("redis_server")
        return server, f"redis://127.0.0.1:{server.port}/0", Redis(server.port, topic, door)

    return make


@pytest.fixture(scope="session")
def ws_broker():
    """Give the URL of a WebSocket broker."""
    with websocket_broker() as url:
        yield url


def tables(names, broker_of):
    """Write the tables of doors, each with a topic of its own; gives the peers by door too."""
    peers, written = {}, ""
    for door in names:
        _, url, peers[door] = broker_of(door, f"sms-{door}-{time.monotonic_ns()}")
        written += table(door, url, peers[door].topic)
    return peers, written


def available(*names):
    """Tell the doors whose broker is on this machine."""
    programs = {"amqp": RABBITMQ, "mqtt": "mosquitto_sub", "websocket": sys.executable}
    return [name for name in names if shutil.which(programs.get(name, "redis-server"))]


@pytest.fixture(scope="module")
def opened(tmp_path_factory, words, broker):
    """Give a hub with a door on every broker, whose texts are written to a file, and the peer of each door."""
    peers, written = tables(available("amqp", "list", "stream", "pubsub", "mqtt", "websocket"), broker)
    hub = Hub(tmp_path_factory.mktemp("hub"), free_port())
    hub.configure(words.accounts + CONNECTOR + written)
    hub.start()
    try:
        up(hub, *peers)
        yield SimpleNamespace(hub=hub, peers=peers)
        assert 0 == hub.stop()
    finally:
        hub.end()
    assert "Traceback" not in hub.log


@pytest.fixture
def keeping(make_hub, words, broker):
    """Give a hub of its own with a door on every broker that keeps, and the peers by door."""
    peers, written = tables(available("amqp", "list", "stream", "mqtt"), broker)
    hub = make_hub(words.accounts + CONNECTOR + written)
    up(hub, *peers)
    return hub, peers


@pytest.mark.parametrize("door", DOORS)
def test_every_command_is_answered_over_every_broker(opened, door):
    """Each answer comes on the topic that was asked for, in OTP-Pi's words, and the text is sent."""
    hub, peer = opened.hub, opened.peers[door]
    words, callback, number = f"Hello {door}", f"replies-{door}", f"+49160123450{DOOR_NAMES.index(door)}"
    asked = [
        {"command": "echo", "data": {"a": 1}},
        {"command": "get-modem-list", "callback_delay": "20"},
        {"command": "block-msisdn", "data": {"receiver": number}},
        {"command": "no-such", "data": {}},
    ]

    with peer.listening(callback) as answers:
        documents = [json.dumps({**one, "callback_topic": callback}).encode() for one in asked]
        peer.publish(text(words, callback=callback), *documents)
        found = {answer["command"]: answer for answer in answers(5)}

    codes = {"send-sms": "0000", "echo": None, "get-modem-list": "0000", "block-msisdn": "0000", "no-such": "1102"}
    assert codes == {name: answer.get("response_code") for name, answer in found.items()}
    wait_for(lambda: words in sent(hub))
    assert words == hub.message(found["send-sms"]["data"]["result"])["text"]


@pytest.mark.parametrize("door", DOORS)
def test_codes_are_requested_and_checked_over_every_broker(opened, door):
    """Asked for, taken, refused while it lives; a wrong code, the right one, the right one again: each is answered."""
    hub, peer, callback = opened.hub, opened.peers[door], f"replies-otp-{door}"
    number = f"+49160123460{DOOR_NAMES.index(door)}"
    bound = {"receiver": number, "reference": f"order {door}", "param1": 7, "date_time": int(time.time())}
    request = {"command": "request-otp", "data": {**bound, "message": f"{door}: %s. 100%", "id": 1}}

    with peer.listening(callback) as answers:

        def ask(document, **data):
            asked = {**document, "data": {**document["data"], **data}, "callback_topic": callback}
            peer.publish(json.dumps(asked).encode())
            ((answer),) = answers(1)
            return answer

        codes = [ask(request)["response_code"], ask(request, id=2)["response_code"]]
        code = wait_for(lambda: [text[len(door) + 2 :][:6] for text in sent(hub) if text.startswith(f"{door}: ")])[0]
        check = {"command": "verify-otp", "data": {**bound, "otp": code}}
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for changed in ({"otp": wrong}, {"param1": 8}, {}, {}):
            answer = ask(check, **changed)
            codes.append(answer["response_code"])
            assert {name: bound[name] for name in ("reference", "receiver", "date_time")} == answer["data"]

    assert ["0000", "1201", "1202", "1202", "0000", "1202"] == codes
    assert 1 == sum(text.startswith(f"{door}: ") for text in sent(hub))


@pytest.mark.needs("redis")
def test_an_answer_goes_nowhere_but_where_it_may(opened):
    """Patterns, the broker's own, the topic itself and all that is not listed: no key is made, the text is sent."""
    hub, peer = opened.hub, opened.peers["list"]
    topics = ["$SYS/broker", "replies-#", "+", "other", peer.topic, f"{peer.topic}:processing:x", "replies-\n"]
    before = doors(hub)["list"]["unanswered"]

    peer.publish(*(text(f"nowhere {place}", callback=topic) for place, topic in enumerate(topics)))

    wait_for(lambda: {f"nowhere {place}" for place in range(len(topics))} <= set(sent(hub)))
    wait_for(lambda: before + len(topics) == doors(hub)["list"]["unanswered"])
    assert 0 == peer.client.exists(*topics)


@pytest.mark.parametrize("door", DOORS[:-1])
def test_what_cannot_be_read_is_parked_and_the_rest_goes_on(opened, door):
    """After five tries it stands in the list of the parked, whole; the text behind it is sent."""
    hub, peer = opened.hub, opened.peers[door]
    bad = [b"not JSON", b'{"command": 1}', b"x" * 70_000]
    if door != "mqtt":  # mosquitto_pub takes no NUL
        bad.append(b"\xff\x00")
    for document in bad:
        peer.publish(document)
    peer.publish(text(f"behind {door}"))

    wait_for(lambda: f"behind {door}" in sent(hub))
    wait_for(lambda: len(bad) == doors(hub)[door]["parked"])
    parked = [one for one in hub.call("GET", "/v1/parked", user=ADMIN).json["parked"] if one["frontend"] == door]
    assert {(5, len(document)) for document in bad} == {(one["tries"], one["size"]) for one in parked}
    shown = [hub.call("GET", f"/v1/parked/{one['id']}", user=ADMIN).json["document"] for one in parked]
    contents = ["not JSON", '{"command": 1}', "x" * 65_536, "/wA="]
    assert sorted(contents[: len(bad)]) == sorted(shown)


@pytest.mark.needs("redis")
def test_the_parked_are_listed_shown_and_dropped_on_the_command_line(opened):
    """An operator finds what was parked; an account may not see it."""
    hub, peer = opened.hub, opened.peers["pubsub"]
    before = doors(hub)["pubsub"]["parked"]
    peer.publish(b"lost property")
    wait_for(lambda: before + 1 == doors(hub)["pubsub"]["parked"])
    admin = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": "admin", "SMSHUB_PASSWORD": "admin-password"}

    def run(*words):
        done = subprocess.run(
            [*COMMAND, *words], cwd=hub.folder, env=admin, capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout

    newest = json.loads(run("parked", "list", "--limit", "1", "--json"))["parked"][0]
    assert "lost property" in run("parked", "show", newest["id"])
    assert newest["id"] in run("parked", "drop", newest["id"])
    assert 404 == hub.call("GET", f"/v1/parked/{newest['id']}", user=ADMIN).status
    assert 403 == hub.call("GET", "/v1/parked").status
    assert set(opened.peers) == {one["name"] for one in json.loads(run("frontend", "list", "--json"))["frontends"]}


@pytest.mark.parametrize("door", DOORS)
def test_a_text_from_the_command_line_goes_over_a_broker(opened, door):
    """`smshub send --via` publishes as OTP-Pi's clients do, and the hub sends it."""
    hub, peer = opened.hub, opened.peers[door]
    via = f"redis-{door}" if door in {"list", "stream"} else {"pubsub": "redis"}.get(door, door)
    words = f"from the command line over {door}"

    done = hub.run(
        "send", "--via", via, "--broker-url", peer.url, "--topic", peer.topic, "--to", NUMBER, "--text", words
    )

    assert (0, f"- {NUMBER} published\n", "") == (done.returncode, done.stdout, done.stderr)
    wait_for(lambda: words in sent(hub))


def test_a_broker_that_does_not_answer_is_told_in_a_line(tmp_path):
    """Without its password, and with status 1; a URL of another kind is a wrong call."""
    for url, status, said in (
        ("amqp://guest:v3ry-secret@127.0.0.1:9/", 1, "amqp://127.0.0.1:9/ has not taken it"),
        ("http://127.0.0.1/", 2, "url must look like amqp://HOST:PORT"),
    ):
        words = ("send", "--via", "amqp", "--broker-url", url, "--to", NUMBER, "--text", "x")
        done = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

        assert (status, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
        assert said in done.stderr
        assert "v3ry-secret" not in done.stderr


@pytest.mark.parametrize("door", KEEPING)
def test_a_burst_is_taken_whole(opened, door):
    """Thousands of documents at once: each is sent, and once."""
    hub, peer = opened.hub, opened.peers[door]
    count = 10_000 if door == "amqp" else 3_000
    expected = [f"{door} {place:05}" for place in range(count)]

    peer.publish(*(text(words, id=words) for words in expected))

    def arrived():
        return [words for words in sent(hub) if words.startswith(f"{door} ")]

    wait_for(lambda: len(arrived()) >= count, 60)
    assert expected == sorted(arrived())


@pytest.mark.needs("rabbitmq")
@pytest.mark.needs("redis")
def test_one_text_on_two_brokers_is_one_text(opened):
    """A copy over a second broker, and over HTTP, gets the first answer; another text with the same id is another."""
    hub, amqp, stream = opened.hub, opened.peers["amqp"], opened.peers["stream"]
    copy = text("two brokers", callback="replies-copy")
    others_with_its_id = [text("two texts, one id"), text("two texts, one id", at=1_795_290_497)]

    with amqp.listening("replies-copy") as answers, stream.listening("replies-copy") as others:
        amqp.publish(copy)
        [first] = answers(1)
        stream.publish(copy, *others_with_its_id)
        amqp.publish(copy)
        again = [*others(1), *answers(1)]
    over_http = hub.call("POST", "/api/sms", copy)

    assert [first["data"]["result"]] * 2 == [one["data"]["result"] for one in again]
    assert first["data"]["result"] == over_http.json["data"]["result"]
    wait_for(lambda: 2 == sent(hub).count("two texts, one id"))
    assert 1 == sent(hub).count("two brokers")


@pytest.mark.needs("rabbitmq")
def test_a_message_id_is_an_idempotency_key(opened):
    """A document without id and time is known by AMQP's message-id: the same text once, another one refused."""
    hub, amqp = opened.hub, opened.peers["amqp"]

    def plain(words):
        data = {"receiver": NUMBER, "message": words}
        return json.dumps({"command": "send-sms", "data": data, "callback_topic": "replies-key"}).encode()

    codes = []
    with amqp.listening("replies-key") as answers:
        for words in ("message-id", "message-id", "another"):
            amqp.publish(plain(words), message_id="order 4711")
            codes += [answer["response_code"] for answer in answers(1)]

    assert ["0000", "0000", "1102"] == codes
    assert 1 == len(hub.messages(reference="order%204711"))


@pytest.mark.needs("rabbitmq")
@pytest.mark.needs("redis")
@pytest.mark.needs("mosquitto")
def test_brokers_that_come_and_go_lose_nothing(keeping, broker):
    """Two restarts of each under load: every text whose publication was confirmed is sent, and none twice."""
    hub, peers = keeping
    publishing = [Publishing(door, peer, lambda name, _: text(name, id=name)) for door, peer in peers.items()]

    restarted([broker(door, "")[0] for door in ("amqp", "list", "mqtt")], publishing, times=2, between=60)

    everything = {words for one in publishing for words in one.confirmed}
    wait_for(lambda: everything <= set(sent(hub)), 120)
    assert len(sent(hub)) == len(set(sent(hub)))
    assert 0 == hub.stop()


@pytest.mark.needs("rabbitmq")
@pytest.mark.needs("redis")
@pytest.mark.needs("mosquitto")
def test_a_hub_that_is_killed_takes_each_document_once(keeping):
    """What was not acknowledged comes again to the next hub; a text that was already on disk is not made twice."""
    hub, peers = keeping
    expected = {door: [f"{door} {place}" for place in range(300)] for door in peers}
    threads = [
        threading.Thread(target=peer.publish, args=[text(words, id=words) for words in expected[door]])
        for door, peer in peers.items()
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(sent(hub)) > 100)
    hub.kill()
    for thread in threads:
        thread.join()

    hub.start()
    everything = sorted(words for one in expected.values() for words in one)
    wait_for(lambda: set(everything) == set(sent(hub)), 30)

    up(hub, *peers)
    wait_for(lambda: not any(one["in_flight"] for one in doors(hub).values()))
    found, cursor = [], ""
    while cursor is not None:
        page = hub.call("GET", f"/v1/messages?limit=500{cursor}", user=ADMIN).json
        found += [message["text"] for message in page["messages"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert everything == sorted(found)


@pytest.mark.needs("rabbitmq")
@pytest.mark.needs("redis")
@pytest.mark.needs("mosquitto")
def test_tls_takes_the_authority_that_is_named_and_no_other(make_hub, words, broker):
    """Over TLS each broker is reached where its certificate is trusted, and is told to be untrusted where not."""
    peers, written = {}, ""
    for door, scheme in (("amqp", "amqps"), ("stream", "rediss"), ("mqtt", "mqtts")):
        server, _, peers[door] = broker(door, f"tls-{door}-{time.monotonic_ns()}")
        url = f"{scheme}://127.0.0.1:{server.tls_port}"
        written += table(door, url, peers[door].topic, tls={"ca": str(server.certificate)})
        written += table(door, url, f"{peers[door].topic}-no", name=f"{door} untrusted")
    hub = make_hub(words.accounts + CONNECTOR + written)

    up(hub, *peers)
    for door, peer in peers.items():
        peer.publish(*(text(f"{door} {place}", id=f"{door} {place}") for place in range(300)))

    expected = sorted(f"{door} {place}" for door in peers for place in range(300))
    wait_for(lambda: expected == sorted(sent(hub)))
    strangers = [doors(hub)[f"{door} untrusted"] for door in peers]
    assert {"down"} == {one["state"] for one in strangers}
    assert all("certificate" in one["last_error"].lower() for one in strangers), strangers


def test_a_broker_that_is_away_is_told_and_its_password_is_not(make_hub, words):
    """The hub starts without its broker; the list says what is wrong, and nobody sees the credentials."""
    hub = make_hub(words.accounts + CONNECTOR + table("amqp", "amqp://guest:v3ry-secret@127.0.0.1:9/", "sms"))

    wait_for(lambda: doors(hub)["amqp"]["state"] == "down")

    assert "amqp://127.0.0.1:9/" == doors(hub)["amqp"]["url"]
    assert doors(hub)["amqp"]["last_error"]
    listed = hub.call("GET", "/v1/frontends", user=ADMIN)
    assert b"v3ry-secret" not in listed.body
    assert 0 == hub.stop()
    assert "v3ry-secret" not in hub.log
