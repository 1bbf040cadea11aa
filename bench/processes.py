"""The processes of a benchmark: starting them, asking them, their CPU time and memory, ending them by their own id."""

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


class NotReady(RuntimeError):
    """A process did not do in time what it was waited for; the text holds its last lines."""


def python(module: str, *arguments: object) -> list[str]:
    """Give the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def free_port() -> int:
    """
    Find a port on loopback that nobody listens on.

    It is below those that the system gives to outgoing connections (32768 and up on Linux): one of them could take it
    while its listener is being restarted.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Child:
    """A process of ours. Its stderr goes to a file; what it prints are lines of JSON."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=self.errors if quiet else subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **(env or {})},
            cwd=cwd or ROOT,
        )
        self.command = Path(command[0]).name if "-m" not in command else command[command.index("-m") + 1]
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def last_lines(self) -> str:
        """Give the end of what it wrote to stderr."""
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 1500))
        return "\n".join(self.errors.read().decode(errors="replace").splitlines()[-12:])

    def line(self, timeout: float = 20.0) -> str:
        """Wait for a line of its stdout. Raises `NotReady`."""
        assert self.process.stdout is not None
        until = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65_536) if ready else b""
            if not data:
                raise NotReady(f"{self.command} said nothing: {self.last_lines()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def event(self, name: str, timeout: float = 20.0) -> dict[str, Any]:
        """Wait for the event of this name; others are passed over. Raises `NotReady`."""
        while True:
            event: dict[str, Any] = json.loads(self.line(timeout))
            if event.get("event") == name:
                return event

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line of control and wait for its answer. Raises `NotReady`."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.event(line.split(maxsplit=1)[0])

    def cpu(self) -> float:
        """Give the CPU seconds (user and system) it and its children have spent."""
        return sum(cpu_of(pid) for pid in family(self.pid))

    def peak(self) -> int:
        """Give the largest resident set in bytes that it and its living children have had, added up."""
        return sum(peak_of(pid) for pid in family(self.pid))

    def kill(self) -> None:
        """End it and its children at once, as a crash would (SIGKILL), and wait until they are gone."""
        for pid in family(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        self._close()

    def stop(self, timeout: float = 20.0) -> int:
        """End it with SIGTERM, with SIGKILL when it is late; give its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close()
        return self.process.returncode

    def _close(self) -> None:
        """Close our ends."""
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def family(pid: int) -> list[int]:
    """Give a process and its descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_of(pid: int) -> float:
    """Give a process's CPU seconds; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid: int) -> int:
    """Give a process's largest resident set in bytes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def wait_http(url: str, word: str = "", timeout: float = 20.0, child: Child | None = None) -> None:
    """Wait until a URL answers 200 with `word` in it. Raises `NotReady`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + timeout
    why = ""
    while time.monotonic() < until:
        try:
            with opener.open(url, timeout=2) as answer:
                why = answer.read().decode(errors="replace")
                if word in why:
                    return
        except OSError as error:
            why = str(error)
        if child is not None and child.process.poll() is not None:
            break
        time.sleep(0.05)
    raise NotReady(f"{url}: {why[-500:]} {child.last_lines() if child else ''}")


class Sink(Child):
    """The SMSC sink in its own process."""

    port: int

    def arrived(self) -> int:
        """How many texts have arrived."""
        return int(self.ask("count")["arrived"])

    def settle(self, expected: int, patience: float = 5.0, limit: float = 120.0) -> int:
        """Wait until `expected` texts are there, or none has come for `patience` seconds; give how many are."""
        count, since, began = self.arrived(), time.monotonic(), time.monotonic()
        while count < expected and time.monotonic() - since < patience and time.monotonic() - began < limit:
            time.sleep(0.05)
            before, count = count, self.arrived()
            if count != before:
                since = time.monotonic()
        return count

    def arrivals(self, folder: Path) -> list[tuple[str, float]]:
        """Give every arrival: tag and time."""
        path = folder / f"arrivals-{self.pid}"
        self.ask(f"report {path}")
        lines = path.read_text(encoding="latin-1").splitlines()
        return [(tag, float(at)) for tag, _, at in (line.partition(" ") for line in lines)]


@contextlib.contextmanager
def sink(*arguments: object, port: int = 0) -> Iterator[Sink]:
    """Run a sink; without a port on a free one."""
    with Sink(python("bench.sink", "--port", port, *arguments)) as smsc:
        smsc.port = smsc.event("listening")["port"]
        yield smsc


def load(door: str, port: int, connections: int, seconds: float, **options: object) -> dict[str, Any]:
    """Run the load generator to its end and give its figures."""
    command = python("bench.load", "--door", door, "--port", port, "--connections", connections, "--seconds", seconds)
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=seconds + 120, check=False)
    if done.returncode:
        raise NotReady(f"the load failed: {done.stderr.decode(errors='replace')[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
