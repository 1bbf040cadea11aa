"""Upkeep of the hub's data: what is asked of it while it runs."""

import msgspec


class MakeBackup(msgspec.Struct, frozen=True):
    """Copy the database, as it is at this moment, into the folder for backups. Needs an administrator."""


UpkeepCommand = MakeBackup
