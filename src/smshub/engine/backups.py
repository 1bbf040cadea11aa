"""Backups of a running hub."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Done, Refusal, Refused, Reply
from smshub.domain.upkeep import MakeBackup
from smshub.store.backup import copy_sqlite
from smshub.store.errors import StoreError

log = structlog.get_logger(__name__)


class Backups:
    """Copies a SQLite database into a folder, one copy at a time. `database` is its file, None where it has none."""

    def __init__(self, database: Path | None, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._busy = asyncio.Lock()

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {MakeBackup: self.make}

    async def make(self, account: Account, _: MakeBackup) -> Done:
        """Make a backup and tell its file. Raises `Refused`."""
        if not account.administers:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        if self._database is None:
            raise Refused(Refusal.CONFLICT, "NoBackupHere")
        if self._busy.locked():
            raise Refused(Refusal.LIMITED, "BackupRunning", retry_after=5.0)
        async with self._busy:
            name = f"smshub-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z.db"
            try:
                await asyncio.to_thread(self._copy, self._database, self._folder / name)
            except StoreError as error:
                log.error("backup.failed", error=str(error))  # noqa: TRY400 - the operator's, not ours
                raise Refused(Refusal.UNAVAILABLE, "BackupFailed", why=error) from None
        log.info("backup.made", file=name)
        return Done(str(self._folder / name))

    def _copy(self, database: Path, target: Path) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be made: {error.strerror}") from None
        copy_sqlite(database, target)
