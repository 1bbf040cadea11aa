"""The hub's HTTP listeners: sockets of its own, served by uvicorn inside the hub's loop."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import uvicorn

from smshub.frontends.carriers.gathering import GatheringProtocol

# Seconds that requests under way are given when the hub stops; each waits for one commit only.
HTTP_GRACE = 3


class TlsFiles(msgspec.Struct, frozen=True):
    """
    The files of a listener with TLS (PEM): its certificate, its key, and the authority of its callers' certificates.

    `client_required`: callers without a certificate of `client_ca` are turned away.
    """

    certificate: str
    key: str
    client_ca: str | None = None
    client_required: bool = False


class _Listener(uvicorn.Server):
    """A uvicorn server inside our own loop: signals are the application's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class Listeners:
    """Every listener of the hub; `addresses` are their URLs."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self._servers: list[tuple[_Listener, asyncio.Task[None]]] = []

    def open(self, app: Any, host: str, port: int, *, connections: int, tls: TlsFiles | None = None) -> None:
        """Begin to listen; port 0 is any free one. Raises OSError."""
        config = _configured(app, connections, tls)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        listener = _Listener(config)
        scheme = "https" if tls else "http"
        shown = f"[{host}]" if ":" in host else host
        self.addresses.append(f"{scheme}://{shown}:{sock.getsockname()[1]}")
        self._servers.append((listener, asyncio.create_task(listener.serve(sockets=[sock]), name=scheme)))

    async def started(self) -> None:
        """Wait until all of them listen."""
        for listener, _ in self._servers:
            while not listener.started:  # noqa: ASYNC110
                await asyncio.sleep(0.005)  # uvicorn gives no event for it

    async def stop(self) -> None:
        """Take no more, answer what is under way, end."""
        for listener, _ in self._servers:
            listener.should_exit = True
        if self._servers:
            await asyncio.wait([task for _, task in self._servers])


def _configured(app: Any, connections: int, tls: TlsFiles | None) -> uvicorn.Config:
    files: dict[str, Any] = {}
    if tls is not None:
        files = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
        if tls.client_ca is not None:
            wanted = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_OPTIONAL
            files |= {"ssl_ca_certs": tls.client_ca, "ssl_cert_reqs": wanted}
    config = uvicorn.Config(
        app,
        http=GatheringProtocol,
        ws="none",
        proxy_headers=False,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=HTTP_GRACE,
        limit_concurrency=connections,
        backlog=2048,
        **files,
    )
    if tls is not None:
        config.load()
        if config.ssl is not None:
            config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config
