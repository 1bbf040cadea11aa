"""Carries out what is asked of the configured objects, and of the file that declares some of them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from smshub.domain.accounts import Account
from smshub.domain.commands import DeleteObject, Done, ListObjects, Objects, PutObject, Refusal, Refused, Reply
from smshub.domain.configuring import FilePlan, ReloadFile, ShowPlan

# Who these are about decides who gets in and what a code is worth: an operator may not change them.
GUARDED = frozenset({"accounts", "policies"})


class Configurator(Protocol):
    """What knows the configured objects and changes them; the application provides it."""

    async def list_objects(self, kind: str) -> tuple[Mapping[str, Any], ...]:
        """Tell the objects of a kind, secrets masked. Raises `Refused`."""

    async def put_object(self, kind: str, name: str, body: Mapping[str, Any], *, refers: bool) -> str:
        """
        Make or change an object and apply it; tells what was done. Raises `Refused`.

        `refers`: it may name new places that secrets are read from (files and environment of the hub).
        """

    async def delete_object(self, kind: str, name: str) -> str:
        """Remove an object and apply it; tells what was done. Raises `Refused`."""

    async def plan(self) -> FilePlan:
        """Tell what the file, as it is now, would change. Raises `Refused` where there is no file."""

    async def reload(self, actor: str) -> FilePlan:
        """Take the file over; tells what has changed. Raises `Refused`: there is none, or it cannot work."""


class ConfigRoom:
    """Lists, makes, changes and removes objects; plans and takes over the file."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {
            ListObjects: self._list,
            PutObject: self._put,
            DeleteObject: self._delete,
            ShowPlan: self._plan,
            ReloadFile: self._reload,
        }

    async def _list(self, account: Account, command: ListObjects) -> Objects:
        _need(account.sees_all)
        return Objects(command.kind, await self._configurator.list_objects(command.kind))

    async def _put(self, account: Account, command: PutObject) -> Done:
        _need(account.administers if command.kind in GUARDED else account.operates)
        # Whoever names a place and the server that its secret is sent to can read that place.
        put = self._configurator.put_object(command.kind, command.name, command.body, refers=account.administers)
        return Done(await put)

    async def _delete(self, account: Account, command: DeleteObject) -> Done:
        _need(account.administers if command.kind in GUARDED else account.operates)
        return Done(await self._configurator.delete_object(command.kind, command.name))

    async def _plan(self, account: Account, _: ShowPlan) -> FilePlan:
        _need(account.sees_all)
        return await self._configurator.plan()

    async def _reload(self, account: Account, _: ReloadFile) -> FilePlan:
        _need(account.administers)
        return await self._configurator.reload(account.name)


def _need(allowed: bool) -> None:
    if not allowed:
        raise Refused(Refusal.FORBIDDEN, "Forbidden")
