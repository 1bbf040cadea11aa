"""
What a provider calls the hub with: delivery reports and texts of people, as values.

A connector whose provider calls back has a method `called(callback) -> Called`: pure, it checks who calls as the
provider allows (raising `Forged`), reads what is said (raising ValueError for what cannot be read) and tells what to
answer. The hub answers only when all of it is on disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from smshub.domain.delivery import Receipt
from smshub.domain.incoming import Incoming


class Forged(Exception):
    """The call does not prove that it is the provider's."""


@dataclass(frozen=True, slots=True)
class Callback:
    """
    One call. `url` is the whole address that the provider called, by the hub's public address, query included.

    `query` and `form` are decoded pairs in their order (`form` is empty unless the body is a form); the names of
    `headers` are in lower case; `at` is when it came, in seconds since 1970.
    """

    method: str
    url: str = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    at: float = 0.0

    @property
    def fields(self) -> Mapping[str, str]:
        """Query and form together, the first value of each name; the form's come first."""
        found: dict[str, str] = {}
        for name, value in (*self.form, *self.query):
            found.setdefault(name, value)
        return found


@dataclass(frozen=True, slots=True)
class Called:
    """What a call says, and how it is answered once it is on disk. The id of an `Incoming` may be left empty."""

    receipts: tuple[Receipt, ...] = ()
    texts: tuple[Incoming, ...] = ()
    status: int = 204
    content_type: str = ""
    body: bytes = b""


class Answering(Protocol):
    """A connector whose provider calls back."""

    def called(self, callback: Callback) -> Called:
        """Check and read a call. Raises `Forged`, ValueError."""
