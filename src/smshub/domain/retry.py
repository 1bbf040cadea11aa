"""What follows a try: a decision is a value, made from what the try came to and nothing else."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

import msgspec

from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message, MessageClass, State


class OnUncertain(StrEnum):
    """What to do when nobody can know whether a message was taken."""

    RESEND = "resend"  # once more, the same text: it may arrive twice
    HOLD = "hold"  # wait for the operator: it may not have arrived


class ClassPolicy(msgspec.Struct, frozen=True):
    """How a class of messages is treated. `valid_for` and `longest_delay` are in seconds."""

    valid_for: float
    on_uncertain: OnUncertain
    longest_delay: float = 300.0


POLICIES: Mapping[MessageClass, ClassPolicy] = {
    MessageClass.OTP: ClassPolicy(300.0, OnUncertain.RESEND, longest_delay=10.0),
    MessageClass.TRANSACTIONAL: ClassPolicy(86_400.0, OnUncertain.RESEND),
    MessageClass.BULK: ClassPolicy(86_400.0, OnUncertain.HOLD),
}

FIRST_DELAY = 1.0
LONGEST_VALIDITY = 7 * 86_400.0

# A throttled one waits for its own way, which is not broken, while the wait is shorter than this (seconds); then, where
# there is another way, that is the quicker one.
PATIENCE = 3.0


class Decision(msgspec.Struct, frozen=True):
    """The state that follows a try; for QUEUED also where and when the next one is due."""

    state: State
    connector: str
    due_at: float
    resends: int


def backoff(failures: int, longest: float, draw: float) -> float:
    """
    Tell how many seconds to wait after the n-th failure: doubling from one second, at most `longest`.

    `draw` in [0, 1) spreads it over [3/4, 5/4) of that, so that what failed together does not come back together.
    """
    doubled = FIRST_DELAY * 2.0 ** min(max(failures - 1, 0), 20)
    return min(doubled, longest) * (0.75 + 0.5 * draw)


def after(
    message: Message,
    outcome: Outcome,
    *,
    now: float,
    draw: float,
    ways: Sequence[str],
    policy: ClassPolicy,
    idempotent: bool = False,
) -> Decision:
    """
    Decide what follows a try of `message` on `message.connector`.

    `ways` are the connectors its route names, in order; `idempotent` says that the one it was tried on recognises a
    repetition. Accepted and Rejected are ends. Deferred goes to the next way at once and, when all were tried, round
    again after a backoff; a throttled one waits for the same way, unless that takes too long. An uncertain one never
    changes its way: it is repeated where that cannot double it, once more where the class says so, and else held. A due
    time past the validity is cut to it, and the message then expires in the queue.
    """
    match outcome:
        case Accepted():
            return Decision(State.SENT, message.connector, message.due_at, message.resends)
        case Rejected():
            return Decision(State.REJECTED, message.connector, message.due_at, message.resends)
        case Uncertain():
            return _after_uncertain(message, now=now, draw=draw, policy=policy, idempotent=idempotent)
        case Deferred():
            connector, delay = _after_deferred(message, outcome, ways, policy.longest_delay, draw)
            due_at = min(now + delay, message.expires_at)
            return Decision(State.QUEUED, connector, due_at, message.resends)
        case _:
            assert_never(outcome)


def _after_uncertain(message: Message, *, now: float, draw: float, policy: ClassPolicy, idempotent: bool) -> Decision:
    expired = now >= message.expires_at
    if idempotent and not expired:
        due_at = min(now + backoff(message.attempt, policy.longest_delay, draw), message.expires_at)
        return Decision(State.QUEUED, message.connector, due_at, message.resends)
    if policy.on_uncertain is OnUncertain.RESEND and message.resends == 0 and not expired:
        return Decision(State.QUEUED, message.connector, now, message.resends + 1)
    return Decision(State.UNCERTAIN, message.connector, message.due_at, message.resends)


def _after_deferred(
    message: Message, outcome: Deferred, ways: Sequence[str], longest: float, draw: float
) -> tuple[str, float]:
    throttled = outcome.reason is Reason.THROTTLED
    rounds = message.attempt if throttled else max(1, -(-message.attempt // max(1, len(ways))))
    wait = backoff(rounds, longest, draw)
    if outcome.retry_after is not None:
        wait = max(outcome.retry_after, wait if throttled else 0.0)
    # An uncertain repeat stays where it was begun: elsewhere it could double without anybody being able to tell.
    stays = message.resends or (throttled and wait < PATIENCE)
    if stays or len(ways) < 2 or message.connector not in ways:
        if message.connector not in ways and ways and not message.resends:
            return ways[0], 0.0
        return message.connector, wait
    place = (ways.index(message.connector) + 1) % len(ways)
    # Past the last way all have been asked: the next round waits, what the last one asked for included.
    return ways[place], wait if place == 0 else 0.0
