"""
What an open console costs a message: pairs of runs at one rate, in one of which somebody looks at the overview.

The looker asks for what the page asks for: the figures and the samples every two seconds, the latest texts every four.
Both runs have a hub and a user of their own, and their order turns. It prints the CPU of a message and the median of
the ratios.
"""

import argparse
import html
import http.client
import re
import shutil
import tempfile
import threading
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from bench.figures import median
from bench.hub import Hub, hub
from bench.processes import load, sink
from bench.table import aligned

RATE = 2_000.0
PAGES = (("/overview/figures", 2.0), ("/overview/samples", 2.0), ("/overview/latest", 4.0))
HEADINGS = ("texts/s", "CPU µs/text, nobody looks", "CPU µs/text, somebody looks", "ratio (median)", "slowest page ms")
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_PASSWORD = "correct horse battery"  # of nobody: the hub lives as long as the run


class Looker:
    """Somebody with the overview open, on a thread of their own."""

    def __init__(self, running: Hub) -> None:
        self._port = running.port
        self._cookies: dict[str, str] = {}
        self._over = threading.Event()
        self.slowest = 0.0
        secret = (running.folder / "hub.db.setup").read_text(encoding="ascii").strip()
        token = _TOKEN.search(self._call("GET", "/setup"))
        fields = {"secret": secret, "name": "ada", "password": _PASSWORD, "again": _PASSWORD}
        self._call("POST", "/setup", urlencode({"csrf": html.unescape(token[1]) if token else "", **fields}))
        for page in ("/", *(path for path, _ in PAGES)):  # what is loaded at the first look is no cost of looking
            self._call("GET", page)
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        due = dict.fromkeys(PAGES, 0.0)
        while not self._over.wait(0.05):
            now = time.monotonic()
            for page, at in due.items():
                if at <= now:
                    due[page] = now + page[1]
                    begun = time.monotonic()
                    self._call("GET", page[0])
                    self.slowest = max(self.slowest, time.monotonic() - begun)

    def _call(self, method: str, path: str, body: str | None = None) -> str:
        headers = {"Sec-Fetch-Site": "same-origin", "X-Smshub-Poll": "1"}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, f"/console{path}", body, headers)
            answer = connection.getresponse()
            cookies = SimpleCookie()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookies.load(value)
            self._cookies |= {name: morsel.value for name, morsel in cookies.items() if morsel["max-age"] != "0"}
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {answer.status}")
            return answer.read().decode()
        finally:
            connection.close()


def measure(seconds: float, within: Path | None, *, looked_at: bool) -> tuple[float, float, float]:
    """Make one run; gives the CPU microseconds of a text, the texts a second, and the slowest page in seconds."""
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with sink() as smsc, hub(folder, smsc.port) as running:
            looker = Looker(running)  # the user is made in both runs
            load("v1", running.port, 16, 1.0, rate=RATE)
            before = running.cpu()
            if looked_at:
                with looker:
                    figures = load("v1", running.port, 16, seconds, rate=RATE, run="run01")
            else:
                figures = load("v1", running.port, 16, seconds, rate=RATE, run="run01")
            accepted = float(figures["accepted"])
            return (running.cpu() - before) / accepted * 1e6, accepted / seconds, looker.slowest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def console_rows(pairs: int = 10, seconds: float = 6.0, within: Path | None = None) -> list[list[str]]:
    """Measure, and give the row of the table."""
    alone: list[float] = []
    looked: list[float] = []
    rates: list[float] = []
    slowest = 0.0
    for number in range(pairs):
        for looked_at in (True, False) if number % 2 else (False, True):
            cost, rate, slow = measure(seconds, within, looked_at=looked_at)
            (looked if looked_at else alone).append(cost)
            rates.append(rate)
            slowest = max(slowest, slow)
    ratio = median(with_one / without for with_one, without in zip(looked, alone, strict=True))
    return [
        [
            f"{median(rates):,.0f}",
            f"{median(alone):.1f}",
            f"{median(looked):.1f}",
            f"{ratio:.3f}x",
            f"{slowest * 1000:.0f}",
        ]
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    print(aligned(HEADINGS, console_rows(options.pairs, options.seconds)))


if __name__ == "__main__":
    main()
