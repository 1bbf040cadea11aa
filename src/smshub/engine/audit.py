"""Writes down who changed what: commands that change something are watched on their way through the hub."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from smshub.domain.accounts import Account
from smshub.domain.audit import AuditEntry, AuditPage, AuditVerified, ListAudit, VerifyAudit
from smshub.domain.challenges import OpenPrefix, UnlockOtp
from smshub.domain.commands import (
    Block,
    CancelMessage,
    DeleteObject,
    DropParked,
    PutObject,
    Refusal,
    Refused,
    ReleaseMessage,
    Reply,
    RevokeTokens,
    TestConnector,
    Unblock,
)
from smshub.domain.incoming import DropIncoming, RequestUssd
from smshub.domain.numbers import masked
from smshub.domain.upkeep import EraseRecipient, ExportRecipient, MakeBackup
from smshub.domain.users import DeleteUser, PutUser, User
from smshub.engine.committer import Committer
from smshub.store.audit import add_entry, read_audit, verify_audit
from smshub.store.outbox import Outbox
from smshub.store.users import read_users

Handler = Callable[[Account, Any], Awaitable[Reply]]
Objects = Callable[[str], Awaitable[tuple[Mapping[str, Any], ...]]]


def _whom(command: Any) -> str:
    return masked(command.to.strip().removeprefix("+"))


# The commands that are written down, each with what it was done to. What an application does for itself (block, send,
# cancel of its own) is traffic; what an operator does is a change. Numbers are masked: entries cannot be erased.
WATCHED: Mapping[type, Callable[[Any], str]] = {
    PutObject: lambda command: f"{command.kind}.{command.name}",
    DeleteObject: lambda command: f"{command.kind}.{command.name}",
    Block: _whom,
    Unblock: _whom,
    UnlockOtp: _whom,
    ExportRecipient: _whom,
    EraseRecipient: _whom,
    CancelMessage: lambda command: command.id,
    ReleaseMessage: lambda command: command.id,
    TestConnector: lambda command: command.name,
    RevokeTokens: lambda command: command.account,
    DropParked: lambda command: command.id,
    DropIncoming: lambda command: command.id,
    RequestUssd: lambda command: command.modem or "",
    OpenPrefix: lambda command: command.prefix,
    MakeBackup: lambda _: "database",
    PutUser: lambda command: f"users.{command.name}",
    DeleteUser: lambda command: f"users.{command.name}",
}


class Audit:
    """Keeps the audit log. `objects` tells configured objects, secrets masked, so that before and after can be told."""

    def __init__(
        self,
        outbox: Outbox,
        committer: Committer,
        key: bytes,
        objects: Objects,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._committer = committer
        self._key = hmac.digest(key, b"smshub audit", "sha256")
        self._objects = objects
        self._clock = clock

    @property
    def handlers(self) -> Mapping[type, Handler]:
        """Give the commands that are carried out here."""
        return {ListAudit: self._list, VerifyAudit: self._verify}

    def watch(self, handlers: Mapping[type, Handler]) -> dict[type, Handler]:
        """Give the handlers of what is to be written down, each with its writing."""
        return {kind: partial(self._watched, handler) for kind, handler in handlers.items() if kind in WATCHED}

    async def note(self, actor: str, action: str, thing: str, before: Any = None, after: Any = None) -> None:
        """Write an entry; it is on disk when this returns. Raises `StoreUnavailable`."""
        entry = AuditEntry(0, self._clock(), actor, action, thing, before, after)
        await self._committer.call(partial(add_entry, entry=entry, key=self._key))

    async def _watched(self, handler: Handler, account: Account, command: Any) -> Reply:
        if getattr(command, "own", False):
            return await handler(account, command)
        before = await self._look(command)
        reply = await handler(account, command)
        after = await self._look(command)
        if isinstance(command, PutUser) and command.password is not None:
            after = {**(after or {}), "password": "changed"}
        thing = WATCHED[type(command)](command)
        await self.note(account.name, type(command).__name__, thing, before, after)
        return reply

    async def _look(self, command: Any) -> Any:
        if isinstance(command, PutUser | DeleteUser):
            users = await asyncio.to_thread(self._outbox.read, read_users)
            return next((_who(user) for user in users if user.name == command.name), None)
        if not isinstance(command, PutObject | DeleteObject):
            return None
        try:
            found = await self._objects(command.kind)
        except (Refused, LookupError):
            return None
        return next((dict(one["settings"]) for one in found if one["name"] == command.name), None)

    async def _list(self, account: Account, command: ListAudit) -> AuditPage:
        _need_auditor(account)
        return await asyncio.to_thread(self._outbox.read, partial(read_audit, asked=command))

    async def _verify(self, account: Account, _: VerifyAudit) -> AuditVerified:
        _need_auditor(account)
        return await asyncio.to_thread(self._outbox.read, partial(verify_audit, key=self._key))


def _who(user: User) -> Mapping[str, Any]:
    """Tell what a user may; neither their password nor their authenticator is told."""
    return {"role": user.role, "account": user.account, "disabled": user.disabled, "totp": user.totp}


def _need_auditor(account: Account) -> None:
    if not account.audits:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
