"""The outbox under any order of events: no illegal transition, no message lost or made twice."""

from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from smshub.domain.delivery import Reason, Receipt, ReceiptState
from smshub.domain.message import TRANSITIONS, Message, State
from smshub.store.changes import cancel, expire, make_uncertain, reject, release, requeue
from smshub.store.outbox import Accept, Batch, Outbox, Settled, Start
from smshub.store.reads import read_submission
from smshub.store.schema import metadata

IDS = st.sampled_from(["m1", "m2", "m3"])
ATTEMPTS = st.integers(1, 3)
FENCES = st.integers(1, 2)
REFS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple)
CONNECTORS = st.sampled_from(["x", "y"])


def may_follow(before, after):
    """Tell whether one write may lead from a state to another: an outcome may bring its early receipt along."""
    return before == after or after in TRANSITIONS[before] or any(after in TRANSITIONS[s] for s in TRANSITIONS[before])


class Machine(RuleBasedStateMachine):
    """Writes in any order; after each, every message is looked at."""

    outbox: ClassVar[Outbox]

    def __init__(self):
        super().__init__()
        self.states: dict[str, State] = {}
        self.clock = 100.0

    @initialize()
    def empty(self):
        """Begin with nothing."""
        self.call(*(lambda c, t=table: c.execute(t.delete()) for table in metadata.sorted_tables))

    def call(self, *functions):
        """Write what functions do."""
        results = self.outbox.write(Batch(calls=list(functions))).calls
        assert [] == [result for result in results if isinstance(result, Exception)]

    @rule(id_=IDS, connector=CONNECTORS, reference=st.sampled_from([None, "key"]))
    def accept(self, id_, connector, reference):
        """Accept a message, perhaps under a key that is taken; an id is never used for two."""
        if id_ in self.states:
            return
        message = Message(id_, "s", "shop", "49", "49", "text", 1.0, 1.0, 150.0, connector=connector)
        written = self.outbox.write(Batch(accepts=[Accept((message,), "shop", reference, "f")]))
        if not written.replays:
            self.states[id_] = State.QUEUED

    @rule(id_=IDS, attempt=ATTEMPTS, fence=FENCES, connector=CONNECTORS)
    def start(self, id_, attempt, fence, connector):
        """Begin an attempt, fitting or not."""
        self.outbox.write(Batch(starts=[Start(id_, attempt, connector, fence, self.clock)]))

    @rule(
        id_=IDS,
        attempt=ATTEMPTS,
        fence=FENCES,
        state=st.sampled_from(["SENT", "QUEUED", "REJECTED", "UNCERTAIN"]),
        refs=REFS,
        connector=CONNECTORS,
    )
    def settle(self, id_, attempt, fence, state, refs, connector):
        """Write an outcome, fitting or not."""
        self.clock += 1
        settled = Settled(id_, attempt, fence, state, "outcome", self.clock, self.clock, connector, refs=refs)
        self.outbox.write(Batch(settled=[settled]))

    @rule(connector=CONNECTORS, ref=st.sampled_from(["a", "b", "c"]), state=st.sampled_from(list(ReceiptState)))
    def receipt(self, connector, ref, state):
        """Report on an id, known or not."""
        self.outbox.write(Batch(receipts=[(connector, Receipt(ref, state, self.clock))]))

    @rule(id_=IDS, what=st.sampled_from(["cancel", "release", "expire", "reject", "requeue", "uncertain"]))
    def change(self, id_, what):
        """Change a message off the good path, fitting or not."""
        self.clock += 1
        now = self.clock
        message = self.outbox.message(id_)
        self.call(
            {
                "cancel": lambda c: cancel(c, id_, None, now),
                "release": lambda c: release(c, id_, now),
                "expire": lambda c: expire(c, [id_], now),
                "reject": lambda c: reject(c, [id_], Reason.NO_ROUTE, now),
                "requeue": lambda c: requeue(c, [id_], "y"),
                "uncertain": lambda c: make_uncertain(c, [message] if message else [], now, {"m1": now}),
            }[what]
        )

    @invariant()
    def every_message_is_there_and_went_a_legal_way(self):
        """What was accepted is there, nothing else is, and each state follows from the one before."""
        found = {message.id: message for message in self.outbox.read(lambda c: read_submission(c, "s"))}
        assert self.states.keys() == found.keys()
        for id_, message in found.items():
            assert may_follow(self.states[id_], message.state), (id_, self.states[id_], message.state)
            self.states[id_] = message.state
            timeline = [attempt.number for attempt in self.outbox.attempts(id_)]
            assert timeline == sorted(set(timeline))
            assert (timeline[-1] if timeline else 0) == message.attempt


def test_no_order_of_events_breaks_the_table_of_transitions(opened):
    """Messages are conserved and move only along domain.message.TRANSITIONS, whatever comes in whatever order."""
    Machine.outbox = opened(":memory:")
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
