"""The server's own key: from the configuration, or a file beside the database that is made once."""

import hashlib
import os
import secrets
from pathlib import Path

from smshub.config import Config

SUFFIX = ".key"


def key_file(config: Config) -> Path:
    """Tell where the key lies when the configuration names none."""
    database = config.server.database
    if database.startswith("sqlite"):
        file = database.partition(":///")[2].partition("?")[0]
        if file and file != ":memory:":
            return Path(file + SUFFIX)
    return Path("smshub" + SUFFIX)


def server_key(config: Config, *, make: bool = True) -> bytes:
    """
    Give the key, 256 bits. Where there is none yet it is made, readable by its owner only, unless `make` is False.

    Raises `FileNotFoundError`, `PermissionError`.
    """
    if config.server.secret is not None:
        return hashlib.sha256(config.server.secret.reveal().encode()).digest()
    path = key_file(config)
    if make and not path.exists():
        made = secrets.token_hex(32)
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass  # another process was first
        else:
            with os.fdopen(opened, "w", encoding="ascii") as file:
                file.write(made + "\n")
                file.flush()
                os.fsync(file.fileno())
    return hashlib.sha256(path.read_text(encoding="ascii").strip().encode()).digest()
