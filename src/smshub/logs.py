"""The log: one line an event, as text for people or JSON for machines, on standard error; the newest are kept."""

import logging
import sys
import time
from collections import deque
from collections.abc import MutableMapping
from functools import partial
from itertools import count
from typing import Any, Final, Literal

import structlog

from smshub.domain.servicelog import LogLine

# So many lines are kept, and so much of each value.
KEPT: Final = 2_000
LONGEST: Final = 500

_ASIDE: Final = frozenset({"event", "level", "timestamp", "exc_info", "stack_info"})


class Tail(logging.Handler):
    """
    The newest lines of this process. It listens to structlog (as a processor) and to the standard library's log.

    What is written elsewhere is not in it: libraries and threads may write too, so each step is one call of a deque.
    """

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=kept)
        self._numbers = count(1)

    def lines(self) -> tuple[LogLine, ...]:
        """Give the lines that are kept, oldest first."""
        return tuple(self._lines)

    def __call__(self, _: Any, __: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep a line of structlog's, and hand it on as it is."""
        fields = {str(name): _shown(value) for name, value in said.items() if name not in _ASIDE}
        if wrong := _exception(said.get("exc_info")):
            fields["exception"] = wrong
        self._keep(str(said.get("level", "info")), str(said.get("event", "")), fields)
        return said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of a library's."""
        fields = {"message": _shown(record.getMessage())}
        if wrong := _exception(record.exc_info):
            fields["exception"] = wrong
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        self._keep(level, record.name, fields)

    def _keep(self, level: str, event: str, fields: dict[str, str]) -> None:
        self._lines.append(LogLine(next(self._numbers), time.time(), level, event[:LONGEST], fields))


# Of this process, as its log is.
TAIL: Final = Tail()


def configure(level: str = "info", shape: Literal["text", "json"] = "text") -> None:
    """
    Set up the log of this process. `level` is debug, info, warning or error: the least that is written.

    What is kept to be looked at begins with info, however little is written.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if shape == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            TAIL,
            partial(_drop_below, number),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: they would bring texts and passwords into the log.
            *([structlog.processors.format_exc_info] if shape == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(min(number, logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What libraries say through the standard library's log: their warnings only, and nothing of every request.
    writer = logging.StreamHandler(sys.stderr)
    writer.setLevel(number)
    logging.basicConfig(
        level=logging.WARNING, handlers=[writer, TAIL], format="%(asctime)s [%(levelname)s] %(message)s"
    )


def _drop_below(number: int, _: Any, method: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if logging.getLevelNamesMapping().get(str(said.get("level", method)).upper(), number) < number:
        raise structlog.DropEvent
    return said


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value) if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _exception(told: Any) -> str:
    """Tell what was raised in a word and its sentence; where it was raised is in the log itself."""
    error = told if isinstance(told, BaseException) else (sys.exc_info() if told is True else told or (None,) * 3)[1]
    return "" if error is None else _shown(f"{type(error).__name__}: {error}")
