"""A message under way: its parts, what each came to, and when the whole is settled."""

from collections import deque

from smshub.connectors.smpp.outcomes import combined
from smshub.domain.contracts import Settle
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason
from smshub.domain.message import Message
from smshub.protocols.smpp.pdus import Pdu


class Delivery:
    """One message: it is settled once, when each of its parts has come to something."""

    __slots__ = ("_left", "_outcomes", "_settle", "message")

    def __init__(self, settle: Settle, parts: int, message: Message) -> None:
        self.message = message
        self._settle = settle
        self._left = parts
        self._outcomes: list[Outcome] = [Deferred(Reason.UNREACHABLE, detail="not sent")] * parts

    @property
    def long(self) -> bool:
        """Whether it has several parts."""
        return len(self._outcomes) > 1

    def come_to(self, number: int, outcome: Outcome) -> None:
        """Note what a part came to; the last one settles the message."""
        self._outcomes[number] = outcome
        self._left -= 1
        if self._left == 0:
            self._settle(combined(self._outcomes))


class Part:
    """
    One segment of a message. It is the token of its request.

    `flush` is how many writes the link had made when it was asked: one more, and its octets have left.
    """

    __slots__ = ("delivery", "flush", "number", "pdu")

    def __init__(self, delivery: Delivery, number: int, pdu: Pdu) -> None:
        self.delivery = delivery
        self.number = number
        self.pdu = pdu
        self.flush = 0


class Waiting:
    """
    Parts that wait for a place in the window.

    These are the later segments of messages that were begun while there was room; no message waits here to begin,
    unless the window shrank between the promise of room and the message.
    """

    def __init__(self) -> None:
        self._parts: deque[Part] = deque()

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, part: Part) -> None:
        """Put a part at the end."""
        self._parts.append(part)

    def next(self) -> Part:
        """Take the first part."""
        return self._parts.popleft()

    def settle(self, part: Part, outcome: Outcome) -> None:
        """Note what a part came to; once one is not taken, the rest of its message is not sent."""
        delivery = part.delivery
        if delivery.long and self._parts and not isinstance(outcome, Accepted):
            dropped = [other for other in self._parts if other.delivery is delivery]
            self._parts = deque(other for other in self._parts if other.delivery is not delivery)
            for other in dropped:
                delivery.come_to(other.number, Deferred(Reason.UNREACHABLE, detail="not sent"))
        delivery.come_to(part.number, outcome)

    def give_up(self, why: str) -> None:
        """Settle every part that waits: it has not been written."""
        while self._parts:
            self.settle(self._parts.popleft(), Deferred(Reason.UNREACHABLE, detail=why))
