"""What connectors, routes and accounts have in common: they are listed, made and removed alike."""

import tomllib
from collections.abc import Iterable
from typing import Any

from smshub.cli.client import Client, segment
from smshub.cli.failure import Exit, Failed
from smshub.cli.show import print_json, print_table


def list_objects(hub: Client, kind: str, *, as_json: bool) -> None:
    """Print the objects of a kind with their settings, secrets masked."""
    answer = hub.get(f"/v1/{kind}")
    if as_json:
        print_json(answer)
        return
    rows = []
    for one in answer.get("objects", []):
        settings = one.get("settings") or {}
        said = ", ".join(f"{key}={value}" for key, value in settings.items())
        rows.append([one.get("name"), one.get("origin"), said])
    print_table(["name", "origin", "settings"], rows)


def put_object(hub: Client, kind: str, name: str, settings: Iterable[str]) -> None:
    """Make or change an object in the hub's database."""
    hub.put(f"/v1/{kind}/{segment(name)}", settings_from(settings))


def delete_object(hub: Client, kind: str, name: str) -> None:
    """Remove an object from the hub's database."""
    hub.delete(f"/v1/{kind}/{segment(name)}")


def settings_from(written: Iterable[str]) -> dict[str, Any]:
    """
    Read settings written as `key=value`: the value as TOML where it is TOML, or else as plain text.

    Raises `Failed`.
    """
    settings: dict[str, Any] = {}
    for pair in written:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise Failed("a setting is written key=value", Exit.USAGE)
        settings[key] = _value(value)
    return settings


def _value(written: str) -> Any:
    try:
        read = tomllib.loads(f"value = {written}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return written
    return read["value"] if set(read) == {"value"} and not _is_time(read["value"]) else written


def _is_time(value: object) -> bool:
    return not isinstance(value, str | int | float | bool | list | dict)
