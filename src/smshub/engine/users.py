"""What administrators ask of the users of the console."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Row

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.users import DeleteUser, ListUsers, PutUser, Users
from smshub.engine.people import Sessions, check_name, new_row
from smshub.store import users as store
from smshub.store.users import Change


class UserRoom:
    """Lists, makes, changes and removes users. The first is an administrator, and the last one stays."""

    def __init__(self, sessions: Sessions, account_of: Callable[[str], Account | None]) -> None:
        self._sessions = sessions
        self._outbox, self._committer, self._clock = sessions.outbox, sessions.committer, sessions.clock
        self._account_of = account_of

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ListUsers: self._list, PutUser: self._put, DeleteUser: self._delete}

    async def _list(self, account: Account, _: ListUsers) -> Users:
        if not account.audits:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return Users(tuple(await asyncio.to_thread(self._outbox.read, store.read_users)))

    async def _put(self, account: Account, command: PutUser) -> Done:
        _need_administrator(account)
        name, now = check_name(command.name), self._clock()
        row = await asyncio.to_thread(self._outbox.read, partial(store.read_user, name=name))
        if row is None and command.password is None:
            raise Refused(Refusal.MALFORMED, "NoPassword", member="password")
        changed = self._changed(command, row)
        new = None
        if command.password is not None:
            changed["password"] = await self._sessions.passwords.hash(command.password)
            new = new_row(name, Role.ACCOUNT, None, changed["password"], now)
        changed["changed_at"] = now
        came_to = await self._committer.call(partial(store.change_user, name=name, changed=changed, new=new))
        _check(came_to)
        if row is None:
            self._sessions.has_user()
        return Done(f"user {name} is {came_to}")

    def _changed(self, command: PutUser, row: Row[Any] | None) -> dict[str, Any]:
        """Give the columns that are to change. Raises `Refused`."""
        changed: dict[str, Any] = {}
        if command.role is not None:
            changed["role"] = command.role.value
        if command.account is not None:
            changed["account"] = command.account or None
        if command.disabled is not None:
            changed["disabled"] = command.disabled
        if command.reset_totp:
            changed["totp"] = None
        before = {"role": Role.ACCOUNT.value, "account": None} if row is None else dict(row._mapping)  # noqa: SLF001
        whole = {**before, **changed}
        if whole["role"] == Role.ACCOUNT.value and self._account_of(whole["account"] or "") is None:
            raise Refused(Refusal.MALFORMED, "NoSuchAccount", member="account")
        return changed

    async def _delete(self, account: Account, command: DeleteUser) -> Done:
        _need_administrator(account)
        _check(await self._committer.call(partial(store.remove_user, name=command.name)))
        return Done(f"user {command.name} is removed")


def _check(came_to: Change) -> None:
    match came_to:
        case Change.MISSING:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="user")
        case Change.LAST:
            raise Refused(Refusal.CONFLICT, "LastAdministrator")
        case Change.FIRST:
            raise Refused(Refusal.CONFLICT, "FirstUser", member="role")


def _need_administrator(account: Account) -> None:
    if not account.administers:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
