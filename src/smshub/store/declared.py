"""What a running hub has remembered of its configuration file, read beside it: takes no lock and writes nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from smshub.store.errors import faults
from smshub.store.objects import FILE, list_objects
from smshub.store.schema import objects


def read_declared(url: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """
    Give (kind, name, body) of everything that the file declared when the hub last took it over.

    Empty where there is no database yet. Raises `StoreUnavailable`.
    """
    engine = _engine(url)
    if engine is None:
        return []
    try:
        with faults(), engine.connect() as connection:
            if not engine.dialect.has_table(connection, objects.name):
                return []
            return [(one.kind, one.name, one.body) for one in list_objects(connection) if one.origin == FILE]
    finally:
        engine.dispose()


def _engine(url: str) -> Engine | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool, hide_parameters=True)
    path = Path(parsed.database or ":memory:")
    if str(path) == ":memory:" or not path.exists():
        return None
    read_only = f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true"
    return create_engine(read_only, poolclass=NullPool, hide_parameters=True)
