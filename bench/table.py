"""The table of results: medians of several runs, as aligned text and as Markdown between two markers of a page."""

import datetime as dt
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import median

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

HEADINGS = (
    "what",
    "connections",
    "accepted/s",
    "delivered/s",
    "accept p50 ms",
    "accept p99 ms",
    "end to end p50 ms",
    "end to end p99 ms",
    "CPU µs/message",
    "peak MiB",
    "accepted",
    "lost",
    "twice",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one subject. Times in milliseconds, CPU in microseconds a message, memory in MiB."""

    subject: str
    connections: int
    accepted_per_s: float
    delivered_per_s: float
    accept_p50: float
    accept_p99: float
    end_to_end_p50: float
    end_to_end_p99: float
    cpu_us: float
    peak_mib: float
    accepted: int
    lost: int
    duplicated: int
    refused: int = 0
    first_refusal: str = ""


def summed_up(results: Iterable[Result]) -> list[Result]:
    """Bring the runs of each subject and number of connections to one: medians, and sums of what is counted."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.subject, result.connections), []).append(result)
    return [_median_of(group) for group in groups.values()]


def _median_of(group: Sequence[Result]) -> Result:
    def middle(name: str) -> float:
        return median(getattr(result, name) for result in group)

    return Result(
        subject=group[0].subject,
        connections=group[0].connections,
        accepted_per_s=middle("accepted_per_s"),
        delivered_per_s=middle("delivered_per_s"),
        accept_p50=middle("accept_p50"),
        accept_p99=middle("accept_p99"),
        end_to_end_p50=middle("end_to_end_p50"),
        end_to_end_p99=middle("end_to_end_p99"),
        cpu_us=middle("cpu_us"),
        peak_mib=middle("peak_mib"),
        accepted=sum(result.accepted for result in group),
        lost=sum(result.lost for result in group),
        duplicated=sum(result.duplicated for result in group),
        refused=sum(result.refused for result in group),
        first_refusal=next((result.first_refusal for result in group if result.first_refusal), ""),
    )


def _figure(value: float, digits: int = 0) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def cells(result: Result) -> list[str]:
    """Give the cells of one row."""
    return [
        result.subject,
        str(result.connections),
        _figure(result.accepted_per_s),
        _figure(result.delivered_per_s),
        _figure(result.accept_p50, 2),
        _figure(result.accept_p99, 2),
        _figure(result.end_to_end_p50, 2),
        _figure(result.end_to_end_p99, 2),
        _figure(result.cpu_us),
        _figure(result.peak_mib),
        str(result.accepted),
        str(result.lost),
        str(result.duplicated),
    ]


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as text: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    lines = []
    for first, *others in [headings, *rows]:
        cells_ = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells_))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """Say in a line when and on what the figures were made."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    cores = len(os.sched_getaffinity(0))
    return f"{today}; {cores} cores of {model}; Linux {platform.release()}; Python {platform.python_version()}"


def write_between_markers(page: Path, text: str) -> bool:
    """Replace what is between the markers of a page; False where the page or its markers are not there."""
    if not page.exists():
        return False
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return False
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return True
