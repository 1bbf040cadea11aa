"""Brokers of our own: Debian's programs, temporary folders, free ports of 127.0.0.1; each is ended by its id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import NotReady, free_port

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
READY_WITHIN = 60.0


@dataclass
class Server:
    """A broker's process, its folder and its port. It can be killed and started again on the same files."""

    name: str
    command: list[str]
    folder: Path
    port: int
    env: dict[str, str] = field(default_factory=dict)
    tls_port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def certificate(self) -> Path:
        """The certificate of its TLS listener, which signs itself."""
        return self.folder / "broker.crt"

    def start(self) -> None:
        """Start it and wait until it listens. Raises `NotReady`."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + READY_WITHIN
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                self.end()
                raise NotReady(f"{self.name} does not start: {tail}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether somebody listens on its port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it as a crash would, with all processes that it has begun."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._gone()

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)
        self._gone()

    def strike(self) -> None:
        """End it as hard as it may be: Mosquitto writes its store when it stops, the others before they confirm."""
        (self.stop if self.name == "mosquitto" else self.kill)()

    def _gone(self) -> None:
        until = time.monotonic() + 10.0
        while self.answers() and time.monotonic() < until:
            time.sleep(0.02)

    def end(self) -> None:
        """End what is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.kill()


@contextlib.contextmanager
def folder_for(name: str) -> Iterator[Path]:
    """Give a folder that only its owner may enter, removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"smshub-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def certify(folder: Path) -> tuple[str, str]:
    """Make a certificate for 127.0.0.1 that signs itself, and its key; gives their files."""
    certificate, key = str(folder / "broker.crt"), str(folder / "broker.key")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    more = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key]
    subprocess.run([*command, *more], check=True, capture_output=True, timeout=30)
    return certificate, key


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Have a server run."""
    server.start()
    try:
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def rabbitmq() -> Iterator[Server]:
    """Run a RabbitMQ with a name, a home, a port mapper and ports of its own; anybody on this machine is guest."""
    with folder_for("rabbitmq") as folder:
        port, tls_port, mapper_port = free_port(), free_port(), free_port()
        certificate, key = certify(folder)
        mapper = Server("epmd", ["epmd", "-port", str(mapper_port), "-address", "127.0.0.1"], folder, mapper_port)
        (folder / "rabbitmq.conf").write_text(
            "loopback_users = none\nlog.console = true\nlog.console.level = warning\n"
            f"listeners.ssl.default = 127.0.0.1:{tls_port}\nssl_options.cacertfile = {certificate}\n"
            f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n"
        )
        (folder / "enabled_plugins").write_text("[].\n")
        env = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"smshub{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_BASE": str(folder),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        with running(mapper), running(Server("rabbitmq", [RABBITMQ], folder, port, env, tls_port)) as server:
            yield server


@contextlib.contextmanager
def redis_server() -> Iterator[Server]:
    """Run a Redis that writes every change to disk before it answers."""
    with folder_for("redis") as folder:
        port, tls_port = free_port(), free_port()
        certificate, key = certify(folder)
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always"]
        options += ["--tls-port", str(tls_port), "--tls-cert-file", certificate, "--tls-key-file", key]
        options += ["--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]
        with running(Server("redis", ["redis-server", *options], folder, port, {}, tls_port)) as server:
            yield server


@contextlib.contextmanager
def mosquitto() -> Iterator[Server]:
    """Run a Mosquitto that keeps everything for a session that is away; it writes it down when it is stopped."""
    with folder_for("mosquitto") as folder:
        port, tls_port = free_port(), free_port()
        certificate, key = certify(folder)
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nlistener {tls_port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
            f"allow_anonymous true\npersistence true\npersistence_location {folder}/\n"
            "max_queued_messages 0\nmax_inflight_messages 200\n" + ("user root\n" if os.getuid() == 0 else "")
        )
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with running(Server("mosquitto", [program, "-c", str(config)], folder, port, {}, tls_port)) as server:
            yield server
