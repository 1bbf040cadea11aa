"""The documentation: links lead somewhere, configurations can be read, commands exist, examples work."""

import ast
import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from smshub import config
from smshub.cli.main import app
from smshub.connectors.base import connector_class, settings_of
from smshub.domain.contracts import ConnectorState
from smshub.domain.delivery import Accepted
from smshub.domain.message import Message
from smshub.simulators.http import HttpSimulator

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FULL = "<!-- full configuration -->"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_REFERENCE = re.compile(r'"(env|file):([^"]+)"')


class Block(NamedTuple):
    """A fenced block: its language, its text, and whether it is marked as a full configuration."""

    page: str
    line: int
    language: str
    text: str
    full: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str) -> list[Block]:
    """Find the blocks of a language on every page."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            before = text[: match.start()]
            block = Block(
                str(page.relative_to(ROOT)), before.count("\n") + 1, match[1], match[2], before.rstrip().endswith(FULL)
            )
            if block.language == language:
                found.append(block)
    return found


def anchors(page: Path) -> set[str]:
    """Give the anchors that a page's headings make."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    """The file is there, and so is the heading where the link names one."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert [] == broken


def test_every_page_can_be_found_from_the_first():
    """Following links from README.md reaches each page of docs/."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.is_dir():
                waiting += [target / "README.md"] if (target / "README.md").exists() else sorted(target.glob("*.md"))
            elif target.suffix == ".md" and target.exists():
                waiting.append(target)

    assert set() == set(PAGES) - reached


@pytest.mark.parametrize("block", [one for one in blocks("toml") if one.full], ids=str)
def test_a_full_configuration_is_sound(block, tmp_path, monkeypatch):
    """It passes every check once its secrets are there."""
    monkeypatch.chdir(tmp_path)
    for kind, place in _REFERENCE.findall(block.text):
        if kind == "env":
            monkeypatch.setenv(place, f"secret of {place}")
        else:
            (tmp_path / place).write_text("secret\n")
            (tmp_path / place).chmod(0o600)
    path = tmp_path / "smshub.toml"
    path.write_text(block.text, encoding="utf-8")

    read = config.load(path)

    assert set(read.connectors) == {target.name for route in read.routes for target in route.connectors}


def test_there_are_full_configurations():
    """The marks are found at all: the first page has one."""
    assert "README.md" in {block.page for block in blocks("toml") if block.full}


@pytest.mark.parametrize("block", [one for one in blocks("toml") if not one.full], ids=str)
def test_a_part_of_a_configuration_names_only_keys_that_exist(block):
    """Each of its tables can be read by itself; a profile of the command line has the profile's keys."""
    document = tomllib.loads(block.text)
    if "url" in document:
        assert {"url", "username", "password"} == set(document)
        return
    known = {name: table for name, table in document.get("connectors", {}).items() if "." not in table["type"]}

    read = config.Config(**{**document, "connectors": known})

    assert (list(known), set(document) - {"connectors"}) == (
        list(read.connectors),
        read.model_fields_set - {"connectors"},
    )


def commands() -> Iterator[tuple[str, list[str]]]:
    """Give the arguments of each `smshub` command that a shell block shows."""
    for block in blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if "smshub" not in line.split("#")[0] or line.startswith(("curl", "<", " ", '"')):
                continue
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and Path(words[0]).name == "smshub":
                end = next((place for place, word in enumerate(words) if word in {">", "|", "&"}), len(words))
                yield str(block), words[1:end]


def parsed(arguments: list[str]) -> str:
    """Parse a command line without running it; give the command's name. Raises what the parser raises."""
    command: Any = typer.main.get_command(app)
    name, rest = "smshub", arguments
    while hasattr(command, "commands"):
        word, *rest = rest
        assert word in command.commands, f"there is no {name} {word}"
        name, command = f"{name} {word}", command.commands[word]
    command.make_context(name, list(rest))
    return name


COMMANDS = list(commands())


@pytest.mark.parametrize(("where", "arguments"), COMMANDS, ids=[f"{where} {words[0]}" for where, words in COMMANDS])
def test_a_command_that_the_pages_show_can_be_typed(where, arguments):
    """The verb exists, and so do its options."""
    assert parsed(arguments).startswith(f"smshub {arguments[0]}")


def test_most_verbs_are_shown():
    """The commands are found at all, and the everyday ones are among them."""
    shown = {parsed(arguments) for _, arguments in COMMANDS}

    assert {"smshub send", "smshub serve", "smshub config check", "smshub message show"} <= shown


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block):
    """What the pages show as JSON can be read."""
    assert isinstance(json.loads(block.text), dict)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python(block):
    """What the pages show as Python can be parsed."""
    assert ast.parse(block.text).body


@pytest.fixture
def my_carrier(tmp_path, monkeypatch):
    """The example of adding-a-connector.md as a module that can be imported; gives what tests it there."""
    connector, test = [block.text for block in blocks("python") if block.page == "docs/adding-a-connector.md"]
    (tmp_path / "mycarrier.py").write_text(connector, encoding="utf-8")
    (tmp_path / "trying.py").write_text(test, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "trying.py"


async def test_the_connector_of_the_guide_sends(my_carrier):
    """As written there, by its dotted path, it hands a text to the simulated gateway."""
    simulator = HttpSimulator()
    async with simulator.running() as address:
        table = {"type": "mycarrier.Connector", "url": f"{address}/mine", "token": "secret"}
        connector = connector_class(table["type"])("mine", settings_of(table))
        await connector.open()
        outcome = await connector.send(MESSAGE)
        await connector.close()

    assert Accepted(("sim-1",)) == outcome
    assert [("+491701234567", "Hello", "ACME")] == [(one.to, one.text, one.sender) for one in simulator.texts]
    assert ConnectorState(up=False) == connector.state()


def test_the_test_of_the_guide_passes(my_carrier):
    """Its assertion about a throttled answer holds."""
    assert "connector" in runpy.run_path(str(my_carrier))


MESSAGE = Message(
    id="01a200739f106d19ea3b373c74e31ff1",
    submission="01a200739f106d19ea3b373c74e31ff1",
    account="shop",
    to="491701234567",
    to_written="+491701234567",
    text="Hello",
    originator="ACME",
    created_at=0.0,
    due_at=0.0,
    expires_at=86_400.0,
)
