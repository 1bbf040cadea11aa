"""
What an open console costs a message: pairs of runs at one rate, in one of which somebody looks at the overview.

The looker asks for what the page asks for: the figures and the samples every two seconds, the latest texts every four.
All runs are made at one hub, whose database begins with many messages of the last hour; their order turns from pair to
pair. It prints the CPU of a message, the median of the ratios, and how long the pages took.
"""

import argparse
import contextlib
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
from bench.search import fill
from bench.table import aligned
from smshub.store.outbox import Outbox

RATE = 2_000.0
RECENT = 100_000  # messages of the last hour, before the first run
PAGES = (("/overview/figures", 2.0), ("/overview/samples", 2.0), ("/overview/latest", 4.0))
HEADINGS = (
    *("texts/s", "CPU µs/text, nobody looks", "CPU µs/text, somebody looks", "ratio (median)", "ratios from", "to"),
    *("page ms (median)", "slowest"),
)
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_PASSWORD = "correct horse battery"  # of nobody: the hub lives as long as the run


class Looker:
    """Somebody with the overview open, on a thread of their own."""

    def __init__(self, running: Hub) -> None:
        self._port = running.port
        self._cookies: dict[str, str] = {}
        self._over = threading.Event()
        self.took: list[float] = []
        secret = (running.folder / "hub.db.setup").read_text(encoding="ascii").strip()
        token = _TOKEN.search(self._call("GET", "/setup"))
        fields = {"secret": secret, "name": "ada", "password": _PASSWORD, "again": _PASSWORD}
        self._call("POST", "/setup", urlencode({"csrf": html.unescape(token[1]) if token else "", **fields}))
        for page in ("/", *(path for path, _ in PAGES)):  # what is loaded at the first look is no cost of looking
            self._call("GET", page)

    def __enter__(self) -> Self:
        self._over.clear()
        self._thread = threading.Thread(target=self._look)
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
                    self.took.append(time.monotonic() - begun)

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


def measure(running: Hub, seconds: float, run: str, looker: Looker | None) -> tuple[float, float]:
    """Make one run; gives the CPU microseconds of a text, and the texts a second."""
    before = running.cpu()
    with looker or contextlib.nullcontext():
        figures = load("v1", running.port, 16, seconds, rate=RATE, run=run)
    accepted = float(figures["accepted"])
    return (running.cpu() - before) / accepted * 1e6, accepted / seconds


def console_rows(pairs: int = 10, seconds: float = 6.0, within: Path | None = None) -> list[list[str]]:
    """Measure, and give the row of the table."""
    alone: list[float] = []
    looked: list[float] = []
    rates: list[float] = []
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        outbox = Outbox.open(f"sqlite:///{folder / 'hub.db'}")
        fill(outbox, RECENT, time.time(), every=3_600 / RECENT)
        outbox.close()
        with sink() as smsc, hub(folder, smsc.port) as running:
            looker = Looker(running)
            load("v1", running.port, 16, 2.0, rate=RATE, run="warm")
            for number in range(pairs):
                for looked_at in (True, False) if number % 2 else (False, True):
                    run = f"p{number}{'yn'[looked_at]}"
                    cost, rate = measure(running, seconds, run, looker if looked_at else None)
                    (looked if looked_at else alone).append(cost)
                    rates.append(rate)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = sorted(with_one / without for with_one, without in zip(looked, alone, strict=True))
    numbers = (f"{median(rates):,.0f}", f"{median(alone):.1f}", f"{median(looked):.1f}", f"{median(ratios):.3f}x")
    pages = (f"{median(looker.took) * 1e3:.0f}", f"{max(looker.took) * 1e3:.0f}")
    return [[*numbers, f"{ratios[0]:.3f}", f"{ratios[-1]:.3f}", *pages]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    print(aligned(HEADINGS, console_rows(options.pairs, options.seconds)))


if __name__ == "__main__":
    main()
