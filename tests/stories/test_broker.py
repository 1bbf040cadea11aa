"""A hub with a broker in it, as OTP-Publisher and OTP-Pi use one: publish, subscribe, reload, stop."""

import base64
import socket

import bcrypt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from fixtures_hub import free_port, wait_for

BROKER = """\
[broker]
listen = "127.0.0.1:{port}"
htpasswd = "brokers.htpasswd"
"""


def client(port, user, topic="sms"):
    """Connect as a program does."""
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
    return connect(f"ws://127.0.0.1:{port}/ws?topic={topic}", additional_headers=headers, proxy=None, close_timeout=2)


def entry(user):
    """Write the line of a user:password."""
    name, _, password = user.partition(":")
    return f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"


@pytest.fixture
def hub(make_hub, words):
    """A hub whose only other thing is two accounts."""
    one = make_hub(start=False)
    one.broker_port = free_port()
    (one.folder / "brokers.htpasswd").write_text(entry("phone:phone") + entry("shop:sesame"))
    one.configure(words.accounts + BROKER.format(port=one.broker_port))
    one.start()
    return one


def test_a_publisher_reaches_a_subscriber_until_the_hub_stops(hub):
    """Text and binary go across, a stranger does not get in, and the end is 1001 for everybody, soon."""
    with client(hub.broker_port, "phone:phone") as phone, client(hub.broker_port, "shop:sesame") as shop:
        shop.send('{"command": "send-sms"}')
        shop.send(b"\x00\x01")
        received = [phone.recv(10), phone.recv(10)]
        with pytest.raises(InvalidStatus) as refused, client(hub.broker_port, "shop:wrong"):
            pass

        status = hub.stop()
        with pytest.raises(ConnectionClosed) as ended:
            phone.recv(10)

    assert ['{"command": "send-sms"}', b"\x00\x01"] == received
    assert 401 == refused.value.response.status_code
    assert (0, 1001) == (status, ended.value.rcvd.code)
    assert "sesame" not in hub.log


def test_users_and_settings_change_while_it_runs(hub, words):
    """A new line of the password file counts at once; a changed table moves the broker at the next reload."""
    with client(hub.broker_port, "phone:phone") as phone:
        (hub.folder / "brokers.htpasswd").write_text(entry("phone:phone") + entry("new:one"))
        with client(hub.broker_port, "new:one") as new:
            new.send("Hello")
            assert "Hello" == phone.recv(10)

        hub.reload()
        phone.ping().wait(10)

        moved = free_port()
        hub.configure(words.accounts + BROKER.format(port=moved))
        hub.reload()
        with pytest.raises(ConnectionClosed) as ended:
            phone.recv(10)
    assert 1001 == ended.value.rcvd.code
    with client(moved, "new:one") as new:
        assert new.ping().wait(10)

    hub.configure(words.accounts)
    hub.reload()
    with pytest.raises(OSError, match="refused"), client(moved, "new:one"):
        pass


def test_a_slow_reader_is_dropped_by_the_hub(hub):
    """In the hub's own event loop too, what waits for a client is bounded, and the hub goes on."""
    credentials = base64.b64encode(b"phone:phone").decode()
    with (
        socket.create_connection(("127.0.0.1", hub.broker_port), 10) as deaf,
        client(hub.broker_port, "shop:sesame") as shop,
    ):
        deaf.sendall(
            b"GET /?topic=sms HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Authorization: Basic " + credentials.encode() + b"\r\n\r\n"
        )
        assert b" 101 " in deaf.recv(1024)
        for _ in range(500):
            shop.send(b"x" * 60_000)
        wait_for(lambda: "broker.slow_client_dropped" in hub.log)
        shop.ping().wait(10)

    assert 1 == hub.log.count("broker.slow_client_dropped")
    assert 200 == hub.call("GET", "/livez", user=None).status
