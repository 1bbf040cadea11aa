"""Settings classes as fields of a form: what each is, what it says of itself, what its value is (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, Final, Literal, get_args, get_origin

import annotated_types
import msgspec
from pydantic.fields import FieldInfo

from smshub.config.problems import bare_type, table_of
from smshub.config.tables import GroupSettings, RouteConnector
from smshub.config.text import default_of, in_order
from smshub.console.pairs import spelled, write_pairs
from smshub.settings import Secret, Settings

# Of the keys that may be left out so many are shown at once, in the order of the class; the others are folded away.
SHOWN_AT_ONCE: Final = 8
LONG: Final = 255

Options = tuple[tuple[str, str], ...]


class Kind(StrEnum):
    """What a field looks like."""

    TEXT = "text"
    AREA = "area"
    NUMBER = "number"
    TICK = "tick"
    CHOICE = "choice"
    CHOICES = "choices"  # several of a few
    SECRET = "secret"  # noqa: S105 - the name of a kind
    LINES = "lines"  # several texts, one a line
    PAIRS = "pairs"  # names and values, one a line
    WAYS = "ways"  # the connectors of a route


class Field(msgspec.Struct, frozen=True):
    """
    One setting as a field. `key` is what the file calls it, with dots where it is in a table of a table.

    `values` are what it holds: one, or several of CHOICES and of WAYS (name, priority and weight of each).
    `whole`: it is a whole number. `upfront`: it is not folded away. `table` is the table of a table that it is in.
    """

    key: str
    kind: Kind
    sentence: str
    values: tuple[str, ...] = ()
    options: Options = ()
    default: str = ""
    required: bool = False
    upfront: bool = False
    whole: bool = False
    table: str = ""

    @property
    def id(self) -> str:
        """Give the name of the field in the form."""
        return name_of(self.key)

    @property
    def label(self) -> str:
        """Give what it is called."""
        words = self.key.rpartition(".")[2].replace("_", " ")
        return words[:1].upper() + words[1:]

    @property
    def value(self) -> str:
        """Give its one value."""
        return self.values[0] if self.values else ""


def name_of(key: str) -> str:
    """Give the name of a setting's field in the form; nothing else in a form is called so."""
    return f"set-{key.replace('.', '-')}"


class Plan(msgspec.Struct, frozen=True):
    """
    How the fields of a settings class are made.

    `skip` are keys that the form leaves alone; `first` those that are shown at once besides; `options` what there is to
    choose from, by key; `words` how a value is written that nobody could see otherwise (the empty one), by key.
    """

    skip: frozenset[str] = frozenset({"type"})
    first: frozenset[str] = frozenset()
    options: Mapping[str, Sequence[str]] = {}
    words: Mapping[str, tuple[str, str]] = {}


def fields_of(table: type[Settings], body: Mapping[str, Any], plan: Plan) -> tuple[Field, ...]:
    """Make the fields of a settings class; `body` is what is set, secrets masked."""
    return tuple(_fields(table, body, plan, ""))


def _fields(table: type[Settings], body: Mapping[str, Any], plan: Plan, above: str) -> Iterator[Field]:
    shown = 0
    for name, info in in_order(table):
        key = info.alias or name
        if key in plan.skip and not above:
            continue
        inner = table_of(info.annotation)
        if inner is not None:
            within = body.get(key)
            yield from _fields(inner, within if isinstance(within, Mapping) else {}, plan, f"{key}.")
            continue
        field = _field(above + key, info, body.get(key), plan, inherits=issubclass(table, GroupSettings))
        early = not above and not plan.first and shown < SHOWN_AT_ONCE
        shown += 1
        upfront = early or field.required or key in body or field.kind is Kind.SECRET or field.key in plan.first
        yield msgspec.structs.replace(field, upfront=upfront and not above, table=above.removesuffix("."))


def _field(key: str, info: FieldInfo, value: Any, plan: Plan, *, inherits: bool) -> Field:
    kind = kind_of(info, chosen=key in plan.options)
    if kind is Kind.TICK and inherits:
        # What an account leaves open is its group's: "no" is not the same as not saying.
        kind = Kind.CHOICE
    usual = default_of(info)
    words = plan.words.get(key)
    note = f' Here the word {words[1]} stands for "{words[0]}".' if words else ""
    return Field(
        key=key,
        kind=kind,
        sentence=f"{info.description or ''}{note}",
        values=_values(kind, usual if value is None and kind is Kind.TICK else value, words),
        options=_options(info, plan.options.get(key)),
        default=_shown(usual),
        required=info.is_required(),
        whole=_inner_type(info) is int,
    )


def kind_of(info: FieldInfo, *, chosen: bool = False) -> Kind:
    """Tell what a setting looks like as a field; `chosen`: there are known values to choose from."""
    bare = _inner_type(info)
    origin = get_origin(bare)
    if origin is dict:
        return Kind.PAIRS
    if origin in {list, tuple, set, frozenset}:
        item = bare_type(get_args(bare)[0])
        if item is RouteConnector:
            return Kind.WAYS
        return Kind.CHOICES if chosen or _names(item) else Kind.LINES
    if chosen or _names(bare):
        return Kind.CHOICE
    if bare is Secret:
        return Kind.SECRET
    if bare is bool:
        return Kind.TICK
    if bare in {int, float} and not _is_spelled_freely(info):
        return Kind.NUMBER
    longest = next((one.max_length for one in info.metadata if isinstance(one, annotated_types.MaxLen)), 0)
    return Kind.AREA if longest > LONG else Kind.TEXT


def _inner_type(info: FieldInfo) -> Any:
    return bare_type(info.annotation)


def _is_spelled_freely(info: FieldInfo) -> bool:
    """Tell whether a number may be written in a way that a browser's field of numbers does not take (0x10)."""
    return "BeforeValidator" in f"{info.metadata}{info.annotation}"


def _names(annotation: Any) -> tuple[Any, ...]:
    """Give the values of a closed list; none of anything else."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(one.value for one in annotation)
    return ()


def choices_of(info: FieldInfo) -> Mapping[str, Any]:
    """Give the values of a closed list by how they are written."""
    bare = _inner_type(info)
    item = bare_type(get_args(bare)[0]) if get_origin(bare) in {list, tuple, set, frozenset} else bare
    if item is bool:
        return {"yes": True, "no": False}
    return {str(one): one for one in _names(item)}


def _options(info: FieldInfo, known: Sequence[str] | None) -> Options:
    values = choices_of(info) or dict.fromkeys(known or ())
    return tuple((value, value) for value in values)


def _values(kind: Kind, value: Any, words: tuple[str, str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    if kind is Kind.PAIRS:
        return (write_pairs(value),) if isinstance(value, Mapping) else ()
    if kind is Kind.WAYS:
        return tuple(part for way in _items(value) for part in _way(way))
    if kind is Kind.CHOICES:
        return tuple(spelled(one) for one in _items(value))
    if kind is Kind.LINES:
        shown = [spelled(one) for one in _items(value)]
        return ("\n".join(words[1] if words and one == words[0] else one for one in shown),)
    return (spelled(value),)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _way(way: Any) -> tuple[str, str, str]:
    if not isinstance(way, Mapping):
        return spelled(way), "", ""
    name, priority, weight = (way.get(key) for key in ("name", "priority", "weight"))
    return tuple("" if one is None else spelled(one) for one in (name, priority, weight))  # type: ignore[return-value]


def _shown(usual: Any) -> str:
    """Write a default for people; nothing where there is none."""
    if usual is None or usual in ("", [], {}, ()):
        return ""
    if isinstance(usual, Settings | Mapping):
        return ""
    if isinstance(usual, list | tuple | set | frozenset):
        return ", ".join(spelled(one) for one in usual)
    return spelled(usual)
