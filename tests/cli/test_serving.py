"""A real hub: started from the example, used, compared with an edited file, and ended."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

SMSHUB = (sys.executable, "-m", "smshub")


@pytest.fixture
def serving(run, folder, monkeypatch):
    """A hub that runs on the example file; gives the file."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = run("config", "example").out.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    (folder / "smshub.toml").write_text(text)
    (folder / "smshub.toml").chmod(0o600)
    monkeypatch.setenv("SMSHUB_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("SMSHUB_USERNAME", "shop")
    monkeypatch.setenv("SMSHUB_PASSWORD", re.search(r'(?m)^password = "(.*)"', text)[1])
    with subprocess.Popen([*SMSHUB, "serve"], stderr=subprocess.PIPE, text=True) as process:
        try:
            started = any("hub.started" in line for line in process.stderr)
            assert started, "the hub ended before it listened"
            yield folder / "smshub.toml"
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            ended = process.wait(20)
    assert 0 == ended


def test_the_example_serves_and_a_plan_tells_what_an_edit_would_change(run, serving):
    """A text is sent and shown; then a secret, a key and a connector of the file are changed."""
    sent = run("send", "--to", "+491701234567", "--text", "Hello")
    assert (0, "") == (sent.status, sent.err)
    shown = run("message", "show", sent.out.split()[0])
    assert "to       +491701234567" in shown.out.splitlines()
    assert "No change.\n" == run("config", "plan").out

    text = serving.read_text()
    text = re.sub(r'(?m)^password = ".*"', 'password = "another-secret"', text)
    text = text.replace('originator = "ACME"', 'originator = "SHOP"').replace("[connectors.log]", "[connectors.paper]")
    serving.write_text(text.replace('connectors = ["log"]', 'connectors = ["paper"]'))
    plan = run("config", "plan")

    assert [
        "- connectors.log",
        '~ accounts.shop: originator: "ACME" -> "SHOP", password: changed',
        "+ connectors.paper",
        (
            "~ routes.default: connectors: "
            '[{"name": "log", "priority": 1, "weight": 1}] -> [{"name": "paper", "priority": 1, "weight": 1}]'
        ),
        "4 changes",
    ] == plan.out.splitlines()
    assert "another-secret" not in plan.out + run("config", "plan", "--json").out


def test_a_second_hub_on_the_same_database_is_told_in_one_line(run, serving):
    """Without a traceback."""
    ran = subprocess.run([*SMSHUB, "serve"], capture_output=True, text=True, env=os.environ, check=False)

    assert 1 == ran.returncode
    assert ran.stderr.splitlines()[-1].startswith("smshub: the hub cannot start: ")
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_told_in_one_line(run, folder):
    """The hub ends and says why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (folder / "smshub.toml").write_text(f'[server]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n')
        ran = subprocess.run([*SMSHUB, "serve"], capture_output=True, text=True, check=False)

    assert 1 == ran.returncode
    assert "smshub: the hub cannot start: Address already in use" == ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr


def test_a_database_is_migrated_and_read_again(run, folder):
    """Migrating twice is as good as once."""
    (folder / "smshub.toml").write_text("")

    assert ["The database is up to date.\n"] * 2 == [run("migrate").out for _ in range(2)]
    assert (folder / "smshub.db").exists()
