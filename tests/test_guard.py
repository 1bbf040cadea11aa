"""The suite stays on this machine: every connection elsewhere is refused before a packet leaves."""

import asyncio
import socket

import pytest

# Addresses for documentation (RFC 5737, RFC 3849), which lead nowhere, and names.
ELSEWHERE = [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0), ("198.51.100.7", 25), ("example.com", 80), ("0.0.0.0", 1)]


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("how", ["connect", "connect_ex"])
def test_a_connection_elsewhere_is_refused(how, address):
    """A test that would leave the machine fails with the address it wanted."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    with socket.socket(family) as one, pytest.raises(RuntimeError, match="only this machine"):
        getattr(one, how)(address)


def test_a_datagram_elsewhere_is_refused():
    """Datagrams need no connection, so they are watched too."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        one.sendto(b"?", ("192.0.2.1", 53))


async def test_asyncio_is_watched_as_well():
    """The event loop connects through the same door."""
    with pytest.raises(RuntimeError, match="only this machine"):
        await asyncio.open_connection("192.0.2.1", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost"])
def test_this_machine_is_reached(host):
    """All of 127.0.0.0/8 is this machine."""
    with socket.create_server(("0.0.0.0", 0)) as server, socket.create_connection((host, server.getsockname()[1]), 5):
        accepted, _ = server.accept()
        accepted.close()


def test_a_path_is_reached(tmp_path):
    """Sockets of the file system never leave it."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
