"""The house is a star: what each room may import, and how large its pieces may be, read from the code itself."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "smshub"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 500
LONGEST_FUNCTION = 60

# What each inner room may import of ours; the package itself (for its version) is open to all.
ROOMS: Mapping[str, frozenset[str]] = {
    "domain": frozenset(),
    "settings": frozenset(),
    "logs": frozenset({"domain"}),
    "protocols": frozenset({"domain"}),
    "connectors": frozenset({"domain", "protocols", "settings"}),
    "frontends": frozenset({"domain", "protocols", "settings"}),
    "simulators": frozenset({"domain", "protocols"}),
    "publisher": frozenset(),
    "store": frozenset({"domain"}),
    "engine": frozenset({"domain", "store"}),
    "config": frozenset({"domain", "settings", "connectors", "frontends"}),
    "configured": frozenset({"config", "domain", "engine", "store"}),
    "secretkey": frozenset({"config"}),
    "broker": frozenset({"config"}),
}
# The outer rooms speak to a running hub or start one. Nobody imports them but each other.
OUTER = frozenset({"__main__", "cli", "conformance", "demo", "console", "publisher", "simulators"})


def room_of(path: Path) -> str:
    """Tell the room that a file belongs to; the empty name is the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Tell the rooms that a file imports from, with the line: wherever the import stands, types only or not."""
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(level=0):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1]
                names = [".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first != "smshub":
                continue
            room = rest[0] if rest else ""
            # `from smshub import __version__` is of the package itself.
            yield ("" if room.startswith("__") else room), node.lineno


def place(path: Path, line: int) -> str:
    """Name a line of a file."""
    return f"{path.relative_to(PACKAGE)}:{line}"


@pytest.mark.parametrize("room", ROOMS)
def test_an_inner_room_imports_only_what_it_may(room):
    """Each inner room knows itself and those that the star lets it know."""
    allowed = ROOMS[room] | {room, ""}
    strangers = [
        f"{place(path, line)} imports {other}"
        for path in FILES
        if room_of(path) == room
        for other, line in imports_of(path)
        if other not in allowed
    ]

    assert [] == strangers


def test_no_inner_room_imports_an_outer_one():
    """The command line, the demo, the console and the simulators are leaves; app.py alone wires the console."""
    strangers = [
        f"{place(path, line)} imports {other}"
        for path in FILES
        if room_of(path) not in OUTER
        for other, line in imports_of(path)
        if other in OUTER and (room_of(path), other) != ("app", "console")
    ]

    assert [] == strangers


def test_every_room_is_known():
    """A new room has to be given its place in the star."""
    rooms = {room_of(path) for path in FILES} - {""}

    assert set() == rooms - ROOMS.keys() - OUTER - {"app"}


def test_imports_are_seen_wherever_they_stand(tmp_path, monkeypatch):
    """The reader of imports sees late ones, those for types, and relative ones."""
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "smshub")
    file = tmp_path / "smshub" / "domain" / "odd.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import os\nfrom smshub import __version__, engine\n"
        "def f():\n    import smshub.store.outbox\n    from ..cli import main\n    from . import text\n"
    )

    assert [("", 2), ("engine", 2), ("store", 4), ("cli", 5), ("domain", 6)] == list(imports_of(file))


def test_no_file_is_longer_than_it_reads_well():
    """A file past 500 lines is two files."""
    long = [
        f"{place(path, 1)} has {count}"
        for path in FILES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]

    assert [] == long


def test_no_function_is_longer_than_a_page():
    """A function past 60 lines is two functions."""
    long = [
        f"{place(path, node.lineno)} {node.name} has {length}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]

    assert [] == long
