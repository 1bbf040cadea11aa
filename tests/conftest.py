"""
What every test may use: the marker `needs`, and fixtures that start the servers of the distribution.

A test marked `needs("postgresql")` runs where that server's program is found. Elsewhere it is skipped by the server's
name, or fails where the environment says CI=true.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

# The folder itself, so that the modules below are found in every import mode.
sys.path.append(str(Path(__file__).parent))

pytest_plugins = ["fixtures_postgres"]

# What must be there for each server: any one of these programs or files.
SERVERS: Mapping[str, tuple[str, ...]] = {
    "chromium": ("chromium",),
    "gammu": ("gammu",),
    "kannel": ("bearerbox", "/usr/sbin/bearerbox"),
    "mosquitto": ("mosquitto", "/usr/sbin/mosquitto"),
    "openssl": ("openssl",),
    "php": ("php",),
    "postgresql": ("/usr/lib/postgresql/*/bin/initdb",),
    "rabbitmq": ("/usr/lib/rabbitmq/bin/rabbitmq-server",),
    "redis": ("redis-server",),
    "slapd": ("slapd", "/usr/sbin/slapd"),
}


def found(server: str) -> bool:
    """Tell whether a server's program is on this machine."""
    return any(
        bool(list(Path("/").glob(program[1:]))) if program.startswith("/") else shutil.which(program) is not None
        for program in SERVERS.get(server, (server,))
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose server is not here, or fail it in continuous integration."""
    for marker in item.iter_markers("needs"):
        for server in marker.args:
            if found(server):
                continue
            if os.environ.get("CI") == "true":
                pytest.fail(f"needs {server}, which is not installed", pytrace=False)
            pytest.skip(f"needs {server}")
