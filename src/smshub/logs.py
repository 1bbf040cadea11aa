"""The log: one line an event, as text for people or JSON for machines, on standard error."""

import logging
import sys
from typing import Literal

import structlog


def configure(level: str = "info", shape: Literal["text", "json"] = "text") -> None:
    """Set up the log of this process. `level` is debug, info, warning or error."""
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
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: they would bring texts and passwords into the log.
            *([structlog.processors.format_exc_info] if shape == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What libraries say through the standard library's log: their warnings only, and nothing of every request.
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(asctime)s [%(levelname)s] %(message)s"
    )
