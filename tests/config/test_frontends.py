"""`[[frontends]]`: read by their carrier, every problem told at its place in the file."""

import pytest

from smshub.config import ConfigErrors, read
from smshub.frontends.carriers.frontend_settings import AmqpSettings, RedisSettings

ACCOUNTS = {"shop": {"password": "x"}}
AMQP = {"dialect": "otppi", "carrier": "amqp", "url": "amqp://g:secret@127.0.0.1/", "topic": "sms", "account": "shop"}
MQTT = AMQP | {"carrier": "mqtt", "url": "mqtt://127.0.0.1"}


def problems(*frontends):
    """Tell what is wrong with doors."""
    with pytest.raises(ConfigErrors) as errors:
        read({"accounts": ACCOUNTS, "frontends": list(frontends)})
    return [str(problem) for problem in errors.value.problems]


def test_each_table_is_read_by_its_carrier():
    """Without a name a door is called by carrier and topic."""
    redis = AMQP | {"carrier": "redis", "url": "redis://127.0.0.1", "mode": "list", "name": "queue"}
    config = read({"accounts": ACCOUNTS, "frontends": [AMQP, redis]})

    assert [AmqpSettings, RedisSettings] == [type(one) for one in config.frontends]
    assert ["amqp-sms", "queue"] == list(config.named_frontends)


@pytest.mark.parametrize(
    ("frontends", "said"),
    [
        ([AMQP | {"carrier": "mqqt"}], "frontends[0].carrier: there is no carrier 'mqqt'. Did you mean 'mqtt'?"),
        ([{"dialect": "otppi"}], "frontends[0].carrier: is missing. Known: amqp, mqtt, redis, websocket."),
        ([AMQP | {"topics": "x"}], "frontends[0].topics: unknown key. Did you mean 'topic'?"),
        ([AMQP | {"account": "shopp"}], "frontends[0].account: there is no account 'shopp'. Did you mean 'shop'?"),
        ([AMQP, AMQP | {"name": "b"}], "frontends[1].topic: frontends[0] takes from the same place. Remove one."),
        (
            [AMQP, AMQP | {"url": "amqp://other"}],
            "frontends[1].name: frontends[0] is called 'amqp-sms' too. Give each a name of its own.",
        ),
        (
            [MQTT, MQTT | {"topic": "b"}],
            "frontends[1].client_id: frontends[0] has the same one here: one would end the other. Give each its own.",
        ),
        (
            [AMQP | {"url": "amqps://h", "tls": {"ca": "/nowhere"}}],
            "frontends[0].tls.ca: the file /nowhere cannot be read. Name a PEM file.",
        ),
    ],
)
def test_every_problem_is_told_at_its_place(frontends, said):
    """Which table, which key, what is wrong, and the mend; never the URL's password."""
    assert [said] == problems(*frontends)


def test_a_wrong_table_does_not_hide_its_neighbour():
    """The places are those of the file."""
    assert [
        "frontends[0].carrier: there is no carrier 'x'. Known: amqp, mqtt, redis, websocket.",
        "frontends[1].account: there is no account 'nobody'. Known: shop.",
    ] == problems({"carrier": "x"}, AMQP | {"account": "nobody"})
