"""The configuration of a running hub: its file's objects, joined by those of the database, changed and compared."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog

from smshub import config as configuration
from smshub.config import Change, Config, ConfigError, ConfigErrors, Merged, Server
from smshub.domain.commands import Refusal, Refused, one_of
from smshub.domain.configuring import FileChange, FilePlan
from smshub.engine.committer import Committer
from smshub.store.errors import StoreUnavailable
from smshub.store.objects import DATABASE, delete_object, list_objects, put_object, replace_declared
from smshub.store.outbox import Outbox

log = structlog.get_logger(__name__)

Row = tuple[str, str, Mapping[str, Any]]

# What the process takes from its file once, at its start.
FIXED = (
    "listen",
    "tls",
    "database",
    "secret",
    "node",
    "mount",
    "trusted_proxies",
    "backups",
    "log_level",
    "log_format",
)
FIXED_LIMITS = ("body", "connections", "queue")

# Seconds between two looks at what other nodes have changed.
REFRESH_EVERY = 5.0


class Note(Protocol):
    """Writes an entry into the audit log."""

    async def __call__(self, actor: str, action: str, thing: str, before: Any = None, after: Any = None) -> None:
        """Write it; it is on disk when this returns."""


class Configured:
    """
    The hub's Configurator (engine.configuring): what is made while it runs is kept in the database.

    `apply` takes a joined configuration over, `take_over` what only a file has (the doors on brokers, the broker).
    """

    def __init__(
        self,
        file: Config,
        path: Path | None,
        *,
        outbox: Outbox,
        committer: Committer,
        key: bytes,
        apply: Callable[[Merged], Awaitable[None]],
        take_over: Callable[[Config], Awaitable[None]],
        note: Note,
    ) -> None:
        self._file = file
        self._path = path
        self._outbox = outbox
        self._committer = committer
        self._key = key
        self._apply = apply
        self._take_over = take_over
        self._note = note
        self._merged = Merged(file, {})
        self._rows: Sequence[Row] = ()
        self._changing = asyncio.Lock()

    @property
    def config(self) -> Config:
        """Give what runs: the file's and the database's together."""
        return self._merged.config

    async def start(self) -> None:
        """Join the file's objects and the database's, remember what the file declares, and apply both."""
        async with self._changing:
            await self._join(self._file)

    async def run(self, every: float = REFRESH_EVERY) -> None:
        """
        Follow what other nodes change, until cancelled.

        By itself, for whoever changes a connector waits until its link has ended, and leases want to be renewed then.
        """
        while True:
            await asyncio.sleep(every)
            try:
                await self.refresh()
            except StoreUnavailable:
                continue  # it is told where it is written to
            except Exception:
                log.exception("config.not_refreshed")

    async def refresh(self) -> None:
        """Apply what another node has changed in the database since it was last looked at."""
        async with self._changing:
            rows = await self._stored()
            if rows != self._rows:
                await self._use(configuration.merge(self._file, rows), rows)

    # --- the file ---------------------------------------------------------------------------------------------------

    async def plan(self) -> FilePlan:
        """Tell what the file, as it is now, would change. Raises `Refused` where there is no file."""
        try:
            changed = await self._read()
        except ConfigErrors as errors:
            return FilePlan(str(self._path), problems=tuple(map(str, errors.problems)))
        return self._planned(changed)

    async def reload(self, actor: str) -> FilePlan:
        """
        Take the file over; tells what has changed. A file that cannot work changes nothing.

        Raises `Refused`: there is no file, or it has problems.
        """
        try:
            changed = await self._read()
        except ConfigErrors as errors:
            for problem in errors.problems:
                log.error("config.refused", problem=str(problem))  # noqa: TRY400 - the operator's, not ours
            why = "; ".join(map(str, errors.problems))
            raise Refused(Refusal.CONFLICT, "FileRefused", why=why) from None
        async with self._changing:
            planned = self._planned(changed)
            await self._join(changed)
            await self._take_over(changed)
        for key in planned.restart:
            log.warning("config.needs_restart", key=key)
        log.info("config.reloaded")
        for change in planned.changes:
            thing = f"{change.kind}.{change.name}".rstrip(".")
            await self._note(actor, f"Reload: {change.action}", thing, after=dict(change.keys) or None)
        return planned

    async def _read(self) -> Config:
        if self._path is None:
            raise Refused(Refusal.NOT_FOUND, "NoConfigFile")
        return await asyncio.to_thread(configuration.load, self._path)

    def _planned(self, changed: Config) -> FilePlan:
        changes = configuration.plan(*(configuration.declared(file, self._key) for file in (self._file, changed)))
        return FilePlan(
            str(self._path), tuple(map(_told, changes)), restart=_restart(self._file.server, changed.server)
        )

    async def _join(self, file: Config) -> None:
        declared = {
            (one.kind, one.name): {"body": one.body, "digests": one.digests}
            for one in configuration.declared(file, self._key)
        }
        await self._committer.call(partial(replace_declared, declared=declared, now=time.time()))
        rows = await self._stored()
        merged = configuration.merge(file, rows)
        self._file = file
        await self._use(merged, rows)

    async def _use(self, merged: Merged, rows: Sequence[Row]) -> None:
        for problem in self._worse(merged):
            log.warning("config.object_left_out", problem=str(problem))
        await self._apply(merged)
        self._merged = merged
        self._rows = rows

    async def _stored(self) -> Sequence[Row]:
        found = await asyncio.to_thread(self._outbox.read, list_objects)
        return [(one.kind, one.name, one.body) for one in found if one.origin == DATABASE]

    # --- objects ----------------------------------------------------------------------------------------------------

    async def list_objects(self, kind: str) -> tuple[Mapping[str, Any], ...]:
        """Tell the objects of a kind, secrets masked."""
        return configuration.listed(self._merged, kind)

    async def put_object(self, kind: str, name: str, body: Mapping[str, Any], *, refers: bool) -> str:
        """Make or change an object in the database and apply it. Raises `Refused`."""
        async with self._changing:
            self._check_origin(kind, name)
            before = configuration.objects_of(self.config, kind).get(name)
            whole = configuration.keep_secrets(body, configuration.body_of(before) if before is not None else {})
            try:
                settings = configuration.read_object(kind, name, whole)
            except ConfigErrors as errors:
                raise _bad_object(kind, name, errors) from None
            if not refers and configuration.references(settings) - configuration.references(before):
                raise Refused(Refusal.FORBIDDEN, "ReferenceNotAllowed")
            stored = configuration.body_of(settings)
            rows = [*(row for row in await self._stored() if row[:2] != (kind, name)), (kind, name, stored)]
            merged = configuration.merge(self._file, rows)
            worse = self._worse(merged)
            if worse or (kind, name) not in merged.origins:
                raise _bad_object(kind, name, ConfigErrors(worse or merged.problems))
            await self._committer.call(partial(put_object, kind=kind, name=name, body=stored, now=time.time()))
            # Not what is there now: another node may have written since it was read.
            await self._use(merged, rows)
        return f"{kind}.{name} is {'changed' if before is not None else 'made'}"

    async def delete_object(self, kind: str, name: str) -> str:
        """Remove an object from the database and apply it. Raises `Refused`."""
        async with self._changing:
            self._check_origin(kind, name)
            stored = await self._stored()
            rows = [row for row in stored if row[:2] != (kind, name)]
            if len(rows) == len(stored):
                raise Refused(Refusal.NOT_FOUND, "NotFound", what=one_of(kind))
            if kind == "connectors":
                for route, settings in self.config.named_routes.items():
                    if any(connector.name == name for connector in settings.connectors):
                        raise Refused(Refusal.CONFLICT, "InUse", value=name, name=name, by=f"routes.{route}")
            merged = configuration.merge(self._file, rows)
            if worse := self._worse(merged):
                raise _bad_object(kind, name, ConfigErrors(worse))
            await self._committer.call(partial(delete_object, kind=kind, name=name))
            await self._use(merged, rows)
        return f"{kind}.{name} is removed"

    def _worse(self, merged: Merged) -> list[ConfigError]:
        """Tell what cannot work in a joined configuration and was not so before: an object may not break others."""
        known = set(map(str, self._merged.problems))
        return [problem for problem in merged.problems if str(problem) not in known]

    def _check_origin(self, kind: str, name: str) -> None:
        if kind not in configuration.KINDS:
            raise Refused(Refusal.NOT_FOUND, "NotFound", what="kind of object")
        if self._merged.origins.get((kind, name)) == "file":
            place = self._path.name if self._path else "the configuration"
            raise Refused(Refusal.CONFLICT, "Declared", name=f"{kind}.{name}", place=place)


def _told(change: Change) -> FileChange:
    return FileChange(change.action, change.kind, change.name, dict(change.keys))


def _restart(before: Server, after: Server) -> tuple[str, ...]:
    """Name what has changed and counts only when the hub is started again."""
    server = [f"server.{key}" for key in FIXED if getattr(before, key) != getattr(after, key)]
    limits = [
        f"server.limits.{key}" for key in FIXED_LIMITS if getattr(before.limits, key) != getattr(after.limits, key)
    ]
    return (*server, *limits)


def _bad_object(kind: str, name: str, errors: ConfigErrors) -> Refused:
    why = "; ".join(str(problem) for problem in errors.problems)
    return Refused(Refusal.MALFORMED, "BadObject", name=f"{kind}.{name}", why=why)
