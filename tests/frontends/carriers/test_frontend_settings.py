"""The settings of doors on brokers: URLs, credentials, TLS, and what cannot work."""

import pytest
from pydantic import ValidationError

from smshub.frontends.carriers.frontend_settings import SETTINGS, FrontendTls


def settings(carrier, url, **more):
    """Read a table."""
    table = {"dialect": "otppi", "carrier": carrier, "url": url, "topic": "sms", "account": "shop"}
    return SETTINGS[carrier].model_validate(table | more)


@pytest.mark.parametrize(
    ("carrier", "url", "place"),
    [
        ("amqp", "amqp://guest:p%40ss@rabbit/vhost", "amqp://rabbit:5672/vhost"),
        ("amqp", "amqps://guest:p%40ss@rabbit:99/", "amqps://rabbit:99/"),
        ("redis", "redis://guest:p%40ss@[::1]/3", "redis://[::1]:6379/3"),
        ("mqtt", "mqtts://guest:p%40ss@broker", "mqtts://broker:8883"),
        ("websocket", "wss://guest:p%40ss@broker/ws?topic=x", "wss://broker:443/ws"),
    ],
)
def test_a_url_is_taken_apart(carrier, url, place):
    """Host, port by the scheme, and credentials unquoted; what is shown has none of them."""
    found = settings(carrier, url)

    assert (place, ("guest", "p@ss")) == (found.place, found.credentials())
    assert "p%40ss" not in repr(found) + found.model_dump_json()


def test_credentials_of_their_own_come_first(monkeypatch):
    """A password by reference is looked up when it is used; the whole URL may be a reference too."""
    monkeypatch.setenv("BROKER_PASSWORD", "other")
    monkeypatch.setenv("BROKER_URL", "redis://a:b@127.0.0.1/0")
    found = settings("redis", "env:BROKER_URL", username="hub", password="env:BROKER_PASSWORD")

    assert ("hub", "other") == found.credentials()
    assert "redis://127.0.0.1:6379/0" == found.place


@pytest.mark.parametrize(
    ("carrier", "url", "more", "said"),
    [
        ("amqp", "http://127.0.0.1/", {}, "url must look like amqp://HOST:PORT"),
        ("amqp", "amqp://", {}, "url must look like amqp://HOST:PORT"),
        ("mqtt", "mqtt://127.0.0.1:99999", {}, "url must look like mqtt://HOST:PORT"),
        ("mqtt", "mqtt://127.0.0.1", {"tls": {}}, "write mqtts://"),
        ("redis", "redis://127.0.0.1/x", {}, "the number of a database"),
        ("mqtt", "mqtt://127.0.0.1", {"topic": "sms/#"}, "must be 1 to 200 characters without blanks"),
        ("mqtt", "mqtt://127.0.0.1", {"topic": "$SYS/x"}, "must be 1 to 200 characters without blanks"),
        ("mqtt", "mqtt://127.0.0.1", {"callback_topics": ["a*b"]}, "must be 1 to 200 characters without blanks"),
        ("mqtt", "mqtt://127.0.0.1", {"qos": 2}, "qos"),
        ("redis", "redis://127.0.0.1", {"durable": True}, "durable"),
    ],
)
def test_what_cannot_work_is_refused(carrier, url, more, said):
    """A URL of another kind, TLS without TLS, patterns for topics, keys of another carrier."""
    with pytest.raises(ValidationError) as refused:
        settings(carrier, url, **more)

    assert said in str(refused.value)


def test_tls_verifies_unless_it_is_switched_off():
    """Certificate and name are checked against the system's authorities, from TLS 1.2 on."""
    usual = settings("amqp", "amqps://rabbit/").context()
    off = settings("amqp", "amqps://rabbit/", tls={"verify": False}).context()

    assert (True, "CERT_REQUIRED", "TLSv1_2") == (
        usual.check_hostname,
        usual.verify_mode.name,
        usual.minimum_version.name,
    )
    assert (False, "CERT_NONE") == (off.check_hostname, off.verify_mode.name)
    assert None is settings("amqp", "amqp://rabbit/").context()
    with pytest.raises(OSError, match="No such file"):
        FrontendTls(ca="/nowhere.crt").context()
