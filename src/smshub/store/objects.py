"""Configured objects (connectors, routes, accounts): what the file declares, and what is made in the console."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from smshub.store.errors import StoreError
from smshub.store.schema import objects
from smshub.store.statements import insert_into

FILE = "file"
DATABASE = "database"

o = objects.c


class Declared(StoreError):
    """The file declares this object; it is changed there."""


class StoredObject(msgspec.Struct, frozen=True):
    """A configured object as it is kept. `origin` is `file` or `database`."""

    origin: str
    kind: str
    name: str
    body: Mapping[str, Any]
    updated_at: float


def put_object(connection: Connection, kind: str, name: str, body: Mapping[str, Any], now: float) -> None:
    """Make or change an object of the database. Raises `Declared` where the file has one of that name."""
    _refuse_declared(connection, kind, name)
    row = {"origin": DATABASE, "kind": kind, "name": name, "body": _written(body), "updated_at": now}
    statement = insert_into(connection.dialect.name, objects).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[o.origin, o.kind, o.name], set_={key: row[key] for key in ("body", "updated_at")}
        )
    )


def delete_object(connection: Connection, kind: str, name: str) -> bool:
    """Remove an object of the database; tell whether there was one. Raises `Declared` where the file has it."""
    _refuse_declared(connection, kind, name)
    found = connection.execute(delete(objects).where(o.origin == DATABASE, o.kind == kind, o.name == name))
    return found.rowcount > 0


def replace_declared(connection: Connection, declared: Mapping[tuple[str, str], Mapping[str, Any]], now: float) -> None:
    """Let the objects of the file be these, by kind and name."""
    connection.execute(delete(objects).where(o.origin == FILE))
    rows = [
        {"origin": FILE, "kind": kind, "name": name, "body": _written(body), "updated_at": now}
        for (kind, name), body in declared.items()
    ]
    if rows:
        connection.execute(insert(objects), rows)


def list_objects(connection: Connection, kind: str | None = None) -> tuple[StoredObject, ...]:
    """Give the objects of a kind, or all, by name; one of the file hides one of the database with the same name."""
    statement = select(o.origin, o.kind, o.name, o.body, o.updated_at).order_by(o.kind, o.name, o.origin)
    if kind is not None:
        statement = statement.where(o.kind == kind)
    found: dict[tuple[str, str], StoredObject] = {}
    for origin, of_kind, name, body, updated_at in connection.execute(statement):
        stored = StoredObject(origin, of_kind, name, msgspec.json.decode(body), updated_at)
        if origin == FILE or (of_kind, name) not in found:
            found[of_kind, name] = stored
    return tuple(found.values())


def _refuse_declared(connection: Connection, kind: str, name: str) -> None:
    here = select(o.name).where(o.origin == FILE, o.kind == kind, o.name == name)
    if connection.execute(here).first() is not None:
        raise Declared(f"{kind} '{name}' is declared in the file and is changed there")


def _written(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(dict(body)).decode()
