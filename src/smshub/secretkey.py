"""The server's own key, under which codes, tokens and digests of secrets are kept."""

import hashlib
import os
import secrets
from pathlib import Path

from smshub.config import Config, ConfigError, ConfigErrors, Server

KEY_BYTES = 32


def key_file(server: Server) -> Path:
    """Tell where the key is kept when the configuration names none: beside the database."""
    file = server.database.partition(":///")[2].partition("?")[0] if server.database.startswith("sqlite") else ""
    return Path(f"{file}.key") if file and file != ":memory:" else Path("smshub.key")


def setup_file(server: Server) -> Path:
    """Tell where the one-time secret is kept by which the first user of the console is made: beside the database."""
    return key_file(server).with_suffix(".setup")


def server_key(config: Config, *, make: bool = True) -> bytes:
    """
    Give the server's key of 256 bits: from `server.secret`, or the key file, which is made where there is none.

    A database in memory has a key for its lifetime only. Raises `FileNotFoundError` where there is no key yet and
    none is to be made, and `ConfigErrors` where the key file cannot be used.
    """
    server = config.server
    if server.secret is not None:
        return _key(server.secret.reveal())
    if server.database.endswith(":///:memory:"):
        return secrets.token_bytes(KEY_BYTES)
    path = key_file(server)
    try:
        return _key(_read(path))
    except FileNotFoundError:
        if not make:
            raise
        return _key(_make(path))


def _key(written: str) -> bytes:
    return hashlib.sha256(written.encode()).digest()


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            written = file.readline().strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"cannot be read ({type(error).__name__})", "Give it to the user of the hub.") from None
    if mode & 0o077:
        raise _wrong(path, f"may be read by others (mode {mode:04o})", f"Close it: chmod 600 {path}")
    if len(written) < 2 * KEY_BYTES:
        raise _wrong(path, "is shorter than 256 bits", "Put the key back from a backup, or remove the file.")
    return written


def _make(path: Path) -> str:
    """Make the file whole before it has its name, so that a crash leaves no half a key and no two nodes two keys."""
    written = secrets.token_hex(KEY_BYTES)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{written}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return _read(path)
        finally:
            draft.unlink()
    except OSError as error:
        what = f"cannot be made ({error.strerror})"
        raise _wrong(path, what, "Set server.secret, or let the hub write to this folder.") from None
    return written


def _wrong(path: Path, what: str, mend: str) -> ConfigErrors:
    return ConfigErrors([ConfigError(f"the key file {path}", what, mend)])
