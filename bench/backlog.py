"""What a backlog costs: memory, the time of an accept, the drain, and the codes that must not wait behind it."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.figures import match, percentile
from bench.hub import Hub
from bench.postgres import postgres
from bench.processes import free_port, load, sink
from bench.table import aligned

STEPS = 4


def measure_backlog(size: int, store: str, within: Path | None) -> str:
    """
    Queue `size` bulk texts for an SMSC that is not there, then let it come.

    Gives a table: for each step of the filling the rate and the p99 of the accept and the hub's memory; then the rate
    at which the queue drains while codes (class `otp`, one caller) are sent, and how long those took end to end.
    """
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-", dir=within))
    try:
        with ExitStack() as stack:
            database = stack.enter_context(postgres()) if store == "postgresql" else ""
            smsc = free_port()
            hub = stack.enter_context(Hub(folder, smsc, database=database))
            return "\n\n".join([_fill(hub, size), _restart(hub), _drain(hub, smsc, size, folder)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rss(hub: Hub) -> float:
    """Give the hub's resident set in MiB, now."""
    lines = Path(f"/proc/{hub.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _fill(hub: Hub, size: int) -> str:
    rows = [["0", "-", "-", "-", f"{_rss(hub):.0f}"]]
    queued = 0
    for step in range(STEPS):
        options = {"run": f"fill{step}", "class": "bulk", "count": size // STEPS}
        figures = load("v1", hub.port, 16, 300.0, **options)
        queued += figures["accepted"]
        refused = f" ({figures['refused']} refused: {figures['first_refusal']})" if figures["refused"] else ""
        rows.append(
            [
                f"{queued:,}{refused}",
                f"{figures['accepted_per_s']:,.0f}",
                f"{figures['p50_ms']:.2f}",
                f"{figures['p99_ms']:.2f}",
                f"{_rss(hub):.0f}",
            ]
        )
    return aligned(["queued", "accepted/s", "p50 ms", "p99 ms", "RSS MiB"], rows)


def _restart(hub: Hub) -> str:
    """Stop the hub and start it again with its queue full."""
    hub.process.stop()
    began = time.monotonic()
    hub.start()
    return f"start with the queue full: {time.monotonic() - began:.1f} s until it lives, RSS {_rss(hub):.0f} MiB"


def _drain(hub: Hub, port: int, size: int, folder: Path) -> str:
    with sink(port=port) as smsc:
        smsc.event("bound", 60.0)
        began, before = time.monotonic(), smsc.arrived()
        out = folder / "codes"
        figures = load("v1", hub.port, 1, 3.0, **{"run": "codes", "class": "otp", "out": out})
        drained = (smsc.arrived() - before - figures["accepted"]) / (time.monotonic() - began)
        smsc.settle(size + figures["accepted"], patience=10.0, limit=600.0)
        arrivals = smsc.arrivals(folder)
    sent = {tag: float(at) for tag, at, _ in (line.split() for line in out.read_text().splitlines())}
    codes = [(tag, at) for tag, at in arrivals if tag.startswith("codes")]
    others = [(tag, at) for tag, at in arrivals if not tag.startswith("codes")]
    matched = match(sent, codes, figures["since"], figures["ended"])
    rate = len(others) / (max(at for _, at in others) - began) if others else 0.0
    twice = len(others) - len({tag for tag, _ in others})
    waits = [at - sent[tag] for tag, at in codes if tag in sent]
    return (
        f"drain: {rate:,.0f}/s ({drained:,.0f}/s beside {figures['accepted_per_s']:,.0f} codes a second), "
        f"{len(others):,} of {size:,} arrived, {twice} twice\n"
        f"codes during the drain: end to end p50 {percentile(waits, 0.5) * 1e3:.1f} ms, "
        f"p99 {percentile(waits, 0.99) * 1e3:.1f} ms, lost {matched.lost}, RSS {_rss(hub):.0f} MiB"
    )
