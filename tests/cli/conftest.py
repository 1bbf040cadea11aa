"""A hub that answers as it is told, and a way to run commands."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from smshub.cli.main import main


@dataclass
class Asked:
    """One request: what a test may look at."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ToldHub:
    """A hub on loopback that gives its answers in order, the last one again and again."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, status: int, document: Any) -> None:
        """Add an answer."""
        self.answers.append((status, document))


@pytest.fixture
def hub() -> Iterator[ToldHub]:
    """Serve the answers of a test on a free port."""
    told = ToldHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body = json.loads(raw) if raw[:1] in {b"{", b"["} else raw or None
            told.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            status, document = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            raw = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of http.server

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Work in a folder of the test's own, without a profile of anybody's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("URL", "USERNAME", "PASSWORD", "API_KEY"):
        monkeypatch.delenv(f"SMSHUB_{name}", raising=False)
    return tmp_path


@pytest.fixture
def run(folder, monkeypatch, capsys) -> Callable[..., Ran]:
    """Run a command line as the installed command does."""

    def ran(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["smshub", *words])
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return ran


@pytest.fixture
def ask(run, hub, monkeypatch) -> Callable[..., Ran]:
    """Run a command against the hub of the test, as the account shop."""
    monkeypatch.setenv("SMSHUB_URL", hub.url)
    monkeypatch.setenv("SMSHUB_USERNAME", "shop")
    monkeypatch.setenv("SMSHUB_PASSWORD", "hunter2")
    return run
