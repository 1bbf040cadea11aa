"""
The simulated HTTP providers: one file each, with its `PATH` and a pure `answer`.

They answer with the words of the real ones, their errors included, so that a connector can be tried without an account.
"""

import re
from collections.abc import Callable

from smshub.simulators.providers import clickatell, generic, gtx, twilio
from smshub.simulators.providers.values import Answer, Desk, Seen

# The first whose path fits answers; the generic one fits any.
PROVIDERS: tuple[tuple[str, str, Callable[[Seen, Desk], Answer]], ...] = (
    ("clickatell", clickatell.PATH, clickatell.answer),
    ("gtx", gtx.PATH, gtx.answer),
    ("twilio", twilio.PATH, twilio.answer),
    ("generic", generic.PATH, generic.answer),
)


def provider_of(path: str) -> tuple[str, Callable[[Seen, Desk], Answer]]:
    """Find who answers on a path."""
    return next((name, answer) for name, pattern, answer in PROVIDERS if re.fullmatch(pattern, path, re.DOTALL))
