"""The lanes of one connector: what waits for it in memory, a bounded queue for each class."""

from collections import deque
from collections.abc import Callable, Iterable

from smshub.domain.message import Message, MessageClass

# A lane holds so many messages in memory; what comes beyond waits in the database alone.
BOUND = 1_000
LOW_WATER = BOUND // 4

ORDER = (MessageClass.OTP, MessageClass.TRANSACTIONAL, MessageClass.BULK)

# Of sixteen messages one is taken from the lowest lane and three more from the middle one where they wait, so that a
# busy higher lane slows them and never starves them.
_TURNS = tuple(
    ORDER[::-1] if turn == 0 else (ORDER[1], ORDER[0], ORDER[2]) if turn % 5 == 0 else ORDER for turn in range(16)
)


class Lane:
    """
    One class's queue.

    `stale`: the database surely holds more than memory does; what comes joins it there, so that the order is kept.
    `look`: the database may hold something that memory does not. `missed`: something came to a stale lane while the
    database was being read.
    """

    __slots__ = ("look", "missed", "stale", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.stale = False
        self.look = False
        self.missed = False


class Lanes:
    """All lanes of one connector. Holds each message at most once."""

    def __init__(self) -> None:
        self._lanes = {message_class: Lane() for message_class in ORDER}
        self._each = tuple(self._lanes.values())
        self._ids: set[str] = set()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids

    @property
    def idle(self) -> bool:
        """Whether nothing waits, in memory or in the database, so that a new message may pass straight through."""
        # Where a lane is stale and empty it is about to be read; then a new message must not pass what is on disk.
        return not self._ids and not any(lane.stale for lane in self._each)

    def add(self, message: Message) -> None:
        """Queue a message that is on disk; where the lane is full, or behind the database, only mark it."""
        lane = self._lanes[message.message_class]
        if lane.stale or len(lane.waiting) >= BOUND:
            lane.stale = lane.missed = True
        elif message.id not in self._ids:
            self._ids.add(message.id)
            lane.waiting.append(message)

    def pick(self, ready: Callable[[Message], bool] | None = None) -> Message | None:
        """Take the next message, high classes first; with `ready`, the first one of which it is true."""
        self._turn = (self._turn + 1) % len(_TURNS)
        for message_class in _TURNS[self._turn]:
            waiting = self._lanes[message_class].waiting
            if not waiting:
                continue
            if ready is None:
                message = waiting.popleft()
                self._ids.discard(message.id)
                return message
            for place, message in enumerate(waiting):
                if ready(message):
                    del waiting[place]
                    self._ids.discard(message.id)
                    return message
        return None

    def look(self, message_class: MessageClass | None = None) -> None:
        """Note that the database may hold messages that memory does not."""
        for each in ORDER if message_class is None else (message_class,):
            self._lanes[each].look = True

    def wanting(self) -> list[MessageClass]:
        """Tell the classes that should be read from the database now."""
        return [
            each for each, lane in self._lanes.items() if (lane.stale or lane.look) and len(lane.waiting) <= LOW_WATER
        ]

    def begin_reading(self, message_class: MessageClass) -> None:
        """Note that a reading begins: what comes from now on may be missing in it."""
        lane = self._lanes[message_class]
        lane.missed = lane.look = False

    def read(self, message_class: MessageClass, messages: Iterable[Message], *, complete: bool) -> None:
        """Take over what was read; `complete` says that the database held no more."""
        lane = self._lanes[message_class]
        for message in messages:
            if message.id not in self._ids:
                self._ids.add(message.id)
                lane.waiting.append(message)
        lane.stale = lane.missed or not complete

    def clear(self) -> None:
        """Forget what is in memory; it is in the database."""
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.stale = lane.missed = False
            lane.look = True
        self._ids.clear()
