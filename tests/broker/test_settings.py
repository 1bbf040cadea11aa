"""The [broker] table: what is refused before anything listens, with the way to mend it."""

import pytest

from smshub.broker import Broker
from smshub.config import ConfigErrors, notes, read
from smshub.config.broker import BrokerSettings


def problems(table, server=None):
    """Give the problems of a configuration with this [broker] table."""
    with pytest.raises(ConfigErrors) as refused:
        read({"server": server or {}, "broker": table})
    return [str(problem) for problem in refused.value.problems]


def test_it_is_off_unless_written():
    """Without the table there is no broker."""
    assert read({}).broker is None


def test_the_file_is_all_it_needs(htpasswd):
    """Everything else has a default, the one of the documentation."""
    found = read({"broker": {"htpasswd": str(htpasswd)}}).broker

    assert ("127.0.0.1:9000", 65_536, 20.0, None, []) == (
        found.listen,
        found.max_message,
        found.ping,
        found.idle,
        found.origins,
    )


@pytest.mark.parametrize(
    ("table", "server", "said"),
    [
        ({}, {}, "broker.htpasswd"),
        ({"htpasswd": "none"}, {}, "htpasswd -cB none USER"),
        ({"listen": "9000"}, {}, "broker.listen"),
        ({"listen": "127.0.0.1:8080"}, {}, "overlaps the hub's own (127.0.0.1:8080)"),
        ({"listen": "0.0.0.0:9000"}, {"listen": "127.0.0.1:9000"}, "overlaps"),
        ({"origins": ["shop.example"]}, {}, "must be an origin"),
        ({"max_message": 0}, {}, "broker.max_message"),
        ({"max_conections": 5}, {}, "max_connections"),
        ({"tls": {"certificate": "none.crt", "key": "none.key"}}, {}, "there is no file none.key"),
    ],
)
def test_what_cannot_work_is_told(htpasswd, table, server, said):
    """Each mistake is one line that names the key."""
    given = {"htpasswd": str(htpasswd), **table} if table else table

    assert [True] == [said in problem for problem in problems(given, server) if said in problem]


def test_a_key_that_others_may_read_is_told(htpasswd, tmp_path):
    """The private key of the broker is held to the rule of the hub's."""
    for name in ("crt", "key"):
        (tmp_path / name).write_text("-----BEGIN X-----\n")
        (tmp_path / name).chmod(0o644)
    table = {"htpasswd": str(htpasswd), "tls": {"certificate": str(tmp_path / "crt"), "key": str(tmp_path / "key")}}

    (problem,) = problems(table)

    assert "chmod 600" in problem


def test_passwords_in_clear_over_a_network_are_noted(htpasswd):
    """Listening for other machines without TLS works, and is pointed out."""
    said = [
        [note for note in notes(read({"broker": {"htpasswd": str(htpasswd), "listen": listen}})) if "broker" in note]
        for listen in ("127.0.0.1:9000", "localhost:9000", "[::1]:9000", "0.0.0.0:9000", "192.0.2.1:9000")
    ]

    assert [0, 0, 0, 1, 1] == [len(one) for one in said]


async def test_a_changed_table_is_taken_over(htpasswd, join):
    """A changed one listens anew, an unchanged one keeps its clients, none at all ends it."""
    broker = Broker()
    table = {"listen": "127.0.0.1:0", "htpasswd": str(htpasswd)}
    await broker.apply(BrokerSettings(**table))
    first = broker.addresses

    await broker.change(BrokerSettings(**table))
    assert first == broker.addresses
    await broker.change(BrokerSettings(**table, max_connections=5))
    assert 1 == len(broker.addresses)
    assert broker._server.settings.max_connections == 5
    await broker.change(None)
    assert [] == broker.addresses


async def test_what_stands_in_the_way_of_a_change_is_told_and_the_hub_goes_on(make_broker, htpasswd, capsys):
    """A port that somebody has raises at the start, and is a line of the log later."""
    taken = (await make_broker()).address.removeprefix("ws://")
    settings = BrokerSettings(listen=taken, htpasswd=str(htpasswd))
    broker = Broker()

    with pytest.raises(OSError, match="address already in use"):
        await broker.apply(settings)
    await broker.change(settings)

    assert [] == broker.addresses
    assert "broker.not_listening" in "".join(capsys.readouterr())
