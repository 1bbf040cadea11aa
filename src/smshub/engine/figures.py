"""Counts what happens, a batch at a time, so that a message costs a few additions."""

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Mapping

from smshub.domain.figures import BOUNDS, SAMPLES, Sample
from smshub.domain.message import MessageClass, State
from smshub.store.batch import Batch, ReceiptEffect, Written

_FAILED = frozenset({"rejected", "uncertain", "deferred"})


class Figures:
    """The figures of a node since its start. All is done on the event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.started_at = clock()
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.reports: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.waits = [0] * (len(BOUNDS) + 1)
        self.wait = 0.0
        self.commits = 0
        self.rows = 0
        self.lag = 0.0
        self.oldest = 0.0
        self.queued: Mapping[tuple[str, MessageClass], int] = {}
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._sampled = (0, 0.0)

    def wrote(self, batch: Batch, written: Written, seconds: float) -> None:
        """Count what one transaction wrote and how long its callers waited for it."""
        self.commits += 1
        self.rows += len(batch.accepts) + len(batch.settled) + len(batch.receipts) + len(batch.starts)
        self.wait += seconds
        self.waits[bisect_left(BOUNDS, seconds)] += 1
        accepted = self.accepted
        for index, accept in enumerate(batch.accepts):
            if not (index in written.replays or index in written.unstorable or index in written.taken):
                for message in accept.messages:
                    accepted[message.connector, message.message_class._value_] += 1
        for (connector, _), effect in zip(batch.receipts, written.receipts, strict=False):
            self._reported(connector, effect)
        for effect in written.early:
            self._reported("", effect)

    def _reported(self, connector: str, effect: ReceiptEffect) -> None:
        if effect.new_state is not None:
            self.reports[connector, effect.new_state.value] += 1

    def sample(self, at: float) -> None:
        """Keep how things stand."""
        connectors: dict[str, tuple[int, int]] = {}
        for (connector, _, outcome), count in self.outcomes.items():
            sent, failed = connectors.get(connector, (0, 0))
            connectors[connector] = (sent + count * (outcome == "accepted"), failed + count * (outcome in _FAILED))
        classes: Counter[str] = Counter()
        for (_, message_class), count in self.accepted.items():
            classes[message_class] += count
        commits, wait = self._sampled
        self._sampled = (self.commits, self.wait)
        self.samples.append(
            Sample(
                at=at,
                accepted=sum(classes.values()),
                sent=sum(sent for sent, _ in connectors.values()),
                delivered=sum(count for (_, state), count in self.reports.items() if state == State.DELIVERED),
                failed=sum(failed for _, failed in connectors.values()),
                queued=sum(self.queued.values()),
                oldest=self.oldest,
                latency=(self.wait - wait) / (self.commits - commits) if self.commits > commits else 0.0,
                connectors=connectors,
                classes=dict(classes),
            )
        )
