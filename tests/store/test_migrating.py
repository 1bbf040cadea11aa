"""Migrations: their sum is the schema, they run once, and a later schema is refused."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from smshub.store import migrating
from smshub.store.errors import SchemaTooNew
from smshub.store.migrating import REVISION, migrate, revision_of
from smshub.store.outbox import Outbox
from smshub.store.schema import metadata

STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]


@pytest.fixture(params=STORES)
def url(request, tmp_path):
    """Give the URL of a new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/hub.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def connect():
    """Give a plain connection to a URL, closed in the end."""
    engines = []

    def make(url):
        engines.append(create_engine(url.replace("postgresql:", "postgresql+psycopg:")))
        connection = engines[-1].connect()
        engines.append(connection)
        return connection

    yield make
    for one in reversed(engines):
        one.close() if hasattr(one, "close") else one.dispose()


def options(index):
    """Tell what an index has of its database's own, its condition among it."""
    return {name: str(value) for name, value in index.get("dialect_options", {}).items()}


def described(connection):
    """Tell every table, column, key and index in plain values."""
    seen = inspect(connection)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
            seen.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"], i["column_names"], options(i)) for i in seen.get_indexes(name)),
        )
        for name in seen.get_table_names()
        if name != "alembic_version"
    }


def test_the_migrations_give_the_schema(url, tmp_path, connect):
    """A migrated database and one made of the schema are the same, table by table, to the last index."""
    migrate(url)
    migrated = connect(url)
    context = MigrationContext.configure(migrated, opts={"compare_type": True})
    differences = compare_metadata(context, metadata)
    by_migration = described(migrated)
    migrated.rollback()

    if url.startswith("sqlite"):
        made = connect(f"sqlite:///{tmp_path}/made.db")
    else:
        migrated.exec_driver_sql("DROP SCHEMA public CASCADE")
        migrated.exec_driver_sql("CREATE SCHEMA public")
        migrated.commit()
        made = migrated
    metadata.create_all(made)
    made.commit()

    assert [] == differences
    assert set(metadata.tables) == set(by_migration)
    assert described(made) == by_migration


def test_sqlite_has_word_for_word_the_same_tables(tmp_path, connect):
    """What inspection does not tell (WITHOUT ROWID, a partial index's condition) is the same as well."""

    def words(connection):
        # A column that was added later stands behind the key, so the order of the definitions is left out.
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'")
        found = {name: " ".join(sql.split()) for name, sql in rows if sql and not name.startswith("sqlite_")}
        return {name: sorted(sql.replace("(", ",").replace(")", ",").split(",")) for name, sql in found.items()}

    migrate(f"sqlite:///{tmp_path}/hub.db")
    made = connect(f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(made)

    assert words(made) == words(connect(f"sqlite:///{tmp_path}/hub.db"))


def test_migrating_again_changes_nothing(url, connect, monkeypatch):
    """A database that is up to date is left alone, without Alembic."""
    migrate(url)
    monkeypatch.setattr(migrating, "_run_alembic", lambda _: pytest.fail("there was nothing to do"))
    migrate(url)

    assert REVISION == revision_of(connect(url))


def test_a_later_schema_is_refused(url, connect):
    """A database of a later version is not touched, and the error says so."""
    migrate(url)
    connection = connect(url)
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()

    with pytest.raises(SchemaTooNew, match=r"later version of smshub .* 9999"):
        Outbox.open(url)


def test_a_migration_that_fails_leaves_the_database_as_it_was(url, connect, monkeypatch):
    """All of it is one transaction."""
    run = migrating._run_alembic

    def fail(connection):
        run(connection)
        raise RuntimeError("in the middle")

    monkeypatch.setattr(migrating, "_run_alembic", fail)
    with pytest.raises(RuntimeError):
        Outbox.open(url)

    assert [] == inspect(connect(url)).get_table_names()


def test_the_newest_migration_is_the_one_the_program_knows():
    """The constant that spares loading Alembic names the head of the scripts."""
    config = Config()
    config.set_main_option("script_location", "smshub.store:migrations")
    config.set_main_option("path_separator", "os")

    assert REVISION == ScriptDirectory.from_config(config).get_current_head()
