"""Which hub the commands talk to, and as whom: from the command line, the environment or a file, in this order."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smshub.cli.failure import Exit, Failed

DEFAULT_URL = "http://127.0.0.1:8080"
FILES = (Path(".smshub/client.toml"), Path("~/.config/smshub/client.toml"))
FLAGS = ("url", "username", "password_file", "api_key_file", "ca")
KEYS = ("url", "username", "password", "api_key")


@dataclass(frozen=True, slots=True)
class Profile:
    """A hub and the credentials for it; `source` says where the credentials are from."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    ca: Path | None = None
    source: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says about the hub."""

    url: str | None = None
    username: str | None = None
    password_file: Path | None = None
    api_key_file: Path | None = None
    ca: Path | None = None


def find_profile(flags: Flags, environment: Mapping[str, str] | None = None) -> Profile:
    """
    Find the hub and the credentials.

    Each place fills in what those before it left open, but credentials are never mixed: they come whole from the
    first place that has any. Raises `Failed`.
    """
    environment = os.environ if environment is None else environment
    given = {
        "url": flags.url,
        "username": flags.username,
        "password": first_line(flags.password_file),
        "api_key": first_line(flags.api_key_file),
    }
    places: list[tuple[str, Mapping[str, str]]] = [
        ("the command line", {key: value for key, value in given.items() if value}),
        (
            "the environment",
            {key: environment[name] for key in KEYS if environment.get(name := f"SMSHUB_{key.upper()}")},
        ),
    ]
    warnings: list[str] = []
    if not any(_credentials(found) for _, found in places):
        places += _files(warnings)
    url = next((found["url"] for _, found in places if "url" in found), DEFAULT_URL)
    source, credentials = next(((where, found) for where, found in places if _credentials(found)), ("", {}))
    username = next((found["username"] for _, found in places if "username" in found), "")
    return Profile(
        url=url.rstrip("/"),
        username=credentials.get("username", username),
        password=credentials.get("password", ""),
        api_key=credentials.get("api_key", ""),
        ca=flags.ca,
        source=source,
        warnings=tuple(warnings),
    )


def _credentials(found: Mapping[str, str]) -> bool:
    return "password" in found or "api_key" in found


def first_line(path: Path | None) -> str | None:
    """Read a secret from the first line of a file. Raises `Failed`."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"the file {path} cannot be read ({type(error).__name__})", Exit.USAGE) from None
    if not lines or not lines[0]:
        raise Failed(f"the file {path} is empty: its first line is the secret", Exit.USAGE)
    return lines[0]


def _files(warnings: list[str]) -> list[tuple[str, Mapping[str, str]]]:
    found: list[tuple[str, Mapping[str, str]]] = []
    for file in FILES:
        path = file.expanduser()
        if not path.is_file():
            continue
        table = _read(path)
        if _credentials(table) and path.stat().st_mode & 0o077:
            warnings.append(f"others may read {path}, which holds a secret; close it: chmod 600 {path}")
        found.append((str(path), table))
    return found


def _read(path: Path) -> Mapping[str, str]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Failed(f"{path}: cannot be read as TOML ({type(error).__name__})", Exit.USAGE) from None
    for key, value in table.items():
        if key not in KEYS:
            raise Failed(f"{path}: unknown key '{key}'. Known: {', '.join(KEYS)}.", Exit.USAGE)
        if not isinstance(value, str):
            raise Failed(f"{path}: {key}: must be text in quotes", Exit.USAGE)
    return {key: value for key, value in table.items() if value}
