"""Two hubs: one file serves one of them, one PostgreSQL serves both."""

import threading
from collections import Counter

import pytest


def test_a_second_hub_on_one_file_is_refused(make_hub, shared, words):
    """It ends with status 1 and a line that names the file and who holds it; the first goes on."""
    second = make_hub(start=False)
    second.database = shared.hub.database
    second.configure(words.accounts)

    assert 1 == second.spawn().wait(20)

    file, holder = shared.hub.folder / "hub.db", shared.hub.process.pid
    why = f"{file} is in use by another process ({holder}); one database file serves one hub"
    assert f"smshub: the hub cannot start: {why}" == second.log.splitlines()[-1]
    shared.hub.ends(shared.hub.send("+491701234567", "still here"))


@pytest.mark.needs("postgresql")
def test_two_hubs_on_one_postgresql_share_the_work(make_hub, make_smsc, words, postgres_url):
    """Both accept, one of them holds each link, everything is delivered once; when one is killed the other goes on."""
    smsc = make_smsc()
    tables = words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc")
    secret = f'secret = "{"5a" * 32}"\n'
    one, two = (make_hub(tables, server=f'{secret}node = "{node}"', database=postgres_url) for node in ("one", "two"))
    owner, other = _owner(one, two, words)
    assert "elsewhere" == other.connectors()["smsc"]["state"]
    assert 1 == len(smsc.simulator.links)

    ids = []

    def load(hub, name):
        ids.extend(hub.send(f"+4917012345{place:02d}", f"{name} {place}") for place in range(20))

    threads = [threading.Thread(target=load, args=(hub, name)) for hub, name in ((one, "one"), (two, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 40 == len(ids)
    for message_id in ids:
        one.ends(message_id, within=30)
    assert {1} == set(Counter(smsc.texts).values())
    assert 40 == len(smsc.texts)
    # Either tells of what the other took.
    assert {message["id"] for message in one.messages()} == {message["id"] for message in two.messages()}

    assert 0 == owner.stop()
    other.ends(other.send("+491701234567", "by the other"), within=30)
    other.bound("smsc")
    assert 1 == smsc.texts.count("ACME -> 491701234567: by the other")


def _owner(one, two, words):
    """Wait until one of two hubs is bound; give it, and the other."""

    def look():
        states = [hub.connectors()["smsc"]["state"] for hub in (one, two)]
        return (one, two) if states[0] == "up" else (two, one) if states[1] == "up" else None

    return words.wait_for(look)
