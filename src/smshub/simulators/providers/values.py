"""A request to a simulated provider and its answer, as values."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
XML = "application/xml"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A request as it came: `target` is the raw path and query, `headers` have names in lower case.

    `fields` are the fields of query and form (the last of each name) or of a JSON object.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path alone, also of the absolute address that a proxy is given."""
        path = self.target.partition("?")[0]
        return path if path.startswith("/") else "/" + path.partition("://")[2].partition("/")[2]

    def get(self, *names: str) -> str:
        """Give the first of these fields that is there, as a text."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, list):
                value = value[0] if value else None
            if value is not None and value != "":
                return str(value)
        return ""

    def basic(self) -> tuple[str, str]:
        """Give user and password of Basic authentication, empty ones where there are none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(token, validate=True).decode("utf-8", "replace").partition(":")
        except ValueError:
            return "", ""
        return user, password


@dataclass(frozen=True, slots=True)
class Text:
    """One text that a provider took, with the id that it gave, and `more` where it gives one for each part."""

    to: str
    text: str
    ref: str
    sender: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a text, or of a part of it: whether it was delivered; None while that is open."""

    ref: str
    to: str
    sender: str = ""
    good: bool | None = True

    def still_open(self) -> "Fate":
        """Give the same text before anything is known of it."""
        return replace(self, good=None)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that a provider makes of its own accord: a report. `url` is complete and encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and the texts that were taken with it."""

    status: int
    body: str
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """
    Where a provider answers: who may send, and how ids are made.

    `users` are name and password; none means that any pair is right that is not empty. `serial` gives the next number.
    `refuse` is the code that a fault script asks for, `throttled` says that it asks for too fast. `now` is the
    provider's clock, in seconds since 1970; `callback` is where it calls, `signing` with what it signs its calls, and
    `fate` tells what became of what has this id.
    """

    serial: Callable[[], int]
    users: Mapping[str, str] = field(default_factory=dict)
    refuse: str | None = None
    throttled: bool = False
    now: float = 0.0
    callback: str | None = None
    signing: str | None = None
    fate: Callable[[str], Fate | None] = lambda _: None

    def knows(self, user: str, password: str) -> bool:
        """Say whether these credentials are right."""
        return self.users.get(user) == password if self.users else bool(user and password)


def retry_in(seconds: int) -> Mapping[str, str]:
    """Give the header by which a provider says when to come again."""
    return {"Retry-After": str(seconds)}
