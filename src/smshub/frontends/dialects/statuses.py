"""The one table from the hub's refusals to HTTP, for the doors that say them by a status."""

from collections.abc import Mapping
from typing import Final

from smshub.domain.commands import Refusal

# What every answer says of itself. Answers hold tokens and numbers, so nobody may keep them.
SAFE: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]

# The one table from the hub's refusals to HTTP.
STATUSES: Final[Mapping[Refusal, int]] = {
    Refusal.UNAUTHENTICATED: 401,
    Refusal.FORBIDDEN: 403,
    Refusal.MALFORMED: 400,
    Refusal.NOT_FOUND: 404,
    Refusal.BLOCKED: 403,
    Refusal.NO_ROUTE: 422,
    Refusal.LIMITED: 429,
    Refusal.CONFLICT: 409,
    Refusal.EXPIRED: 422,
    Refusal.UNAVAILABLE: 503,
}

# Errors for which HTTP has a status of their own.
STATUS_OF_ERROR: Final[Mapping[str, int]] = {
    "MethodNotAllowed": 405,
    "BodyTooLarge": 413,
    "WrongContentType": 415,
    "ServerError": 500,
}
