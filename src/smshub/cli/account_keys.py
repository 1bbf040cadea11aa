"""API keys of accounts: made here, shown once, and kept by the hub as their digests only."""

import hashlib
import secrets
from typing import Any

from smshub.cli.client import Client, Document, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.show import clean

# What proves an account; one that is made with none of them is given a key.
PROOFS = frozenset({"password", "api_keys", "certificate", "program_key"})
MASK = "********"
KEY_BYTES = 32


def make_key() -> tuple[str, str]:
    """Make a key of 256 bits; gives it, and what the hub is to keep of it."""
    key = f"sh_{secrets.token_urlsafe(KEY_BYTES)}"
    return key, f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def show_key(name: str, key: str) -> None:
    """Print a key: alone on the standard output, so that it can be written to a file."""
    from smshub.cli.options import warn  # noqa: PLC0415

    warn(f"this is the key of {clean(name)}; it is not shown again, and the hub keeps only its digest")
    print(key)


def settings_of(hub: Client, name: str) -> Document:
    """Give the settings of an account that the hub's database has, secrets masked. Raises `Failed`."""
    for one in hub.get("/v1/accounts").get("objects", []):
        if one.get("name") != name:
            continue
        if one.get("origin") == "file":
            raise Failed(f"{clean(name)} is declared in the configuration file; change it there")
        return dict(one.get("settings") or {})
    raise Failed(f"there is no account {clean(name)}")


def change(hub: Client, name: str, **changed: Any) -> None:
    """Change some settings of an account; what is masked keeps its value."""
    hub.put(f"/v1/accounts/{segment(name)}", {**settings_of(hub, name), **changed})


def rotate(hub: Client, name: str, *, only: bool) -> str:
    """
    Give an account a new key and let the newest of those before live on beside it, or with `only` none.

    Gives the key. Raises `Failed`.
    """
    kept: list[str] = [] if only else [str(one) for one in settings_of(hub, name).get("api_keys", [])]
    if len(kept) > 1:
        if kept[-1] == MASK:
            # A mask stands for the secret at its place in the list, so it cannot be moved.
            line = f"{clean(name)} has keys that are kept in clear; end them all with --only"
            raise Failed(line, Exit.USAGE)
        kept = kept[-1:]
    key, digest = make_key()
    change(hub, name, api_keys=[*kept, digest])
    return key
