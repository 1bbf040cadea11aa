"""The port of a simulated modem: a pseudo-terminal of this machine, under a name of its own if one is given."""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from smshub.simulators.modem import ModemSimulator


class ModemPort:
    """
    A pseudo-terminal with a simulated modem at its end.

    `path` is the device; `link` a name for it that stays when the modem is plugged in anew.
    """

    def __init__(self, modem: ModemSimulator, link: Path | None = None) -> None:
        self.modem = modem
        self.link = link
        self.path = ""
        self._loop = asyncio.get_running_loop()
        self._ends: tuple[int, int] | None = None
        self._unwritten = bytearray()
        self._timers: set[asyncio.TimerHandle] = set()
        modem.write = self._write
        modem.later = self._later
        modem.unplug = self.unplug

    def plug(self) -> str:
        """Make the device; give its path. Raises `OSError`."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        # The other end stays open here, so that a program that closes it does not end the modem.
        self._ends = (master, slave)
        self.path = os.ttyname(slave)
        if self.link is not None:
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.path)
        self.modem.power_on()
        self._loop.add_reader(master, self._read)
        return str(self.link or self.path)

    def unplug(self) -> None:
        """Pull it out: whoever has it open sees it go."""
        if self._ends is None:
            return
        master, slave = self._ends
        self._ends = None
        self._loop.remove_reader(master)
        self._loop.remove_writer(master)
        self._unwritten.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self.link is not None:
            self.link.unlink(missing_ok=True)
        os.close(slave)
        os.close(master)

    def _read(self) -> None:
        if self._ends is None:
            return
        with suppress(BlockingIOError, InterruptedError):
            self.modem.feed(os.read(self._ends[0], 4_096))

    def _write(self, data: bytes) -> None:
        self._unwritten += data
        self._flush()

    def _flush(self) -> None:
        if self._ends is None:
            self._unwritten.clear()
            return
        master = self._ends[0]
        with suppress(BlockingIOError, InterruptedError):
            while self._unwritten:
                del self._unwritten[: os.write(master, self._unwritten[:4_096])]
        if self._unwritten:
            self._loop.add_writer(master, self._flush)
        else:
            self._loop.remove_writer(master)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        timer: asyncio.TimerHandle

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._loop.call_later(seconds, run)
        self._timers.add(timer)
