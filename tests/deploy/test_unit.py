"""The unit for systemd: systemd's own tools find nothing wrong with it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "smshub.service"

pytestmark = pytest.mark.needs("systemd-analyze")


@pytest.fixture
def unit(tmp_path):
    """Give the unit with a command that is there."""
    words = UNIT.read_text().replace("/opt/smshub/.venv/bin/smshub", sys.executable)
    copy = tmp_path / "smshub.service"
    copy.write_text(words)
    return copy


def test_it_verifies(unit):
    """`systemd-analyze verify` says nothing."""
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=60)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_it_is_hardened(unit):
    """The exposure that systemd works out is at most 2.5 of 10."""
    command = ["systemd-analyze", "security", "--offline=true", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    found = re.search(r"exposure level for smshub\.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= 2.5
