"""Bringing a database's tables to the form that this version of the program knows."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from smshub.store.database import Writer, open_database
from smshub.store.errors import SchemaTooNew, faults

# The newest migration in `migrations/versions`. A database that has it needs no Alembic to be loaded.
REVISION = "0013"


def migrate(url: str, *, node: str = "hub", patience: float = 5.0) -> None:
    """
    Bring the database of a URL up to date; no hub may be using it.

    Raises `DatabaseInUse`, `SchemaTooNew`, `StoreUnavailable`.
    """
    database = open_database(url, node)
    writer = Writer(database)
    try:
        with faults():
            bring_up_to_date(writer.connect(patience=patience))
    finally:
        writer.drop()
        database.release()


def bring_up_to_date(connection: Connection) -> None:
    """Run the migrations that the database lacks, all in one transaction. Raises `SchemaTooNew`."""
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # Of several nodes that start at once one migrates; the others wait and find it done.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('smshub migration'))")
        if revision_of(connection) == REVISION:
            return
        _run_alembic(connection)


def revision_of(connection: Connection) -> str | None:
    """Give the newest migration that a database has, None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def _run_alembic(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - loaded only where there is something to do
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = revision_of(connection)
    if found is not None and found not in known:
        raise SchemaTooNew(
            f"the database was written by a later version of smshub (its schema is {found}, this one knows {REVISION})"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
