"""The hub's figures in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from smshub import __version__
from smshub.domain.commands import Connectors
from smshub.domain.figures import BOUNDS, FiguresShown

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Counts = Iterable[tuple[Sequence[str], int]]
_STATES: Final = ("up", "down", "connecting", "open", "elsewhere")


class _Collected:
    """What prometheus_client collects: metrics made of values that are there already."""

    def __init__(self, figures: FiguresShown, connectors: Connectors) -> None:
        self._figures = figures
        self._connectors = connectors.connectors

    def collect(self) -> Iterator["Metric"]:
        """Give every metric."""
        from prometheus_client.core import (  # noqa: PLC0415 - loaded only where somebody asks
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        figures = self._figures

        def counter(
            name: str, what: str, labels: tuple[str, ...], counts: Iterable[tuple[Sequence[str], int]]
        ) -> "Metric":
            family = CounterMetricFamily(f"smshub_{name}", what, labels=labels)
            for key, count in counts:
                family.add_metric(key, count)
            return family

        def gauge(name: str, what: str, value: float) -> "Metric":
            return GaugeMetricFamily(f"smshub_{name}", what, value=value)

        yield counter("messages_accepted", "Messages on disk.", ("connector", "class"), figures.accepted.items())
        yield counter(
            "attempts", "Tries by what they came to.", ("connector", "class", "outcome"), figures.outcomes.items()
        )
        yield counter(
            "messages_reported",
            "Messages that a report brought to a state.",
            ("connector", "state"),
            figures.reports.items(),
        )
        refused = [((error,), count) for error, count in figures.refused.items()]
        yield counter("requests_refused", "Requests that the hub said no to.", ("error",), refused)
        yield counter("commits", "Transactions written.", (), [((), figures.commits)])
        yield counter("rows", "Rows written by them.", (), [((), figures.rows)])
        counted = zip((*(str(bound) for bound in BOUNDS), "+Inf"), accumulate(figures.waits), strict=True)
        yield HistogramMetricFamily(
            "smshub_commit_seconds",
            "How long the callers of a transaction waited for it.",
            buckets=list(counted),
            sum_value=figures.wait,
        )
        queued = GaugeMetricFamily("smshub_messages_queued", "Messages that wait.", labels=("connector", "class"))
        for key, count in figures.queued.items():
            queued.add_metric(key, count)
        yield queued
        yield gauge("oldest_queued_seconds", "How long the message waited that waits longest.", figures.oldest)
        yield gauge("loop_lag_seconds", "How late the event loop was last.", figures.lag)
        yield gauge("memory_bytes", "Resident memory.", figures.memory)
        yield gauge("start_time_seconds", "When the node started, in seconds since 1970.", figures.started_at)
        yield gauge("ready", "Whether the node takes messages.", float(figures.ready))
        if figures.free is not None:
            yield gauge("disk_free_bytes", "Bytes free where the database is.", figures.free)
        version = GaugeMetricFamily("smshub_info", "The version, as a label.", labels=("version",))
        version.add_metric((__version__,), 1)
        yield version
        yield from self._of_connectors()

    def _of_connectors(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - see above

        state = GaugeMetricFamily("smshub_connector_state", "1 for the state it is in.", labels=("connector", "state"))
        flight = GaugeMetricFamily("smshub_connector_in_flight", "Messages under way.", labels=("connector",))
        limit = GaugeMetricFamily("smshub_connector_limit", "Segments a second that it may.", labels=("connector",))
        balance = GaugeMetricFamily("smshub_connector_balance", "What is left there.", labels=("connector", "unit"))
        for one in self._connectors:
            for name in _STATES:
                state.add_metric((one.name, name), float(one.state == name))
            flight.add_metric((one.name,), one.in_flight)
            if one.throughput is not None:
                limit.add_metric((one.name,), one.throughput)
            if one.balance is not None:
                balance.add_metric((one.name, one.balance_unit or ""), one.balance)
        yield from (state, flight, limit, balance)


def expose(figures: FiguresShown, connectors: Connectors) -> bytes:
    """Write the figures as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see above

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(figures, connectors))
    return generate_latest(registry)
