"""What a form of settings came back with: the body that the hub is to read, and what is wrong with it (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_origin

import msgspec
from pydantic.fields import FieldInfo

from smshub.config.problems import ConfigError, bare_type, table_of
from smshub.config.text import default_of, in_order
from smshub.console.fields import Kind, Plan, choices_of, kind_of, name_of
from smshub.console.pairs import NoPair, read_pairs
from smshub.console.visiting import Form
from smshub.settings import Settings

GENERAL: Final = ""


class Posted(msgspec.Struct, frozen=True):
    """The settings that a form holds, as the file would have them; `problems` are what cannot even be read, by key."""

    body: Mapping[str, Any]
    problems: Mapping[str, str] = {}


def posted(table: type[Settings], form: Form, before: Mapping[str, Any], plan: Plan) -> Posted:
    """
    Read a form that `fields_of` has made.

    `before` is what was set: of it is kept what the form leaves alone. What is left empty is left to its default.
    """
    problems: dict[str, str] = {}
    kept = {key: value for key, value in before.items() if key in plan.skip}
    return Posted({**kept, **_read(table, form, plan, "", before, problems)}, problems)


def _read(
    table: type[Settings], form: Form, plan: Plan, above: str, before: Mapping[str, Any], problems: dict[str, str]
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, info in in_order(table):
        key = info.alias or name
        if key in plan.skip and not above:
            continue
        inner = table_of(info.annotation)
        earlier = before.get(key)
        if inner is not None:
            within = earlier if isinstance(earlier, Mapping) else {}
            read = _read(inner, form, plan, f"{key}.", within, problems)
            if read:
                body[key] = read
            continue
        try:
            value = _value(above + key, info, form, plan, was_set=key in before)
        except NoPair as wrong:
            problems[above + key] = f"{wrong}."
            continue
        if value is not None:
            body[key] = value
    return body


def _value(key: str, info: FieldInfo, form: Form, plan: Plan, *, was_set: bool) -> Any:
    """Give the value of a setting; None where it is left to its default."""
    name = name_of(key)
    match kind_of(info, chosen=key in plan.options):
        case Kind.TICK:
            return _ticked(name, info, form, was_set=was_set)
        case Kind.CHOICE:
            written = form.text(name)
            return (choices_of(info).get(written, written)) if written else None
        case Kind.CHOICES:
            known = choices_of(info)
            found = [known.get(one, one) for one in form.every(name) if one]
            return found or ([] if was_set else None)
        case Kind.LINES:
            lines = [_word(line.strip(), plan.words.get(key)) for line in form.raw(name).splitlines() if line.strip()]
            return lines or ([] if was_set and not info.is_required() else None)
        case Kind.PAIRS:
            pairs = read_pairs(form.raw(name))
            return pairs or ({} if was_set and not info.is_required() else None)
        case Kind.WAYS:
            return _ways(name, form) or None
        case Kind.AREA:
            return form.raw(name) or None
        case _:
            # What a browser has put around it is none of it, but blanks within a secret may be.
            return form.text(name) or None


def _ticked(name: str, info: FieldInfo, form: Form, *, was_set: bool) -> bool | None:
    """Read a box, or the choice of one that may be left open."""
    written = form.text(name)
    if f"{name}-there" not in form.fields:
        return {"yes": True, "no": False}.get(written)
    ticked = written == "yes"
    return ticked if was_set or ticked != bool(default_of(info)) else None


def _word(line: str, words: tuple[str, str] | None) -> str:
    return words[0] if words and line == words[1] else line


def _ways(name: str, form: Form) -> list[dict[str, str]]:
    """Read the connectors of a route; rows without a name are not there."""
    names, priorities, weights = (form.every(f"{name}-{part}") for part in ("name", "priority", "weight"))
    rows = zip(names, _filled(priorities, len(names)), _filled(weights, len(names)), strict=False)
    found = []
    for connector, priority, weight in rows:
        if connector.strip():
            way = {"name": connector.strip(), "priority": priority.strip(), "weight": weight.strip()}
            found.append({key: value for key, value in way.items() if value})
    return found


def _filled(values: Sequence[str], count: int) -> Sequence[str]:
    return [*values, *[""] * (count - len(values))]


def problems_by_key(problems: Iterable[ConfigError], table: type[Settings]) -> dict[str, str]:
    """Tell problems by the keys of their fields; under GENERAL what is wrong between them."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        loc = [str(part) for part in problem.loc[2:] if isinstance(part, str)]
        key = _key_of(loc, table)
        what = problem.what[:1].upper() + problem.what[1:]
        words = f"{what if what.endswith(('.', '?')) else what + '.'} {problem.mend}".strip()
        if key == GENERAL and loc:
            words = f"{'.'.join(loc)}: {words}"
        found.setdefault(key, []).append(words)
    return {key: " ".join(words) for key, words in found.items()}


def _key_of(loc: Sequence[str], table: type[Settings]) -> str:
    """Find the field that a place of the file belongs to: the setting itself, or the one whose value it is within."""
    above, here = "", table
    for part in loc:
        info = next((info for name, info in here.model_fields.items() if part in {info.alias, name}), None)
        if info is None:
            return GENERAL
        key = next(info.alias or name for name, info in here.model_fields.items() if part in {info.alias, name})
        inner = table_of(info.annotation)
        if inner is None or get_origin(bare_type(info.annotation)) is not None:
            return above + key
        above, here = f"{above}{key}.", inner
    return GENERAL
