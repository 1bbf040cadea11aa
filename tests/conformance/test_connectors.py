"""
One suite for every connector: what it must come to, whatever its peer does.

A connector joins by a file in `providers/` beside this one that names its `CASES`; `providers/http.py` is an example.
"""

import importlib.util
from pathlib import Path

import pytest

from smshub.config import connector_types
from smshub.conformance import NotTried

PROVIDERS = sorted((Path(__file__).parent / "providers").glob("*.py"))


def cases_of(path):
    """Load a file of cases."""
    spec = importlib.util.spec_from_file_location(f"conformance_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


CASES = {path.stem: cases_of(path) for path in PROVIDERS}
TRIALS = [
    pytest.param(trial, id=f"{case.name}: {trial.what}")
    for cases in CASES.values()
    for case in cases
    for trial in case.trials()
]


@pytest.mark.parametrize("trial", TRIALS)
async def test_a_connector_conforms(trial, tmp_path):
    """What came is what must come, in this one situation."""
    try:
        came = await trial.play(tmp_path)
    except NotTried as why:
        came = f"not tried: {why}"

    assert came


def test_every_connector_of_the_hub_is_in_the_suite():
    """A new one joins by a file of cases, under the name of its type."""
    tried = {getattr(case, "settings", {}).get("type", case.name) for cases in CASES.values() for case in cases}

    assert set() == set(connector_types()) - tried
