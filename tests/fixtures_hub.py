"""
The hub as a process of its own: its folder, its file, its doors. A story starts it, talks to it, and ends it by its id.
"""

import base64
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = [str(Path(sys.executable).with_name("smshub"))]
READY_WITHIN = 20.0
ADMIN = "admin:admin-password"
SHOP = "shop:shop-password"

SERVER = """\
[server]
listen = "127.0.0.1:{port}"
database = "{database}"
{server}
"""

# Two callers: one that may do anything, one that may only send.
ACCOUNTS = """\
[accounts.admin]
password = "admin-password"
role = "administrator"

[accounts.shop]
password = "shop-password"
originator = "ACME"
"""

ROUTE = """\
[[routes]]
prefixes = [""]
connectors = [{connectors}]
"""


def wait_for(look: Callable[[], Any], within: float = 15.0) -> Any:
    """Look again and again until something is there, and give it; fails when nothing comes within so many seconds."""
    until = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > until:
            pytest.fail(f"still {found!r} after {within:g} s")
        time.sleep(0.02)
    return found


def free_port() -> int:
    """
    Find a port on loopback that nobody listens on.

    It is below those that the system gives to outgoing connections (32768 and up on Linux): one of them could take it
    between now and the hub's start, or while the hub is down.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def smpp(name: str, port: int, **settings: object) -> str:
    """Write the table of a connector to a message centre."""
    values = {"type": "smpp", "host": "127.0.0.1", "port": port, "backoff_initial": 0.1, "backoff_max": 0.5, **settings}
    return f"[connectors.{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def toml(value: object) -> str:
    """Write a value as TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def route(*connectors: str) -> str:
    """Write the default route."""
    return ROUTE.format(connectors=", ".join(f'"{name}"' for name in connectors))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Hub:
    """A hub's folder, configuration and process. Every start is a new process on the same files."""

    def __init__(self, folder: Path, port: int, *, database: str = "", env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = port
        self.database = database or f"sqlite:///{folder}/hub.db"
        self.config = folder / "smshub.toml"
        self.env = {**os.environ, **(env or {})}
        self.env.pop("PYTHONASYNCIODEBUG", None)
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "hub.log"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything it has written to its output and its errors so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def configure(self, tables: str, server: str = "") -> None:
        """Write its file: the tables below a [server] table, to which `server` adds lines."""
        text = SERVER.format(port=self.port, database=self.database, server=server) + tables
        self.config.touch(mode=0o600)
        self.config.write_text(text, encoding="utf-8")

    # --- its process ------------------------------------------------------------------------------------------------

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start the process without waiting for it."""
        with self._log.open("ab") as log:
            command = [*COMMAND, "serve", "--config", str(self.config)]
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self.process

    def start(self) -> None:
        """Start it and wait until it answers."""
        process = self.spawn()
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            if process.poll() is not None:
                pytest.fail(f"the hub ended with {process.returncode}: {self.log[-2000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.call("GET", "/livez", user=None).status == 200:
                    return
            time.sleep(0.02)
        pytest.fail(f"the hub is not ready after {READY_WITHIN:g} s: {self.log[-2000:]}")

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self, within: float = 15.0) -> int:
        """End it with SIGTERM; give its exit status. Fails when it takes longer than promised."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the hub did not stop within {within:g} s: {self.log[-2000:]}")

    def reload(self) -> None:
        """Have it read its file again (SIGHUP) and wait until it has said what came of it."""
        assert self.process is not None
        said = self._reloads()
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._reloads() > said)

    def _reloads(self) -> int:
        return self.log.count("config.reloaded") + self.log.count("config.refused")

    def end(self) -> None:
        """End what is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def memory(self) -> int:
        """Tell its resident memory in bytes."""
        assert self.process is not None
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    # --- its doors --------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str | None = SHOP,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """Make a request over a connection of its own, from the loopback address `source`; bytes are sent as given."""
        sent = {} if user is None else {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0))
        try:
            connection.request(method, path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send(self, to: object = "+491701234567", text: str = "Hello", *, user: str = SHOP, **members: object) -> str:
        """Hand in a text that must be accepted; give the id of its (first) message."""
        answer = self.call("POST", "/v1/messages", {"to": to, "text": text, **members}, user=user)
        assert 202 == answer.status, answer.body
        return str(answer.json["messages"][0]["id"])

    def message(self, message_id: str) -> dict[str, Any]:
        """Show a message with its attempts."""
        answer = self.call("GET", f"/v1/messages/{message_id}", user=ADMIN)
        assert 200 == answer.status, answer.body
        return dict(answer.json)

    def ends(self, message_id: str, *states: str, within: float = 15.0) -> dict[str, Any]:
        """Wait until a message is in one of these states (DELIVERED unless named), and give it."""
        until = time.monotonic() + within
        while (message := self.message(message_id))["state"] not in (states or ("DELIVERED",)):
            if time.monotonic() > until:
                pytest.fail(f"after {within:g} s it is {message}")
            time.sleep(0.02)
        return message

    def messages(self, **filters: str) -> list[dict[str, Any]]:
        """List up to 500 messages."""
        query = "&".join(f"{name}={value}" for name, value in {"limit": "500", **filters}.items())
        return list(self.call("GET", f"/v1/messages?{query}", user=ADMIN).json["messages"])

    def connectors(self) -> dict[str, dict[str, Any]]:
        """Tell the connectors by name."""
        return {one["name"]: one for one in self.call("GET", "/v1/connectors", user=ADMIN).json["connectors"]}

    def bound(self, *names: str) -> None:
        """Wait until these connectors are up."""
        wait_for(lambda: all(self.connectors()[name]["state"] == "up" for name in names))

    def run(self, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run the command line as the shop, with nothing but the address and the password in its environment."""
        name, _, password = SHOP.partition(":")
        env = {**self.env, "SMSHUB_URL": self.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
        return subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
