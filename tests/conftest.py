"""
What every test may use: the marker `needs`, servers of the distribution, and a guard that keeps all on this machine.

A test marked `needs("postgresql")` runs where that server's program is found. Elsewhere it is skipped by the server's
name, or fails where the environment says CI=true.
"""

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path

import pytest

# The folder itself, so that the modules below are found in every import mode, and the one in which bench/ lies.
sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]

pytest_plugins = ["fixtures_brokers", "fixtures_postgres", "fixtures_slapd"]

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


def is_loopback(address: object) -> bool:
    """Tell whether an address of a socket leads nowhere but to this machine: a path, localhost, 127.0.0.0/8, ::1."""
    if not isinstance(address, tuple) or not address:
        return isinstance(address, str | bytes)
    try:
        return address[0] == "localhost" or ip_address(str(address[0]).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def _no_other_machines() -> Iterator[None]:
    """Refuse every connection of this process, and every datagram, that would leave the machine."""

    def guarded(name: str) -> object:
        original = getattr(socket.socket, name)

        def guard(self: socket.socket, *arguments: object) -> object:
            address = arguments[-1] if arguments else None
            if not is_loopback(address):
                raise RuntimeError(f"a test may not reach {address!r}: only this machine is allowed")
            return original(self, *arguments)

        return guard

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, guarded(name))
        yield
