"""A file of the operator's, to be tried: which kind it is, where its case stands, and new ones to begin with."""

import ast
import asyncio
import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from smshub.conformance.cases import Case, NotConforming, NotTried, Trial
from smshub.conformance.http import HttpCase
from smshub.conformance.payloads import some
from smshub.conformance.server import Answer

Kind = Literal["http", "custom", "script"]
KINDS: tuple[Kind, ...] = ("http", "custom", "script")

# Seconds that a program may take in the trials in which nobody answers it.
QUICK = 2.0
PAYLOADS = 50


class NoCase(Exception):
    """A file cannot be tried; the message says what it lacks."""


def new_files(name: str, kind: Kind) -> Mapping[str, tuple[str, bool]]:
    """Give the files of a new connector by their names: the text of each, and whether it is a program."""
    if not name.isidentifier() or name != name.lower():
        raise NoCase("the name must be one of a Python module: small letters, digits and _")
    folder = resources("smshub.conformance") / "templates"
    own = name if kind == "script" else f"{name}.py"
    texts = {own: f"{kind}.txt", f"test_{name}.py": f"test_{kind}.txt"}
    return {
        file: ((folder / template).read_text(encoding="utf-8").replace("NAME", name), file == own and kind == "script")
        for file, template in texts.items()
    }


def kind_of(path: Path, function: str = "send") -> Kind:
    """Tell what a file is: a class `Connector`, a callable, or a program. Raises `NoCase`."""
    if path.suffix == ".py":
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError) as error:
            raise NoCase(f"{path} cannot be read as Python: {error}") from None
        names = {getattr(node, "name", "") for node in tree.body}
        if "Connector" in names:
            return "http"
        if function in names:
            return "custom"
    if os.access(path, os.X_OK) and path.is_file():
        return "script"
    raise NoCase(f"{path} has neither a class Connector nor a function {function}, and is no program")


def case_of(path: Path, kind: Kind | None = None, function: str = "send", **settings: Any) -> Case:
    """
    Give the case of a file.

    That of a connector class stands as `CASE` in the test beside it, since only its author knows the provider's words.
    Raises `NoCase`.
    """
    kind = kind or kind_of(path, function)
    if kind != "http":
        return file_case(path, kind=kind, function=function, **settings)
    sys.path.insert(0, str(path.absolute().parent))
    beside = path.with_name(f"test_{path.stem}.py")
    spec = importlib.util.spec_from_file_location(f"case_of_{path.stem}", beside)
    if not beside.is_file() or spec is None or spec.loader is None:
        raise NoCase(f"there is no {beside} with the answers of the provider; see: smshub connector new --kind http")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        case: Case = module.CASE
    except Exception as error:  # noqa: BLE001 - a file of the operator's may do anything
        raise NoCase(f"{beside} has no CASE that can be loaded: {type(error).__name__}: {error}") from None
    return case


def file_case(path: Path, *, kind: Kind, function: str = "send", **settings: Any) -> HttpCase:
    """
    Give the case of a callable or a script: it is told the address of a server that answers well and badly.

    A callable finds it in `url`, a script in GATEWAY_URL. What of it does not ask that server is not tried.
    """
    table: dict[str, Any]
    if kind == "custom":
        given = {"username": "kit-user", "password": "kit-s3cret-password", "account": "kit-account"}
        table = {"type": "custom", "file": str(path), "function": function, "url": "{url}/send", **given}
    else:
        variables = {"GATEWAY_URL": "{url}/send", "GATEWAY_TOKEN": "kit-s3cret-token"}
        statuses = {"rejected": [2], "uncertain": [3], "throttled": [4], "id_pattern": r"OK (\S+)"}
        table = {"type": "script", "script": str(path), "variables": variables, **statuses}
    return HttpCase(
        name=path.stem,
        settings={**table, **settings},
        accepted=Answer(200, "OK kit-1"),
        refs=("kit-1",),
        lenient=True,
        quick=QUICK,
        payloads=some(PAYLOADS),
    )


async def played(trial: Trial, folder: Path) -> tuple[Literal["passed", "FAILED", "not tried"], str]:
    """Play one trial and say how it went, in a word and in a sentence."""
    try:
        return "passed", await trial.play(folder)
    except NotTried as why:
        return "not tried", str(why)
    except NotConforming as why:
        return "FAILED", str(why)
    except Exception as error:  # noqa: BLE001 - a file of the operator's may do anything
        return "FAILED", f"{type(error).__name__}: {error}"


def failures(case: Case, folder: Path) -> list[str]:
    """Play every trial of a case; give what failed, one line each."""

    async def all_of_them() -> list[str]:
        told = [(trial, *await played(trial, Path(mkdtemp(dir=folder)))) for trial in case.trials()]
        return [f"{trial.what}: {said}" for trial, how, said in told if how == "FAILED"]

    return asyncio.run(all_of_them())
