"""Carries out what is asked of the tokens of /api/Login."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from smshub.domain.accounts import Account
from smshub.domain.commands import Done, Refusal, Refused, Reply, RevokeTokens, ShowToken, TokenShown


class TokenKeeper(Protocol):
    """What knows the tokens; the application provides it."""

    async def revoke_tokens(self, account: str, token: str | None) -> str:
        """End an account's tokens, or one of them; tells what was done. Raises `Refused`."""

    async def show_token(self, token: str) -> TokenShown:
        """Tell what a token says. Raises `Refused`."""


class TokenRoom:
    """Ends tokens, and tells what one says."""

    def __init__(self, keeper: TokenKeeper) -> None:
        self._keeper = keeper

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {RevokeTokens: self._revoke, ShowToken: self._show}

    async def _revoke(self, account: Account, command: RevokeTokens) -> Done:
        if not (account.administers or account.name == command.account):
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return Done(await self._keeper.revoke_tokens(command.account, command.token))

    async def _show(self, _: Account, command: ShowToken) -> TokenShown:
        return await self._keeper.show_token(command.token)
