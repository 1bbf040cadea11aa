"""The hub's typed no: a closed list of refusals, and their texts from one catalogue."""

from collections.abc import Mapping
from enum import StrEnum

from smshub.domain import catalogue


class Refusal(StrEnum):
    """Why the hub says no. Each dialect has one table from these to its own codes."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    NOT_FOUND = "not found"
    BLOCKED = "blocked"
    NO_ROUTE = "no route"
    LIMITED = "limited"
    CONFLICT = "conflict"
    EXPIRED = "expired on arrival"
    UNAVAILABLE = "hub unavailable"


class Refused(Exception):
    """
    A command that the hub will not carry out.

    `error` is a name in the catalogue of error texts, `values` fill its placeholders, `member` is the member of the
    request at fault in the native door's words (`to`, `text`, `from`, ...), `retry_after` is in seconds.
    """

    def __init__(
        self,
        refusal: Refusal,
        error: str,
        *,
        member: str | None = None,
        retry_after: float | None = None,
        **values: object,
    ) -> None:
        super().__init__(error)
        self.refusal = refusal
        self.error = error
        self.member = member
        self.retry_after = retry_after
        self.values = values

    def __str__(self) -> str:
        """Tell the refusal in the default words of the catalogue."""
        return text_of(self)


CATALOGUE: Mapping[str, str] = catalogue.CATALOGUE


def text_of(refused: Refused, texts: Mapping[str, str] = CATALOGUE) -> str:
    """Tell a refusal in the words of the catalogue."""
    template = texts.get(refused.error) or CATALOGUE.get(refused.error, refused.error)
    return template.format(**{"seconds": 0, **refused.values})
