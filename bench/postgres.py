"""A PostgreSQL of our own for a run: a fresh cluster in a temporary folder, on loopback, fsync as it comes."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.processes import free_port

OWNER = "postgres"


def binaries() -> Path | None:
    """Find the newest installed server's programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _run(folder: Path, *command: object) -> None:
    """Run one of the server's programs as its own user, because it refuses to be root's."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", OWNER, "--", *words]
    null = subprocess.DEVNULL
    subprocess.run(words, check=True, cwd=folder, stdout=null, stderr=null, timeout=60)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a cluster; give the URL of its database."""
    where = binaries()
    if where is None:
        raise FileNotFoundError("there is no PostgreSQL server here (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="smshub-bench-pg-"))
    port = free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER, OWNER)
        data = folder / "data"
        _run(folder, where / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "--locale=C", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        _run(folder, where / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            _run(folder, where / "createdb", "-h", "127.0.0.1", "-p", port, "-U", OWNER, "smshub")
            yield f"postgresql://{OWNER}@127.0.0.1:{port}/smshub"
        finally:
            _run(folder, where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
