"""The hub's end of the worker processes of a custom connector: start one, ask it, end it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from smshub.connectors.customcalls import HEADER, frame, size_of, value_of
from smshub.connectors.program import kill_group

_TRIES = 50
_PAUSE = 0.01


class NotLoaded(Exception):
    """The callable cannot be had: nothing was called. The message says why."""


class WorkerLost(Exception):
    """The worker is gone, or says what no worker says: nobody knows how far the call came."""


class Worker:
    """
    One worker process. A call that is given up (a timeout, a cancelled task) leaves it unusable: `end` it.

    `version` is what the caller likes to know of it again, `calls` how many it has served.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        version: object,
    ) -> None:
        self.version = version
        self.calls = 0
        self.output = ""
        self._process = process
        self._reader, self._writer = streams
        self._ended: asyncio.Future[str] | None = None

    @classmethod
    async def start(
        cls,
        setup: Mapping[str, Any],
        *,
        environment: Mapping[str, str],
        folder: str,
        within: float,
        version: object = None,
    ) -> "Worker":
        """Start a process and let it load the callable. Raises `NotLoaded`."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.to_thread(_spawn, theirs.fileno(), environment, folder)
            except OSError as error:
                ours.close()
                raise NotLoaded(f"no worker can be started ({error.strerror})") from None
            except BaseException:
                ours.close()
                raise
        try:
            worker = cls(process, await asyncio.open_connection(sock=ours), version)
        except BaseException:
            ours.close()
            kill_group(process.pid)
            await asyncio.shield(asyncio.to_thread(process.wait))
            raise
        try:
            told = await worker._asked(setup, within)
        except TimeoutError:
            await worker.end()
            raise NotLoaded(f"it was not loaded within {within:g} s") from None
        except WorkerLost:
            raise NotLoaded(f"its process ended while it was loaded ({await worker.end()})") from None
        except BaseException:
            await worker.end()
            raise
        if "failed" in told:
            await worker.end()
            raise NotLoaded(str(told["failed"]))
        return worker

    async def call(self, values: Mapping[str, Any], within: float) -> dict[str, Any]:
        """Call the callable and give the worker's answer. Raises TimeoutError and `WorkerLost`."""
        self.calls += 1
        answer = await self._asked({**values, "call": self.calls}, within)
        # What the callable may have written to the socket itself is no answer to this call.
        if answer.get("call") != self.calls:
            raise WorkerLost("an answer to no call")
        return answer

    @property
    def gone(self) -> bool:
        """Whether its process has ended."""
        return self._reader.at_eof()

    async def _asked(self, values: Mapping[str, Any], within: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(within):
                self._writer.write(frame(values))
                await self._writer.drain()
                size = size_of(await self._reader.readexactly(HEADER.size))
                answer = value_of(await self._reader.readexactly(size))
        except TimeoutError:
            raise
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise WorkerLost(type(error).__name__) from None
        self.output = str(answer.get("output", ""))
        return answer

    async def end(self) -> str:
        """End the process and its children, and tell how it went: by itself, or by us."""
        if self._ended is None:
            self._ended = asyncio.ensure_future(self._end())
        return await asyncio.shield(self._ended)

    async def _end(self) -> str:
        alone = await asyncio.to_thread(_status, self._process.pid, _TRIES if self._reader.at_eof() else 1)
        # Before its number is given back, so that no other process can have it.
        kill_group(self._process.pid)
        await asyncio.to_thread(self._process.wait)
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        return alone or "it was ended"


def _status(process: int, tries: int) -> str | None:
    """
    Tell how a process ended without giving its number back, None where it has not.

    Its socket closes a moment before it is gone, so it is looked at more than once.
    """
    for _ in range(tries):
        found = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            kind = "exit status" if found.si_code == os.CLD_EXITED else "signal"
            return f"{kind} {found.si_status}"
        time.sleep(_PAUSE)
    return None


def _spawn(descriptor: int, environment: Mapping[str, str], folder: str) -> "subprocess.Popen[bytes]":
    """Start a worker. Raises OSError."""
    return subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        # -P: no file of the folder it runs in can take the place of a library.
        [sys.executable, "-P", "-m", "smshub.connectors.customworker", str(descriptor)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        # Each thread would reserve 64 MiB of its own, of which the bound of its memory allows few.
        env={"MALLOC_ARENA_MAX": "2", **environment},
        start_new_session=True,
    )
