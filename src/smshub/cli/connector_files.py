"""`smshub connector new` and `check`: connectors of one's own, begun and tried without a hub and without a network."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smshub.cli.failure import Exit, Failed
from smshub.cli.objects import settings_from
from smshub.cli.show import print_table

if TYPE_CHECKING:
    from smshub.conformance.files import Kind

KindOption = Annotated[str | None, typer.Option("--kind", help="http, custom or script.")]
Pairs = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Settings to try it with, such as rejected=[9].")
]

HOW_TO_USE = {
    "http": '[connectors.{name}]\ntype  = "{name}.Connector"\nurl   = "http://127.0.0.1:8090/{name}"\n'
    'token = "env:TOKEN"',
    "custom": '[connectors.{name}]\ntype     = "custom"\nfile     = "{path}"\nurl      = "http://127.0.0.1:8090/{name}"',
    "script": '[connectors.{name}]\ntype       = "script"\nscript     = "{path}"\nrejected   = [2]\nuncertain  = [3]\n'
    "throttled  = [4]\nid_pattern = 'OK (\\S+)'",
}


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: small letters, digits and _.")],
    kind: KindOption = "http",
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Write a connector of your own to begin with, and its test beside it.

    It works at once against `smshub simulate http`. Kinds: http (a class, with everything the hub's own have), custom
    (a Python function in a process of its own), script (any program). Files that are there are not overwritten.
    """
    from smshub.conformance.files import NoCase, new_files  # noqa: PLC0415 - more than help needs

    chosen = _kind(kind) or "http"
    try:
        files = new_files(name, chosen)
    except NoCase as why:
        raise Failed(str(why), Exit.USAGE) from None
    if there := [file for file in files if (folder / file).exists()]:
        raise Failed(f"{folder / there[0]} is there already", Exit.USAGE)
    for file, (text, is_program) in files.items():
        try:
            descriptor = os.open(folder / file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o755 if is_program else 0o644)
        except OSError as error:
            raise Failed(f"{folder / file} cannot be written ({error.strerror})", Exit.USAGE) from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        print(f"written: {folder / file}")
    own = folder / next(iter(files))
    print(f"\nTry it:   smshub connector check {own}\nUse it:\n\n{HOW_TO_USE[chosen].format(name=name, path=own)}")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The connector's file.")],
    settings: Pairs = None,
    *,
    kind: KindOption = None,
    function: Annotated[str, typer.Option(help="Name of the function of a custom connector.")] = "send",
) -> None:
    """Try a connector of your own in everything that can go wrong, and print what came.

    A server on this machine plays the provider: it answers well and badly, late and never. Nothing leaves the machine,
    no hub is needed. The exit status is 1 where something failed.
    """
    import asyncio  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from smshub.conformance.files import NoCase, case_of, played  # noqa: PLC0415

    logging.getLogger("smshub").addHandler(logging.NullHandler())
    try:
        case = case_of(file, _kind(kind), function, **settings_from(settings or []))
    except NoCase as why:
        raise Failed(str(why), Exit.USAGE) from None

    async def all_of_them() -> list[tuple[str, str, str]]:
        rows: list[tuple[str, str, str]] = []
        with TemporaryDirectory() as folder:
            for place, trial in enumerate(case.trials()):
                empty = Path(folder) / str(place)
                empty.mkdir()
                how, came = await played(trial, empty)
                rows.append((trial.what, how, came[:200]))
        return rows

    rows = asyncio.run(all_of_them())
    print_table(["tried", "", "what came"], rows)
    failed = sum(how == "FAILED" for _, how, _ in rows)
    passed = sum(how == "passed" for _, how, _ in rows)
    print(f"\n{case.name}: {passed} passed, {failed} failed, {len(rows) - passed - failed} not tried")
    if failed:
        raise typer.Exit(Exit.REFUSED)


def _kind(kind: str | None) -> "Kind | None":
    """Read a kind. Raises `Failed`."""
    from smshub.conformance.files import KINDS  # noqa: PLC0415

    found = next((one for one in KINDS if one == kind), None)
    if kind is not None and found is None:
        raise Failed(f"there is no kind '{kind}'; there are {', '.join(KINDS)}", Exit.USAGE)
    return found
