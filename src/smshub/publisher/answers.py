"""What comes back: `{"command", "response_code", "data"}` as a value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smshub.publisher.errors import BadAnswer

LARGEST: Final = 1_048_576

SUCCESS: Final = frozenset({"0000", "000"})
PUBLISHED: Final = "1111"
UNAUTHENTICATED: Final = "1100"
DUPLICATED: Final = "1201"
INVALID_OTP: Final = "1202"
EXPIRED: Final = "1203"

_SILENT: Final = "the server answers nothing to this command; it does not know it"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer. `response_code` is OTP-Pi's, "" where there is none; `error` its words, where it is no.

    `raw` is the whole answer as it was read. Neither it nor `data` is shown by `repr`: they may hold numbers.
    """

    command: str
    response_code: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    error: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it was carried out (0000 or 000). One with an error is a no: an OTP-Pi without a modem says both."""
        return self.response_code in SUCCESS and not self.error

    @property
    def published(self) -> bool:
        """Whether a broker has it, and nobody was asked to answer (1111)."""
        return self.response_code == PUBLISHED


def read(document: bytes, command: str) -> Answer:
    """Read the answer to a command. Raises `BadAnswer`."""
    found = load(document)
    if found is None:
        raise BadAnswer("the answer is no JSON object")
    return answer_of(found, command)


def load(document: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None where it is something else."""
    if len(document) > LARGEST:
        return None
    try:
        found = json.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def answer_of(found: Mapping[str, Any], command: str) -> Answer:
    """Make the value of an answer; its `command` is that of the request where it names none."""
    name, data = found.get("command"), found.get("data")
    code = found.get("response_code", found.get("response-code", ""))
    error = found.get("error", found.get("error_message"))
    said = (str(error) if error else None) if found else _SILENT
    return Answer(
        name if isinstance(name, str) and name else command,
        "" if code is None else str(code),
        data if isinstance(data, dict) else {},
        said,
        found,
    )


def is_answer(found: Mapping[str, Any], command: str) -> bool:
    """
    Whether a document on the callback topic is the answer to a command.

    There are brokers that bring everything to everybody, our own request too.
    """
    if not found or command == "echo":
        return True
    return found.get("command", command) == command and not found.keys().isdisjoint({"response_code", "response-code"})
