"""A PostgreSQL cluster of our own: Debian's programs, a temporary folder, a free port of 127.0.0.1."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster: where its programs and its files are, and its port."""

    programs: Path
    folder: Path
    port: int

    def url(self, name: str = "postgres") -> str:
        """Give the URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        # Without fsync: what is tested survives a kill of the server, and no power is cut here.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "30", "-l", self.log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `fast` ends its sessions in order, `immediate` is as if it were killed."""
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "30", "-m", mode, "stop")

    @property
    def data(self) -> str:
        """Give the folder of the data."""
        return str(self.folder / "data")

    @property
    def log(self) -> str:
        """Give the file of the log."""
        return str(self.folder / "log")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs; as the user postgres where we are root, which it refuses."""
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run(
            [*as_user, str(self.programs / program), *arguments],
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Give a cluster that lives as long as the test run. A test may stop it, if it starts it again."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="smshub-postgres-"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = Cluster(programs, folder, port)
    cluster.run("initdb", "-D", cluster.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """Give the URL of a new, empty database."""
    yield from _database(postgres)


@pytest.fixture(scope="module")
def postgres_module_url(postgres: Cluster) -> Iterator[str]:
    """Give the URL of a new, empty database to all tests of a file."""
    yield from _database(postgres)


def _database(postgres: Cluster) -> Iterator[str]:
    name = f"hub_{uuid.uuid4().hex[:12]}"
    administer(postgres.url(), f'CREATE DATABASE "{name}"')
    yield postgres.url(name)
    administer(postgres.url(), f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_shared_url(postgres: Cluster) -> str:
    """Give the URL of a database that the tests of a run share; each leaves it as it found it."""
    administer(postgres.url(), "CREATE DATABASE shared")
    return postgres.url("shared")


def administer(url: str, statement: str) -> None:
    """Run a statement in a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
