"""What is asked of the configuration file of a running hub: what an edit of it would change, and to take it over."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class ShowPlan(msgspec.Struct, frozen=True):
    """Compare the configuration file, as it lies on the disk, with what runs. Nothing changes."""


class ReloadFile(msgspec.Struct, frozen=True):
    """
    Read the configuration file again and take it over, as SIGHUP does. Needs an administrator.

    A file that cannot work changes nothing. No connection ends but those whose own settings have changed.
    """


class FileChange(msgspec.Struct, frozen=True):
    """
    What an edited file changes in one object; `name` is empty where there is one of a kind.

    `keys` tell of a change each setting with its old and new value, secrets masked.
    """

    action: Literal["add", "remove", "change"]
    kind: str
    name: str
    keys: Mapping[str, str] = {}


class FilePlan(msgspec.Struct, frozen=True):
    """
    What the file changes. `problems` keep it from being taken over, each with its place and its mend.

    `restart` are the settings that have changed and count only when the hub is started again.
    """

    file: str
    changes: tuple[FileChange, ...] = ()
    problems: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


ConfiguringCommand = ShowPlan | ReloadFile
