"""A backup of a running hub, and its way back by the real commands: everything is there, and nothing is sent again."""

import re
import subprocess

import pytest


def run(hub, words, *command, user=None):
    """Run the command line, as the administrator."""
    name, _, password = (user or words.admin).partition(":")
    env = {**hub.env, "SMSHUB_URL": hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    return subprocess.run(
        [*words.command, *command], cwd=hub.folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def everything(hub):
    """Give what there is of each message, but for what a restore changes."""
    listed = hub.messages()
    return {one["id"]: (one["to"], one["text"], one["created_at"]) for one in listed}


@pytest.fixture
def backed_up(pair, words):
    """Give a pair, a backup with one message delivered, one scheduled and one that waits, and what was sent after."""
    hub = pair.hub
    done = hub.send(text="Done")
    hub.ends(done)
    later = hub.send(text="Later", send_at="2027-01-01T00:00:00Z")
    pair.smsc.stop()
    waiting = hub.send(text="Waiting")
    before = everything(hub)
    made = run(hub, words, "backup")
    assert 0 == made.returncode, made.stderr
    pair.smsc.start()
    hub.ends(waiting)
    return pair, made.stdout.strip(), before, (done, later, waiting)


def test_a_restored_database_has_everything_and_sends_nothing_again(backed_up, words):
    """What waited at the backup was sent after it: it is held, with the reason; released, it is sent once more."""
    pair, file, before, (done, later, waiting) = backed_up
    hub = pair.hub
    assert re.fullmatch(r"backups/smshub-\d{8}T\d{6}\.\d{6}Z\.db", file)
    hub.stop()
    restored = run(hub, words, "restore", file, "--replace")
    assert 0 == restored.returncode, restored.stderr
    hub.start()
    hub.bound("smsc")

    assert "2 messages that were waiting in it are held" in restored.stdout
    assert before == everything(hub)
    states = {name: hub.message(one)["state"] for name, one in {"done": done, "later": later, "wait": waiting}.items()}
    assert {"done": "DELIVERED", "later": "UNCERTAIN", "wait": "UNCERTAIN"} == states
    assert "may have been sent since" in str(hub.message(waiting))
    sent = hub.send(text="After")
    hub.ends(sent)
    assert 1 == sum("Waiting" in text for text in pair.smsc.texts)
    assert 0 == run(hub, words, "message", "release", waiting).returncode
    hub.ends(waiting)
    assert 2 == sum("Waiting" in text for text in pair.smsc.texts)


def test_a_restore_refuses_what_would_harm(backed_up, words, tmp_path):
    """While the hub runs, over a database that is there, from a damaged file and from one that is not ours."""
    pair, file, *_ = backed_up
    hub = pair.hub
    running = run(hub, words, "restore", file, "--replace")
    hub.stop()
    over = run(hub, words, "restore", file)
    whole = (hub.folder / file).read_bytes()
    torn = tmp_path / "torn.db"
    torn.write_bytes(whole[:4096] + bytes(4096) + whole[8192:])
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"not a database at all, not at all")
    wrong = [run(hub, words, "restore", str(one), "--replace") for one in (torn, foreign, tmp_path / "none.db")]

    assert "in use by another process" in running.stderr
    assert "say --replace" in over.stderr
    assert all(one.returncode for one in (running, over, *wrong))
    assert not any("Traceback" in one.stderr for one in (running, over, *wrong))
    hub.start()
    assert len(hub.messages()) == 3


def test_only_an_administrator_makes_backups(pair, words):
    """Anybody else is refused, and no file is made."""
    refused = run(pair.hub, words, "backup", user="shop:shop-password")

    assert 0 != refused.returncode
    assert not (pair.hub.folder / "backups").exists()


@pytest.mark.needs("postgresql")
def test_a_database_of_postgresql_is_held_where_it_was_put_back(make_smsc, make_hub, words, postgres_url):
    """Its own tools put it back; `restore` without a file then holds what was waiting in it."""
    smsc = make_smsc()
    smsc.stop()
    hub = make_hub(
        words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc"), database=postgres_url, start=True
    )
    waiting = hub.send(text="Waiting")
    refused = run(hub, words, "backup")
    hub.stop()
    held = run(hub, words, "restore")
    smsc.start()
    hub.start()
    hub.bound("smsc")

    assert "pg_dump" in refused.stderr
    assert (0, True) == (held.returncode, "1 messages" in held.stdout), held.stderr
    assert ("UNCERTAIN", []) == (hub.message(waiting)["state"], smsc.texts)
