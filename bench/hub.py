"""Runs smshub in a temporary folder and on loopback, with one account and one SMPP connector to the sink."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bench.processes import Child, free_port, wait_http

PASSWORD = "bench-password"
SECRET = "5a" * 32  # of nobody: the hub lives as long as the run

CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
database = "{database}"
secret = "env:BENCH_SECRET"
log_level = "warning"

[accounts.bench]
username = "bench"
password = "env:BENCH_PASSWORD"
originator = "bench"
role = "operator"

[connectors.sink]
type = "smpp"
host = "127.0.0.1"
port = {smsc}
system_id = "bench"
password = "env:BENCH_BIND"
window = {window}
receipts = {receipts}

[[routes]]
prefixes = [""]
connectors = ["sink"]

{more}"""


class Hub:
    """A hub of ours: its configuration, and its process, which may be killed and started again on the same database."""

    def __init__(
        self,
        folder: Path,
        smsc: int,
        *,
        database: str = "",
        window: int = 500,
        receipts: bool = False,
        package: Path | None = None,
        more: str = "",
    ) -> None:
        self.port = free_port()
        self.folder = folder
        self.database = database or f"sqlite:///{folder / 'hub.db'}"
        self.config = folder / "smshub.toml"
        self.config.write_text(
            CONFIG.format(
                port=self.port,
                database=self.database,
                smsc=smsc,
                window=window,
                receipts=str(receipts).lower(),
                more=more,
            )
        )
        self.env = {"BENCH_PASSWORD": PASSWORD, "BENCH_BIND": "bench", "BENCH_SECRET": SECRET}
        if package is not None:
            self.env["PYTHONPATH"] = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]).rstrip(
                os.pathsep
            )
        self.child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.child is not None:
            self.child.stop()

    @property
    def process(self) -> Child:
        """The running process."""
        assert self.child is not None
        return self.child

    def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until it lives. Raises `NotReady`."""
        # Not the installed script: with another package on the path, its command is what is to run.
        command = [
            sys.executable,
            "-c",
            "from smshub.cli.main import main; main()",
            "serve",
            "--config",
            str(self.config),
        ]
        self.child = Child(command, self.env, self.folder, quiet=True)
        try:
            wait_http(f"http://127.0.0.1:{self.port}/livez", timeout=timeout, child=self.child)
        except BaseException:
            self.child.stop()
            raise

    def cpu(self) -> float:
        """Give the CPU seconds it has spent."""
        return self.process.cpu()

    def peak(self) -> int:
        """Give its largest resident set in bytes."""
        return self.process.peak()


@contextlib.contextmanager
def hub(folder: Path, smsc: int, **options: object) -> Iterator[Hub]:
    """Run a hub; begins when it lives (its bind may still be coming)."""
    with Hub(folder, smsc, **options) as running:  # type: ignore[arg-type]
        yield running
