"""The example and the reference are made from the settings classes."""

import re
import tomllib
from pathlib import Path

import pytest

from smshub.cli.reference import STATES, reference
from smshub.config import ConfigErrors, connector_types, example, load, notes, read
from smshub.domain.message import State

ROOT = Path(__file__).parents[2]


def test_the_example_is_sound(folder, monkeypatch):
    """A hub can start with it as it is, and nothing in it needs a note."""
    (folder / "smshub.toml").write_text(example(password="made for this file"))

    config = load("smshub.toml")

    assert [] == notes(config)
    assert "made for this file" == config.accounts["shop"].password.reveal()


def test_the_example_without_a_password_says_what_is_missing(folder):
    """The reference's copy names a variable, and checking it tells so in one line."""
    (folder / "smshub.toml").write_text(example())

    with pytest.raises(ConfigErrors) as caught:
        load("smshub.toml")

    assert ["the environment variable SHOP_PASSWORD is not set"] == [one.what for one in caught.value.problems]


def test_every_key_of_the_example_can_be_switched_on():
    """With each line switched on it is TOML, and no key of it is unknown."""
    text = re.sub(r"(?m)^#(?=[\[A-Za-z_])", "", example())

    document = tomllib.loads(text)

    try:
        read(document)
        problems = ()
    except ConfigErrors as errors:
        problems = errors.problems
    assert [] == [str(problem) for problem in problems if "unknown key" in problem.what]
    assert set(connector_types()) == {table["type"] for table in document["connectors"].values()}
    assert {
        "server",
        "classes",
        "defaults",
        "groups",
        "accounts",
        "connectors",
        "ldap",
        "smtp",
        "routes",
        "frontends",
        "broker",
        "errors",
        "otp",
        "retention",
    } == set(document)


def test_every_key_has_its_sentence():
    """A comment stands above each key."""
    lines = example().splitlines()

    keys = [place for place, line in enumerate(lines) if re.match(r"#?[a-z_]+ = ", line)]
    assert 60 < len(keys)
    assert [] == [lines[place] for place in keys if not lines[place - 1].startswith("# ")]


def test_every_state_is_explained():
    """The page of states leaves none out."""
    assert set(State) == set(STATES)


@pytest.mark.parametrize("name", ["configuration.md", "commands.md", "errors.md", "states.md", "smshub.toml"])
def test_the_committed_reference_is_what_the_code_says(name):
    """After a change: python -m smshub.cli.reference docs/reference."""
    assert reference()[name] == (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
