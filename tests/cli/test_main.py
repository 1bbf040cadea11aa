"""The command itself: help, version, configuration, simulators."""

import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from smshub import __version__

SMSHUB = (sys.executable, "-m", "smshub")


def test_the_command_tells_its_version(folder):
    """As the program that is installed, too."""
    (entry,) = entry_points(group="console_scripts", name="smshub")
    assert "smshub.cli.main:main" == entry.value

    ran = subprocess.run([*SMSHUB, "--version"], capture_output=True, text=True, check=True)

    assert f"smshub {__version__}\n" == ran.stdout


def test_help_loads_nothing_heavy(folder):
    """Neither the settings classes nor rich nor the hub: that is what keeps it quick."""
    script = (
        "import sys; from smshub.cli.main import app; from typer.testing import CliRunner;"
        "assert 0 == CliRunner().invoke(app, ['--help']).exit_code;"
        "print(sorted({'pydantic', 'sqlalchemy', 'aiohttp', 'fastapi', 'uvicorn', 'smshub.app'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]\n" == ran.stdout


def test_every_noun_is_in_the_help(run):
    """As the documentation names them."""
    out = run("--help").out

    nouns = {
        *("demo", "serve", "send", "explain", "block", "unblock", "blocklist", "migrate", "backup", "restore"),
        *("config", "message", "connector", "route", "account", "frontend", "parked", "simulate", "audit"),
    }
    assert set() == nouns - set(re.findall(r"(?m)^  ([a-z]+)  ", out.partition("Commands:")[2]))


def test_a_wrong_command_line_is_status_two(run):
    """The nearest command is named."""
    ran = run("sedn")

    assert 2 == ran.status
    assert "Did you mean 'send'?" in ran.err


def test_the_example_is_checked_and_sound(run, folder):
    """Written and checked as the documentation says; each file has a password of its own."""
    first, second = run("config", "example").out, run("config", "example").out
    (folder / "smshub.toml").write_text(first)
    (folder / "smshub.toml").chmod(0o600)

    ran = run("config", "check")

    assert (0, "smshub.toml: sound (1 account, 1 connector, 1 route)\n", "") == (ran.status, ran.out, ran.err)
    passwords = [re.findall(r'(?m)^password = "(.{24})"$', text)[0] for text in (first, second)]
    assert passwords[0] != passwords[1]


def test_a_file_with_secrets_that_others_may_read_is_noted(run, folder):
    """The note says how to close it, and the check passes."""
    (folder / "smshub.toml").write_text(run("config", "example").out)
    (folder / "smshub.toml").chmod(0o644)

    ran = run("config", "check")

    assert 0 == ran.status
    assert (
        "smshub.toml: note: it has secrets in it, and others may read the file smshub.toml (mode 0644);"
        " close it: chmod 600 smshub.toml"
    ) == ran.out.splitlines()[0]


@pytest.mark.parametrize("command", [("config", "check"), ("config", "plan"), ("serve",), ("migrate",)])
def test_a_wrong_file_is_told_line_by_line_with_status_two(run, folder, command):
    """Every command that reads it says the same, and nothing is begun."""
    (folder / "other.toml").write_text('[server]\nlisen = "x"\nmount = "x"\n')

    ran = run(*command, "--config", "other.toml")

    assert 2 == ran.status
    assert [
        "other.toml:2: server.lisen: unknown key. Did you mean 'listen'?",
        "other.toml:3: server.mount: must be a path that begins with /, such as /sms",
    ] == ran.err.splitlines()
    assert ["other.toml"] == [path.name for path in folder.iterdir()]


def test_a_plan_without_a_database_adds_everything(run, folder):
    """And makes none."""
    (folder / "smshub.toml").write_text('[connectors.log]\ntype = "log"\n')

    ran = run("config", "plan")

    assert "+ connectors.log" in ran.out.splitlines()
    assert ["smshub.toml"] == [path.name for path in folder.iterdir()]


def test_a_bad_fault_script_is_status_two(run):
    """The line names the step."""
    ran = run("simulate", "smsc", "--faults", "acept 5")

    assert 2 == ran.status
    assert ran.err.startswith("smshub: line 1, 'acept 5': there is no step 'acept' here; did you mean 'accept'?")


@pytest.mark.parametrize("kind", ["smsc", "http"])
def test_a_simulator_listens_until_it_is_told_to_end(folder, kind):
    """It says where, takes a connection, and ends at SIGTERM."""
    with subprocess.Popen([*SMSHUB, "simulate", kind, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.send_signal(signal.SIGTERM)

        assert 0 == process.wait(10)


def test_a_port_that_is_taken_is_told(run):
    """In one line, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("simulate", "smsc", "--port", str(port))

    assert (1, f"smshub: cannot listen on 127.0.0.1:{port} (Address already in use)\n") == (ran.status, ran.err)
