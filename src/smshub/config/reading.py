"""Read a configuration: TOML in, one `Config` out, or every problem at once."""

import pkgutil
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smshub import connectors
from smshub.config.checks import check
from smshub.config.frontends import read_frontends
from smshub.config.lines import Lines, Loc
from smshub.config.problems import ConfigError, ConfigErrors, explained
from smshub.config.tables import Config
from smshub.config.values import nearest
from smshub.connectors.base import ConnectorSettings, UnknownType, connector_class

LARGEST_FILE = 4 * 1024 * 1024

# Tables of named tables: a wrong one leaves its neighbours readable.
_NAMED = ("groups", "accounts", "connectors", "smtp", "routes")


def load(path: Path | str) -> Config:
    """
    Read a configuration file.

    Raises `ConfigErrors` with every problem that it has. Relative paths in it count from the folder of the process.
    """
    file = str(path)
    text = _text_of(Path(path), file)
    lines = Lines(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors([_syntax(file, str(error))]) from None
    except RecursionError:
        raise ConfigErrors([ConfigError(file, "is nested too deeply", "Write it flatter.")]) from None
    try:
        return read(document)
    except ConfigErrors as errors:
        found = sorted(errors.problems, key=lambda problem: lines.of(problem.loc) or 0)
        raise ConfigErrors(problem.within(file, lines) for problem in found) from None


def _text_of(path: Path, file: str) -> str:
    try:
        with path.open("rb") as opened:
            raw = opened.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        mend = f"Write one: smshub config example > {file}"
        raise ConfigErrors([ConfigError(file, "there is no such file", mend)]) from None
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise ConfigErrors([ConfigError(file, what, "Name a file that this user may read.")]) from None
    if len(raw) > LARGEST_FILE:
        raise ConfigErrors([ConfigError(file, f"is larger than {LARGEST_FILE} bytes", "Name a configuration file.")])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigErrors([ConfigError(f"{file}:{line}", "is not UTF-8", "Save it as UTF-8.")]) from None


def _syntax(file: str, message: str) -> ConfigError:
    """Tell a fault of the TOML itself; tomllib writes where it is into its sentence."""
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    what = message[: found.start()] if found else message
    place = f"{file}:{found[1]}" if found and found[1] else file
    where = f" at column {found[2]}" if found and found[1] else " at the end of the file" if found else ""
    mend = 'Text stands in quotes, a list in brackets: key = "text", key = ["a", "b"].'
    return ConfigError(place, f"is not TOML{where}: {what}", mend)


def read(document: Mapping[str, Any]) -> Config:
    """
    Read a configuration that is already taken apart into tables.

    Raises `ConfigErrors` with every problem that it has.
    """
    problems: list[ConfigError] = []
    tables = dict(document)
    written = tables.get("connectors")
    if isinstance(written, Mapping):
        tables["connectors"] = {}
        for name, table in written.items():
            found = read_connector(table, ("connectors", name))
            if isinstance(found, ConnectorSettings):
                tables["connectors"][name] = found
            else:
                problems += found
    places: list[int] = []
    if isinstance(tables.get("frontends"), list):
        tables["frontends"], places = read_frontends(tables["frontends"], problems)
    config, kept = _read_tables(tables, problems)
    known = {kind: set(document[kind]) for kind in _NAMED[:-1] if isinstance(document.get(kind), Mapping)}
    problems += [_moved(problem, {"routes": kept, "frontends": places}) for problem in check(config, known)]
    if problems:
        raise ConfigErrors(problems)
    return config


def _read_tables(tables: dict[str, Any], problems: list[ConfigError]) -> tuple[Config, list[int]]:
    """Read what can be read; tell what cannot, and the places that the routes left had in the file."""
    routes = tables.get("routes")
    kept = list(range(len(routes))) if isinstance(routes, list) else []
    try:
        return Config.model_validate(tables), kept
    except ValidationError as error:
        found = list(explained(error, Config, tables))
    problems += found
    for loc in {problem.loc[:2] for problem in found}:
        tables, kept = _without(tables, loc, kept)
    if isinstance(tables.get("routes"), list):
        tables["routes"] = [tables["routes"][place] for place in kept]
    try:
        return Config.model_validate(tables), kept
    except ValidationError:
        return Config(), []


def _without(tables: dict[str, Any], loc: Loc, kept: list[int]) -> tuple[dict[str, Any], list[int]]:
    if loc[0] == "routes" and len(loc) > 1:
        return tables, [place for place in kept if place != loc[1]]
    inner = tables.get(str(loc[0]))
    if len(loc) > 1 and isinstance(inner, Mapping):
        return {**tables, str(loc[0]): {key: value for key, value in inner.items() if key != loc[1]}}, kept
    return {key: value for key, value in tables.items() if key != loc[0]}, kept


def _moved(problem: ConfigError, kept: Mapping[str, list[int]]) -> ConfigError:
    """Put a problem with one table of a list back at the place that the table has in the file."""
    loc = problem.loc
    if len(loc) > 1 and loc[0] in kept and isinstance(loc[1], int):
        return ConfigError.of((loc[0], kept[str(loc[0])][loc[1]], *loc[2:]), problem.what, problem.mend)
    return problem


def connector_types() -> list[str]:
    """List the kinds of connectors that come with the hub: the modules that have a `Connector`."""
    found = []
    for module in pkgutil.iter_modules(connectors.__path__):
        try:
            connector_class(module.name)
        except (UnknownType, AttributeError):
            continue  # what connectors share, and no kind of its own
        found.append(module.name)
    return found


def read_connector(table: Any, loc: Loc) -> ConnectorSettings | list[ConfigError]:
    """Read a connector's table into the settings class of its type, or tell what is wrong with it."""
    if not isinstance(table, Mapping):
        return [ConfigError.of(loc, "must be a table")]
    kind = table.get("type")
    if not isinstance(kind, str) or not kind:
        what = "is missing" if kind is None else "must be text in quotes"
        return [ConfigError.of((*loc, "type"), what, f"Known: {', '.join(connector_types())}.")]
    try:
        found: type[ConnectorSettings] = connector_class(kind).settings_class
    except Exception as error:  # noqa: BLE001 - a connector of the operator's own may fail in any way as it is loaded
        missing = isinstance(error, UnknownType) or "." not in kind
        what = (
            (str(error) if "." in kind else f"there is no connector type '{kind}'") if missing else _failed(kind, error)
        )
        return [ConfigError.of((*loc, "type"), what, "" if "." in kind else nearest(kind, connector_types()))]
    try:
        return found.model_validate(dict(table))
    except ValidationError as error:
        return list(explained(error, found, table, loc))


def _failed(kind: str, error: Exception) -> str:
    return f"'{kind}' cannot be loaded: {type(error).__name__}"
