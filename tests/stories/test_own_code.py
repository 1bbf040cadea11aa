"""Scripts and Python functions of the operator's behind a real hub: they send, they fail, nobody else is held up."""

from pathlib import Path
from types import SimpleNamespace

import pytest

GATEWAY = """
import os, sys, time
from smshub.connectors.custom import ConnectorError

def send(msg, mobile, flash, sender, password):
    what = msg.partition(" ")[0]
    if what == "block":
        time.sleep(600)
    if what == "die":
        os._exit(1)
    if what == "exit":
        sys.exit(1)
    if what == "no":
        raise ConnectorError("not today " + password, reason="NO_CREDIT")
    if what == "eat":
        return bytearray(16 * 1024 ** 3)
    if what == "flood":
        while True:
            print(password * 1000)
    print("sent with", password)
    return f"{mobile}-{sender}-{flash}"
"""
SCRIPT = """#!/bin/sh
text=$(cat)
case "$text" in
  never*) echo "no such number as $1" >&2; exit 2;;
  not*) exit 1;;
esac
printf '%s %s\\n' "$1" "$text" >> "$(dirname "$0")/sent"
echo "OK s-1"
"""
SECRET = "t0psecret-of-mine"


@pytest.fixture(scope="module")
def world(words, make_shared_smsc, make_shared_hub, tmp_path_factory):
    """Give a hub with a function, a script and a message centre behind each."""
    folder: Path = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(GATEWAY)
    (folder / "sending").write_text(SCRIPT)
    (folder / "sending").chmod(0o755)
    spare = make_shared_smsc()
    tables = words.accounts + words.smpp("spare", spare.port)
    for name in ("mine", "bad"):
        tables += (
            f'[connectors.{name}]\ntype = "custom"\nfile = "{folder}/mine.py"\ntimeout = 3\npassword = "env:MINE"\n'
        )
    tables += (
        f'[connectors.own]\ntype = "script"\nscript = "{folder}/sending"\nrejected = [2]\nid_pattern = "OK (.*)"\n'
    )
    for prefix, names in {"491": '"mine", "spare"', "492": '"own", "spare"', "493": '"bad"', "": '"spare"'}.items():
        tables += f'[[routes]]\nprefixes = ["{prefix}"]\nconnectors = [{names}]\n'
    hub = make_shared_hub(tables, env={"MINE": SECRET})
    hub.bound("spare", "mine", "own", "bad")
    yield SimpleNamespace(hub=hub, spare=spare, folder=folder)
    assert SECRET not in hub.log


def timeline(message):
    """Tell each attempt's connector, outcome and reason."""
    return [" ".join(filter(None, (one["connector"], one["outcome"], one["reason"]))) for one in message["attempts"]]


def test_a_function_sends(world):
    """It is given the number, the sender and the kind of text; what it returns is the provider's id."""
    message = world.hub.ends(world.hub.send("+491701234567", "hello", type="flash"), "SENT")

    assert ["mine accepted"] == timeline(message)
    assert "491701234567-ACME-True" == message["attempts"][0]["provider_ref"]
    assert "sent with ********" in world.hub.log


def test_a_script_sends_and_refuses(world):
    """Its input is the text; 2 is final here, 1 is for the next connector."""
    sent = world.hub.ends(world.hub.send("+492701234567", 'a "text" $(touch x); `y`'), "SENT")
    never = world.hub.ends(world.hub.send("+492701234568", "never"), "REJECTED")
    other = world.hub.ends(world.hub.send("+492701234569", "not this one"), "DELIVERED")

    assert '492701234567 a "text" $(touch x); `y`\n' == (world.folder / "sent").read_text()
    assert (["own accepted"], "s-1") == (timeline(sent), sent["attempts"][0]["provider_ref"])
    assert ["own rejected UNKNOWN"] == timeline(never)
    assert ("exit 2", "no such number as ********") == (never["attempts"][0]["code"], never["attempts"][0]["detail"])
    assert ["own deferred UNKNOWN", "spare accepted"] == timeline(other)


def test_a_plain_no_of_a_function_takes_the_next_way(world):
    """With the hub's reason and without its secret."""
    message = world.hub.ends(world.hub.send("+491701234567", "no money"), "DELIVERED")

    assert ["mine deferred NO_CREDIT", "spare accepted"] == timeline(message)
    assert "not today ********" == message["attempts"][0]["detail"]


def test_while_functions_fail_in_every_way_others_go_on(world):
    """Two block, others wait behind them; texts on another route are delivered meanwhile, in the end all is told."""
    bad = ["block 1", "block 2", "flood", "die", "exit", "eat"]
    ids = [world.hub.send("+493711234567", text, **{"class": "bulk"}) for text in bad]

    for number in range(20):
        text = f"meanwhile {number}"
        assert world.hub.ends(world.hub.send("+43660123456", text), "DELIVERED", within=5.0)

    ends = [world.hub.ends(one, "UNCERTAIN", within=60.0) for one in ids]
    after = world.hub.ends(world.hub.send("+493711234567", "hello again"), "SENT")
    assert {"bad uncertain CRASHED", "bad uncertain NO_ANSWER"} == {line for one in ends for line in timeline(one)}
    assert ["bad accepted"] == timeline(after)
    assert world.hub.memory() < 200 * 1_048_576


def test_code_cannot_be_brought_in_over_the_api(world):
    """An administrator's key is not a shell: only who writes the configuration file names programs."""
    tables = [{"type": "script", "script": "/bin/sh"}, {"type": "custom", "file": "/tmp/x.py"}]

    answers = [world.hub.call("PUT", "/v1/connectors/shell", one, user="admin:admin-password") for one in tables]

    assert [400, 400] == [answer.status for answer in answers]
    assert all("in the configuration file only" in answer.body.decode() for answer in answers)
