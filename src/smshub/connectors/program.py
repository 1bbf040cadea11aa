"""
One run of a program of the operator's: what goes in, what came out, and never longer than it may take.

It blocks, so it is called in a thread. It depends on no event loop, which would wait for the pipes rather than for
the program, and so for whatever the program has left behind.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

_CHUNK = 65_536

# Seconds between two looks whether it has ended, where the system does not tell.
_LOOK = 0.05

# Whoever writes more than this is read slowly, so that a flood does not take the hub's time.
_FLOOD = 1_048_576
_PACE = 0.005


class NotStarted(Exception):
    """The program could not be started; the message is the system's, in one word or two."""


@dataclass(frozen=True, slots=True)
class Ran:
    """
    How a program ended: its exit status (negative: the signal that killed it) and the first of what it wrote.

    `killed` says that it was we who ended it, because its time was over.
    """

    status: int
    output: bytes = field(default=b"", repr=False)
    error: bytes = field(default=b"", repr=False)
    killed: bool = False


def run_program(
    argv: Sequence[str],
    given: bytes,
    *,
    folder: str,
    environment: Mapping[str, str],
    timeout: float,
    limit: int,
    started: Callable[[int], None] = lambda group: None,
) -> Ran:
    """
    Run a program without a shell and wait for its end, not for its children's.

    `given` is its standard input. It leads a process group of its own (told to `started`), which is killed when
    `timeout` seconds are over. Of what it writes `limit` bytes are kept and the rest is thrown away.
    Raises `NotStarted`.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's program, one argument each, no shell
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NotStarted(said) from None
    started(process.pid)
    with process:
        try:
            return _followed(process, given, time.monotonic() + timeout, limit)
        finally:
            if process.poll() is None:
                kill_group(process.pid)
                process.wait()


def kill_group(group: int) -> None:
    """End a process group at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _followed(process: "subprocess.Popen[bytes]", given: bytes, end: float, limit: int) -> Ran:
    """Feed and read a program until it has ended or its time is over."""
    pipes = _Pipes(process, given, limit)
    try:
        while process.poll() is None:
            left = end - time.monotonic()
            if left <= 0:
                kill_group(process.pid)
                process.wait()
                return Ran(process.returncode, *pipes.kept, killed=True)
            pipes.turn(min(left, _LOOK if pipes.watched else left))
        # What it wrote last is there already; what its children may still write is not waited for.
        pipes.turn(0)
        return Ran(process.returncode, *pipes.kept)
    finally:
        pipes.close()


class _Pipes:
    """The three pipes of a program and the wait for its end, in one place."""

    def __init__(self, process: "subprocess.Popen[bytes]", given: bytes, limit: int) -> None:
        self._given = memoryview(given)
        self._limit = limit
        self._read = 0
        self._kept: dict[str, bytearray] = {"output": bytearray(), "error": bytearray()}
        self._selector = selectors.DefaultSelector()
        self._ended = _ended(process.pid)
        self.watched = self._ended is None
        if self._ended is not None:
            self._selector.register(self._ended, selectors.EVENT_READ, "ended")
        for name, pipe in (("input", process.stdin), ("output", process.stdout), ("error", process.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                event = selectors.EVENT_WRITE if name == "input" else selectors.EVENT_READ
                self._selector.register(pipe, event, name)

    @property
    def kept(self) -> tuple[bytes, bytes]:
        """The first of what came from both."""
        return bytes(self._kept["output"]), bytes(self._kept["error"])

    def turn(self, wait: float) -> None:
        """Move what can be moved, waiting so long for something to happen."""
        for key, _ in self._selector.select(wait):
            pipe = key.fileobj
            if key.data == "ended" or isinstance(pipe, int):
                continue
            if key.data == "input":
                self._feed(pipe)  # type: ignore[arg-type]
            else:
                self._take(pipe, self._kept[key.data])  # type: ignore[arg-type]

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            written = os.write(pipe.fileno(), self._given[:_CHUNK]) if self._given else 0
        except BlockingIOError:
            return
        except OSError:  # it does not read it: that is its right
            self._given = memoryview(b"")
            written = 0
        self._given = self._given[written:]
        if not self._given:
            self._selector.unregister(pipe)
            pipe.close()

    def _take(self, pipe: IO[bytes], kept: bytearray) -> None:
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        kept += data[: self._limit - len(kept)]
        self._read += len(data)
        if not data:
            self._selector.unregister(pipe)
        elif self._read > _FLOOD:
            time.sleep(_PACE)

    def close(self) -> None:
        """Let go of the selector and of what tells the end."""
        self._selector.close()
        if self._ended is not None:
            os.close(self._ended)


def _ended(process: int) -> int | None:
    """Give a descriptor that becomes readable when a process ends; None where the system has none."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None
