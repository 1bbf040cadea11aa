"""smshubStatus tells the truth: its figures are the hub's, and 2 means that a text would not leave."""

import re
import resource
import socket
from itertools import chain
from pathlib import Path

import pytest

from smshub import __version__

SEND = {"mobile": ["+491701234567"], "text": "Hello", "username": "shop", "password": "shop-password"}


def status(hub):
    """Ask for the status; give the number and the lines by their names."""
    call = {"jsonrpc": "2.0", "method": "smshubStatus", "id": 1}
    result = hub.call("POST", "/smshub/", call, user=None).json["result"]
    return result["status"], dict(line.split(": ", 1) for line in result["message"].splitlines())


def send(hub, text="Hello"):
    """Send by the door; give the error."""
    call = {"jsonrpc": "2.0", "method": "smshubSend", "params": {**SEND, "text": text}, "id": 1}
    return hub.call("POST", "/smshub/", call, user=None).json["result"]["error"]


def let_files_grow_to(hub, limit):
    """Limit the files of the hub and of the processes that write for it, as a full disk would."""
    pid = hub.process.pid
    children = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    for one in (pid, *map(int, chain.from_iterable(children))):
        resource.prlimit(one, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


@pytest.fixture
def hub(make_hub, words):
    """A hub that writes texts to a file."""
    return make_hub(words.accounts + '[connectors.log]\ntype = "log"\nfile = "sent"\n' + words.route("log"))


def test_the_figures_are_the_hubs_own(pair):
    """Version, platform, listeners, memory, connectors: each as the system and the other doors tell it."""
    number, lines = status(pair.hub)

    resident = int(Path(f"/proc/{pair.hub.process.pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    assert (1, f"smshub {__version__}", "linux", pair.hub.url) == (
        number,
        lines["Server"],
        lines["System"],
        lines["Listener"],
    )
    assert re.fullmatch(r"0 d 00:00:\d\d", lines["Uptime"])
    assert socket.gethostname() == lines["Cluster Node"]
    assert resident == pytest.approx(float(lines["Local Memory"].removesuffix(" MiB")), abs=8)
    assert "1 of 1 up, 0 messages queued" == lines["Connectors"]


def test_without_a_connector_that_is_up_it_is_2(pair, words):
    """With the message centre gone the hub is not willing, though what is sent all the same waits on disk."""
    pair.smsc.stop()

    _, lines = words.wait_for(lambda: (found := status(pair.hub))[0] == 2 and found)

    assert lines["Server"].endswith("(takes no messages: no connector is up)")
    assert "" == send(pair.hub, "for later")
    pair.smsc.start()
    words.wait_for(lambda: status(pair.hub)[0] == 1)
    pair.smsc.arrives("ACME -> 491701234567: for later")


def test_short_of_room_it_is_2_and_takes_nothing(hub, words):
    """With less room on the disk than is kept in reserve texts are refused, at every door, until there is more."""
    tables = hub.config.read_text()
    hub.config.write_text(f"{tables}\n[server.limits]\ndisk_reserve = {2**61}\n")
    hub.reload()

    _, lines = words.wait_for(lambda: (found := status(hub))[0] == 2 and found)

    assert lines["Server"].endswith("(takes no messages: the disk is nearly full)")
    assert "DiskFull" == send(hub)
    native = hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "Hello"})
    assert (503, "DiskFull") == (native.status, native.json["error"])
    assert native.headers["retry-after"]
    hub.config.write_text(tables)
    hub.reload()
    words.wait_for(lambda: status(hub)[0] == 1)
    assert "" == send(hub)


def test_a_database_that_cannot_be_written_is_2(hub, words):
    """When the system lets no file grow any more, texts are refused and the status says why; later all is well."""
    # The log of the database is far past the limit by now, that of the hub far below it.
    limit = 24 * 1024
    for number in range(20):
        hub.send(text=f"{number} " + "x" * 150)
    assert (hub.folder / "hub.db-wal").stat().st_size > 2 * limit > 4 * len(hub.log)
    let_files_grow_to(hub, limit)
    try:
        errors = [send(hub, "y" * 1_000) for _ in range(3)]
        _, lines = words.wait_for(lambda: (found := status(hub))[0] == 2 and found)
    finally:
        let_files_grow_to(hub, resource.RLIM_INFINITY)

    assert lines["Server"].endswith("(takes no messages: the database cannot be written)")
    assert ["StoreUnavailable"] * 3 == errors
    words.wait_for(lambda: status(hub)[0] == 1)
    assert "" == send(hub)
