"""Callers on brokers who want to know what becomes of their texts, and what only one of several nodes may do."""

from typing import Protocol

import msgspec

from smshub.domain.message import State


class Followed(msgspec.Struct, frozen=True):
    """A message whose end a caller wants to be told: through which door, on which topic, in answer to which command."""

    message_id: str
    frontend: str
    topic: str
    command: str


class Ended(msgspec.Struct, frozen=True):
    """What became of a followed message. `reason` is a word of `domain.delivery.Reason`, None where it went well."""

    followed: Followed
    account: str
    state: State
    connector: str
    reason: str | None = None


class Following(Protocol):
    """Remembers who wants to be told."""

    async def follow(self, followed: Followed) -> None:
        """Remember one, on disk when this returns. Raises whatever stands in the way."""


class Turns(Protocol):
    """Decides which of several nodes does a thing that only one of them may do."""

    async def mine(self, name: str) -> bool:
        """Tell whether it is this node's turn, and keep it so for the next seconds; to be asked again before long."""

    async def give_back(self, name: str) -> None:
        """Let another node have it at once."""
