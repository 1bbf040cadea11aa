"""A folder with a configuration file in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smshub.config import ConfigError, load

SOUND = """\
[accounts.shop]
password = "a literal"

[connectors.log]
type = "log"

[[routes]]
prefixes = [""]
connectors = ["log"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sound() -> str:
    """A small configuration that is sound."""
    return SOUND


@pytest.fixture
def told(folder) -> Callable[[str], list[str]]:
    """Write a configuration and give every line that is told of it."""

    def read(text: str) -> list[str]:
        (folder / "smshub.toml").write_text(text)
        try:
            load("smshub.toml")
        except ConfigError as errors:
            return str(errors).splitlines()
        return []

    return read
