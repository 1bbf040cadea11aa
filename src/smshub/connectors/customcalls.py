"""
What the hub and a worker of a custom connector say to each other: frames of JSON over a pair of sockets.

Both ends import this file and the worker little else, so that it starts quickly and stays small.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

# What a callable may take by name; `id` is ours, the rest are the documented ones.
PARAMETERS = ("msg", "mobile", "flash", "sender", "username", "password", "account", "url", "proxy", "id")

MAX_FRAME = 1_048_576
MAX_OUTPUT = 4_096
MAX_TEXT = 500
MAX_REFS = 16
MAX_REF = 255

HEADER = struct.Struct("!I")


class ConnectorError(Exception):
    """
    The text has surely not been sent; the message says why.

    `reason` is one of the hub's reasons (`smshub.domain.delivery.Reason`) by its name; with one that nobody can heal,
    such as INVALID_RECIPIENT, the text is given up. `code` is the provider's own, `retry_after` in seconds.
    """

    def __init__(
        self, text: str = "", reason: str = "UNKNOWN", code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.reason = str(reason)
        self.code = code
        self.retry_after = retry_after


def frame(value: Mapping[str, Any]) -> bytes:
    """Write one frame: its length in four bytes, then JSON."""
    body = json.dumps(value).encode()
    return HEADER.pack(len(body)) + body


def value_of(body: bytes) -> dict[str, Any]:
    """Read the body of a frame. Raises ValueError where it is no object."""
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - whatever is wrong with a frame is one error
    return found


def size_of(header: bytes) -> int:
    """Read the length of a frame. Raises ValueError where it is beyond what either end says."""
    (size,) = HEADER.unpack(header)
    if not 2 <= size <= MAX_FRAME:
        raise ValueError("a frame of no sensible length")
    return int(size)
