"""What administrators ask of the users of the console."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.users import DeleteUser, ListUsers, PutUser, Users
from smshub.engine.people import Sessions, check_name, new_row
from smshub.store import users as store


class UserRoom:
    """Lists, makes, changes and removes users. The last administrator stays one."""

    def __init__(self, sessions: Sessions, account_of: Callable[[str], Account | None]) -> None:
        self._sessions = sessions
        self._outbox, self._committer, self._clock = sessions.outbox, sessions.committer, sessions.clock
        self._account_of = account_of

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ListUsers: self._list, PutUser: self._put, DeleteUser: self._delete}

    async def _list(self, account: Account, _: ListUsers) -> Users:
        if account.role not in {Role.ADMINISTRATOR, Role.AUDITOR}:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return Users(tuple(await asyncio.to_thread(self._outbox.read, store.read_users)))

    async def _put(self, account: Account, command: PutUser) -> Done:
        _need_administrator(account)
        name = check_name(command.name)
        row = await asyncio.to_thread(self._outbox.read, partial(store.read_user, name=name))
        now = self._clock()
        if row is None:
            if command.password is None:
                raise Refused(Refusal.MALFORMED, "NoPassword", member="password")
            whole = dict(new_row(name, Role.ACCOUNT, None, "", now))
        else:
            whole = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
        if command.role is not None:
            whole["role"] = command.role.value
        if command.account is not None:
            whole["account"] = command.account or None
        if command.disabled is not None:
            whole["disabled"] = command.disabled
        if command.reset_totp:
            whole["totp"] = None
        if whole["role"] == Role.ACCOUNT.value and self._account_of(whole["account"] or "") is None:
            raise Refused(Refusal.MALFORMED, "NoSuchAccount", member="account")
        if command.password is not None:
            whole["password"] = await self._sessions.passwords.hash(command.password)
        await self._keep_one(name, whole["role"] == Role.ADMINISTRATOR.value and not whole["disabled"])
        whole["changed_at"] = now
        await self._committer.call(partial(store.put_user, row=whole, ends_sessions=True))
        return Done(f"user {name} is {'made' if row is None else 'changed'}")

    async def _delete(self, account: Account, command: DeleteUser) -> Done:
        _need_administrator(account)
        await self._keep_one(command.name, stays=False)
        if not await self._committer.call(partial(store.delete_user, name=command.name)):
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="user")
        return Done(f"user {command.name} is removed")

    async def _keep_one(self, name: str, stays: bool) -> None:
        others = await asyncio.to_thread(self._outbox.read, partial(store.administrators, but=name))
        there = await asyncio.to_thread(self._outbox.read, store.any_user)
        if not stays and not others and there:
            raise Refused(Refusal.CONFLICT, "LastAdministrator")


def _need_administrator(account: Account) -> None:
    if not account.administers:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
