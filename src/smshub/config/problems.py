"""What is wrong with a configuration: a place, what is wrong there, and how to mend it, in one line."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from smshub.config.lines import Lines, Loc
from smshub.config.values import nearest
from smshub.settings import Settings

# What pydantic says, in the words of the file. The first half of the message is replaced.
_WORDS = {
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "list_type": "must be a list",
    "string_type": "must be text in quotes",
    "finite_number": "must be a number",
}


class ConfigError(ValueError):
    """
    One thing that is wrong with the configuration, in one line that names its place and its mend.

    `loc` is the path of the key; `problems` are all that a load found.
    """

    def __init__(self, place: str, what: str, mend: str = "", *, loc: Loc = ()) -> None:
        super().__init__(place, what, mend)
        self.place = place
        self.what = what
        self.mend = mend
        self.loc = loc

    @classmethod
    def of(cls, loc: Loc, what: str, mend: str = "") -> "ConfigError":
        """Say what is wrong with a key."""
        return cls(spelled(loc), what, mend, loc=loc)

    def within(self, file: str, lines: Lines | None = None) -> "ConfigError":
        """Name the file, and the line where it is known."""
        line = lines.of(self.loc) if lines else None
        where = f"{file}:{line}" if line else file
        return ConfigError(f"{where}: {spelled(self.loc)}" if self.loc else where, self.what, self.mend, loc=self.loc)

    @property
    def problems(self) -> "tuple[ConfigError, ...]":
        """Give every problem that was found."""
        return (self,)

    def __str__(self) -> str:
        what = self.what if self.what.endswith((".", "?")) or not self.mend else f"{self.what}."
        line = f"{self.place}: {what} {self.mend}".rstrip()
        return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: f"\\x{ord(found[0]):02x}", line)


class ConfigErrors(ConfigError):
    """Everything that is wrong with a configuration; as text, each problem on a line."""

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        self._problems = tuple(problems)
        super().__init__("", f"{len(self._problems)} problems")

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        """Give every problem that was found."""
        return self._problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self._problems)


def spelled(loc: Loc) -> str:
    """Write the path of a key as TOML would: `accounts.shop.api_keys[0]`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else json.dumps(part))
    return text


def explained(
    error: ValidationError, root: type[Settings], document: Mapping[str, Any], above: Loc = ()
) -> Iterator[ConfigError]:
    """Tell each problem that pydantic found in a table of class `root`, which stands at `above`."""
    told: set[Loc] = set()
    for detail in error.errors(include_url=False, include_input=False):
        if detail["type"] == "is_instance_of":  # half of the answer on a Secret; the other half says what it must be
            continue
        loc = _real(detail["loc"], document)
        if loc in told:
            continue
        told.add(loc)
        what, mend = _said(detail, root, loc)
        yield ConfigError.of((*above, *loc), what, mend)


def _real(loc: Loc, document: Any) -> Loc:
    """Drop the parts of a location that name pydantic's own steps and no key of the document."""
    kept: list[str | int] = []
    here = document
    for part in loc:
        if (isinstance(here, Mapping) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]  # type: ignore[index,call-overload,unused-ignore]
            kept.append(part)
        elif not (isinstance(part, str) and "[" in part):
            here = None
            kept.append(part)
    return tuple(kept)


def _said(detail: ErrorDetails, root: type[Settings], loc: Loc) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        table = table_at(root, loc[:-1])
        return "unknown key", nearest(str(loc[-1]), keys_of(table), "Known here") if table else ""
    if kind == "value_error":
        return str(detail["ctx"]["error"]), ""
    field = field_at(root, loc)
    sentence = (field.description or "") if field else ""
    if kind == "missing":
        return "is missing", f"Write it: {sentence}"
    message = _WORDS.get(kind) or re.sub(r"^\S+ should ", "must ", detail["msg"])
    return message, sentence


def keys_of(table: type[Settings]) -> list[str]:
    """List the keys of a table as the file spells them."""
    return [field.alias or name for name, field in table.model_fields.items()]


def field_at(root: type[Settings], loc: Loc) -> FieldInfo | None:
    """Find the setting that a path leads to (or leads into, for an item of a list)."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    if not loc:
        return None
    table = table_at(root, loc[:-1])
    if table is None:
        return None
    return next((field for name, field in table.model_fields.items() if loc[-1] in {field.alias, name}), None)


def table_at(root: type[Settings], loc: Loc) -> type[Settings] | None:
    """Find the class of the table that a path leads to."""
    here: Any = root
    for part in loc:
        found = table_of(here)
        if found is not None:
            field = next((field for name, field in found.model_fields.items() if part in {field.alias, name}), None)
            here = field.annotation if field else None
        else:
            inner = get_args(bare_type(here))
            here = inner[-1] if inner else None
    return table_of(here)


def table_of(annotation: Any) -> type[Settings] | None:
    """Tell which table an annotation allows: itself, or itself or nothing."""
    bare = bare_type(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, Settings) else None


def bare_type(annotation: Any) -> Any:
    """Strip what surrounds a type: `Annotated`, `| None`."""
    if get_origin(annotation) is Annotated:
        return bare_type(get_args(annotation)[0])
    inner = [arg for arg in get_args(annotation) if arg is not type(None)]
    if type(None) in get_args(annotation) and len(inner) == 1:
        return bare_type(inner[0])
    return annotation
