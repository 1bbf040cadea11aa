"""`smshub simulate http` with users, a secret and an address for reports."""

import json
import re
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from smshub.simulators.providers import vonage

SMSHUB = str(Path(sys.executable).with_name("smshub"))
TEXT = {"api_key": "key", "api_secret": "secret", "from": "ACME", "to": "491701234567", "text": "Hello"}


@pytest.fixture
def called():
    """Give the address of a server, and the list of bodies that it was called with."""
    bodies, arrived = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *words):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/receipts/vonage", bodies, arrived
        server.shutdown()
        thread.join()


def test_a_provider_knows_its_users_and_signs_its_reports(tmp_path, called):
    """A stranger is refused; the report on a user's text is signed and says what `--receipts` asks for."""
    address, bodies, arrived = called
    (tmp_path / "users").write_text("key:secret\n\nother:else\n")
    (tmp_path / "signing").write_text("signature secret\n")
    options = ["--users-file", str(tmp_path / "users"), "--signing-file", str(tmp_path / "signing")]
    command = [SMSHUB, "simulate", "http", "--port", "0", *options, "--callback", address, "--receipts", "bad"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = re.search(r"127\.0\.0\.1:(\d+);", process.stdout.readline())[1]

            def send(**fields):
                body = urlencode({**TEXT, **fields}).encode()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/sms/json", body, timeout=10) as answer:
                    return json.load(answer)["messages"][0]["status"]

            assert ["4", "0"] == [send(api_secret="guessed"), send()]
            assert arrived.wait(10)
        finally:
            process.terminate()
            process.wait(10)

    report = json.loads(bodies[0])
    assert ("failed", vonage.signatures(report, "signature secret")[0]) == (report["status"], report["sig"])


def test_users_that_cannot_be_read_are_told(tmp_path):
    """In one line, with the status of a wrong command line."""
    command = [SMSHUB, "simulate", "http", "--users-file", str(tmp_path / "none")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (2, 1) == (ran.returncode, len(ran.stderr.splitlines()))
    assert "cannot be read" in ran.stderr
