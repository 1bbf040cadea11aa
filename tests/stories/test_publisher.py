"""An application with the publisher library: the same methods over five transports, to the hub and to an OTP-Pi."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from aiosmtpd.controller import Controller

from fixtures_brokers import RABBITMQ
from fixtures_hub import ADMIN, COMMAND, Hub, free_port, route, toml, wait_for
from smshub.publisher import AsyncPublisher, ConfigError, NoAnswer, NotSent, Publisher, Unconfirmed
from smshub.simulators.faults import Script
from smshub.simulators.otppi import MODEM, OtpPiSimulator

NUMBER = "+491701234567"
CONNECTOR = '[connectors.log]\ntype = "log"\nfile = "sent"\n' + route("log")
MAIL = """\
[smtp.office]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "hub@example.org"

[connectors.mail]
type = "email"

[[routes]]
prefixes = ["@"]
connectors = ["mail"]
"""
BROKER = '[broker]\nlisten = "127.0.0.1:{port}"\nhtpasswd = "brokers.htpasswd"\n'
# {SHA} of "ws-password"
HTPASSWD = "app:{SHA}Gam8b0Y8Cphx0wKJ+gjP8VLOBbo=\n"

WAYS = [
    pytest.param("REST"),
    pytest.param("AMQP", marks=pytest.mark.needs("rabbitmq")),
    *(pytest.param(mode, marks=pytest.mark.needs("redis")) for mode in ("pubsub", "list", "stream")),
    pytest.param("MQTT", marks=pytest.mark.needs("mosquitto")),
    pytest.param("WS"),
]
NAMES = [one.values[0] for one in WAYS]
MODES = ("pubsub", "list", "stream")
ON_BROKERS = WAYS[1:]
BROKERS = [one for one in WAYS if one.values[0] in {"AMQP", "pubsub", "MQTT"}]
SERVERS = {"AMQP": "rabbitmq", "pubsub": "redis_server", "MQTT": "mosquitto"}

INI = """\
[GENERAL]
method = {method}
callback_topic = {callback}
[REST]
url = {url}/api/otp
username = shop
password = shop-password
[AMQP]
host = 127.0.0.1
port = {amqp}
username = guest
password = guest
topic = {topic}
callback_delay = 5
[REDIS]
host = 127.0.0.1
port = {redis}
topic = {topic}
mode = {mode}
[MQTT]
host = 127.0.0.1
port = {mqtt}
topic = {topic}
[WS]
host = 127.0.0.1
port = {ws}
username = app
password = ws-password
topic = {topic}
path = /ws
"""


def sent(hub):
    """Give the texts that were sent, in order."""
    file = hub.folder / "sent"
    return [json.loads(line)["text"] for line in file.read_text().splitlines()] if file.exists() else []


class Mailbox:
    """What a mail server does with mails: `subjects` of all that came."""

    def __init__(self):
        self.subjects = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name of aiosmtpd
        """Keep a mail's subject."""
        self.subjects.append(message_from_bytes(envelope.content, policy=policy.default)["Subject"])
        return "250 OK"


def door(way, url, topic, **settings):
    """Write the table of the hub's door for a way."""
    carrier = {"AMQP": "amqp", "MQTT": "mqtt", "WS": "websocket"}.get(way, "redis")
    values = {"dialect": "otppi", "carrier": carrier, "name": way, "url": url, "topic": topic, "account": "shop"}
    values |= {"callback_topics": ["replies-*"], "backoff_initial": 0.1, "backoff_max": 0.3, **settings}
    if carrier == "redis":
        values["mode"] = way
    if carrier == "mqtt":
        values["client_id"] = topic
    return "[[frontends]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def doors_up(hub):
    """Wait until every door is up."""

    def states():
        return [one["state"] for one in hub.call("GET", "/v1/frontends", user=ADMIN).json["frontends"]]

    wait_for(lambda: {"up"} >= set(states()))


@pytest.fixture(scope="session")
def port_of(request):
    """Give the port of a way's server, which is started when it is asked for; 9 where it is not on this machine."""
    names = {"AMQP": ("rabbitmq", RABBITMQ), "MQTT": ("mosquitto", "/usr/sbin/mosquitto")}

    def port(way, tls=False):
        name, program = names.get(way, ("redis_server", "/usr/bin/redis-server"))
        if not Path(program).exists():
            return 9
        server = request.getfixturevalue(name)
        return server.tls_port if tls else server.port

    return port


@pytest.fixture(scope="module")
def opened(tmp_path_factory, words, port_of):
    """Give a hub with a door for every way, its own broker among them, and a maker of publishers."""
    hub = Hub(tmp_path_factory.mktemp("hub"), free_port())
    ws, mails = free_port(), Mailbox()
    office = Controller(mails, hostname="127.0.0.1", port=free_port())
    office.start()
    (hub.folder / "brokers.htpasswd").write_text(HTPASSWD)
    topics = {way: f"sms-{way.lower()}-{time.monotonic_ns()}" for way in ("AMQP", *MODES, "MQTT", "WS")}
    urls = {
        "AMQP": f"amqp://guest:guest@127.0.0.1:{port_of('AMQP')}/",
        **{mode: f"redis://127.0.0.1:{port_of(mode)}/0" for mode in MODES},
        "MQTT": f"mqtt://127.0.0.1:{port_of('MQTT')}",
        "WS": f"ws://app:ws-password@127.0.0.1:{ws}/ws",
    }
    there = {way: url for way, url in urls.items() if ":9/" not in url and not url.endswith(":9")}
    tables = "".join(door(way, url, topics[way]) for way, url in there.items())
    hub.configure(words.accounts + CONNECTOR + MAIL.format(port=office.port) + BROKER.format(port=ws) + tables)
    hub.start()
    made = []

    def ini(way, callback="replies-", more="", topic=None):
        method = "REDIS" if way in MODES else way
        text = INI.format(
            method=method,
            callback=callback,
            url=hub.url,
            topic=topic or topics.get(way, "sms"),
            mode=way if way in MODES else "pubsub",
            amqp=port_of("AMQP"),
            redis=port_of("pubsub"),
            mqtt=port_of("MQTT"),
            ws=ws,
        )
        file = hub.folder / f"{len(made)}-{time.monotonic_ns()}.ini"
        file.touch(mode=0o600)
        file.write_text(text.replace("[GENERAL]\n", f"[GENERAL]\n{more}"))
        return file

    def make(way, *arguments, **options):
        publisher = Publisher.from_ini(ini(way, *arguments, **options))
        made.append(publisher)
        return publisher

    try:
        doors_up(hub)
        yield SimpleNamespace(hub=hub, make=make, ini=ini, there=list(there), ws=ws, mails=mails)
        for publisher in made:
            publisher.close()
        assert 0 == hub.stop()
    finally:
        hub.end()
        office.stop()
    assert "Traceback" not in hub.log


@pytest.mark.parametrize("way", WAYS)
def test_every_method_is_answered_over_every_transport(opened, way):
    """What the hub does is told, what it refuses too; the text is sent."""
    words, number = f"Hello over {way}", f"+4916012345{NAMES.index(way)}0"
    with opened.make(way) as publisher:
        texted = publisher.send_sms(NUMBER, 1, 60, words)
        answers = [
            publisher.send_message(NUMBER, "2", None, f"{words}, again"),
            publisher.block_msisdn(number),
            publisher.send_sms(number, 3, 60, "never"),
            publisher.unblock_msisdn(number),
            publisher.get_modem_list(),
            publisher.send_email("anna@shop.example", 4, 60, "Hello", f"by mail over {way}"),
            publisher.request({"command": "no-such", "data": {}}),
            publisher.request({"command": "send-sms", "data": {"receiver": "", "message": "x"}}),
        ]
        echo = publisher.request({"command": "echo", "data": {"a": "ä"}})

    assert ("send-sms", "0000", True, None) == (texted.command, texted.response_code, texted.ok, texted.error)
    codes = ["0000", "0000", "1102", "0000", "0000", "0000", "1102", "1102"]
    assert codes == [one.response_code for one in answers]
    assert [code == "0000" for code in codes] == [one.ok for one in answers]
    assert all(bool(one.error) != one.ok for one in answers)
    assert ({"a": "ä"}, {}) == (echo.data, answers[4].data["modem_list"])
    assert words == opened.hub.message(texted.data["result"])["text"]
    wait_for(lambda: {words, f"{words}, again"} <= set(sent(opened.hub)))
    wait_for(lambda: f"by mail over {way}" in opened.mails.subjects)
    assert "never" not in sent(opened.hub)


@pytest.mark.parametrize("way", ON_BROKERS)
def test_without_a_callback_topic_a_broker_has_it_and_nobody_answers(opened, way):
    """1111 says so, which is no yes; the hub carries it out."""
    words = f"nobody answers over {way}"
    with opened.make(way, callback="") as publisher:
        answer = publisher.send_sms(NUMBER, 1, 60, words)
        checked = publisher.verify_otp(NUMBER, "123456", "r")

    assert ("send-sms", "1111", False, True) == (answer.command, answer.response_code, answer.ok, answer.published)
    assert ("verify-otp", False, True) == (checked.command, checked.ok, checked.published)
    wait_for(lambda: words in sent(opened.hub))


@pytest.mark.parametrize("way", WAYS)
async def test_many_at_once_get_each_its_own_answer(opened, way):
    """Answers have nothing that tells whose they are, and yet none is mixed up; the connection is kept."""
    async with AsyncPublisher.from_ini(opened.ini(way)) as publisher:
        asked = [publisher.send_sms(NUMBER, place, 60, f"{way} at once {place}") for place in range(20)]
        answers = await asyncio.gather(*asked)
        texts = [opened.hub.message(answer.data["result"])["text"] for answer in answers]

    assert [f"{way} at once {place}" for place in range(20)] == texts


@pytest.mark.parametrize("way", BROKERS)
def test_what_nobody_takes_is_not_sent(opened, way):
    """A queue that is not there, a channel and a topic without subscribers: the broker says so, and so do we."""
    for callback in ("", "replies-"):
        with opened.make(way, callback=callback, topic="nobody-is-here") as publisher:
            with pytest.raises(NotSent, match=r"has not taken it: (there is no queue|nobody).*'nobody-is-here'"):
                publisher.send_sms(NUMBER, 1, 60, "lost")
            # The connection is good for more.
            with pytest.raises(NotSent):
                publisher.send_sms(NUMBER, 1, 60, "lost")


@pytest.mark.parametrize("way", ON_BROKERS)
def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_it_should(opened, way):
    """The hub may not answer there, so it does not: a NoAnswer in time; the text is sent, and the next one answered."""
    words = f"no answer over {way}"
    with opened.make(way, callback="elsewhere-", more="timeout = 1\n") as publisher:
        before = time.monotonic()
        with pytest.raises(NoAnswer, match="no answer came within 1 s") as raised:
            publisher.send_sms(NUMBER, 1, 60, words)
        took = time.monotonic() - before
        answered = publisher.request({"command": "get-modem-list", "data": {}, "callback_topic": f"replies-own-{way}"})

    assert isinstance(raised.value, TimeoutError)
    assert isinstance(raised.value, Unconfirmed)
    assert 1.0 <= took < 5.0
    assert answered.ok
    wait_for(lambda: words in sent(opened.hub))


@pytest.mark.needs("rabbitmq")
@pytest.mark.needs("redis")
def test_nothing_is_left_behind_at_the_brokers(opened, port_of):
    """Queues, lists and streams of answers are gone; that of a late answer when its publisher is closed."""
    ours = "replies-left-behind"
    client = redis.Redis(port=port_of("list"))
    before = set(client.keys("replies-*"))  # other stories read from the same server
    for way in ("AMQP", "list", "stream"):
        with opened.make(way) as publisher:
            asked = {"command": "send-sms", "data": {"receiver": NUMBER, "message": f"left {way}"}}
            assert publisher.request({**asked, "callback_topic": ours}).ok
            publisher.send_sms(NUMBER, 1, 60, f"left {way}")
        with opened.make(way, more="timeout = 0.3\n") as impatient, pytest.raises(NoAnswer):
            impatient.request({**asked, "callback_topic": ours, "callback_delay": 700 if way != "AMQP" else 2_000})

    assert set() == set(client.keys("replies-*")) - before - {ours.encode()}
    client.close()
    with opened.make("AMQP", callback="", topic=ours) as publisher, pytest.raises(NotSent, match="there is no queue"):
        publisher.send_sms(NUMBER, 1, 60, "x")


@pytest.mark.parametrize("way", BROKERS)
def test_a_broker_that_goes_and_comes_is_found_again(opened, request, way):
    """While it is away a text is surely not sent; the same publisher goes on afterwards."""
    process = request.getfixturevalue(SERVERS[way])
    with opened.make(way) as publisher:
        assert publisher.get_modem_list().ok
        process.kill()
        try:
            with pytest.raises(NotSent, match=r"127\.0\.0\.1"):
                publisher.get_modem_list()
        finally:
            process.start()

        def again():
            with contextlib.suppress(NotSent, NoAnswer):
                return publisher.get_modem_list().ok
            return False

        wait_for(again, 30)


@pytest.mark.needs("mosquitto")
def test_mqtt_311_takes_what_nobody_subscribes_to(opened):
    """Which is why version 5 is the default: this PUBACK promises nothing."""
    with opened.make("MQTT", callback="", topic="nobody-is-here") as publisher:
        settings = publisher.settings
    with Publisher(method="MQTT", host="127.0.0.1", port=settings.port, topic="nobody-is-here", version=3) as old:
        assert old.send_sms(NUMBER, 1, 60, "lost").published


def listens(port):
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def locked_mosquitto(folder):
    """Run a Mosquitto that asks for a password; the user `app` may write to sms alone. Gives its port."""
    port = free_port()
    (folder / "passwords").touch(mode=0o600)
    command = ["mosquitto_passwd", "-b", "passwords", "app", "mqtt-password"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=10)
    (folder / "rights").write_text("user app\ntopic write sms\n")
    config = f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file passwords\nacl_file rights\n"
    (folder / "mosquitto.conf").write_text(config + ("user root\n" if os.getuid() == 0 else ""))
    for name in ("passwords", "rights"):
        (folder / name).chmod(0o600)
    command = ["/usr/sbin/mosquitto", "-c", "mosquitto.conf"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            wait_for(lambda: listens(port))
            yield port
        finally:
            process.terminate()


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize("version", [3, 5])
def test_mqtt_credentials_and_rights_count(tmp_path, version):
    """The right ones get in, others and none do not; with version 5 a topic that is forbidden is told."""
    with locked_mosquitto(tmp_path) as port:
        settings = {"method": "MQTT", "host": "127.0.0.1", "port": port, "version": version, "timeout": 5.0}

        def say(topic="sms", **credentials):
            with Publisher(**settings, topic=topic, **credentials) as publisher:
                return publisher.send_sms(NUMBER, 1, 60, "x")

        for wrong in ({}, {"username": "app", "password": "v3ry-wrong"}):
            with pytest.raises(NotSent, match="refuses the credentials") as refused:
                say(**wrong)
            assert "v3ry-wrong" not in str(refused.value)
        right = {"username": "app", "password": "mqtt-password"}
        if version == 5:
            with pytest.raises(NotSent, match="nobody subscribes to 'sms'"):
                say(**right)
            with pytest.raises(NotSent, match="Not authorized"):
                say("other", **right)
        else:
            assert say(**right).published


@pytest.mark.parametrize("way", [one for one in WAYS if one.values[0] != "MQTT"])
def test_wrong_credentials_are_told_and_not_shown(opened, way, port_of):
    """REST answers 1100; a broker refuses the connection, and nothing was sent."""
    wrong = {"username": "nobody", "password": "v3ry-wrong", "timeout": 5.0}
    if way == "REST":
        with Publisher(method="REST", url=f"{opened.hub.url}/api/otp", **wrong) as publisher:
            answer = publisher.send_sms(NUMBER, 1, 60, "x")
        assert ("1100", False) == (answer.response_code, answer.ok)
        assert answer.error
        return
    port = opened.ws if way == "WS" else port_of(way)
    method = way if way in {"AMQP", "WS"} else "REDIS"
    with Publisher(method=method, host="127.0.0.1", port=port, **wrong) as publisher:
        with pytest.raises(NotSent, match="the credentials") as refused:
            publisher.send_sms(NUMBER, 1, 60, "x")
        assert "v3ry-wrong" not in f"{refused.value!r} {publisher.settings!r}"


@pytest.mark.needs("redis")
def test_redis_credentials_are_used(opened, port_of):
    """A user with a password of its own gets in, and its rights count."""
    client = redis.Redis(port=port_of("list"))
    client.acl_setuser("app", enabled=True, passwords=["+app-password"], keys=["sms"], commands=["+rpush", "+ping"])
    try:
        keys = {"method": "REDIS", "host": "127.0.0.1", "port": port_of("list"), "mode": "list"}
        with Publisher(**keys, username="app", password="app-password") as publisher:
            assert publisher.send_sms(NUMBER, 1, 60, "x").published
        with (
            Publisher(**keys, username="app", password="app-password", topic="other") as publisher,
            pytest.raises(NotSent, match="NoPermissionError"),
        ):
            publisher.send_sms(NUMBER, 1, 60, "x")
    finally:
        client.delete("sms")
        client.acl_deluser("app")
        client.close()


@pytest.mark.parametrize("way", [one for one in WAYS if one.values[0] not in {"WS", "pubsub", "stream"}])
def test_tls_takes_the_authority_that_is_named_and_no_other(shared, request, port_of, way):
    """Where the certificate is trusted the request gets through; elsewhere it is surely not sent, nor the password."""
    if way == "REST":
        authority = shared.certificate
        keys = {"url": f"https://127.0.0.1:{shared.tls_port}/api/otp", "username": "shop", "password": "shop-password"}
    else:
        name = {"AMQP": "rabbitmq", "MQTT": "mosquitto"}.get(way, "redis_server")
        authority = request.getfixturevalue(name).certificate
        keys = {"host": "127.0.0.1", "port": port_of(way, tls=True), "tls": True, "timeout": 5.0}
        keys |= {"mode": "list"} if name == "redis_server" else {"topic": "tls"}
        keys |= {"version": 3} if way == "MQTT" else {}
    method = "REDIS" if way in MODES else way
    asked = {"command": "echo", "data": {"over": "tls"}}

    with Publisher(method=method, ca=str(authority), **keys) as publisher:
        if way == "AMQP":
            with pytest.raises(NotSent, match="there is no queue"):
                publisher.request(asked)
        else:
            answer = publisher.request(asked)
            assert answer.published or {"over": "tls"} == answer.data
    with Publisher(method=method, **keys) as publisher, pytest.raises(NotSent):
        publisher.request(asked)
    with pytest.raises(ConfigError, match="ca cannot be read"), Publisher(method=method, ca="/nowhere", **keys) as one:
        one.request(asked)


@pytest.mark.parametrize("way", WAYS)
def test_codes_are_made_and_checked_here(opened, way):
    """The hub sends a text and never sees that it is a code; a code that was refused leaves its reference free."""
    managed = f"manage_otp = true\ncache_dir = codes-{way}\n"
    blocked = f"+4916012346{NAMES.index(way)}0"
    with opened.make(way, more=managed) as publisher:
        made = publisher.create_otp(NUMBER, 1, f"order {way}", 60, f"%d {way}: %s, 100%", ["1", 2])
        again = publisher.create_otp(NUMBER, 1, f"order {way}", 60, "Your code: %s", ["1", 2])
        assert ("send-message", True, "1201", "Duplicated") == (made.command, made.ok, again.response_code, again.error)
        wait_for(lambda: any(f" {way}: " in words and words.endswith(", 100%") for words in sent(opened.hub)))
        [words] = [words for words in sent(opened.hub) if words.startswith(f"%d {way}: ")]
        code = words.removeprefix(f"%d {way}: ").removesuffix(", 100%")
        checked = [publisher.verify_otp(NUMBER, code, f"order {way}", given) for given in (["1"], ["1", "2"], ["1", 2])]
        publisher.block_msisdn(blocked)
        refused = [publisher.create_otp(blocked, place, "refused", 60, "%s") for place in range(2)]

    assert ["1202", "0000", "1202"] == [one.response_code for one in checked]
    assert {"reference": f"order {way}", "receiver": NUMBER} == {
        name: checked[1].data[name] for name in ("reference", "receiver")
    }
    assert ["1102", "1102"] == [one.response_code for one in refused]


@pytest.mark.needs("redis")
def test_a_code_that_only_a_broker_has_is_alive(opened):
    """Without a callback topic create_otp says 1111, as OTP-Publisher does; with nobody there the reference is free."""
    managed = "manage_otp = true\ncache_dir = codes-published\n"
    with opened.make("pubsub", callback="", more=managed) as publisher:
        made = publisher.create_otp(NUMBER, 1, "published", 60, "published %s")
        wait_for(lambda: any(words.startswith("published ") for words in sent(opened.hub)))
        [code] = [words.split()[1] for words in sent(opened.hub) if words.startswith("published ")]
        checked = publisher.verify_otp(NUMBER, code, "published")
    with opened.make("pubsub", callback="", more=managed, topic="nobody-is-here") as publisher:
        for _ in range(2):
            with pytest.raises(NotSent):
                publisher.create_otp(NUMBER, 1, "lost", 60, "%s")

    assert ("request-otp", "1111", True) == (made.command, made.response_code, checked.ok)


@pytest.mark.parametrize("way", WAYS)
def test_the_hub_makes_and_checks_codes(opened, way):
    """0000, 1201 while the reference is alive, 1202 for a wrong code or parameter, 0000 once."""
    number, reference = f"+4916012347{NAMES.index(way)}0", f"hub {way}"
    with opened.make(way) as publisher:
        made = publisher.create_otp(number, 1, reference, 120, f"code by the hub over {way}: %s", ["1", 2])
        again = publisher.create_otp(number, 2, reference, 120, "another: %s", ["1", 2])
        wait_for(lambda: any(f"by the hub over {way}: " in words for words in sent(opened.hub)))
        [code] = [words.split(": ")[1] for words in sent(opened.hub) if f"by the hub over {way}: " in words]
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        given = [(wrong, ["1", 2]), (code, ["1"]), (code, ["1", 2]), (code, ["1", 2])]
        checked = [publisher.verify_otp(number, one, reference, params) for one, params in given]

    assert ["0000", "1201"] == [one.response_code for one in (made, again)]
    assert (reference, number) == (made.data["reference"], made.data["receiver"])
    assert ["1202", "1202", "0000", "1202"] == [one.response_code for one in checked]


@pytest.mark.parametrize("managed", [False, True], ids=["by the hub", "managed"])
@pytest.mark.parametrize("way", WAYS)
async def test_ten_codes_at_once_are_each_its_own(opened, way, managed):
    """By the other publisher, that waits without a thread: ten people at once, none gets another's yes."""
    how = f"{managed:d} over {way}"
    more = f"manage_otp = true\ncache_dir = codes-at-once-{way}\n" if managed else ""
    people = [f"+49160{2 + managed}{NAMES.index(way)}{place}0000" for place in range(10)]
    async with AsyncPublisher.from_ini(opened.ini(way, more=more)) as publisher:
        asked = (publisher.create_otp(to, 1, f"{how} of {to}", 120, f"{how} to {to}: %s") for to in people)
        made = await asyncio.gather(*asked)

        def codes():
            found = (
                words.removeprefix(f"{how} to ").split(": ") for words in sent(opened.hub) if f"{how} to " in words
            )
            return dict(found)

        found = await asyncio.to_thread(wait_for, lambda: set(people) <= set(codes()) and codes())
        others = people[1:] + people[:1]
        pairs = [*zip(people, others, strict=True), *zip(people, people, strict=True)]
        checks = (publisher.verify_otp(to, found[other], f"{how} of {to}") for to, other in pairs)
        checked = await asyncio.gather(*checks)

    assert [True] * 10 == [one.ok for one in made]
    assert [found[to] == found[other] for to, other in pairs] == [one.ok for one in checked]


@pytest.mark.parametrize("way", [one for one in WAYS if one.values[0] not in {"list", "stream"}])
def test_the_command_line_creates_and_verifies_codes(opened, way):
    """`create-otp` prints what came of it; `verify-otp` reads the code from its input, and 0 is for the right one."""
    publish, folder = ("publish", "--config", opened.ini(way)), opened.hub.folder
    bound = ("--to", f"+491604{NAMES.index(way)}00000", "--reference", f"cli {way}", "--param", "pay", "--param", 15)

    made = run(folder, *publish, "create-otp", *bound, "--text", f"by create-otp over {way}: %s")
    wait_for(lambda: any(f"by create-otp over {way}: " in words for words in sent(opened.hub)))
    [code] = [words.split(": ")[1] for words in sent(opened.hub) if f"by create-otp over {way}: " in words]
    typed = (f"{(int(code) + 1) % 1_000_000:06}", code)
    checked = [run(folder, *publish, "verify-otp", *bound, "--code", "-", stdin=f"{one}\n") for one in typed]

    assert (0, "request-otp 0000") == (made.returncode, made.stdout.splitlines()[0]), made.stderr
    assert [1, 0] == [one.returncode for one in checked]
    assert ["1202", "0000"] == [one.stdout.split()[1] for one in checked]


def test_several_threads_and_a_fork_share_a_publisher(opened):
    """Each gets its own answers; the child of a fork has connections of its own, and the parent keeps its."""
    with opened.make("WS") as publisher:
        found = []

        def ask(place):
            found.append(publisher.request({"command": "echo", "data": {"n": place}}).data["n"] == place)

        threads = [threading.Thread(target=ask, args=(place,)) for place in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [True] * 5 == found

    # In a program of its own: this one has threads, with which a fork is a warning.
    program = (
        "import os, sys\nfrom smshub.publisher import Publisher\n"
        "with Publisher.from_ini(sys.argv[1]) as publisher:\n"
        "    answers = [publisher.get_modem_list().ok]\n    child = os.fork()\n"
        "    answers.append(publisher.get_modem_list().ok)\n"
        "    if not child:\n        os._exit(0 if all(answers) else 3)\n"
        "    answers.append(os.waitpid(child, 0)[1] == 0)\nprint(answers)\n"
    )
    for way in ("REST", "AMQP", "list", "MQTT"):
        if way != "REST" and way not in opened.there:
            continue
        command = [sys.executable, "-W", "always::ResourceWarning", "-c", program, opened.ini(way)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ("[True, True, True]\n", "") == (done.stdout, done.stderr), way


def test_a_publisher_that_is_left_alone_ends_with_its_program(opened):
    """Neither closed nor within a block: the program ends at once, and says nothing about it."""
    program = (
        "import sys\nfrom smshub.publisher import Publisher\n"
        "print(Publisher.from_ini(sys.argv[1]).get_modem_list().ok)\n"
        "kept = Publisher.from_ini(sys.argv[1])\nprint(kept.get_modem_list().ok)\n"
    )
    for way in ("REST", *(one for one in ("WS", "AMQP", "list", "MQTT") if one in opened.there)):
        command = [sys.executable, "-W", "always::ResourceWarning", "-c", program, opened.ini(way)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ("True\nTrue\n", "") == (done.stdout, done.stderr), way


# --- the command line -----------------------------------------------------------------------------------------------


def run(folder, *words, stdin=None):
    """Run a command in a folder."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=30, check=False, input=stdin
    )


@pytest.mark.parametrize("way", [one for one in WAYS if one.values[0] not in {"list", "stream"}])
def test_the_command_line_asks_over_every_transport(opened, way):
    """The answer is printed, and the exit status says yes or no."""
    publish = ("publish", "--config", opened.ini(way))
    folder = opened.hub.folder
    words = f"by command over {way}"

    texted = run(folder, *publish, "send-sms", "--to", NUMBER, "--text", "-", stdin=words)
    refused = run(folder, *publish, "send-sms", "--to", "12", "--text", "x")
    listed = run(folder, *publish, "get-modem-list", "--json")

    assert (0, "send-sms 0000") == (texted.returncode, texted.stdout.splitlines()[0]), texted.stderr
    assert (1, "") == (refused.returncode, refused.stderr)
    assert refused.stdout.startswith("send-sms 1102 ")
    assert "0000" == json.loads(listed.stdout)["response_code"]
    wait_for(lambda: words in sent(opened.hub))


def test_the_example_is_written_once_and_can_be_used(opened, tmp_path):
    """Only its owner may read it; it is not written over another; with a password it reaches the hub."""
    first, again = (run(tmp_path, "publish", "example") for _ in range(2))
    file = tmp_path / "publisher.ini"

    assert (0, 2) == (first.returncode, again.returncode), first.stderr
    assert "File exists" in again.stderr
    assert 0o600 == file.stat().st_mode & 0o777
    file.write_text(file.read_text().replace("http://127.0.0.1:8080", opened.hub.url))
    env = {**os.environ, "SMSHUB_PASSWORD": "shop-password"}
    command = [*COMMAND, "publish", "block-msisdn", "+491601234999"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (0, "block-msisdn 0000\n", "") == (done.returncode, done.stdout, done.stderr)
    unset = run(tmp_path, "publish", "get-modem-list")
    assert (2, 1) == (unset.returncode, len(unset.stderr.splitlines()))
    assert "[REST] password names the environment variable SMSHUB_PASSWORD, which is not set" in unset.stderr


def test_a_failure_is_a_line(tmp_path):
    """A server that is not there is status 1, a file or an argument that is wrong is 2; a warning is a line too."""
    file = tmp_path / "publisher.ini"
    file.write_text("[GENERAL]\nmethod=AMQP\n[AMQP]\nhost=127.0.0.1\nport=9\npassword=v3ry-secret\nprot=1\n")
    away = run(tmp_path, "publish", "get-modem-list")
    bad = run(tmp_path, "publish", "--method", "WS", "get-modem-list")
    words = ("create-otp", "--to", NUMBER, "--reference", "r", "--text", "no place")
    file.chmod(0o600)
    file.write_text("[GENERAL]\nmethod=WS\nmanage_otp=1\ncache_dir=c\n[WS]\nhost=127.0.0.1\nport=9\n")
    wrong = run(tmp_path, "publish", *words)

    assert (1, 2, 2) == (away.returncode, bad.returncode, wrong.returncode)
    assert "amqp://127.0.0.1:9 does not answer" in away.stderr.splitlines()[-1]
    assert ["warning", "warning"] == [line.split()[1].rstrip(":") for line in away.stderr.splitlines()[:-1]]
    assert "the section [WS] is missing" in bad.stderr
    assert "smshub: the message must contain exactly one %s\n" == wrong.stderr
    assert "v3ry-secret" not in away.stderr + bad.stderr


# --- an OTP-Pi ------------------------------------------------------------------------------------------------------


@pytest.fixture
def otppi(words, smsc_loop):
    """Run OTP-Pis on a thread of their own: gives a maker of look-alikes, each with its address."""
    do, made = words.on_loop(smsc_loop), []

    def make(script="", **options):
        simulator = OtpPiSimulator(Script.parse(script), users={"pi": "pi-password"}, **options)
        port = do(simulator.start())
        made.append(simulator)
        return simulator, Publisher(
            method="REST", url=f"http://127.0.0.1:{port}/api/otp", username="pi", password="pi-password", timeout=2.0
        )

    yield make
    for simulator in made:
        do(simulator.stop())


def test_an_otppi_is_asked_over_rest(otppi):
    """Every method, its answers in its own shape, an e-mail by its second name."""
    pi, publisher = otppi()
    with publisher:
        answers = [
            publisher.send_sms("0812", 1, 60, "a text"),
            publisher.send_message("0812", 1, 60, "a message"),
            publisher.send_email("a@b.example", 1, 60, "a mail", "its subject"),
            publisher.block_msisdn("0812"),
            publisher.unblock_msisdn("0812"),
            publisher.request_ussd("*123#", MODEM["id"]),
            publisher.get_modem_list(),
        ]
        nothing = publisher.request({"command": "no-such", "data": {}})
        no_modem = publisher.request_ussd("*123#", "none")

    assert [True] * 7 == [one.ok for one in answers]
    assert "send-mail" == answers[2].command
    assert [("0812", "a text", ""), ("0812", "a message", ""), ("a@b.example", "a mail", "its subject")] == [
        (one.receiver, one.message, one.subject) for one in pi.texts
    ]
    assert {"62812": False} == pi.blocked
    assert "balance" in answers[5].data["ussd_content"]
    assert [MODEM["id"]] == list(answers[6].data["modem_list"])
    assert ("", False, {}) == (nothing.response_code, nothing.ok, nothing.raw)
    assert "does not know it" in nothing.error
    assert "1102" == no_modem.response_code


def test_an_otppi_makes_and_checks_codes(otppi):
    """0000, 1201 for a taken reference, 1202 for a wrong code, 1203 for a late one, 0000 once."""
    now = [time.time()]
    pi, publisher = otppi(clock=lambda: now[0])
    with publisher:
        made = publisher.create_otp("0812", 1, "r", 60, "Code %s.", ["1", 2], "Subject")
        again = publisher.create_otp("0812", 1, "r", 60, "Code %s.", ["1", 2])
        code = pi.texts[0].message.removeprefix("Code ").removesuffix(".")
        checks = [publisher.verify_otp("0812", one, "r", given) for one, given in ((code, []), ("x", ["1", "2"]))]
        checks += [publisher.verify_otp("0812", code, "r", ["1", "2"]) for _ in range(2)]
        publisher.create_otp("0812", 1, "late", 60, "%s")
        now[0] += 61
        late = publisher.verify_otp("0812", pi.texts[-1].message, "late")

    assert ["0000", "1201", "1202", "1202", "0000", "1202", "1203"] == [
        one.response_code for one in (made, again, *checks, late)
    ]
    assert "r" == made.data["reference"]


def test_a_no_of_an_otppi_is_a_no(otppi, tmp_path):
    """Without a modem send-message says 0000 and an error: not ok, and a code made here is forgotten."""
    _, publisher = otppi("refuse")
    settings = {one: getattr(publisher.settings, one) for one in ("method", "url", "username", "password")}
    with publisher, Publisher(**settings, manage_otp=True, cache_dir=str(tmp_path / "codes")) as managed:
        texted, message = publisher.send_sms("0812", 1, 60, "x"), publisher.send_message("0812", 1, 60, "x")
        burnt = [publisher.create_otp("0812", 1, "r", 60, "%s") for _ in range(2)]
        free = [managed.create_otp("0812", 1, "r", 60, "%s") for _ in range(2)]

    assert ("1101", "No device connected") == (texted.response_code, texted.error)
    assert ("0000", False) == (message.response_code, message.ok)
    assert ["1102", "1201"] == [one.response_code for one in burnt]
    assert ["No device connected"] * 2 == [one.error for one in free]


def test_an_otppi_that_drops_loses_what_has_an_expiration(otppi):
    """Its answer to a text has no code then; without `send_expiration` the text leaves."""
    pi, publisher = otppi(drop_expired=True)
    settings = {one: getattr(publisher.settings, one) for one in ("method", "url", "username", "password")}
    with publisher, Publisher(**settings, send_expiration=False) as without:
        dropped, left = publisher.send_sms("0812", 1, 60, "dropped"), without.send_sms("0812", 1, 60, "left")

    assert ("", False, True) == (dropped.response_code, dropped.ok, left.ok)
    assert ["left"] == [one.message for one in pi.texts]


def test_silence_and_a_cut_over_rest_are_told_apart_from_refusal(otppi):
    """After the request has left nobody knows; before, or where the status says so, surely nothing was done."""
    for script, within in (("hang", 6.0), ("drop", 2.0)):
        _, publisher = otppi(script)
        before = time.monotonic()
        with publisher, pytest.raises(NoAnswer):
            publisher.send_sms("0812", 1, 60, "x")
        assert time.monotonic() - before < within
    _, publisher = otppi()
    url = publisher.settings.url
    publisher.close()
    with Publisher(method="REST", url=url, username="pi", password="pi:password") as colon:
        assert "1100" == colon.send_sms("0812", 1, 60, "x").response_code
    with (
        Publisher(method="REST", url=url.replace("/api/otp", "/other"), username="pi", password="x") as lost,
        pytest.raises(NotSent, match="status 404"),
    ):
        lost.send_sms("0812", 1, 60, "x")
    with (
        Publisher(method="REST", url="http://127.0.0.1:9/api/otp", username="pi", password="x") as away,
        pytest.raises(NotSent, match="does not answer"),
    ):
        away.send_sms("0812", 1, 60, "x")


def test_the_simulated_otppi_runs_from_the_command_line(tmp_path):
    """It prints each text; the caller's name and password count."""
    (tmp_path / "pi.secret").write_text("pi-password\n")
    command = [*COMMAND, "simulate", "otppi", "--port", "0", "--username", "pi", "--password-file", "pi.secret"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().split(";")[0].rpartition(":")[2]
            settings = {"method": "REST", "url": f"http://127.0.0.1:{port}/api/sms", "username": "pi"}
            with Publisher(**settings, password="pi-password") as publisher:
                assert publisher.send_sms("0812", 1, 60, "Hello\n\x1b[2J").ok
            with Publisher(**settings, password="wrong") as publisher:
                assert "1100" == publisher.send_sms("0812", 1, 60, "x").response_code
            assert "to 0812: Hello\\n\\x1b[2J\n" == process.stdout.readline()
        finally:
            process.terminate()
        assert 0 == process.wait(10)
